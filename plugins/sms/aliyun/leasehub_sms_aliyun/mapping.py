"""The vendor's words and the hub's, both ways; pure. What is not mapped counts as accepted, never as arrived or lost."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone

from leasehub_acs3.codes import readable

from hub.core.errors import Rejected, RetryAdvice
from hub.core.ports.sms import MessageChannel, MessageReceipt, MessageRequest, MessageStatus
from hub.sdk.reading import Fields, JsonObject, json_bytes, unreadable
from leasehub_sms_aliyun.codes import CALL_END, CARRIER, SEND_STATUS
from leasehub_sms_aliyun.settings import AliyunSmsSettings

ZONE = timezone(timedelta(hours=8))  # the vendor writes Beijing time, without saying so
TTS_PRODUCT = "11010000138001"  # the number under which SingleCallByTts is asked after
_CALL, _OUT = "call:", "out:"  # what a reference begins with that is no BizId
_VOICE_OUT_ID = 15  # characters
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_MAINLAND = "+86"
_LATE = timedelta(minutes=10)  # how much later than our clock the vendor may have booked a message
_ONE, _PART = 70, 67  # characters of a single message, and of each part of a longer one


def number(to: str) -> str:
    """A number as the vendor writes it: bare in the mainland, country code and number elsewhere; raises Rejected."""
    if not _E164.fullmatch(to):
        raise Rejected("invalid_recipient", "the receiver is no number in E.164")
    return to.removeprefix(_MAINLAND) if to.startswith(_MAINLAND) else to[1:]


def sms_query(request: MessageRequest, settings: AliyunSmsSettings, key: str) -> dict[str, str]:
    """SendSms for a message."""
    template, params = _content(request, settings.templates, settings.body_template, settings.body_param)
    query = {"PhoneNumbers": number(request.to), "SignName": settings.sign_name, "TemplateCode": template, "OutId": key}
    return query | ({"TemplateParam": _json(params)} if params else {})


def call_query(request: MessageRequest, settings: AliyunSmsSettings, key: str) -> dict[str, str]:
    """SingleCallByTts for a message."""
    template, params = _content(request, settings.voice_templates, settings.voice_body_template, settings.body_param)
    query = {
        "CalledNumber": number(request.to),
        "TtsCode": template,
        "PlayTimes": str(settings.play_times),
        "Volume": str(settings.volume),
        "Speed": str(settings.speed),
        "OutId": voice_out_id(key),
    }
    shown = {"CalledShowNumber": settings.called_show_number} if settings.called_show_number else {}
    return query | shown | ({"TtsParam": _json(params)} if params else {})


def voice_out_id(key: str) -> str:
    """Our key as far as a call takes one: fifteen characters of its hash, always the same."""
    return hashlib.sha256(key.encode()).hexdigest()[:_VOICE_OUT_ID]


def _content(
    request: MessageRequest, templates: Mapping[str, str], body_template: str, body_param: str
) -> tuple[str, Mapping[str, str]]:
    """Template and variables. Only approved templates are sent in the mainland, so a ready text needs one to pass it on."""
    if request.template_id:
        return templates.get(request.template_id, request.template_id), request.params
    if not body_template:
        raise Rejected("template_missing", "no template passes a ready text on", advice=RetryAdvice.OTHER_PROVIDER)
    return body_template, {body_param: request.body or ""}


def _json(params: Mapping[str, str]) -> str:
    return json_bytes(dict(params)).decode()


def refused_channel(channel: MessageChannel) -> Rejected:
    """The vendor's product has no such channel."""
    return Rejected("channel_not_offered", f"{channel.value} is not offered", advice=RetryAdvice.OTHER_PROVIDER)


# Sent


def sent(answer: Fields) -> MessageReceipt:
    """The answer to SendSms."""
    return MessageReceipt(message_ref=answer.text("BizId"), status=MessageStatus.ACCEPTED)


def called(answer: Fields) -> MessageReceipt:
    """The answer to SingleCallByTts."""
    return MessageReceipt(message_ref=f"{_CALL}{answer.text('CallId')}", status=MessageStatus.ACCEPTED)


# Asked after


def call_ref(ref: str | None) -> str | None:
    """The CallId in a reference; None when it is that of a text message."""
    return ref.removeprefix(_CALL) if ref and ref.startswith(_CALL) else None


def biz_id(ref: str | None) -> str | None:
    """The BizId in a reference; None when a message was found by our key and has shown none."""
    return ref if ref and not ref.startswith((_CALL, _OUT)) else None


def days(sent_at: datetime) -> tuple[date, ...]:
    """The days, by Beijing time, on which a message of this instant may be booked."""
    first, last = sent_at.astimezone(ZONE).date(), (sent_at + _LATE).astimezone(ZONE).date()
    return (first,) if first == last else (first, last)


def details_query(to: str, day: date, page: int, ref: str | None) -> dict[str, str]:
    """QuerySendDetails for one page of a day's messages to one number."""
    query = {"PhoneNumber": number(to), "SendDate": f"{day:%Y%m%d}", "PageSize": "50", "CurrentPage": str(page)}
    return query | ({"BizId": ref} if ref else {})


def details(answer: Fields) -> tuple[tuple[Fields, ...], int]:
    """The messages on a page, and how many there are on all pages."""
    page = answer.inner("SmsSendDetailDTOs").each("SmsSendDetailDTO")
    return page, _count(answer.content.get("TotalCount"))


def _count(told: object) -> int:
    text = str(told)
    if not (text.isascii() and text.isdigit()):
        raise unreadable("TotalCount is not a number")
    return int(text)


def receipt_of(detail: Fields, ref: str | None, key: str | None) -> MessageReceipt:
    """How far a text message has come; its reference is the BizId where we know it."""
    told = detail.content.get("SendStatus")
    status = SEND_STATUS.get(told, MessageStatus.ACCEPTED) if isinstance(told, int) else MessageStatus.ACCEPTED
    lost = status is MessageStatus.UNDELIVERABLE
    return MessageReceipt(
        message_ref=ref or f"{_OUT}{key or ''}",
        status=status,
        segments=segments(detail.optional_text("Content") or ""),
        delivered_at=instant(detail, "ReceiveDate") if status is MessageStatus.DELIVERED else None,
        failure=CARRIER.get(detail.optional_text("ErrCode") or "", "undeliverable") if lost else None,
    )


def call_receipt(data: JsonObject | None, ref: str) -> MessageReceipt:
    """How a call has gone; one whose record is not there yet (that takes minutes), or whose state is no end, waits."""
    state = None if data is None else readable(data.get("state"))
    if data is None or state not in CALL_END:
        return MessageReceipt(message_ref=f"{_CALL}{ref}", status=MessageStatus.ACCEPTED)
    failure = CALL_END[state]
    return MessageReceipt(
        message_ref=f"{_CALL}{ref}",
        status=MessageStatus.UNDELIVERABLE if failure else MessageStatus.DELIVERED,
        delivered_at=None if failure else instant(Fields(data), "endDate"),
        failure=failure,
    )


def segments(content: str) -> int:
    """How many messages a text is billed as: 70 characters, then 67 a part. Source: the vendor's billing rules."""
    return 1 if len(content) <= _ONE else -(-len(content) // _PART)


def instant(fields: Fields, name: str) -> datetime | None:
    """A time of the vendor's in UTC; None when there is none, or nothing that is one."""
    told = fields.content.get(name)
    try:
        return datetime.strptime(str(told), "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE).astimezone(UTC)
    except ValueError:
        return None
