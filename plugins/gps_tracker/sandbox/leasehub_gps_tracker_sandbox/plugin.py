"""The descriptor and the provider: each operation asks the client and maps the answer, nothing more."""

from __future__ import annotations

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
from hub.core.provider import CallContext, Capability, PluginContext
from hub.sdk.sandbox.provider import SandboxProvider, sandbox_descriptor
from leasehub_gps_tracker_sandbox import mapping
from leasehub_gps_tracker_sandbox.client import GpsTrackerClient
from leasehub_gps_tracker_sandbox.settings import GpsTrackerSandboxSettings


class GpsTrackerSandbox(SandboxProvider, GpsV1):
    """The tracker stand-in as a provider."""

    kinds = mapping.KINDS
    statuses = mapping.STATUSES
    advice = mapping.REFUSAL_ADVICE

    def __init__(self, settings: GpsTrackerSandboxSettings, context: PluginContext) -> None:
        super().__init__(settings, context)
        self._vendor = GpsTrackerClient(self.client)

    @hookimpl
    async def gps_locate(self, request: LocateRequest, ctx: CallContext) -> Fix | NoRecord:
        """The latest position of a device."""
        found = await self._vendor.position(request.device_ref, ctx)
        return NoRecord(query=StatusQuery(provider_ref=request.device_ref)) if found is None else mapping.fix_of(found)

    @hookimpl
    async def gps_track(self, request: TrackRequest, ctx: CallContext) -> TrackPage:
        """The positions of a device between two instants, a page at a time."""
        from_at, to_at = request.from_at.isoformat(), request.to_at.isoformat()
        return mapping.track_of(await self._vendor.track(request.device_ref, from_at, to_at, request.cursor or "", ctx))

    @hookimpl
    async def gps_geofence_put(self, request: Geofence, ctx: CallContext) -> FenceReceipt:
        """Put up a fence, or replace the one of the same reference."""
        return mapping.fence_of(await self._vendor.put_fence(request.device_ref, mapping.fence_body(request), ctx))

    @hookimpl
    async def gps_geofence_delete(self, request: GeofenceDelete, ctx: CallContext) -> FenceReceipt:
        """Take a fence down."""
        return mapping.fence_of(await self._vendor.delete_fence(request.device_ref, request.fence_ref, ctx))

    @hookimpl
    async def gps_immobilize(self, request: ImmobilizeRequest, ctx: CallContext) -> CommandReceipt:
        """Keep a standing car from starting; a moving one is refused."""
        body = mapping.immobilize_body(request)
        return mapping.command_of(await self._vendor.immobilize(request.device_ref, body, ctx))


descriptor = sandbox_descriptor(
    Capability.GPS_TRACKER,
    GpsTrackerSandboxSettings,
    GpsTrackerSandbox,
    effects=("gps_geofence_put", "gps_geofence_delete", "gps_immobilize"),
    reads=("gps_locate", "gps_track"),
    data_categories=("whereabouts",),
)
