"""What was done and not answered is found again, and is not done twice when the same key is sent again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest
from leasehub_payments_wechatpay.conformance import payout, settings
from leasehub_payments_wechatpay.plugin import Wechatpay
from leasehub_payments_wechatpay.settings import WechatpaySettings

from hub.core.errors import UnknownOutcome
from hub.core.money import Money
from hub.core.ports import StatusQuery
from hub.core.ports.payments import PaymentOutcome, PaymentResult, RefundRequest
from hub.testing.contexts import plugin_context

from .conftest import Shop


class _Forgetful(httpx.AsyncBaseTransport):
    """Takes whatever is posted to the vendor, and loses the answer."""

    def __init__(self, shop: Shop) -> None:
        self._inner = httpx.ASGITransport(app=shop.vendor.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if request.method == "POST":
            raise httpx.ReadTimeout("silence", request=request)
        return answer


async def _collect(provider: Wechatpay, shop: Shop) -> PaymentResult:
    return await provider.payments_collect(shop.collect(), shop.ctx("lost0001"))


async def _refund(provider: Wechatpay, shop: Shop) -> PaymentResult:
    request = RefundRequest(payment_ref="charge01@m1", money=Money(100), reason="overpaid")
    return await provider.payments_refund(request, shop.ctx("lost0001"))


async def _payout(provider: Wechatpay, shop: Shop) -> PaymentResult:
    return await provider.payments_payout(payout(), shop.ctx("lost0001"))


@pytest.mark.parametrize("send", [_collect, _refund, _payout])
async def test_a_lost_answer_is_found_by_the_key_alone(
    shop: Shop, send: Callable[[Wechatpay, Shop], Awaitable[PaymentResult]]
) -> None:
    await shop.agreed()
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    await shop.vendor.settle()
    booked = len(shop.vendor.bookings)
    async with httpx.AsyncClient(transport=_Forgetful(shop)) as client:
        context = plugin_context(client, shop.clock)
        deaf = Wechatpay(WechatpaySettings.model_validate(settings()), context)
        try:
            result = await send(deaf, shop)
        except UnknownOutcome:
            pass
        else:
            assert result.outcome is PaymentOutcome.UNKNOWN
    found = await shop.provider.payments_status(StatusQuery(idempotency_key="lost0001"), shop.ctx("q"))
    assert isinstance(found, PaymentResult)
    again = await send(shop.provider, shop)
    assert again.payment_ref == found.payment_ref
    assert len(shop.vendor.bookings) == booked + 1
