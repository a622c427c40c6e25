"""A stand-in on the loopback address, the plugin in front of it, and the vendor's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import pytest_asyncio
import stripe
from leasehub_payments_stripe.client import API_VERSION
from leasehub_payments_stripe.conformance import API_KEY, SETTINGS, START_AT, WEBHOOK_SECRET
from leasehub_payments_stripe.plugin import Stripe
from leasehub_payments_stripe.settings import StripeSettings
from leasehub_payments_stripe.standin import StripeVendor

from hub.core.money import Money
from hub.core.ports.payments import BankAccount, CollectRequest, MandateRequest
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context
from hub.testing.loopback import loopback
from hub.testing.wire import Received


@dataclass(slots=True, kw_only=True)
class Wire:
    """Both ends, and how to speak from one to the other."""

    vendor: StripeVendor
    clock: VirtualClock
    base_url: str
    http: httpx.AsyncClient

    def plugin(self, **more: object) -> Stripe:
        """An instance that speaks to this vendor; its payers pay by card unless said otherwise."""
        settings = {**SETTINGS, "payment_method_types": ["card"], "base_url": self.base_url, **more}
        return Stripe(StripeSettings(**settings), plugin_context(self.http, self.clock))  # type: ignore[arg-type]

    def ctx(self, key: str = "key-1") -> Any:
        """A call under a key."""
        return call_context(self.clock, key)

    def theirs(self) -> stripe.StripeClient:
        """The vendor's own client."""
        addresses: Any = {"api": self.base_url}
        return stripe.StripeClient(API_KEY, base_addresses=addresses, stripe_version=API_VERSION, max_network_retries=0)

    async def seen(self, call: Awaitable[object]) -> Received:
        """The last request that a call sends."""
        await call
        return self.vendor.received[-1]

    async def mandate(self, plugin: Stripe, key: str = "mandate-1") -> str:
        """A mandate that a payer has agreed to."""
        found = await plugin.payments_mandate(self.request(), self.ctx(key))
        await self.vendor.settle()
        return found.mandate_ref

    @staticmethod
    def request(**more: Any) -> MandateRequest:
        """A payer is asked."""
        given: dict[str, Any] = {
            "payer_ref": "party-1",
            "account": BankAccount(holder="张三丰", number="6222020200112233445", bank_code="ICBC"),
            "limit": Money.of("50000.00"),
            "contract_number": "C-1 租 & co",
            "return_url": "https://hub.example/back?a=1&b=ü",
        }
        return MandateRequest(**(given | more))

    @staticmethod
    def rent(mandate_ref: str, money: Money | None = None) -> CollectRequest:
        """A rent falls due."""
        return CollectRequest(
            money=money or Money.of("3280.55"),
            mandate_ref=mandate_ref,
            due_on=date(2026, 3, 5),
            purpose="rent",
            contract_number="C-1 租 & co",
        )


@pytest_asyncio.fixture
async def wire() -> AsyncIterator[Wire]:
    """A vendor that listens, and a client to it."""
    clock = VirtualClock(START_AT)
    vendor = StripeVendor(clock, API_KEY, webhook_secret=WEBHOOK_SECRET, push_to="https://hub.example/webhooks/s")
    async with loopback(vendor.app) as base_url, httpx.AsyncClient() as http:
        yield Wire(vendor=vendor, clock=clock, base_url=base_url, http=http)
