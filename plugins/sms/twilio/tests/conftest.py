"""A stand-in on the loopback address, the plugin in front of it, and the vendor's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest_asyncio
from leasehub_sms_twilio.conformance import ACCOUNT, SETTINGS, START_AT, TOKEN
from leasehub_sms_twilio.plugin import Twilio
from leasehub_sms_twilio.settings import TwilioSettings
from leasehub_sms_twilio.standin import TwilioVendor
from twilio.rest import Client

from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context
from hub.testing.loopback import loopback
from hub.testing.wire import Received

KEY_SID, KEY_SECRET = f"SK{5:032x}", "secret-of-a-key-made-up"
WEBHOOK_URL = "https://hub.example/webhooks/twilio"


class _Redirected(Client):
    """The vendor's client, speaking to the stand-in."""

    at = ""

    def get_hostname(self, uri: str) -> str:
        return uri.replace("https://api.twilio.com", self.at)


@dataclass(slots=True, kw_only=True)
class Wire:
    """Both ends, and how to speak from one to the other."""

    vendor: TwilioVendor
    clock: VirtualClock
    base_url: str
    http: httpx.AsyncClient

    def plugin(self, **more: object) -> Twilio:
        """An instance that speaks to this vendor."""
        settings = {**SETTINGS, "base_url": self.base_url, **more}
        context = plugin_context(self.http, self.clock, webhook_url=WEBHOOK_URL)
        return Twilio(TwilioSettings(**settings), context)  # type: ignore[arg-type]

    def ctx(self, key: str = "key-1") -> Any:
        """A call under a key."""
        return call_context(self.clock, key)

    def theirs(self, user: str = ACCOUNT, password: str = TOKEN) -> Client:
        """The vendor's own client."""
        client = _Redirected(user, password, ACCOUNT)
        client.at = self.base_url
        return client

    async def seen(self, call: Awaitable[object]) -> Received:
        """The last request that a call sends."""
        await call
        return self.vendor.received[-1]


@pytest_asyncio.fixture
async def wire() -> AsyncIterator[Wire]:
    """A vendor that listens, and a client to it."""
    clock = VirtualClock(START_AT)
    vendor = TwilioVendor(clock, ACCOUNT, {ACCOUNT: TOKEN, KEY_SID: KEY_SECRET}, token=TOKEN)
    async with loopback(vendor.app) as base_url, httpx.AsyncClient() as http:
        yield Wire(vendor=vendor, clock=clock, base_url=base_url, http=http)
