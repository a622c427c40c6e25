"""The vendor's words and the hub's, both ways; pure. A report that is not listed counts as accepted, never as more.

Fields stand in the order of the vendor's own models, so that the bytes are those that its own clients send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone

from leasehub_tc3.codes import error_of

from hub.core.errors import Rejected, RetryAdvice
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.sms import MessageReceipt, MessageRequest, MessageStatus
from hub.sdk.reading import Fields, JsonObject
from leasehub_sms_tencent.codes import OK, SMS
from leasehub_sms_tencent.settings import Template, TencentSmsSettings

SHANGHAI = timezone(timedelta(hours=8))
VOICE = "voice:"  # what sets the reference of a call apart from that of a text message
MAINLAND = "+86"
STATUS = {"SUCCESS": MessageStatus.DELIVERED, "FAIL": MessageStatus.UNDELIVERABLE}

# Why a message was not delivered: the carrier's word, the hub's. Source: Tencent Cloud, document 382/35462.
FAILURE = {
    "UNDELIV": "unreachable",
    "EXPIRED": "expired",
    "REJECTD": "blocked_by_carrier",
    "DELETED": "undeliverable",
    "SUBFAIL": "invalid_recipient",
    "COMFAIL": "carrier_failure",
    "WTNFAIL": "carrier_failure",
    "UNKNOWN": "undeliverable",
}
# Reports are kept for seven days; a minute is left for clocks that differ. Source: PullSmsSendStatusByPhoneNumber.
_KEPT = timedelta(days=7) - timedelta(minutes=1)
_BEFORE = timedelta(minutes=1)
_MOST = 100


def elsewhere(code: str) -> Rejected:
    """This instance cannot, before anything was sent; another may."""
    return Rejected(code, advice=RetryAdvice.OTHER_PROVIDER)


# Sending


def sms_body(request: MessageRequest, settings: TencentSmsSettings, key: str) -> JsonObject:
    """A text message in the vendor's words; a signature belongs to the mainland, a sender's name to the rest."""
    template, params = chosen(request, settings.templates, settings.body_template)
    home = request.to.startswith(MAINLAND)
    body: dict[str, object] = {
        "PhoneNumberSet": [request.to],
        "SmsSdkAppId": settings.sms_sdk_app_id,
        "TemplateId": template,
        "SignName": settings.sign_name if home else None,
        "TemplateParamSet": params,
        "SessionContext": key,
        "SenderId": None if home else settings.sender_id,
    }
    return {name: value for name, value in body.items() if value not in (None, "")}


def voice_body(request: MessageRequest, settings: TencentSmsSettings, key: str) -> JsonObject:
    """A call that reads a template aloud, in the vendor's words; raises Rejected when calls are not set up."""
    if not settings.voice_sdk_app_id:
        raise elsewhere("channel_not_offered")
    template, params = chosen(request, settings.voice_templates, settings.voice_body_template)
    return {
        "TemplateId": template,
        "CalledNumber": request.to,
        "VoiceSdkAppid": settings.voice_sdk_app_id,
        "TemplateParamSet": params,
        "PlayTimes": settings.play_times,
        "SessionContext": key,
    }


def chosen(
    request: MessageRequest, templates: Mapping[str, Template], body_template: str | None
) -> tuple[str, list[str]]:
    """The vendor's template and its parameters by their places; raises Rejected when the one or the others are missing."""
    if request.body is not None:
        if not body_template:
            raise elsewhere("template_needed")
        return body_template, [request.body]
    asked = request.template_id or ""
    template = templates.get(asked)
    if template is not None:
        return template.id, _in_order(request.params, template.params)
    return asked, _in_order(request.params, [str(place) for place in range(1, len(request.params) + 1)])


def _in_order(params: Mapping[str, str], names: Sequence[str]) -> list[str]:
    if any(name not in params for name in names):
        raise elsewhere("template_params")
    return [params[name] for name in names]


def receipt_of(answer: Fields) -> MessageReceipt:
    """The receipt of the one number that was written to; raises what the vendor's word on this number means."""
    sent = answer.each("SendStatusSet")
    if len(sent) != 1:
        raise answer.fail(f"SendStatusSet has {len(sent)} numbers, not one")
    (one,) = sent
    code = one.text("Code")
    if code != OK:
        raise error_of(code, SMS, mutates=True)
    return MessageReceipt(
        message_ref=one.text("SerialNo"), status=MessageStatus.ACCEPTED, segments=max(one.whole("Fee"), 1)
    )


def call_of(answer: Fields) -> MessageReceipt:
    """The receipt of a call."""
    call = answer.inner("SendStatus").text("CallId")
    return MessageReceipt(message_ref=f"{VOICE}{call}", status=MessageStatus.ACCEPTED)


# Asking


def reports_body(to: str, sent_at: datetime | None, now: datetime, settings: TencentSmsSettings) -> JsonObject:
    """The question for all reports on a number since a message was sent."""
    oldest = now - _KEPT
    begin = max(sent_at - _BEFORE, oldest) if sent_at else oldest
    return {
        "BeginTime": int(begin.timestamp()),
        "Offset": 0,
        "Limit": _MOST,
        "PhoneNumber": to,
        "SmsSdkAppId": settings.sms_sdk_app_id,
        "EndTime": int(now.timestamp()),
    }


def report_of(answer: Fields, query: StatusQuery) -> MessageReceipt | NoRecord:
    """How far a message has come: the vendor lists one only when the carrier has reported on it.

    Without a report a message that the vendor has numbered is still accepted, and one that we know by our key alone is
    nowhere to be found. The key is listed only where the account has that opened.
    """
    rows = answer.each("PullSmsSendStatusSet")
    for row in rows:
        mine = query.provider_ref == row.optional_text("SerialNo")
        if mine or (query.provider_ref is None and query.idempotency_key == row.optional_text("SessionContext")):
            return _reported(row)
    if query.provider_ref is None:
        return NoRecord(query=query)
    return MessageReceipt(message_ref=query.provider_ref, status=MessageStatus.ACCEPTED)


def _reported(row: Fields) -> MessageReceipt:
    status = STATUS.get(row.text("ReportStatus"), MessageStatus.ACCEPTED)
    received = row.whole("UserReceiveTime") if status is MessageStatus.DELIVERED else 0
    failed = status is MessageStatus.UNDELIVERABLE
    return MessageReceipt(
        message_ref=row.text("SerialNo"),
        status=status,
        delivered_at=datetime.fromtimestamp(received, UTC) if received > 0 else None,
        failure=failure_of(row.optional_text("Description") or "") if failed else None,
    )


def failure_of(word: str) -> str:
    """The hub's word for the carrier's."""
    return FAILURE.get(word, "undeliverable")


def statistics_body(now: datetime, settings: TencentSmsSettings) -> JsonObject:
    """A question without any effect, which needs good credentials and our application: what was sent this hour."""
    hour = f"{now.astimezone(SHANGHAI):%Y%m%d%H}"
    return {"BeginTime": hour, "EndTime": hour, "SmsSdkAppId": settings.sms_sdk_app_id, "Limit": 0, "Offset": 0}
