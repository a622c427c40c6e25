"""The pursuit of an outcome, turn by turn, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hub.core.effects import Effect
from hub.core.errors import NotSent, Rejected
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import PaymentOutcome, PaymentResult
from hub.core.provider import OperationFacts
from hub.integrations.errands import Ended
from hub.integrations.pursuit import Learned, Pursuit, Turn, after_question, after_second_send
from hub.integrations.verdicts import Asking, CallState

SENT_AT = datetime(2026, 1, 5, tzinfo=UTC)
FACTS = OperationFacts(idempotent=True, settle_window=timedelta(minutes=10), key_lifetime=timedelta(days=1))
NO_RECORD = NoRecord(query=StatusQuery(idempotency_key="k"))
UNKNOWN = Pursuit(state=CallState.UNKNOWN, effect=Effect.MONEY, started_at=SENT_AT)


def _asked(before: Pursuit, minutes: float) -> Turn:
    now = SENT_AT + timedelta(minutes=minutes)
    return after_question(before, found=NO_RECORD, known=None, facts=FACTS, asking=Asking.POSSIBLE, now=now)


def test_no_record_counts_after_the_settle_window_and_twice() -> None:
    early = _asked(_asked(UNKNOWN, 5).after, 9)
    assert (early.after.no_record_count, early.send_again) == (0, False)
    once = _asked(early.after, 10)
    assert (once.after.no_record_count, once.send_again) == (1, False)
    echo = _asked(once.after, 10.1)
    assert (echo.after.no_record_count, echo.send_again) == (1, False)
    assert _asked(echo.after, 11).send_again


def test_what_is_sent_again_has_a_settle_window_of_its_own() -> None:
    again = _asked(_asked(UNKNOWN, 10).after, 11)
    assert again.send_again
    soon = _asked(_asked(again.after, 12).after, 20)
    assert (soon.after.no_record_count, soon.send_again) == (0, False)
    assert _asked(_asked(soon.after, 21).after, 22).send_again


def test_that_a_second_send_was_not_executed_says_nothing_of_the_first() -> None:
    now = SENT_AT + timedelta(minutes=11)
    not_sent = after_second_send(UNKNOWN, Ended.with_error(NotSent(), Effect.MONEY), now)
    assert (not_sent.learned, not_sent.after.state) == (Learned.NOTHING, CallState.UNKNOWN)
    refused = after_second_send(UNKNOWN, Ended.with_error(Rejected("x"), Effect.MONEY), now)
    assert (refused.learned, refused.after.state) == (Learned.NOTHING, CallState.UNKNOWN)


def test_a_refusal_in_the_providers_books_is_the_outcome_of_a_second_send() -> None:
    booked = Ended.with_result(PaymentResult(outcome=PaymentOutcome.REJECTED, code="no_funds"))
    turn = after_second_send(UNKNOWN, booked, SENT_AT + timedelta(minutes=11))
    assert (turn.learned, turn.after.state) == (Learned.SETTLED, CallState.OK)
    assert turn.ended == booked


def test_a_second_send_that_is_refused_at_the_door_is_refused_once_the_first_is_nowhere_either() -> None:
    again = _asked(_asked(UNKNOWN, 10).after, 11).after
    refused = after_second_send(again, Ended.with_error(Rejected("x"), Effect.MONEY), SENT_AT + timedelta(minutes=11))
    once = _asked(refused.after, 21)
    assert (once.after.state, once.send_again) == (CallState.UNKNOWN, False)
    twice = _asked(once.after, 22)
    assert (twice.learned, twice.after.state, twice.send_again) == (Learned.SETTLED, CallState.REJECTED, False)
    assert twice.ended is not None
    assert twice.ended.error_code == "x"
    paid = PaymentResult(outcome=PaymentOutcome.SUCCEEDED, money=Money.of("1.00"))
    now = SENT_AT + timedelta(minutes=22)
    found = after_question(once.after, found=paid, known=None, facts=FACTS, asking=Asking.POSSIBLE, now=now)
    assert (found.learned, found.after.state) == (Learned.SETTLED, CallState.OK)


def test_an_intent_that_was_left_behind_is_unknown() -> None:
    turn = _asked(Pursuit(state=CallState.INTENT, effect=Effect.MONEY, started_at=SENT_AT), 1)
    assert (turn.cut_off, turn.after.state, turn.learned) == (True, CallState.UNKNOWN, Learned.NOTHING)
