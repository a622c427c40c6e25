"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from datetime import timedelta

from hub.core.errors import Rejected, RetryAdvice
from hub.core.hookspecs import GpsV1, hookimpl
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.gps_tracker import (
    CommandReceipt,
    FenceReceipt,
    Fix,
    Geofence,
    GeofenceDelete,
    ImmobilizeRequest,
    LocateRequest,
    TrackPage,
    TrackRequest,
)
from hub.core.ports.webhooks import WebhookDelivery, WebhookRequest
from hub.core.provider import (
    CallContext,
    Capability,
    Credential,
    Health,
    OperationFacts,
    PluginContext,
    PluginDescriptor,
)
from leasehub_gps_tracker_traccar import mapping
from leasehub_gps_tracker_traccar.callbacks import received
from leasehub_gps_tracker_traccar.client import TraccarClient
from leasehub_gps_tracker_traccar.settings import TraccarSettings


class Traccar(GpsV1):
    """A Traccar server knows where cars are."""

    def __init__(self, settings: TraccarSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._client = TraccarClient(settings, context)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether the server is there and knows our account."""
        there = isinstance(await self._client.types(ctx), list)
        return Health(healthy=there, detail="up" if there else "it is another server")

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """Token or password, and the secrets of what is forwarded."""
        return self._settings.credentials()

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Take a forwarded position or event."""
        return received(request, self._settings.callback_secrets(), self._settings.datum)

    @hookimpl
    async def gps_locate(self, request: LocateRequest, ctx: CallContext) -> Fix | NoRecord:
        """The latest position of a device."""
        position = await self._client.latest(await self._client.device(request.device_ref, ctx), ctx)
        if position is None or not mapping.usable(position):
            return NoRecord(query=StatusQuery(provider_ref=request.device_ref))
        return mapping.fix_of(position, self._settings.datum)

    @hookimpl
    async def gps_track(self, request: TrackRequest, ctx: CallContext) -> TrackPage:
        """The positions of a device between two instants, some hours a page."""
        hours = self._settings.track_hours
        from_at, to_at, following = mapping.window(request.from_at, request.to_at, request.cursor, hours)
        device = (await self._client.device(request.device_ref, ctx)).whole("id")
        found = await self._client.route(device, from_at, to_at, ctx)
        fixes = tuple(mapping.fix_of(one, self._settings.datum) for one in found if mapping.usable(one))
        return TrackPage(fixes=fixes, next_cursor=following)

    @hookimpl
    async def gps_geofence_put(self, request: Geofence, ctx: CallContext) -> FenceReceipt:
        """Put up a fence, or replace the one of the same reference."""
        mapping.check_datum(request, self._settings.datum)
        name = mapping.fence_name(request.fence_ref, request.device_ref)
        async with self._client.fencing(name, ctx):
            await self._client.put_fence(name, request, ctx)
        return FenceReceipt(fence_ref=request.fence_ref, active=True)

    @hookimpl
    async def gps_geofence_delete(self, request: GeofenceDelete, ctx: CallContext) -> FenceReceipt:
        """Take a fence down."""
        name = mapping.fence_name(request.fence_ref, request.device_ref)
        async with self._client.fencing(name, ctx):
            await self._client.drop_fence(name, ctx)
        return FenceReceipt(fence_ref=request.fence_ref, active=False)

    @hookimpl
    async def gps_immobilize(self, request: ImmobilizeRequest, ctx: CallContext) -> CommandReceipt:
        """Keep a car from starting that is known to stand; that its device is off the air is a no, never a wait."""
        device = await self._client.device(request.device_ref, ctx)
        position = await self._client.latest(device, ctx)
        if position is None:
            raise Rejected("position_stale", "it has never reported", advice=RetryAdvice.LATER)
        newest = timedelta(minutes=self._settings.standing_minutes)
        mapping.check_standing(position, self._clock.now(), newest)
        number = device.whole("id")
        await self._client.stop(number, ctx)
        return CommandReceipt(command_ref=f"{number}:{ctx.idempotency_key}", accepted=True)


_READ = OperationFacts(idempotent=True)

descriptor = PluginDescriptor(
    name="traccar_gps",
    version="0.1.0",
    capabilities=frozenset({Capability.GPS_TRACKER}),
    settings=TraccarSettings,
    factory=Traccar,
    operations={
        "provider_health": _READ,
        "gps_locate": _READ,
        "gps_track": OperationFacts(idempotent=True, max_timeout_s=60.0),
        "gps_geofence_put": OperationFacts(),
        "gps_geofence_delete": OperationFacts(),
        "gps_immobilize": OperationFacts(),
    },
    data_categories=frozenset({"whereabouts"}),
    docs_url="https://www.traccar.org/api-reference/",
)
