"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from leasehub_capability_acme import mapping
from leasehub_capability_acme.client import AcmeClient, received
from leasehub_capability_acme.settings import AcmeSettings

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
from hub.core.provider import CallContext, Capability, Health, OperationFacts, PluginContext, PluginDescriptor

# Say what Acme promises, not what would be nice: the hub repeats, asks and escalates by these facts alone.
READ = OperationFacts(idempotent=True)
EFFECT = OperationFacts(
    idempotent=True,
    key_max_len=64,
    key_lifetime=timedelta(hours=24),
    settle_window=timedelta(seconds=30),
)


class Acme(GpsV1):
    """Acme knows where the cars are."""

    def __init__(self, settings: AcmeSettings, context: PluginContext) -> None:
        self._settings = settings
        self._client = AcmeClient(settings, context, mapping.REFUSAL_ADVICE)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether Acme is there and knows our credentials."""
        status = (await self._client.get("/v1/health", ctx)).text("status")
        return Health(healthy=status == "up", detail=status)

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Verify a callback and read it."""
        return received(request, self._settings, mapping.KINDS, mapping.STATUSES)

    @hookimpl
    async def gps_locate(self, request: LocateRequest, ctx: CallContext) -> Fix | NoRecord:
        """The latest position of a device."""
        query = StatusQuery(provider_ref=request.device_ref)
        found = await self._client.find("/v1/positions", query, ctx)
        return NoRecord(query=query) if found is None else mapping.fix_of(found)

    @hookimpl
    async def gps_track(self, request: TrackRequest, ctx: CallContext) -> TrackPage:
        """The positions of a device between two instants, a page at a time."""
        asked = {"from": request.from_at.isoformat(), "to": request.to_at.isoformat(), "cursor": request.cursor or ""}
        return mapping.track_of(await self._client.get(_device(request.device_ref, "track"), ctx, asked))

    @hookimpl
    async def gps_geofence_put(self, request: Geofence, ctx: CallContext) -> FenceReceipt:
        """Put up a fence, or replace the one of the same reference."""
        return mapping.fence_of(
            await self._client.post(_device(request.device_ref, "fences"), mapping.fence_body(request), ctx)
        )

    @hookimpl
    async def gps_geofence_delete(self, request: GeofenceDelete, ctx: CallContext) -> FenceReceipt:
        """Take a fence down."""
        path = _device(request.device_ref, "fences/delete")
        return mapping.fence_of(await self._client.post(path, {"fence": request.fence_ref}, ctx))

    @hookimpl
    async def gps_immobilize(self, request: ImmobilizeRequest, ctx: CallContext) -> CommandReceipt:
        """Keep a standing car from starting; a moving one is refused."""
        return mapping.command_of(
            await self._client.post(_device(request.device_ref, "immobilize"), mapping.immobilize_body(request), ctx)
        )


def _device(device: str, rest: str) -> str:
    return f"/v1/devices/{quote(device, safe='')}/{rest}"


descriptor = PluginDescriptor(
    name="acme_capability",
    version="0.1.0",
    capabilities=frozenset({Capability.GPS_TRACKER}),
    settings=AcmeSettings,
    factory=Acme,
    operations={
        "provider_health": READ,
        "gps_locate": READ,
        "gps_track": READ,
        "gps_geofence_put": EFFECT,
        "gps_geofence_delete": EFFECT,
        "gps_immobilize": EFFECT,
    },
    countries=frozenset({"CN"}),
    currencies=frozenset({"CNY"}),
    data_categories=frozenset({"whereabouts"}),
    docs_url="https://docs.acme.example",
)
