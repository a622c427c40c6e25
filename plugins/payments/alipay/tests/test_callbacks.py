"""Notifications: the vendor's are believed, and nothing else is, in whichever way it differs."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from alipay import AliPay
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st
from leasehub_payments_alipay import conformance
from leasehub_payments_alipay.conformance import APP_ID, SELLER_ID, START_AT, key, private_pem, public_pem
from leasehub_payments_alipay.plugin import Alipay
from leasehub_payments_alipay.settings import AlipaySettings
from leasehub_payments_alipay.standin import notification

from hub.core.ports.webhooks import WebhookDelivery, WebhookKind
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import plugin_context, webhook_request

from .conftest import Shop

CLOCK = VirtualClock(START_AT)
PAID = {
    "notify_type": "trade_status_sync",
    "notify_id": "2026030500222",
    "app_id": APP_ID,
    "seller_id": SELLER_ID,
    "charset": "utf-8",
    "out_trade_no": "charge01",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "3280.55",
    "subject": "汽车租金 a=b&c +",
    "empty": "",
}


def _provider(**changed: object) -> Alipay:
    made = AlipaySettings.model_validate({**conformance.settings(), **changed})
    return Alipay(made, plugin_context(httpx.AsyncClient(), CLOCK))


PROVIDER = _provider()


def _received(body: bytes, provider: Alipay = PROVIDER) -> WebhookDelivery:
    return provider.webhook_receive(webhook_request({"content-type": "application/x-www-form-urlencoded"}, body, CLOCK))


def _signed(by: str = "vendor", **changed: str) -> bytes:
    return notification(key(by), {**PAID, **changed})


async def test_every_notification_of_the_vendor_is_believed_by_us_and_by_the_library(any_shop: Shop) -> None:
    await any_shop.agreed()
    await any_shop.provider.payments_collect(any_shop.collect(), any_shop.ctx("charge01"))
    library = AliPay(
        appid=APP_ID,
        app_private_key_string=private_pem(key("app")),
        alipay_public_key_string=public_pem(key("vendor")),
    )
    found = []
    for callback in any_shop.vendor.outbox:
        form = dict(parse_qsl(callback.body.decode(), keep_blank_values=True))
        signature = form.pop("sign")
        assert library.verify(form, signature)
        delivery = any_shop.provider.webhook_receive(webhook_request(callback.headers, callback.body, any_shop.clock))
        assert delivery.verified, delivery.reason
        assert (delivery.reply.status, delivery.reply.body) == (200, b"success")
        [event] = delivery.events
        found.append((event.kind, event.subject_ref, event.subject_key, event.status))
    assert found == [
        (WebhookKind.MANDATE, "m1", "m1", "active"),
        (WebhookKind.PAYMENT, "charge01", "charge01", "succeeded"),
    ]


def test_what_the_library_signs_by_the_vendors_key_is_believed() -> None:
    vendor = AliPay(
        appid=APP_ID,
        app_private_key_string=private_pem(key("vendor")),
        alipay_public_key_string=public_pem(key("vendor")),
    )
    content = {name: value for name, value in PAID.items() if value}
    signed = vendor._sign("&".join(f"{name}={value}" for name, value in sorted(content.items())))
    body = urlencode({**content, "sign": signed, "sign_type": "RSA2"}).encode()
    assert _received(body).verified


@pytest.mark.parametrize(
    ("changed", "kind", "ref", "status"),
    [
        ({}, WebhookKind.PAYMENT, "charge01", "succeeded"),
        ({"trade_status": "TRADE_CLOSED"}, WebhookKind.PAYMENT, "charge01", "rejected"),
        ({"trade_status": "A_NEW_WORD"}, WebhookKind.PAYMENT, "charge01", ""),
        ({"out_biz_no": "r1", "refund_fee": "1.00"}, WebhookKind.REFUND, "refund/r1/charge01", "succeeded"),
        ({"notify_type": "dut_user_sign", "external_agreement_no": "m1", "status": "NORMAL"}, WebhookKind.MANDATE, "m1", "active"),
        ({"notify_type": "dut_user_unsign", "external_agreement_no": "m1", "status": "UNSIGN"}, WebhookKind.MANDATE, "m1", "revoked"),
        ({"msg_method": "alipay.fund.trans.order.changed", "biz_content": '{"out_biz_no":"t1","status":"FAIL"}'}, WebhookKind.PAYOUT, "transfer/t1", "rejected"),
        ({"notify_type": "something_new"}, WebhookKind.UNMAPPED, "2026030500222", ""),
    ],
)  # fmt: skip
def test_each_type_is_about_its_subject(changed: dict[str, str], kind: WebhookKind, ref: str, status: str) -> None:
    [event] = _received(_signed(**changed)).events
    assert (event.kind, event.subject_ref, event.status, event.event_id) == (kind, ref, status, "2026030500222")


@given(st.data())
@tried(max_examples=80, deadline=None)
def test_one_changed_byte_is_not_believed_unless_it_says_the_same(data: st.DataObject) -> None:
    body = _signed()
    place = data.draw(st.integers(0, len(body) - 1))
    changed = bytearray(body)
    changed[place] ^= data.draw(st.integers(1, 127))
    before, after = (sorted(parse_qsl(one.decode("latin-1"), keep_blank_values=True)) for one in (body, bytes(changed)))
    without = [[pair for pair in pairs if pair[1] and pair[0] != "empty"] for pairs in (before, after)]
    if without[0] != without[1]:
        assert not _received(bytes(changed)).verified


def test_what_differs_is_not_believed() -> None:
    good = _signed()
    assert _received(good).verified
    form = dict(parse_qsl(good.decode(), keep_blank_values=True))
    for name, value in (
        ("sign", ""),
        ("sign", form["sign"][:-4]),
        ("sign", form["sign"] + "A"),
        ("sign", form["sign"] + ","),
        ("sign_type", "RSA"),
        ("sign_type", ""),
        ("app_id", "2021000000000000"),
        ("total_amount", "9999.99"),
    ):
        assert not _received(urlencode({**form, name: value}).encode()).verified, (name, value)
    for name in ("sign", "sign_type"):
        assert not _received(urlencode({one: form[one] for one in form if one != name}).encode()).verified
    assert not _received(good + b"&total_amount=9.00").verified
    assert not _received(good + b"&" + urlencode({"sign": form["sign"]}).encode()).verified
    refused = _received(_signed(by="stranger"))
    assert (refused.verified, refused.reply.status, refused.reply.body) == (False, 401, b"failure")


def test_it_must_be_about_our_app_and_our_seller() -> None:
    assert not _received(_signed(app_id="2021000000000000")).verified
    assert not _received(_signed(app_id="")).verified
    assert not _received(_signed(seller_id="2088000000000000")).verified
    assert _received(_signed(app_id="", auth_app_id=APP_ID)).verified
    assert _received(_signed(seller_id="2088000000000000"), _provider(seller_id="")).verified


def test_a_certificate_that_is_not_ours_to_know_is_not_believed() -> None:
    certified = Alipay(
        AlipaySettings.model_validate(conformance.certified_settings()), plugin_context(httpx.AsyncClient(), CLOCK)
    )
    assert _received(_signed(), certified).verified
    assert not _received(_signed(alipay_cert_sn="0" * 32), certified).verified
