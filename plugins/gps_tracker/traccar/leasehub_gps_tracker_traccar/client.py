"""The server's addresses: each call sent once, with the account's own authorisation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from urllib.parse import urlencode
from weakref import WeakValueDictionary

from hub.core.errors import NotSent
from hub.core.ports.gps_tracker import Geofence
from hub.core.provider import CallContext, PluginContext
from hub.sdk.http import HttpAnswer, client_of, exchange, seconds_left
from hub.sdk.reading import Fields, JsonObject, json_bytes
from leasehub_gps_tracker_traccar import mapping
from leasehub_gps_tracker_traccar.settings import TraccarSettings

_MAX_BYTES = 8 * 1024 * 1024  # a long track


class TraccarClient:
    """Speaks to one server under one account."""

    def __init__(self, settings: TraccarSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._http = client_of(context)
        self._fencing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def types(self, ctx: CallContext) -> object:
        """What the server can notify of: the smallest question that wants an account."""
        return await self._read("/notifications/types", ctx)

    async def device(self, ref: str, ctx: CallContext) -> Fields:
        """A device by its identifier."""
        return mapping.device_of(await self._list("/devices", ctx, uniqueId=ref), ref)

    async def latest(self, device: Fields, ctx: CallContext) -> Fields | None:
        """The latest position of a device; None when it has never reported."""
        if not (number := device.content.get("positionId")):
            return None
        found = [one for one in await self._list("/positions", ctx, id=str(number)) if one.content["id"] == number]
        return found[0] if found else None

    async def route(self, device: int, from_at: datetime, to_at: datetime, ctx: CallContext) -> tuple[Fields, ...]:
        """The positions of a device between two instants, both included, oldest first."""
        between = {"from": mapping.instant_text(from_at), "to": mapping.instant_text(to_at)}
        found = await self._list("/reports/route", ctx, deviceId=str(device), **between)
        own = [one for one in found if one.whole("deviceId") == device]
        return tuple(sorted(own, key=lambda one: one.instant("fixTime")))

    @asynccontextmanager
    async def fencing(self, name: str, ctx: CallContext) -> AsyncIterator[None]:
        """One change of a fence at a time: it never stands twice, and is not changed while it is taken down."""
        lock = self._fencing.setdefault(name, asyncio.Lock())
        try:
            async with asyncio.timeout(seconds_left(ctx, self._clock, self._settings.timeout_s)):
                await lock.acquire()
        except TimeoutError:
            raise NotSent("another change of this fence took too long") from None
        try:
            yield
        finally:
            lock.release()

    async def put_fence(self, name: str, fence: Geofence, ctx: CallContext) -> None:
        """Put a fence up, or change the one of that name."""
        device = (await self.device(fence.device_ref, ctx)).whole("id")
        body = mapping.fence_body(fence, name, ctx.idempotency_key)
        linked = await self._fence(name, ctx, deviceId=str(device))
        known = linked or await self._fence(name, ctx)
        if known is None:
            number = mapping.object_of(await self._act("POST", "/geofences", ctx, body)).whole("id")
        else:
            number = known
            changed = await self._act("PUT", f"/geofences/{number}", ctx, {"id": number, **body})
            mapping.object_of(changed).text("area")
        if linked is None:
            await self._act("POST", "/permissions", ctx, {"deviceId": device, "geofenceId": number})

    async def drop_fence(self, name: str, ctx: CallContext) -> None:
        """Take a fence down, if it stands."""
        number = await self._fence(name, ctx)
        if number is not None:
            await self._act("DELETE", f"/geofences/{number}", ctx, None)

    async def _fence(self, name: str, ctx: CallContext, **query: str) -> int | None:
        named = [one for one in await self._list("/geofences", ctx, **query) if one.optional_text("name") == name]
        return named[0].whole("id") if named else None

    async def stop(self, device: int, ctx: CallContext) -> None:
        """Keep an engine from starting."""
        answer = await self._call("POST", "/commands/send", ctx, json_bytes(mapping.stop_body(device)))
        mapping.check_command(answer, device)

    async def _list(self, path: str, ctx: CallContext, **query: str) -> tuple[Fields, ...]:
        return mapping.objects_of(await self._read(f"{path}?{urlencode(query)}" if query else path, ctx))

    async def _read(self, path: str, ctx: CallContext) -> object:
        return mapping.parsed((await self._call("GET", path, ctx, None)).body)

    async def _act(self, method: str, path: str, ctx: CallContext, body: JsonObject | None) -> object:
        """What comes back for a change; None where the server says nothing but 204."""
        answer = await self._call(method, path, ctx, None if body is None else json_bytes(body))
        return mapping.parsed(answer.body) if answer.status != 204 else None

    async def _call(self, method: str, path: str, ctx: CallContext, content: bytes | None) -> HttpAnswer:
        headers = {
            "accept": "application/json",
            "authorization": self._settings.authorization(),
            "content-type": "application/json",
        }
        if method != "GET":
            headers["x-request-id"] = ctx.idempotency_key  # the server ignores it; a proxy's log may keep it
        answer = await exchange(
            self._http,
            method,
            f"{self._settings.base_url}/api{path}",
            limit_s=seconds_left(ctx, self._clock, self._settings.timeout_s),
            headers=headers,
            content=content,
            max_bytes=_MAX_BYTES,
        )
        if (failure := mapping.failure(answer)) is not None:
            raise failure
        return answer
