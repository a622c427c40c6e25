"""The vendor's words and the hub's: codes, statuses, keys, days, and answers that are none.

Source of the code and text of a refused void: the vendor's answer as kept in the tests of two independent clients
(docusign_ex and docusignex for Elixir). Everything else here is made up after the vendor's own models.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_esign_docusign import codes, mapping
from leasehub_esign_docusign.conformance import settings
from leasehub_esign_docusign.settings import DocusignSettings
from pydantic import ValidationError

from hub.core.errors import AuthFailed, Misconfigured, ProviderError, RateLimited, Rejected, UnknownOutcome
from hub.core.ports.esign import EnvelopeRequest, EnvelopeStatus, EsignDocument, Signer, SignerRole
from hub.sdk.http import HttpAnswer
from hub.sdk.reading import Fields
from hub.sdk.refusals import Meaning

NOW = datetime(2026, 3, 5, 2, 10, tzinfo=UTC)
_KINDS = {
    Meaning.LIMITED: RateLimited,
    Meaning.CREDENTIALS: AuthFailed,
    Meaning.SETTINGS: Misconfigured,
    Meaning.BUSINESS: Rejected,
    Meaning.DOUBT: UnknownOutcome,
}


def failed(code: object, status: int = 400, *, mutates: bool = True, **headers: str) -> ProviderError | None:
    body = json.dumps({"errorCode": code, "message": "zhang@example.com is wrong"}).encode()
    answer = HttpAnswer(status=status, headers={name.replace("_", "-"): v for name, v in headers.items()}, body=body)
    return mapping.failure(answer, mutates=mutates, now=NOW)


@pytest.mark.parametrize(("code", "meaning"), sorted(codes.REFUSALS.items()))
@pytest.mark.parametrize("status", [400, 401, 404, 429])
def test_the_code_counts_whatever_the_status(code: str, meaning: Meaning, status: int) -> None:
    for written in (code, code.title()):
        found = failed(written, status)
        assert type(found) is _KINDS[meaning]
        assert "zhang" not in str(found)


def test_a_refused_void_is_the_published_one() -> None:
    text = "Only envelopes in the 'Sent' or 'Delivered' states may be voided."
    body = json.dumps({"errorCode": "ENVELOPE_CANNOT_VOID_INVALID_STATE", "message": text}).encode()
    found = mapping.failure(HttpAnswer(status=400, headers={}, body=body), mutates=True, now=NOW)
    assert isinstance(found, Rejected)
    assert found.vendor_code == codes.CANNOT_VOID


@pytest.mark.parametrize(
    ("code", "status", "mutates", "kind"),
    [
        ("SOMETHING_NEW", 400, True, UnknownOutcome),
        ("SOMETHING_NEW", 400, False, Rejected),
        ("SOMETHING_NEW", 500, False, UnknownOutcome),
        ("SOMETHING_NEW", 401, True, AuthFailed),
        ("SOMETHING_NEW", 429, True, RateLimited),
        ("张三 zhang@example.com", 400, False, Misconfigured),
        (None, 503, True, UnknownOutcome),
        (17, 409, True, UnknownOutcome),
    ],
)
def test_codes_that_nobody_knows(code: object, status: int, mutates: bool, kind: type[ProviderError]) -> None:
    assert type(failed(code, status, mutates=mutates)) is kind


@pytest.mark.parametrize(
    ("code", "headers", "wait_s"),
    [
        ("HOURLY_APIINVOCATION_LIMIT_EXCEEDED", {}, 3000.0),
        ("HOURLY_APIINVOCATION_LIMIT_EXCEEDED", {"x_ratelimit_reset": str(int(NOW.timestamp()) + 90)}, 90.0),
        ("HOURLY_APIINVOCATION_LIMIT_EXCEEDED", {"x_ratelimit_reset": "1425967200"}, 0.0),
        ("Hourly_Envelope_Polling_Limit_Exceeded", {"x_ratelimit_reset": "soon"}, 3000.0),
        ("Hourly_Envelope_Polling_Limit_Exceeded", {"retry_after": "12"}, 12.0),
        ("BURST_APIINVOCATION_LIMIT_EXCEEDED", {"x_ratelimit_reset": "9999999999"}, 30.0),
    ],
)
def test_how_long_to_wait(code: str, headers: dict[str, str], wait_s: float) -> None:
    found = failed(code, 400, **headers)
    assert isinstance(found, RateLimited)
    assert found.retry_after_s == wait_s


def envelope(status: str, signers: list[dict[str, object]] | None = None, **more: object) -> Fields:
    recipients = {} if signers is None else {"recipients": {"signers": signers}}
    return Fields({"envelopeId": "e-1", "status": status, **recipients, **more})


@pytest.mark.parametrize(("word", "status"), [*codes.STATUS.items(), ("a_word_nobody_knows", EnvelopeStatus.SENT)])
def test_statuses(word: str, status: EnvelopeStatus) -> None:
    assert mapping.envelope_of(envelope(word)).status is status
    assert mapping.envelope_of(envelope(word.title(), [{"status": "sent"}])).status is status


def test_one_signature_of_two() -> None:
    signers: list[dict[str, object]] = [{"status": "Completed"}, {"status": "delivered", "clientUserId": "2"}]
    assert mapping.envelope_of(envelope("delivered", signers)).status is EnvelopeStatus.PARTLY_SIGNED
    assert [one.content for one in mapping.whose_turn(envelope("delivered", signers))] == [signers[1]]
    assert mapping.whose_turn(envelope("voided", signers)) == ()


def test_seven_digits_of_a_second_and_who_declined() -> None:
    done = mapping.envelope_of(envelope("completed", completedDateTime="2026-03-05T02:00:00.4233752Z"))
    assert done.completed_at == datetime(2026, 3, 5, 2, 0, 0, 423375, tzinfo=UTC)
    signers: list[dict[str, object]] = [{"status": "declined", "declinedReason": "too dear"}, {"status": "created"}]
    declined = mapping.envelope_of(envelope("declined", signers))
    assert (declined.status, declined.decline_reason) == (EnvelopeStatus.DECLINED, "too dear")


@pytest.mark.parametrize(
    ("ends", "voided", "status"),
    [
        ("2026-03-08T02:00:00Z", "2026-03-08T02:00:03Z", EnvelopeStatus.EXPIRED),
        ("2026-03-08T02:00:00Z", "2026-03-07T23:00:00Z", EnvelopeStatus.VOIDED),
        (None, "2026-03-07T23:00:00Z", EnvelopeStatus.VOIDED),
    ],
)
def test_run_out_or_taken_back(ends: str | None, voided: str, status: EnvelopeStatus) -> None:
    assert mapping.envelope_of(envelope("voided", expireDateTime=ends, voidedDateTime=voided)).status is status


@pytest.mark.parametrize(
    "content",
    [{}, {"envelopeId": ""}, {"envelopeId": "e", "status": 1}, {"envelopeId": "e", "status": "sent", "recipients": []}],
)
def test_what_is_no_envelope_is_unreadable(content: dict[str, object]) -> None:
    with pytest.raises(UnknownOutcome):
        mapping.envelope_of(Fields(content))


@pytest.mark.parametrize("content", [{}, {"envelopes": "x"}, {"resultSetSize": "many"}, {"unexpected": True}])
def test_what_is_no_list_is_unreadable(content: dict[str, object]) -> None:
    with pytest.raises(UnknownOutcome):
        mapping.one_of(Fields(content), name="envelopeId", value="e")


@given(st.text(max_size=255))
def test_a_key_fits_and_stays_the_same(key: str) -> None:
    short = mapping.transaction_id(key)
    assert 1 <= len(short) <= 36
    assert short.isascii()
    assert mapping.transaction_id(key) == short
    assert mapping.transaction_id(short) == short


def body_of(days: timedelta, **more: object) -> dict[str, object]:
    document = EsignDocument(
        name="paper", content=b"x", sha256="2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    )
    request = EnvelopeRequest(
        subject="租" * 300,
        documents=(document,),
        signers=(Signer(role=SignerRole.GUARANTOR, order=1, name="李" * 200, email="li@example.com"),),
        expires_at=NOW + days,
    )
    made = DocusignSettings(**{**settings(), **more})  # type: ignore[arg-type]
    return mapping.envelope_body(request, made, "key-1", NOW, "https://hub.example/webhooks/d")


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (timedelta(days=7), "7"),
        (timedelta(days=6, seconds=1), "7"),
        (timedelta(hours=-3), "1"),
        (timedelta(days=5000), "999"),
    ],
)
def test_days_are_whole_and_never_too_few(left: timedelta, days: str) -> None:
    told = Fields(body_of(left)).inner("notification").inner("expirations")
    assert told.text("expireAfter") == days


def test_long_texts_are_cut_and_empty_ones_left_out() -> None:
    body = body_of(timedelta(days=1), hmac_keys=())
    assert body["emailSubject"] == "租" * 100
    assert "eventNotification" not in body
    (signer,) = Fields(body).inner("recipients").each("signers")
    assert signer.text("name") == "李" * 100
    assert "tabs" not in signer.content
    assert "eventNotification" not in body_of(timedelta(days=1), envelope_callbacks=False)
    assert "eventNotification" in body_of(timedelta(days=1))
    assert len(str(mapping.void_body("r" * 900)["voidedReason"])) == 200
    assert mapping.void_body("")["voidedReason"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"integration_key": "x"},
        {"base_uri": "https://eu.docusign.net/restapi"},
        {"oauth_url": "account.docusign.com"},
        {"return_url": ""},
        {"hmac_keys": [""]},
        {"anchors": {"nobody": "x"}},
        {"anchor_x": 99999},
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DocusignSettings(**{**settings(), **wrong})  # type: ignore[arg-type]
