"""The stand-in and the plugin before it, on a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from leasehub_payments_wechatpay.conformance import START_AT, account, settings
from leasehub_payments_wechatpay.plugin import Wechatpay
from leasehub_payments_wechatpay.settings import WechatpaySettings
from leasehub_payments_wechatpay.standin import WechatVendor

from hub.core.money import Money
from hub.core.ports.payments import BankAccount, CollectRequest, MandateRequest
from hub.core.provider import CallContext
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context

NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"


@dataclass
class Shop:
    """One merchant's plugin before its vendor."""

    clock: VirtualClock
    vendor: WechatVendor
    client: httpx.AsyncClient
    provider: Wechatpay

    def ctx(self, key: str) -> CallContext:
        """A call under a key."""
        return call_context(self.clock, key)

    def collect(self, fen: int = 328055) -> CollectRequest:
        """A rent under the mandate that `agreed` makes."""
        return CollectRequest(
            money=Money(fen), mandate_ref="m1", due_on=START_AT.date(), purpose="rent", contract_number="C-1"
        )

    async def agreed(self, *, ago: timedelta = timedelta(0)) -> None:
        """A payer has agreed, some time ago."""
        request = MandateRequest(
            payer_ref="party-1",
            account=BankAccount(holder="张三丰", number="6222020200112233445", bank_code="ICBC"),
            limit=Money(5_000_000),
            contract_number="C-1",
        )
        await self.provider.payments_mandate(request, self.ctx("m1"))
        await self.vendor.settle()
        self.clock.advance(ago)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    clock = VirtualClock(START_AT)
    vendor = WechatVendor(clock, account())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=vendor.app)) as client:
        context = plugin_context(client, clock)
        provider = Wechatpay(WechatpaySettings.model_validate(settings()), context, nonce=lambda: NONCE)
        yield Shop(clock, vendor, client, provider)
