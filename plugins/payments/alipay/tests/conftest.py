"""The stand-in gateway on the loopback address and the plugin before it, with public keys or in certificate mode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import pytest
from leasehub_payments_alipay.conformance import (
    START_AT,
    app,
    certified_app,
    certified_settings,
    key,
    settings,
)
from leasehub_payments_alipay.plugin import Alipay
from leasehub_payments_alipay.settings import AlipaySettings
from leasehub_payments_alipay.standin import AlipayVendor

from hub.core.money import Money
from hub.core.ports.payments import BankAccount, CollectRequest, Mandate, MandateRequest
from hub.core.provider import CallContext
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context
from hub.testing.loopback import loopback

__all__ = ["START_AT", "Shop", "without_keys"]


@dataclass
class Shop:
    """One app's plugin before its vendor."""

    clock: VirtualClock
    vendor: AlipayVendor
    client: httpx.AsyncClient
    provider: Alipay
    base_url: str

    def ctx(self, key: str) -> CallContext:
        """A call under a key."""
        return call_context(self.clock, key)

    def configured(self, **changed: object) -> Alipay:
        """Another instance, configured otherwise."""
        base = certified_settings if self.vendor.served.app_cert_sn else settings
        given = AlipaySettings.model_validate({**base(self.base_url), **changed})
        return Alipay(given, plugin_context(self.client, self.clock))

    def collect(self, fen: int = 328055, contract: str = "C-1") -> CollectRequest:
        """A rent under the mandate that `agreed` makes."""
        return CollectRequest(
            money=Money(fen), mandate_ref="m1", due_on=START_AT.date(), purpose="rent", contract_number=contract
        )

    async def asked(self, provider: Alipay | None = None) -> Mandate:
        """A mandate that is asked for."""
        request = MandateRequest(
            payer_ref="party-1",
            account=BankAccount(holder="张三丰", number="6222020200112233445", bank_code="ICBC"),
            limit=Money(5_000_000),
            contract_number="合同-1",
            return_url="https://hub.example/back?a=1&b=é",
        )
        return await (provider or self.provider).payments_mandate(request, self.ctx("m1"))

    async def agreed(self) -> None:
        """A payer who has opened the page, and agreed."""
        mandate = await self.asked()
        assert mandate.hosted_url is not None
        (await self.client.get(mandate.hosted_url)).raise_for_status()
        await self.vendor.settle()


@pytest.fixture(params=["keys", "certificates"])
async def any_shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    async for shop in _shop(certified=request.param == "certificates"):
        yield shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async for shop in _shop(certified=True):
        yield shop


async def _shop(*, certified: bool) -> AsyncIterator[Shop]:
    clock = VirtualClock(START_AT)
    vendor = AlipayVendor(clock, certified_app() if certified else app())
    async with loopback(vendor.app) as base_url, httpx.AsyncClient(trust_env=False, verify=False) as client:
        vendor.origin = base_url.replace("http://", "https://")
        made = (certified_settings if certified else settings)(base_url)
        provider = Alipay(AlipaySettings.model_validate(made), plugin_context(client, clock))
        yield Shop(clock, vendor, client, provider, base_url)


def without_keys(shop: Shop) -> None:
    """The vendor signs with a key that nobody has told us."""
    shop.vendor.served = replace(shop.vendor.served, vendor_key=key("stranger"))
