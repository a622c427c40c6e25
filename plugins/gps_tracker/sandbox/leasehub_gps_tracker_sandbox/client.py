"""The vendor's routes: which path takes which body. Credentials, keys and errors are the kit's."""

from __future__ import annotations

from urllib.parse import quote

from hub.core.ports import StatusQuery
from hub.core.provider import CallContext
from hub.sdk.reading import Fields, JsonObject
from hub.sdk.sandbox.client import SandboxClient


class GpsTrackerClient:
    """Speaks to the tracker stand-in."""

    def __init__(self, wire: SandboxClient) -> None:
        self._wire = wire

    async def position(self, device: str, ctx: CallContext) -> Fields | None:
        """The latest position of a device; None when it has never reported."""
        return await self._wire.find("/v1/positions", StatusQuery(provider_ref=device), ctx)

    async def track(self, device: str, from_at: str, to_at: str, cursor: str, ctx: CallContext) -> Fields:
        """One page of a track."""
        query = {"from": from_at, "to": to_at, "cursor": cursor}
        return await self._wire.get(_device(device, "track"), ctx, query)

    async def put_fence(self, device: str, body: JsonObject, ctx: CallContext) -> Fields:
        """Put up or replace a fence."""
        return await self._wire.post(_device(device, "fences"), body, ctx)

    async def delete_fence(self, device: str, fence: str, ctx: CallContext) -> Fields:
        """Take a fence down."""
        return await self._wire.post(_device(device, "fences/delete"), {"fence": fence}, ctx)

    async def immobilize(self, device: str, body: JsonObject, ctx: CallContext) -> Fields:
        """Command a device to keep its car from starting."""
        return await self._wire.post(_device(device, "immobilize"), body, ctx)


def _device(device: str, rest: str) -> str:
    return f"/v1/devices/{quote(device, safe='')}/{rest}"
