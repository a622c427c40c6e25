"""A stand-in on the loopback address, the plugin in front of it, and the vendor's own client with time and nonce fixed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from alibabacloud_cloudauth20190307.client import Client
from alibabacloud_tea_openapi.utils import Utils
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.core import DaraCore
from leasehub_acs3.client import Nonce
from leasehub_credit_bureau_aliyun.conformance import KEY_ID, KEY_SECRET, SETTINGS, START_AT
from leasehub_credit_bureau_aliyun.plugin import AliyunCredit
from leasehub_credit_bureau_aliyun.settings import AliyunCreditSettings
from leasehub_credit_bureau_aliyun.standin import AliyunVendor, Person

from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context
from hub.testing.loopback import loopback
from hub.testing.wire import Received

NONCE = "3156853299f313e23d1673dc12e1703d"
PEOPLE = (
    Person(
        name="张三丰",
        document="11010119900307851X",
        phone="13812345678",
        card="6222020200112233445",
        plate="沪AF89520",
    ),
    Person(
        name="李四", document="310101198001011234", phone="13900000001", card="6222020200119999999", card_state="210"
    ),
)


@dataclass(slots=True, kw_only=True)
class Wire:
    """Both ends, and how to speak from one to the other."""

    vendor: AliyunVendor
    clock: VirtualClock
    base_url: str
    http: httpx.AsyncClient

    def plugin(self, nonce: Nonce | None = None, **more: object) -> AliyunCredit:
        """An instance that speaks to this vendor."""
        settings = AliyunCreditSettings(**{**SETTINGS, "base_url": self.base_url, **more})  # type: ignore[arg-type]
        return AliyunCredit(settings, plugin_context(self.http, self.clock), nonce)

    def fixed(self, **more: object) -> AliyunCredit:
        """An instance whose nonce is that of the vendor's own client."""
        return self.plugin(lambda ctx: NONCE, **more)

    def ctx(self, key: str = "key-1") -> Any:
        """A call under a key."""
        return call_context(self.clock, key)

    def theirs(self) -> Any:
        """The vendor's own client."""
        endpoint = self.base_url.removeprefix("http://")
        return Client(Config(access_key_id=KEY_ID, access_key_secret=KEY_SECRET, endpoint=endpoint, protocol="http"))

    async def seen(self, call: Awaitable[object]) -> Received:
        """The request that a call sends; the nonce may be used again afterwards."""
        self.vendor.nonces.clear()
        await call
        return self.vendor.received[-1]


@pytest_asyncio.fixture
async def wire(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    """A vendor that listens, and a client to it."""
    clock = VirtualClock(START_AT)
    vendor = AliyunVendor(clock, {KEY_ID: KEY_SECRET}, PEOPLE)
    monkeypatch.setattr(DaraCore, "_sessions", {})
    monkeypatch.setattr(Utils, "get_timestamp", staticmethod(lambda: f"{clock.now():%Y-%m-%dT%H:%M:%SZ}"))
    monkeypatch.setattr(Utils, "get_nonce", staticmethod(lambda: NONCE))
    monkeypatch.setattr(Utils, "get_user_agent", staticmethod(lambda agent: "LeaseHub"))
    async with loopback(vendor.app) as base_url, httpx.AsyncClient() as http:
        yield Wire(vendor=vendor, clock=clock, base_url=base_url, http=http)
        for session in DaraCore._sessions.values():  # its connections would keep the vendor from ending
            session.close()
