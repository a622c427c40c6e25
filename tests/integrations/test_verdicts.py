"""The table of the contract, row by row."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from hub.core.effects import Effect
from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)
from hub.core.hookspecs import OPERATIONS
from hub.core.identity import DocumentKind
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.credit_bureau import Applicant, CreditOutcome, CreditPullRequest, CreditReport, Inquiry
from hub.core.ports.esign import Envelope, EnvelopeStatus, FetchRequest, SignedFiles, VoidRequest
from hub.core.ports.gps_tracker import FenceReceipt, GeofenceDelete, LocateRequest
from hub.core.ports.payments import CancelRequest, Mandate, MandateStatus, PaymentOutcome, PaymentResult
from hub.core.ports.sms import MessageReceipt, MessageStatus
from hub.core.provider import OperationFacts
from hub.integrations.verdicts import (
    Asking,
    CallState,
    Mark,
    Search,
    Step,
    Withheld,
    after_no_news,
    after_no_record,
    conduct,
    effect_of,
    is_about,
    next_check,
    shows_nothing_of,
    state_of,
)

ONLY_READ = {Effect.READ}

ROWS = [
    # error, state, retry, fail over, mark (Source: docs/adr/0007-intent-before-send.md)
    (NotSent(), CallState.NOT_EXECUTED, True, True, Mark.FAILURE),
    (RateLimited(retry_after_s=3), CallState.NOT_EXECUTED, True, True, Mark.COOLDOWN),
    (Rejected("no"), CallState.REJECTED, False, False, Mark.NOTHING),
    (Rejected("no", advice=RetryAdvice.LATER), CallState.REJECTED, False, False, Mark.NOTHING),
    (Rejected("no", advice=RetryAdvice.OTHER_PROVIDER), CallState.REJECTED, False, True, Mark.NOTHING),
    (AuthFailed(), CallState.NOT_EXECUTED, False, True, Mark.LOCK),
    (Misconfigured(), CallState.NOT_EXECUTED, False, True, Mark.LOCK),
    (Withheld(), CallState.NOT_EXECUTED, False, True, Mark.NOTHING),
]


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize(("error", "state", "retry", "fail_over", "mark"), ROWS)
def test_what_is_proven_is_the_same_for_every_effect(
    effect: Effect, error: ProviderError, state: CallState, retry: bool, fail_over: bool, mark: Mark
) -> None:
    row = conduct(error, effect)
    assert (row.state, row.retry, row.fail_over, row.mark) == (state, retry, fail_over, mark)


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("error", [UnknownOutcome(), ProviderError("whatever")])
def test_only_a_read_is_repeated_or_moved_when_nobody_knows(effect: Effect, error: ProviderError) -> None:
    row = conduct(error, effect)
    assert row.state is CallState.UNKNOWN
    assert row.retry == row.fail_over == (effect in ONLY_READ)
    assert row.mark is Mark.FAILURE


def _pull(inquiry: Inquiry) -> CreditPullRequest:
    applicant = Applicant(name="张三", document_kind=DocumentKind.CN_IDENTITY_CARD, document_number="x")
    return CreditPullRequest(applicant=applicant, inquiry=inquiry, purpose="lease", consent_ref="c")


def test_a_soft_inquiry_is_a_read_and_a_hard_one_is_not() -> None:
    spec = OPERATIONS["credit_pull"]
    assert effect_of(spec, _pull(Inquiry.SOFT)) is Effect.READ
    assert effect_of(spec, _pull(Inquiry.HARD)) is Effect.REGULATED_READ


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (PaymentResult(outcome=PaymentOutcome.SUCCEEDED, money=Money(1)), CallState.OK),
        (PaymentResult(outcome=PaymentOutcome.REJECTED, code="insufficient_funds"), CallState.OK),
        (PaymentResult(outcome=PaymentOutcome.PENDING), CallState.PENDING),
        (PaymentResult(outcome=PaymentOutcome.UNKNOWN), CallState.UNKNOWN),
        (Mandate(mandate_ref="m", status=MandateStatus.PENDING), CallState.PENDING),
        (Mandate(mandate_ref="m", status=MandateStatus.REVOKED), CallState.OK),
        (CreditReport(outcome=CreditOutcome.PENDING, report_ref="r"), CallState.PENDING),
        (CreditReport(outcome=CreditOutcome.NO_FILE, report_ref="r"), CallState.OK),
        (Envelope(envelope_ref="e", status=EnvelopeStatus.PARTLY_SIGNED), CallState.PENDING),
        (Envelope(envelope_ref="e", status=EnvelopeStatus.DECLINED), CallState.OK),
        (MessageReceipt(message_ref="s", status=MessageStatus.ACCEPTED), CallState.PENDING),
        (MessageReceipt(message_ref="s", status=MessageStatus.UNDELIVERABLE), CallState.OK),
    ],
)
def test_where_a_result_leaves_a_call(result: object, state: CallState) -> None:
    assert state_of(result) is state


def test_the_first_checks_come_fast_and_then_daily() -> None:
    waits = [next_check(CallState.UNKNOWN, Effect.MONEY, done) for done in range(6)]
    day = timedelta(days=1)
    assert waits == [timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6), day, day]
    assert next_check(CallState.PENDING, Effect.LEGAL) == timedelta(minutes=5)


FULL = OperationFacts(idempotent=True, key_lifetime=timedelta(hours=24), settle_window=timedelta(minutes=2))


def _search(age: timedelta, no_records: int = 0, **changes: object) -> Search:
    given = {"state": CallState.UNKNOWN, "effect": Effect.MONEY, "age": age, "no_records": no_records, **changes}
    return Search(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("search", "facts", "step"),
    [
        (_search(timedelta(minutes=1), 9), FULL, Step.ASK_LATER),  # within the settle window it means nothing
        (_search(timedelta(minutes=3), 1), FULL, Step.ASK_LATER),  # once is not enough
        (_search(timedelta(minutes=3), 2), FULL, Step.SEND_AGAIN),
        (_search(timedelta(hours=24), 2), FULL, Step.ESCALATE),  # the provider has forgotten the key
        (_search(timedelta(minutes=3), 2), OperationFacts(idempotent=True), Step.ESCALATE),  # nothing promised
        (
            _search(timedelta(minutes=3), 2),
            OperationFacts(key_lifetime=timedelta(days=1), settle_window=timedelta(minutes=1)),
            Step.ESCALATE,  # it would execute twice
        ),
        (_search(timedelta(minutes=3), 2, effect=Effect.PHYSICAL), FULL, Step.ESCALATE),
        (_search(timedelta(minutes=3), 2, state=CallState.PENDING), FULL, Step.ESCALATE),
        (_search(timedelta(minutes=3), 2, state=CallState.ESCALATED), FULL, Step.LEAVE),
    ],
)
def test_no_record(search: Search, facts: OperationFacts, step: Step) -> None:
    assert after_no_record(search, facts) is step


@pytest.mark.parametrize(
    ("search", "asking", "step"),
    [
        (_search(timedelta(hours=1)), Asking.POSSIBLE, Step.ASK_LATER),
        (_search(timedelta(hours=1)), Asking.NOT_NOW, Step.ASK_LATER),
        (_search(timedelta(seconds=1)), Asking.NEVER, Step.ESCALATE),
        (_search(timedelta(hours=24)), Asking.POSSIBLE, Step.ESCALATE),
        (_search(timedelta(days=4), state=CallState.PENDING), Asking.POSSIBLE, Step.ASK_LATER),
        (_search(timedelta(days=5), state=CallState.PENDING), Asking.POSSIBLE, Step.ESCALATE),
        (_search(timedelta(days=3), state=CallState.PENDING, effect=Effect.NOTIFY), Asking.NEVER, Step.LET_GO),
        (_search(timedelta(days=9), state=CallState.ESCALATED), Asking.POSSIBLE, Step.LEAVE),
    ],
)
def test_no_news(search: Search, asking: Asking, step: Step) -> None:
    assert after_no_news(search, FULL, asking) is step


def _envelope(ref: str, status: EnvelopeStatus = EnvelopeStatus.SENT) -> Envelope:
    return Envelope(envelope_ref=ref, status=status)


def _paid(ref: str | None) -> PaymentResult:
    return PaymentResult(outcome=PaymentOutcome.SUCCEEDED, payment_ref=ref, money=Money(1))


def _file(ref: str) -> SignedFiles:
    return SignedFiles(
        envelope_ref=ref, content=b"x", content_type="application/pdf", sha256=hashlib.sha256(b"x").hexdigest()
    )


@pytest.mark.parametrize(
    ("request_", "result", "about"),
    [
        (StatusQuery(provider_ref="a", idempotency_key="k"), _paid("a"), True),
        (StatusQuery(provider_ref="a", idempotency_key="k"), _paid("b"), False),
        (StatusQuery(provider_ref="a"), _paid(None), True),  # it does not say
        (StatusQuery(provider_ref="a"), NoRecord(query=StatusQuery(provider_ref="a")), True),
        (StatusQuery(idempotency_key="k"), _paid("b"), True),  # by our key the reference is what we want to learn
        (VoidRequest(envelope_ref="a", reason="r"), _envelope("a"), True),
        (VoidRequest(envelope_ref="a", reason="r"), _envelope("b"), False),
        (FetchRequest(envelope_ref="a"), _file("a"), True),
        (FetchRequest(envelope_ref="a"), _file("b"), False),
        (GeofenceDelete(fence_ref="a", device_ref="d"), FenceReceipt(fence_ref="b", active=False), False),
        (CancelRequest(payment_ref="a", reason="r"), _paid("b"), False),
        (LocateRequest(device_ref="d"), None, True),
    ],
)
def test_an_answer_is_about_what_was_asked(request_: object, result: object, about: bool) -> None:
    assert is_about(result, request_) is about


@pytest.mark.parametrize(
    ("operation", "state", "found", "nothing"),
    [
        ("esign_void", CallState.UNKNOWN, _envelope("a"), True),
        ("esign_void", CallState.INTENT, _envelope("a", EnvelopeStatus.PARTLY_SIGNED), True),
        ("esign_void", CallState.UNKNOWN, _envelope("a", EnvelopeStatus.VOIDED), False),
        ("esign_void", CallState.UNKNOWN, _envelope("a", EnvelopeStatus.COMPLETED), False),  # signed before it could be
        ("esign_void", CallState.PENDING, _envelope("a"), False),  # the provider has said that it is at it
        ("esign_create", CallState.UNKNOWN, _envelope("a"), False),
        ("esign_void", CallState.UNKNOWN, None, False),
    ],
)
def test_an_envelope_that_is_still_out_was_not_taken_back(
    operation: str, state: CallState, found: object, nothing: bool
) -> None:
    assert shows_nothing_of(operation, state, found) is nothing


@pytest.mark.parametrize(
    ("outcome", "state", "nothing"),
    [
        (PaymentOutcome.PENDING, CallState.UNKNOWN, True),
        (PaymentOutcome.SUCCEEDED, CallState.UNKNOWN, True),
        (PaymentOutcome.REJECTED, CallState.UNKNOWN, False),
        (PaymentOutcome.PENDING, CallState.PENDING, False),
    ],
)
def test_a_payment_that_goes_on_was_not_stopped(outcome: PaymentOutcome, state: CallState, nothing: bool) -> None:
    code = "cancelled" if outcome is PaymentOutcome.REJECTED else None
    found = PaymentResult(outcome=outcome, payment_ref="p-1", money=Money(1), code=code)
    assert shows_nothing_of("payments_cancel", state, found) is nothing
    assert not shows_nothing_of("payments_collect", state, found)
