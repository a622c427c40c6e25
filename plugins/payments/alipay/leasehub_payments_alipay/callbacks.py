"""Notifications: forms that carry their own signature, believed when it is the vendor's and they are about our app; pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookReply, WebhookRequest
from hub.sdk.reading import Fields, json_object
from leasehub_payments_alipay.client import signed_text
from leasehub_payments_alipay.keys import Keys
from leasehub_payments_alipay.mapping import (
    AGREEMENT_STATUS,
    TRADE_STATUS,
    TRANSFER,
    TRANSFER_STATUS,
    refund_ref,
)
from leasehub_payments_alipay.settings import AlipaySettings

_YES = WebhookReply(status=200, content_type="text/plain", body=b"success")
_NO = WebhookReply(status=401, content_type="text/plain", body=b"failure")
_UNSIGNED = ("sign", "sign_type")
_FIELDS = 200


class _Strange(ValueError):
    """A notification that cannot be read."""


def received(request: WebhookRequest, keys: Keys, settings: AlipaySettings) -> WebhookDelivery:
    """Verify a notification and say what it is about."""
    try:
        form = _form(request.body)
        content = {name: value for name, value in form.items() if name not in _UNSIGNED}
        if form.get("sign_type") != "RSA2" or not form.get("sign"):
            raise _Strange("it is not signed by RSA2")
        if not keys.verifies(signed_text(content).encode(), form["sign"], form.get("alipay_cert_sn")):
            raise _Strange("the signature matches no key of the vendor's")
        apps = {form[name] for name in ("app_id", "auth_app_id") if form.get(name)}
        if settings.app_id not in apps:
            raise _Strange("it is about another app")
        if settings.seller_id and form.get("seller_id", settings.seller_id) != settings.seller_id:
            raise _Strange("it is about another seller")
        event = _event(Fields(dict(form), _Strange))
    except _Strange as strange:
        return WebhookDelivery(verified=False, reason=str(strange), reply=_NO)
    return WebhookDelivery(verified=True, events=(event,), reply=_YES)


def _form(body: bytes) -> Mapping[str, str]:
    """The fields of a form, each once."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_FIELDS
        )
    except ValueError:
        raise _Strange("it is not a form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _Strange("a field stands in it twice")
    return form


def _event(form: Fields) -> WebhookEvent:
    kind, key, ref, status = _subject(form)
    event_id = form.optional_text("notify_id") or None
    return WebhookEvent(
        event_id=event_id,
        kind=kind,
        subject_ref=ref or event_id or "unnamed",
        subject_key=key,
        status=status or "",
    )


def _subject(form: Fields) -> tuple[WebhookKind, str | None, str | None, str | None]:
    """What it is about: the kind, our number, our reference, and the state that the vendor claims."""
    if form.optional_text("msg_method") == "alipay.fund.trans.order.changed":
        told = Fields(json_object(form.text("biz_content").encode(), _Strange), _Strange)
        key = told.text("out_biz_no")
        return WebhookKind.PAYOUT, key, f"{TRANSFER}{key}", TRANSFER_STATUS.get(told.text("status"))
    match form.optional_text("notify_type"):
        case "trade_status_sync":
            return _trade(form)
        case "dut_user_sign" | "dut_user_unsign" as kind:
            key = form.text("external_agreement_no")
            word = "STOP" if kind == "dut_user_unsign" else form.optional_text("status") or ""
            return WebhookKind.MANDATE, key, key, AGREEMENT_STATUS.get(word)
        case _:
            return WebhookKind.UNMAPPED, None, None, None


def _trade(form: Fields) -> tuple[WebhookKind, str | None, str | None, str | None]:
    number, request = form.text("out_trade_no"), form.optional_text("out_biz_no")
    if request and form.optional_text("refund_fee"):
        return WebhookKind.REFUND, request, refund_ref(request, number), "succeeded"
    return WebhookKind.PAYMENT, number, number, TRADE_STATUS.get(form.text("trade_status"))
