"""Callbacks: the vendor's are believed and opened, and nothing else is, in whichever way it differs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from leasehub_payments_wechatpay import conformance
from leasehub_payments_wechatpay.conformance import API_V3_KEY, PUBLIC_KEY_ID, START_AT, key, private_pem, public_pem
from leasehub_payments_wechatpay.plugin import Wechatpay
from leasehub_payments_wechatpay.settings import WechatpaySettings
from leasehub_payments_wechatpay.standin import envelope, sign
from wechatpayv3 import WeChatPay, WeChatPayType

from hub.core.ports.webhooks import WebhookDelivery, WebhookKind
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import plugin_context, webhook_request

from .conftest import Shop

CLOCK = VirtualClock(START_AT)
PAID = {"mchid": "1900007291", "out_trade_no": "charge01", "attach": "m1", "trade_state": "SUCCESS"}


def _provider(**changed: object) -> Wechatpay:
    given = {**conformance.settings(), **changed}
    return Wechatpay(WechatpaySettings.model_validate(given), plugin_context(httpx.AsyncClient(), CLOCK))


PROVIDER = _provider()


def _received(body: bytes, headers: Mapping[str, str], provider: Wechatpay = PROVIDER) -> WebhookDelivery:
    return provider.webhook_receive(webhook_request(headers, body, CLOCK))


def _signed(body: bytes, serial: str = PUBLIC_KEY_ID, by: str = "vendor") -> dict[str, str]:
    return sign(key(by), serial, body, CLOCK.now())


async def test_every_callback_of_the_vendor_is_believed_by_us_and_by_the_vendors_library(shop: Shop) -> None:
    await shop.agreed()
    await shop.provider.payments_collect(shop.collect(), shop.ctx("charge01"))
    await shop.vendor.settle()
    library = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid="1900007291",
        private_key=private_pem(key("merchant")),
        cert_serial_no=conformance.MERCHANT_SERIAL,
        appid="wxd678efh567hg6787",
        apiv3_key=API_V3_KEY,
        public_key=public_pem(key("vendor")),
        public_key_id=PUBLIC_KEY_ID,
    )
    kinds = []
    for callback in shop.vendor.outbox:
        opened: Any = library.callback(dict(callback.headers), callback.body)
        delivery = shop.provider.webhook_receive(webhook_request(callback.headers, callback.body, shop.clock))
        assert delivery.verified, delivery.reason
        [event] = delivery.events
        assert event.event_id == opened["id"]
        assert event.subject_key in (
            opened["resource"].get("out_trade_no"),
            opened["resource"].get("out_contract_code"),
        )
        kinds.append((event.kind, event.subject_ref, event.status))
    assert kinds == [
        (WebhookKind.MANDATE, "m1", "active"),
        (WebhookKind.PAYMENT, "charge01@m1", "succeeded"),
    ]


@pytest.mark.parametrize(
    ("event_type", "content", "kind", "ref", "status"),
    [
        ("TRANSACTION.SUCCESS", PAID, WebhookKind.PAYMENT, "charge01@m1", "succeeded"),
        ("PAPAY.TERMINATE", {"out_contract_code": "m1", "contract_state": "TERMINATED"}, WebhookKind.MANDATE, "m1", "revoked"),
        ("REFUND.CLOSED", {"out_refund_no": "r1", "refund_status": "CLOSED"}, WebhookKind.REFUND, "refund/r1", "rejected"),
        ("REFUND.ABNORMAL", {"out_refund_no": "r1", "refund_status": "ABNORMAL"}, WebhookKind.REFUND, "refund/r1", "pending"),
        ("MCHTRANSFER.BILL.FINISHED", {"out_bill_no": "t1", "state": "FAIL"}, WebhookKind.PAYOUT, "transfer/t1", "rejected"),
    ],
)  # fmt: skip
def test_each_type_is_about_its_subject(
    event_type: str, content: dict[str, str], kind: WebhookKind, ref: str, status: str
) -> None:
    body = envelope(API_V3_KEY, event_type, content, CLOCK.now())
    [event] = _received(body, _signed(body)).events
    assert (event.kind, event.subject_ref, event.status) == (kind, ref, status)


def test_the_answers_are_the_ones_that_the_vendor_takes() -> None:
    body = envelope(API_V3_KEY, "TRANSACTION.SUCCESS", PAID, CLOCK.now())
    yes, no = _received(body, _signed(body)), _received(body, {})
    assert (yes.reply.status, json.loads(yes.reply.body)["code"]) == (200, "SUCCESS")
    assert (no.reply.status, json.loads(no.reply.body)["code"]) == (401, "FAIL")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_one_changed_byte_is_not_believed(data: st.DataObject) -> None:
    body = envelope(API_V3_KEY, "TRANSACTION.SUCCESS", PAID, CLOCK.now())
    headers, place = _signed(body), data.draw(st.integers(0, len(body) - 1))
    changed = bytearray(body)
    changed[place] ^= data.draw(st.integers(1, 255))
    assert not _received(bytes(changed), headers).verified


def test_what_differs_in_the_headers_is_not_believed() -> None:
    body = envelope(API_V3_KEY, "TRANSACTION.SUCCESS", PAID, CLOCK.now())
    good = _signed(body)
    assert _received(body, good).verified
    signature = good["Wechatpay-Signature"]
    for name, value in (
        ("Wechatpay-Signature", "WECHATPAY/SIGNTEST/" + signature),
        ("Wechatpay-Signature", f"{signature}, {signature}"),
        ("Wechatpay-Nonce", "another"),
        ("Wechatpay-Serial", "PUB_KEY_ID_UNKNOWN"),
        ("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3"),
        ("Wechatpay-Timestamp", str(int(CLOCK.now().timestamp()) + 1)),
        ("Wechatpay-Timestamp", "soon"),
    ):
        assert not _received(body, {**good, name: value}).verified, name
    for sent_at in (CLOCK.now() - timedelta(seconds=301), CLOCK.now() + timedelta(seconds=301)):
        assert not _received(body, sign(key("vendor"), PUBLIC_KEY_ID, body, sent_at)).verified
    assert not _received(body, _signed(body, by="stranger")).verified


def test_what_another_apiv3_key_has_sealed_or_is_about_another_merchant_is_not_believed() -> None:
    for body in (
        envelope("another-apiv3-key-with-32-bytes!", "TRANSACTION.SUCCESS", PAID, CLOCK.now()),
        envelope(API_V3_KEY, "TRANSACTION.SUCCESS", {**PAID, "mchid": "1900000001"}, CLOCK.now()),
    ):
        assert not _received(body, _signed(body)).verified


def test_while_keys_are_changed_both_count() -> None:
    old_key = "the-apiv3-key-before-this-one-ok"
    changing = _provider(
        previous_public_key_id="PUB_KEY_ID_OLD",
        previous_public_key=public_pem(key("stranger")),
        previous_api_v3_key=old_key,
    )
    new = envelope(API_V3_KEY, "TRANSACTION.SUCCESS", PAID, CLOCK.now())
    old = envelope(old_key, "TRANSACTION.SUCCESS", PAID, CLOCK.now())
    assert _received(new, _signed(new), changing).verified
    assert _received(old, _signed(old, "PUB_KEY_ID_OLD", "stranger"), changing).verified
    assert not _received(old, _signed(old, "PUB_KEY_ID_OLD", "vendor"), changing).verified
    assert not _received(old, _signed(old)).verified
    names = [(one.name, one.current) for one in changing.provider_credentials()]
    assert names == [
        ("merchant_private_key", True),
        ("api_v3_key", True),
        ("previous_api_v3_key", False),
        ("public_key", True),
        ("previous_public_key", False),
    ]
