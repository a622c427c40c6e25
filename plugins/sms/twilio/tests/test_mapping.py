"""Twilio's answers in the hub's words, and every refusal in the contract's errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_sms_twilio import codes, mapping
from leasehub_sms_twilio.client import refusal
from leasehub_sms_twilio.conformance import SETTINGS
from leasehub_sms_twilio.settings import TwilioSettings
from pydantic import ValidationError

from hub.core.errors import AuthFailed, Misconfigured, ProviderError, RateLimited, Rejected, RetryAdvice, UnknownOutcome
from hub.core.money import Money
from hub.core.ports.sms import MessageStatus
from hub.sdk.http import HttpAnswer
from hub.sdk.reading import Fields

# Source: the Message resource, sample answer of "Fetch a Message" (twilio.com/docs/messaging/api/message-resource).
PUBLISHED = {
    "account_sid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "body": "testing",
    "date_created": "Fri, 24 May 2019 17:18:27 +0000",
    "date_sent": "Fri, 24 May 2019 17:18:28 +0000",
    "date_updated": "Fri, 24 May 2019 17:18:28 +0000",
    "direction": "outbound-api",
    "error_code": 30007,
    "error_message": "Carrier violation",
    "from": "+12019235161",
    "num_segments": "1",
    "price": "-0.00750",
    "price_unit": "USD",
    "sid": "SMb7c0a2ce80504485a6f653a7110836f5",
    "status": "sent",
    "to": "+18182008801",
}


def test_the_published_message() -> None:
    found = mapping.receipt_of(Fields(dict(PUBLISHED)))
    assert (found.message_ref, found.status, found.segments) == (PUBLISHED["sid"], MessageStatus.ACCEPTED, 1)
    assert (found.cost, found.failure) == (None, None)  # three quarters of a cent are no Money
    lost = mapping.receipt_of(Fields({**PUBLISHED, "status": "undelivered", "price": "-0.02000"}))
    assert (lost.status, lost.failure, lost.cost) == ("undeliverable", "content_refused", Money(2, "USD"))
    came = mapping.receipt_of(Fields({**PUBLISHED, "status": "delivered"}))
    assert came.delivered_at == datetime(2019, 5, 24, 17, 18, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sid", "told", "status"),
    [
        *[("SM1", word, "accepted") for word in ("accepted", "scheduled", "queued", "sending", "sent", "a_new_one")],
        ("SM1", "partially_delivered", "accepted"),
        ("SM1", "delivered", "delivered"),
        ("SM1", "read", "delivered"),
        *[("SM1", word, "undeliverable") for word in ("undelivered", "failed", "canceled")],
        *[("CA1", word, "accepted") for word in ("queued", "initiated", "ringing", "in-progress", "delivered")],
        ("CA1", "completed", "delivered"),
        *[("CA1", word, "undeliverable") for word in ("busy", "no-answer", "failed", "canceled")],
    ],
)
def test_states(sid: str, told: str, status: str) -> None:
    found = mapping.receipt_of(Fields({"sid": sid, "status": told, "error_code": None}))
    assert found.status.value == status
    assert bool(found.failure) is (status == "undeliverable")


def answer(status: int, code: object, **headers: str) -> HttpAnswer:
    body = json.dumps({"code": code, "message": "+8613812345678", "status": status}).encode()
    return HttpAnswer(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body
    )


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, 20003, AuthFailed),
        (403, 20003, AuthFailed),
        (429, 20429, RateLimited),
        (429, 99999, RateLimited),
        (400, 21611, RateLimited),
        (400, 21211, Rejected),
        (400, 21610, Rejected),
        (400, 21612, Rejected),
        (400, 21614, Rejected),
        (400, 30007, Rejected),
        (400, 21408, Misconfigured),
        (400, 21606, Misconfigured),
        (400, 21608, Misconfigured),
        (404, 20404, Misconfigured),
        (400, 30001, UnknownOutcome),
        (400, 30008, UnknownOutcome),
        (400, 99999, UnknownOutcome),
        (503, 20503, UnknownOutcome),
        (500, 21211, UnknownOutcome),
        (400, "21211", Misconfigured),
    ],
)
def test_refusals(status: int, code: object, kind: type[ProviderError]) -> None:
    found = refusal(answer(status, code), mutates=True)
    assert type(found) is kind
    assert "138" not in repr(found)


def test_a_wait_is_passed_on_and_a_new_code_of_a_question_is_rejected() -> None:
    limited = refusal(answer(429, 20429, retry_after="5"), mutates=True)
    assert isinstance(limited, RateLimited)
    assert limited.retry_after_s == 5
    assert isinstance(refusal(answer(400, 99999), mutates=False), Rejected)
    elsewhere = refusal(answer(400, 21612), mutates=True)
    assert isinstance(elsewhere, Rejected)
    assert elsewhere.advice is RetryAdvice.OTHER_PROVIDER


def test_no_code_has_two_meanings() -> None:
    groups = (codes.CREDENTIALS, codes.LIMITED, codes.SETTINGS, codes.BUSINESS, codes.DOUBT)
    assert sum(map(len, groups)) == len(frozenset().union(*groups))


@pytest.mark.parametrize(
    "wrong",
    [
        {"auth_token": None},
        {"from_number": ""},
        {"messaging_service_sid": "MG1"},
        {"api_key_sid": "SK-made-up"},
        {"account_sid": "SK1"},
        {"base_url": "http://api.twilio.com"},
        {"nothing": 1},
    ],
)
def test_settings_that_do_not_go_together(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TwilioSettings(**{**SETTINGS, **wrong})  # type: ignore[arg-type]


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_a_number_goes_out_as_it_is(to: str) -> None:
    assert mapping.number(to) == to


@given(st.text(max_size=20).filter(lambda to: not to.startswith("+")))
def test_what_is_no_number_is_rejected_without_being_repeated(to: str) -> None:
    with pytest.raises(Rejected) as raised:
        mapping.number(to)
    assert raised.value.detail == "the receiver is no number in E.164"


@given(st.text(min_size=1, max_size=40))
def test_our_key_stands_in_the_address_as_it_is(key: str) -> None:
    query = mapping.callback_url("https://hub.example/webhooks/x", key).partition("?")[2]
    assert parse_qsl(query) == [("key", key)]
