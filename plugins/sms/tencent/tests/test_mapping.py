"""The vendor's words in the hub's.

Recorded answers are the published examples of the vendor's own command line, tccli 3.1.189.1: services/sms/v20210111 and
services/vms/v20200902, examples.json, with one of two numbers taken where the hub writes to one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_sms_tencent import codes, mapping
from leasehub_sms_tencent.settings import Template, TencentSmsSettings
from leasehub_tc3.codes import Meaning, meaning_of
from pydantic import ValidationError
from tencentcloud.sms.v20210111 import errorcodes as sms_codes
from tencentcloud.vms.v20200902 import errorcodes as vms_codes

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageReceipt, MessageRequest, MessageStatus
from hub.sdk.reading import Fields

NOW = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
NUMBER = "5000:1045710669157053657849499619"
SENT: dict[str, Any] = {
    "SerialNo": NUMBER,
    "PhoneNumber": "+8618501234444",
    "Fee": 1,
    "SessionContext": "outsid_1729495320_1011",
    "Code": "Ok",
    "Message": "send success",
    "IsoCode": "CN",
}
REFUSED = {
    **SENT,
    "SerialNo": "",
    "Fee": 0,
    "Code": "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
    "Message": "request content does not match the template content",
    "IsoCode": "",
}
REPORT: dict[str, Any] = {
    "Description": "DELIVRD",
    "CountryCode": "86",
    "SubscriberNumber": "18501234444",
    "ReportStatus": "SUCCESS",
    "PhoneNumber": "+8618501234444",
    "SerialNo": NUMBER,
    "UserReceiveTime": 1620734188,
    "SessionContext": "",
}


def message(**more: Any) -> MessageRequest:
    given: dict[str, Any] = {
        "channel": MessageChannel.SMS,
        "to": "+8613812345678",
        "category": MessageCategory.TRANSACTIONAL,
        "template_id": None if "body" in more else "1110",
        **more,
    }
    return MessageRequest(**given)


def answer(**more: Any) -> Fields:
    return Fields({"SendStatusSet": [{**SENT, **more}]})


def test_the_recorded_receipt() -> None:
    assert mapping.receipt_of(Fields({"SendStatusSet": [SENT]})) == MessageReceipt(
        message_ref=NUMBER, status=MessageStatus.ACCEPTED, segments=1
    )


def test_the_recorded_refusal() -> None:
    with pytest.raises(Rejected) as raised:
        mapping.receipt_of(Fields({"SendStatusSet": [REFUSED]}))
    assert raised.value.vendor_code == "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"
    assert "18501234444" not in str(raised.value)


def test_the_recorded_call() -> None:
    told = {"SendStatus": {"CallId": "12582bce-403c-11eb-96b8-525400476c37", "SessionContext": "sc-t"}}
    assert mapping.call_of(Fields(told)).message_ref == "voice:12582bce-403c-11eb-96b8-525400476c37"


def test_the_recorded_reports() -> None:
    other = {**REPORT, "SerialNo": "5000:1045710669157053657849498556"}
    told = Fields({"PullSmsSendStatusSet": [other, REPORT]})
    assert mapping.report_of(told, StatusQuery(provider_ref=NUMBER)) == MessageReceipt(
        message_ref=NUMBER,
        status=MessageStatus.DELIVERED,
        delivered_at=datetime(2021, 5, 11, 11, 56, 28, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("report", "status", "failure"),
    [
        ({"ReportStatus": "FAIL", "Description": "UNDELIV"}, MessageStatus.UNDELIVERABLE, "unreachable"),
        ({"ReportStatus": "FAIL", "Description": "MK:0001"}, MessageStatus.UNDELIVERABLE, "undeliverable"),
        ({"ReportStatus": "SOMETHING"}, MessageStatus.ACCEPTED, None),
    ],
)
def test_other_reports(report: dict[str, str], status: MessageStatus, failure: str | None) -> None:
    found = mapping.report_of(
        Fields({"PullSmsSendStatusSet": [{**REPORT, **report}]}), StatusQuery(provider_ref=NUMBER)
    )
    assert isinstance(found, MessageReceipt)
    assert (found.status, found.failure, found.delivered_at) == (status, failure, None)


def test_without_a_report_a_numbered_message_is_accepted_and_a_key_unknown() -> None:
    nothing = Fields({"PullSmsSendStatusSet": []})
    found = mapping.report_of(nothing, StatusQuery(provider_ref=NUMBER))
    assert found == MessageReceipt(message_ref=NUMBER, status=MessageStatus.ACCEPTED)
    by_key = StatusQuery(idempotency_key="key-1")
    assert mapping.report_of(nothing, by_key) == NoRecord(query=by_key)
    listed = Fields({"PullSmsSendStatusSet": [{**REPORT, "SessionContext": "key-1"}]})
    assert isinstance(mapping.report_of(listed, by_key), MessageReceipt)


def test_an_answer_about_other_than_one_number_proves_nothing() -> None:
    for sent in ([], [SENT, SENT]):
        with pytest.raises(UnknownOutcome):
            mapping.receipt_of(Fields({"SendStatusSet": sent}))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("LimitExceeded.PhoneNumberThirtySecondLimit", RateLimited),
        ("LimitExceeded.PhoneNumberOneHourLimit", RateLimited),
        ("LimitExceeded.PhoneNumberDailyLimit", RateLimited),
        ("LimitExceeded.PhoneNumberSameContentDailyLimit", RateLimited),
        ("LimitExceeded.DeliveryFrequencyLimit", RateLimited),
        ("UnauthorizedOperation.SmsSdkAppIdVerifyFail", AuthFailed),
        ("FailedOperation.InsufficientBalanceInSmsPackage", Misconfigured),
        ("FailedOperation.SignatureIncorrectOrUnapproved", Misconfigured),
        ("FailedOperation.TemplateIncorrectOrUnapproved", Misconfigured),
        ("FailedOperation.TemplateUnapprovedOrNotExist", Misconfigured),
        ("FailedOperation.MissingSignature", Misconfigured),
        ("InvalidParameterValue.SdkAppIdNotExist", Misconfigured),
        ("UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber", Misconfigured),
        ("InvalidParameterValue.IncorrectPhoneNumber", Rejected),
        ("FailedOperation.PhoneNumberInBlacklist", Rejected),
        ("FailedOperation.ContainSensitiveWord", Rejected),
        ("InvalidParameterValue.TemplateParameterLengthLimit", Rejected),
        ("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", Rejected),
        ("InternalError.Timeout", UnknownOutcome),
        ("InternalError.SendAndRecvFail", UnknownOutcome),
        ("InternalError.RequestTimeException", Misconfigured),
        ("FailedOperation.OtherError", UnknownOutcome),
        ("SomethingNew.Altogether", UnknownOutcome),
    ],
)
def test_a_number_is_refused_with_the_error_that_its_code_means(code: str, expected: type[ProviderError]) -> None:
    with pytest.raises(expected):
        mapping.receipt_of(answer(Code=code))


def _published(module: Any) -> list[str]:
    return [value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)]


@pytest.mark.parametrize(("module", "own"), [(sms_codes, codes.SMS), (vms_codes, codes.VOICE)])
def test_every_published_code_is_mapped_and_nothing_else(module: Any, own: codes.Codes) -> None:
    published = _published(module)
    assert len(published) > 20
    assert not [code for code in published if meaning_of(code, own) is None]
    assert set(own) <= set(published)


def test_a_country_that_is_not_open_is_for_another_provider() -> None:
    assert meaning_of("LimitExceeded.AppCountryOrRegionInBlacklist", codes.SMS) is Meaning.ELSEWHERE


# Templates


@pytest.fixture
def templates() -> dict[str, Template]:
    return {"rent_due": Template(id="449739", params=("amount", "due_on"))}


def test_a_named_template_puts_its_parameters_in_order(templates: dict[str, Template]) -> None:
    asked = message(template_id="rent_due", params={"due_on": "3月5日", "amount": "3280.55", "more": "unused"})
    assert mapping.chosen(asked, templates, None) == ("449739", ["3280.55", "3月5日"])


def test_a_template_of_the_vendors_takes_numbered_parameters(templates: dict[str, Template]) -> None:
    params = {str(place): f"value {place}" for place in (10, 2, 1, 3, 4, 5, 6, 7, 8, 9)}
    _, found = mapping.chosen(message(template_id="1110", params=params), templates, None)
    assert found == [f"value {place}" for place in range(1, 11)]
    assert mapping.chosen(message(template_id="1111"), templates, None) == ("1111", [])


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (message(template_id="rent_due", params={"amount": "1"}), "template_params"),
        (message(template_id="other", params={"amount": "1"}), "template_params"),
        (message(template_id="1110", params={"1": "a", "3": "c"}), "template_params"),
        (message(body="您的租金"), "template_needed"),
    ],
)
def test_what_does_not_fit_goes_to_another_provider(
    asked: MessageRequest, code: str, templates: dict[str, Template]
) -> None:
    with pytest.raises(Rejected) as raised:
        mapping.chosen(asked, templates, None)
    assert (raised.value.vendor_code, raised.value.advice) == (code, RetryAdvice.OTHER_PROVIDER)


def test_a_ready_text_is_the_one_parameter_of_its_template() -> None:
    assert mapping.chosen(message(body="您的租金"), {}, "1112") == ("1112", ["您的租金"])


def test_abroad_has_a_sender_and_no_signature(settings: TencentSmsSettings) -> None:
    with_sender = settings.model_copy(update={"sender_id": "LeaseHub"})
    home = mapping.sms_body(message(), with_sender, "key-1")
    abroad = mapping.sms_body(message(to="+6581234567"), with_sender, "key-1")
    assert (home.get("SignName"), home.get("SenderId")) == ("腾讯云", None)
    assert (abroad.get("SignName"), abroad.get("SenderId")) == (None, "LeaseHub")


def test_calls_that_are_not_set_up_go_elsewhere(settings: TencentSmsSettings) -> None:
    silent = settings.model_copy(update={"voice_sdk_app_id": ""})
    with pytest.raises(Rejected, match="channel_not_offered"):
        mapping.voice_body(message(channel=MessageChannel.VOICE), silent, "key-1")


@given(params=st.dictionaries(st.text(max_size=8), st.text(max_size=40), max_size=6), data=st.data())
def test_whatever_the_parameters_their_order_is_the_templates(params: dict[str, str], data: st.DataObject) -> None:
    names = data.draw(st.permutations(sorted(params)))
    template = Template(id="9", params=tuple(names))
    _, found = mapping.chosen(message(template_id="t", params=params), {"t": template}, None)
    assert found == [params[name] for name in names]


# Asking


@given(ago=st.timedeltas(timedelta(0), timedelta(days=30)))
def test_the_question_never_reaches_back_further_than_reports_are_kept(ago: timedelta) -> None:
    settings = TencentSmsSettings.model_validate(
        {"secret_id": "a", "secret_key": "b", "receipt_token": "c" * 16, "sms_sdk_app_id": "1"}
    )
    body = mapping.reports_body("+8613812345678", NOW - ago, NOW, settings)
    begin, end = body["BeginTime"], body["EndTime"]
    assert isinstance(begin, int)
    assert isinstance(end, int)
    assert 60 <= end - begin < 7 * 86400
    assert begin <= int((NOW - ago).timestamp()) or ago > timedelta(days=6)


def test_the_hour_of_health_is_shanghais(settings: TencentSmsSettings) -> None:
    assert mapping.statistics_body(NOW, settings)["BeginTime"] == "2026030510"


# Settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"templates": {"rent_due": {"id": ""}}},
        {"templates": {"rent_due": {"id": "1", "parms": []}}},
        {"play_times": 4},
        {"receipt_token": "short"},
        {"sms_url": "sms.tencentcloudapi.com"},
        {"sms_sdk_app_id": ""},
    ],
)
def test_bad_settings_are_refused(settings: TencentSmsSettings, wrong: dict[str, object]) -> None:
    good = {"secret_id": "a", "secret_key": "b", "receipt_token": "c" * 16, "sms_sdk_app_id": "1"}
    with pytest.raises(ValidationError):
        TencentSmsSettings.model_validate({**good, **wrong})
