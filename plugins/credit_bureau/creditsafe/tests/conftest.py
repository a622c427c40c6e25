"""A stand-in on the loopback address, and the plugin in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest_asyncio
from leasehub_credit_bureau_creditsafe.conformance import NAME, NUMBER, PASSWORD, SETTINGS, START_AT, USERNAME
from leasehub_credit_bureau_creditsafe.plugin import Creditsafe
from leasehub_credit_bureau_creditsafe.settings import CreditsafeSettings
from leasehub_credit_bureau_creditsafe.standin import CreditsafeVendor

from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context
from hub.testing.loopback import loopback
from hub.testing.wire import Received


@dataclass(slots=True, kw_only=True)
class Wire:
    """Both ends, and how to speak from one to the other."""

    vendor: CreditsafeVendor
    clock: VirtualClock
    base_url: str
    http: httpx.AsyncClient

    def plugin(self, **more: object) -> Creditsafe:
        """An instance that speaks to this vendor."""
        made = {**SETTINGS, "base_url": f"{self.base_url}/v1/", **more}
        return Creditsafe(CreditsafeSettings(**made), plugin_context(self.http, self.clock))  # type: ignore[arg-type]

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
    vendor = CreditsafeVendor(clock, username=USERNAME, password=PASSWORD)
    vendor.add_company(NUMBER, NAME)
    async with loopback(vendor.app) as base_url, httpx.AsyncClient(trust_env=False) as http:
        yield Wire(vendor=vendor, clock=clock, base_url=base_url, http=http)
