"""Callbacks: arrays of reports, pushed unsigned. What proves the vendor is the token in the address that it was given."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence

from leasehub_acs3.codes import readable

from hub.core.ports.sms import MessageStatus
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookReply, WebhookRequest
from hub.sdk.reading import Fields
from leasehub_sms_aliyun.codes import CALL_END
from leasehub_sms_aliyun.mapping import instant

TOKEN = "token"  # noqa: S105 (the name of a parameter)
TAKEN = WebhookReply(content_type="application/json", body='{"code":0,"msg":"接收成功"}'.encode())
_REFUSED = WebhookReply(status=401, content_type="application/json", body=b'{"code":1,"msg":"not verified"}')
_NOTHING = WebhookEvent(event_id=None, kind=WebhookKind.UNMAPPED, subject_ref="")


def received(request: WebhookRequest, tokens: Sequence[str]) -> WebhookDelivery:
    """A push, verified and in the hub's words; every report of it is an event, in order."""
    if not tokens:
        return WebhookDelivery(verified=False, reply=_REFUSED, reason="no callback_token is set")
    given = request.query.get(TOKEN, "").encode()
    if not any([hmac.compare_digest(token.encode(), given) for token in tokens]):  # noqa: C419 (no early exit)
        return WebhookDelivery(verified=False, reply=_REFUSED, reason="the token in the address is not ours")
    return WebhookDelivery(verified=True, events=tuple(map(_event, _reports(request.body))), reply=TAKEN)


def _reports(body: bytes) -> list[object]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return [None]
    return told if isinstance(told, list) and told else [told]


def _event(report: object) -> WebhookEvent:
    if not isinstance(report, dict):
        return _NOTHING
    if isinstance(report.get("biz_id"), str) and isinstance(report.get("success"), bool):
        return _text_report(report)
    if isinstance(report.get("call_id"), str) and "status_code" in report:
        return _call_report(report)
    return _NOTHING


def _text_report(report: dict[str, object]) -> WebhookEvent:
    """SmsReport: whether a text message has arrived."""
    ref = str(report["biz_id"])
    status = MessageStatus.DELIVERED if report["success"] else MessageStatus.UNDELIVERABLE
    return WebhookEvent(
        event_id=f"{ref}:{status.value}",
        kind=WebhookKind.MESSAGE,
        subject_ref=ref,
        subject_key=_key(report.get("out_id")),
        status=status.value,
        occurred_at=instant(Fields(report), "report_time"),
        detail=_code(report.get("err_code")),
    )


def _call_report(report: dict[str, object]) -> WebhookEvent:
    """VoiceReport: how a call has ended. Its `out_id` is a hash of our key, so that its reference alone names it."""
    ref, state = str(report["call_id"]), readable(report["status_code"]) or ""
    ended = state in CALL_END
    status = MessageStatus.UNDELIVERABLE if ended and CALL_END[state] else MessageStatus.DELIVERED
    return WebhookEvent(
        event_id=f"call:{ref}:{state}",
        kind=WebhookKind.MESSAGE,
        subject_ref=f"call:{ref}",
        status=(status if ended else MessageStatus.ACCEPTED).value,
        occurred_at=instant(Fields(report), "end_time"),
        detail=_code(state),
    )


def _key(out_id: object) -> str | None:
    return out_id if isinstance(out_id, str) and out_id else None


def _code(code: object) -> dict[str, str]:
    shown = readable(code)
    return {"vendor_code": shown} if shown else {}
