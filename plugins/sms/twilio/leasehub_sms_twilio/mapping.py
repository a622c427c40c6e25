"""Twilio's words and the hub's, both ways; pure. What is not mapped counts as accepted, never as arrived or lost."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

from hub.core.errors import Rejected, RetryAdvice
from hub.core.money import Money
from hub.core.ports.sms import MessageReceipt, MessageRequest, MessageStatus
from hub.sdk.reading import Fields, json_bytes
from leasehub_sms_twilio.codes import CALL_FAILURES, CALL_STATUS, FAILURES, MESSAGE_STATUS
from leasehub_sms_twilio.settings import TwilioSettings

KEY = "key"  # our key in the address that a callback goes to
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_CONTENT = re.compile(r"HX[0-9a-f]{32}")
_LANGUAGES = {"zh-CN": "cmn-CN"}
# How much before and after the beginning of our call Twilio may have made what the call asked for.
_BEFORE, _AFTER = timedelta(seconds=2), timedelta(minutes=2)


def number(to: str) -> str:
    """A number as it is; raises Rejected for what is none."""
    if not _E164.fullmatch(to) or not to.isascii():
        raise Rejected("invalid_recipient", "the receiver is no number in E.164")
    return to


def callback_url(webhook_url: str, key: str) -> str:
    """Where Twilio tells how far something has come, with our key in it: it keeps none of its own."""
    return f"{webhook_url}?{urlencode({KEY: key})}"


def message_form(request: MessageRequest, settings: TwilioSettings, callback: str) -> dict[str, str]:
    """A text message."""
    sender = (
        {"From": settings.from_number}
        if settings.from_number
        else {"MessagingServiceSid": settings.messaging_service_sid}
    )
    return {"To": number(request.to), "StatusCallback": callback, **sender, **_content(request, settings)}


def _content(request: MessageRequest, settings: TwilioSettings) -> dict[str, str]:
    if request.body:
        return {"Body": request.body}
    name = request.template_id or ""
    sid = settings.templates.get(name, name)
    if not _CONTENT.fullmatch(sid):
        raise Rejected("template_missing", "no ContentSid for this template", advice=RetryAdvice.OTHER_PROVIDER)
    params = {"ContentVariables": json_bytes(dict(request.params)).decode()} if request.params else {}
    return {"ContentSid": sid, **params}


def call_form(request: MessageRequest, settings: TwilioSettings, callback: str) -> dict[str, str]:
    """A call that says a text."""
    if not settings.call_from:
        raise Rejected("channel_not_offered", "no call_from is set", advice=RetryAdvice.OTHER_PROVIDER)
    if not request.body:
        raise Rejected("template_missing", "a call needs a ready text", advice=RetryAdvice.OTHER_PROVIDER)
    language = quoteattr(_LANGUAGES.get(request.locale, request.locale))
    voice = f" voice={quoteattr(settings.voice)}" if settings.voice else ""
    said = f"<Response><Say language={language}{voice}>{escape(request.body)}</Say></Response>"
    return {
        "To": number(request.to),
        "From": settings.call_from,
        "StatusCallback": callback,
        "Timeout": str(settings.ring_s),
        "Twiml": said,
    }


def is_call(ref: str) -> bool:
    """Whether a reference is that of a call."""
    return ref.startswith("CA")


def receipt_of(answer: Fields) -> MessageReceipt:
    """A message or a call, as Twilio shows it."""
    ref, told = answer.text("sid"), answer.text("status")
    status = status_of(ref, told)
    lost = status is MessageStatus.UNDELIVERABLE
    return MessageReceipt(
        message_ref=ref,
        status=status,
        segments=_segments(answer.content.get("num_segments")),
        cost=_cost(answer),
        delivered_at=_delivered_at(answer) if status is MessageStatus.DELIVERED else None,
        failure=_failure(ref, told, answer.content.get("error_code")) if lost else None,
    )


def status_of(ref: str, told: str) -> MessageStatus:
    """How far something has come, by Twilio's word for it."""
    return (CALL_STATUS if is_call(ref) else MESSAGE_STATUS).get(told, MessageStatus.ACCEPTED)


def _failure(ref: str, told: str, code: object) -> str:
    if is_call(ref):
        return CALL_FAILURES.get(told, "undeliverable")
    if told == "canceled":
        return "cancelled"
    return FAILURES.get(code, "undeliverable") if isinstance(code, int) else "undeliverable"


def _segments(told: object) -> int:
    text = str(told)
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 4 else 1


def _cost(answer: Fields) -> Money | None:
    """The price, where it is a whole number of minor units: most texts cost a part of a cent, which Money cannot say."""
    price, unit = answer.content.get("price"), answer.content.get("price_unit")
    if not isinstance(price, str) or not isinstance(unit, str):
        return None
    try:
        return Money.of(price.lstrip("-"), unit.upper())
    except ValueError:
        return None


def _delivered_at(answer: Fields) -> datetime | None:
    return instant(answer.content.get("end_time") or answer.content.get("date_updated"))


def instant(told: object) -> datetime | None:
    """A time as Twilio writes it (RFC 2822), in UTC; None for what is none."""
    try:
        return parsedate_to_datetime(str(told)).astimezone(UTC)
    except ValueError:
        return None


def made_then(items: tuple[Fields, ...], to: str, sent_at: datetime) -> list[Fields]:
    """Of what went to a receiver, that which was made when our call was under way."""
    found = []
    for item in items:
        made_at = instant(item.content.get("date_created"))
        if item.optional_text("to") == to and made_at and sent_at - _BEFORE <= made_at <= sent_at + _AFTER:
            found.append(item)
    return found
