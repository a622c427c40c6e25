"""A stand-in on the loopback address, the plugin in front of it, and a client that others wrote for this server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import pytest_asyncio
from leasehub_gps_tracker_traccar.conformance import CALLBACK_SECRET, EMAIL, PASSWORD, START_AT, TOKEN
from leasehub_gps_tracker_traccar.plugin import Traccar
from leasehub_gps_tracker_traccar.settings import TraccarSettings
from leasehub_gps_tracker_traccar.standin import TraccarVendor, parked
from pytraccar import ApiClient

from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context
from hub.testing.kit.samples import DEVICE
from hub.testing.loopback import loopback
from hub.testing.wire import Received


@dataclass(slots=True, kw_only=True)
class Wire:
    """Both ends, and how to speak from one to the other."""

    vendor: TraccarVendor
    device: dict[str, Any]
    clock: VirtualClock
    base_url: str
    http: httpx.AsyncClient
    theirs: ApiClient

    def plugin(self, **more: object) -> Traccar:
        """An instance that speaks to this server, by e-mail and password as their client does unless it has a token."""
        way_in = {} if more.get("token") else {"email": EMAIL, "password": PASSWORD}
        made = {"base_url": self.base_url, "callback_secret": CALLBACK_SECRET, **way_in, **more}
        return Traccar(TraccarSettings(**made), plugin_context(self.http, self.clock))  # type: ignore[arg-type]

    def ctx(self, key: str = "key-1") -> Any:
        """A call under a key."""
        return call_context(self.clock, key)

    async def seen(self, asked: Awaitable[object]) -> list[Received]:
        """What of a call has come over the wire."""
        before = len(self.vendor.received)
        await asked
        return self.vendor.received[before:]


@pytest_asyncio.fixture
async def wire() -> AsyncIterator[Wire]:
    clock = VirtualClock(START_AT)
    vendor = TraccarVendor(clock, token=TOKEN, email=EMAIL, password=PASSWORD)
    device = parked(vendor, DEVICE)
    async with (
        loopback(vendor.app) as base_url,
        httpx.AsyncClient(trust_env=False) as http,
        aiohttp.ClientSession() as session,
    ):
        port = int(base_url.rpartition(":")[2])
        theirs = ApiClient("127.0.0.1", EMAIL, PASSWORD, session, port=port)
        yield Wire(vendor=vendor, device=device, clock=clock, base_url=base_url, http=http, theirs=theirs)
