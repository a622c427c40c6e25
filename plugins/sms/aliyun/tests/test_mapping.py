"""The vendor's words in the hub's. Recorded answers are the vendor's own published examples, each with its source."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_acs3.codes import Meaning, failure
from leasehub_sms_aliyun import codes, mapping

from hub.core.errors import AuthFailed, Misconfigured, RateLimited, Rejected, UnknownOutcome
from hub.core.ports.sms import MessageStatus
from hub.sdk.reading import Fields

# Source: SendSms, sample response (help.aliyun.com, document 419273).
SENT = {
    "Message": "OK",
    "RequestId": "F655A8D5-B967-440B-8683-DAD6FF8DE990",
    "Code": "OK",
    "BizId": "900619746936498440^0",
}
# Source: QuerySendDetails, table of response fields with their samples (document 419277 and developer.aliyun.com/ask/217899).
DETAIL = {
    "ErrCode": "DELIVERED",
    "TemplateCode": "SMS_000",
    "OutId": "123",
    "ReceiveDate": "2017-05-25 00:00:00",
    "SendDate": "2017-05-25 00:00:00",
    "PhoneNum": "13000000000",
    "Content": "【阿里云】你好!短信内容",
    "SendStatus": 3,
}
# Source: SingleCallByTts, sample values of its answer (document 55315).
CALLED = {"RequestId": "8906582E-6722", "Code": "OK", "Message": "请求成功", "CallId": "134523^4351232"}


def test_a_message_that_was_taken() -> None:
    receipt = mapping.sent(Fields(dict(SENT)))
    assert (receipt.message_ref, receipt.status) == ("900619746936498440^0", MessageStatus.ACCEPTED)


def test_a_call_that_was_taken() -> None:
    receipt = mapping.called(Fields(dict(CALLED)))
    assert (receipt.message_ref, receipt.status) == ("call:134523^4351232", MessageStatus.ACCEPTED)
    assert mapping.call_ref(receipt.message_ref) == "134523^4351232"
    assert mapping.biz_id(receipt.message_ref) is None


def test_a_message_that_has_arrived() -> None:
    receipt = mapping.receipt_of(Fields(dict(DETAIL)), "900619746936498440^0", None)
    assert (receipt.status, receipt.segments, receipt.failure) == (MessageStatus.DELIVERED, 1, None)
    assert receipt.delivered_at == datetime(2017, 5, 24, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (1, MessageStatus.ACCEPTED),
        (2, MessageStatus.UNDELIVERABLE),
        (3, MessageStatus.DELIVERED),
        (4, MessageStatus.ACCEPTED),
        ("3", MessageStatus.ACCEPTED),
        (None, MessageStatus.ACCEPTED),
    ],
)
def test_a_status_that_is_not_mapped_counts_as_accepted(told: object, status: MessageStatus) -> None:
    receipt = mapping.receipt_of(Fields({**DETAIL, "SendStatus": told}), "1^0", None)
    assert receipt.status is status
    assert (receipt.delivered_at is None) is (status is not MessageStatus.DELIVERED)


@pytest.mark.parametrize("code", sorted(codes.CARRIER))
def test_every_carriers_code_is_a_word_of_the_hub(code: str) -> None:
    receipt = mapping.receipt_of(Fields({**DETAIL, "SendStatus": 2, "ErrCode": code}), "1^0", None)
    assert receipt.failure == codes.CARRIER[code]
    assert receipt.failure.replace("_", "").isalpha()


def test_a_carriers_code_that_nobody_knows() -> None:
    assert (
        mapping.receipt_of(Fields({**DETAIL, "SendStatus": 2, "ErrCode": "MK:1008"}), "1^0", None).failure
        == "undeliverable"
    )


_KINDS = {
    Meaning.LIMITED: RateLimited,
    Meaning.CREDENTIALS: AuthFailed,
    Meaning.SETTINGS: Misconfigured,
    Meaning.BUSINESS: Rejected,
    Meaning.DOUBT: UnknownOutcome,
}


@pytest.mark.parametrize("code", sorted(codes.REFUSALS))
def test_every_refusal_has_its_error(code: str) -> None:
    assert type(failure(code, codes.REFUSALS, unmapped=Meaning.DOUBT)) is _KINDS[codes.REFUSALS[code]]


@pytest.mark.parametrize(
    ("state", "status", "why"),
    [
        ("200000", MessageStatus.DELIVERED, None),
        ("200001", MessageStatus.DELIVERED, None),
        ("200002", MessageStatus.UNDELIVERABLE, "unreachable"),
        ("200004", MessageStatus.UNDELIVERABLE, "invalid_recipient"),
        (200010, MessageStatus.UNDELIVERABLE, "unreachable"),
        ("200101", MessageStatus.ACCEPTED, None),
        ("999999", MessageStatus.ACCEPTED, None),
    ],
)
def test_how_a_call_ended(state: object, status: MessageStatus, why: str | None) -> None:
    receipt = mapping.call_receipt({"state": state, "endDate": "2017-06-01 10:00:00"}, "1^0")  # type: ignore[dict-item]
    assert (receipt.status, receipt.failure) == (status, why)
    assert mapping.call_receipt(None, "1^0").status is MessageStatus.ACCEPTED


@pytest.mark.parametrize(
    ("to", "number"),
    [("+8613812345678", "13812345678"), ("+85212345678", "85212345678"), ("+14155550100", "14155550100")],
)
def test_numbers(to: str, number: str) -> None:
    assert mapping.number(to) == number


@pytest.mark.parametrize(
    "to", ["13812345678", "+0138", "+86", "+86138 1234 5678", "a@example.com", "+86138١٢٣٤٥٦٧٨", ""]
)
def test_what_is_no_number_is_rejected_without_being_repeated(to: str) -> None:
    with pytest.raises(Rejected, match="receiver is no number") as raised:
        mapping.number(to)
    assert not to or to not in str(raised.value)


def test_the_day_is_beijings_and_around_midnight_there_are_two() -> None:
    assert mapping.days(datetime(2026, 3, 5, 2, 0, tzinfo=UTC)) == (date(2026, 3, 5),)
    assert mapping.days(datetime(2026, 3, 5, 15, 55, tzinfo=UTC)) == (date(2026, 3, 5), date(2026, 3, 6))
    assert mapping.days(datetime(2026, 3, 5, 16, 0, tzinfo=UTC)) == (date(2026, 3, 6),)


@pytest.mark.parametrize(("length", "parts"), [(0, 1), (70, 1), (71, 2), (134, 2), (135, 3)])
def test_segments(length: int, parts: int) -> None:
    assert mapping.segments("租" * length) == parts


@pytest.mark.parametrize("total", ["60", 60])
def test_how_many_there_are_is_told_as_text_or_number(total: object) -> None:
    answer = Fields({"TotalCount": total, "SmsSendDetailDTOs": {"SmsSendDetailDTO": [dict(DETAIL)]}})
    assert mapping.details(answer)[1] == 60


@pytest.mark.parametrize("total", [None, "", "many", True, -1])
def test_a_count_that_is_none_is_unreadable(total: object) -> None:
    with pytest.raises(UnknownOutcome):
        mapping.details(Fields({"TotalCount": total, "SmsSendDetailDTOs": {"SmsSendDetailDTO": []}}))


@given(st.text(max_size=255))
def test_the_key_of_a_call_fits_and_stays_the_same(key: str) -> None:
    short = mapping.voice_out_id(key)
    assert len(short) == 15
    assert short.isalnum()
    assert mapping.voice_out_id(key) == short


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=30), max_size=5))
def test_params_come_through_as_they_are(params: dict[str, str]) -> None:
    assert json.loads(mapping._json(params)) == params
