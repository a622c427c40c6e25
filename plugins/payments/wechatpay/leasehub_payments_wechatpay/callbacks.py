"""Callbacks: signed by the vendor, sealed with the APIv3 key, and only then believed; pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookReply, WebhookRequest
from hub.sdk.reading import Fields, json_object
from hub.sdk.signing import within
from leasehub_payments_wechatpay.keys import VendorKeys, open_resource
from leasehub_payments_wechatpay.mapping import (
    BILL_STATE,
    CONTRACT_STATE,
    EVENTS,
    REFUND,
    REFUND_STATUS,
    TRADE_STATE,
    TRANSFER,
    order_ref,
)

_WINDOW = timedelta(minutes=5)
_YES = WebhookReply(status=200, content_type="application/json", body='{"code":"SUCCESS","message":"成功"}'.encode())
_NO = WebhookReply(status=401, content_type="application/json", body=b'{"code":"FAIL","message":"not verified"}')


class _Strange(ValueError):
    """A callback that cannot be read."""


def received(request: WebhookRequest, keys: VendorKeys, api_keys: Iterable[SecretStr], mch_id: str) -> WebhookDelivery:
    """Verify a callback, open it and say what it is about."""
    stamp = request.headers.get("wechatpay-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 11):
        return _refused("the timestamp is missing or is none")
    if not within(datetime.fromtimestamp(int(stamp), UTC), request.received_at, _WINDOW):
        return _refused("the timestamp is outside the window")
    if not keys.verifies(request.headers, request.body, request.received_at):
        return _refused("the signature matches no key of the vendor's")
    try:
        envelope = Fields(json_object(request.body, _Strange), _Strange)
        event_id, kind = envelope.text("id"), EVENTS.get(envelope.text("event_type"))
        opened = open_resource(api_keys, envelope.inner("resource"))
        if opened is None:
            return _refused("no APIv3 key opens it")
        content = Fields(json_object(opened, _Strange), _Strange)
        if (content.optional_text("mchid") or content.optional_text("mch_id") or mch_id) != mch_id:
            return _refused("it is about another merchant")
        event = _event(event_id, kind, content, envelope)
    except _Strange as strange:
        return _refused(str(strange))
    return WebhookDelivery(verified=True, events=(event,), reply=_YES)


def _refused(reason: str) -> WebhookDelivery:
    return WebhookDelivery(verified=False, reason=reason, reply=_NO)


def _event(event_id: str, kind: WebhookKind | None, content: Fields, envelope: Fields) -> WebhookEvent:
    key, ref, word = _subject(kind, content)
    return WebhookEvent(
        event_id=event_id,
        kind=kind or WebhookKind.UNMAPPED,
        subject_ref=ref or event_id,
        subject_key=key,
        status=word or "",
        occurred_at=envelope.optional_instant("create_time"),
    )


def _subject(kind: WebhookKind | None, content: Fields) -> tuple[str | None, str | None, str | None]:
    """What it is about: our number, our reference, and the state that the vendor claims."""
    match kind:
        case WebhookKind.PAYMENT:
            key, word = content.text("out_trade_no"), TRADE_STATE.get(content.text("trade_state"))
            return key, order_ref(key, content.optional_text("attach")), word
        case WebhookKind.REFUND:
            key = content.text("out_refund_no")
            return key, f"{REFUND}{key}", REFUND_STATUS.get(content.text("refund_status"))
        case WebhookKind.PAYOUT:
            key = content.text("out_bill_no")
            return key, f"{TRANSFER}{key}", BILL_STATE.get(content.text("state"))
        case WebhookKind.MANDATE:
            key = content.text("out_contract_code")
            return key, key, CONTRACT_STATE.get(content.optional_text("contract_state") or "")
        case _:
            return None, None, None
