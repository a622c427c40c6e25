"""The pursuit of an outcome, turn by turn, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hub.core.effects import Effect
from hub.core.errors import NotSent, Rejected
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import PaymentOutcome, PaymentResult
from hub.core.provider import OperationFacts
from hub.integrations.errands import Ended
from hub.integrations.pursuit import Learned, Pursuit, Turn, after_question, after_second_send, first_look
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


# What the provider has only been told of

ANNOUNCED = Pursuit(
    state=CallState.PENDING,
    effect=Effect.MONEY,
    started_at=SENT_AT,
    reconcile_at=SENT_AT + timedelta(days=1),
    reconcile_count=4,
)
PLEDGE = OperationFacts(idempotent=True, settle_window=timedelta(minutes=10), key_lifetime=timedelta(days=30))


def _announced(after: timedelta) -> PaymentResult:
    return PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref="p-1", send_again_at=SENT_AT + after)


def _told(before: Pursuit, after: timedelta, now: datetime, facts: OperationFacts = PLEDGE) -> Turn:
    found = _announced(after)
    return after_question(before, found=found, known=found, facts=facts, asking=Asking.POSSIBLE, now=now)


def test_what_was_announced_waits_for_its_instant_however_long_that_is() -> None:
    turn = _told(ANNOUNCED, timedelta(days=6, hours=1), SENT_AT + timedelta(days=6))
    assert (turn.learned, turn.send_again, turn.after.state) == (Learned.NOTHING, False, CallState.PENDING)
    soon = _told(
        replace(ANNOUNCED, reconcile_at=SENT_AT + timedelta(days=3)),
        timedelta(days=2, hours=7),
        SENT_AT + timedelta(days=2),
    )
    assert soon.after.reconcile_at == SENT_AT + timedelta(days=2, hours=7)


def test_it_goes_out_once_more_when_the_provider_says_that_it_is_time() -> None:
    now = SENT_AT + timedelta(days=2)
    turn = _told(ANNOUNCED, timedelta(days=2), now)
    assert (turn.send_again, turn.after.sent_again_at, turn.after.reconcile_count) == (True, now, 0)
    assert turn.after.reconcile_at == now + timedelta(seconds=30)


def test_it_is_not_sent_a_third_time_before_the_second_must_be_visible() -> None:
    now = SENT_AT + timedelta(days=2)
    sent = replace(_told(ANNOUNCED, timedelta(days=2), now).after, reconcile_count=1)
    assert not _told(sent, timedelta(days=2), now + timedelta(minutes=9)).send_again
    late = _told(sent, timedelta(days=2), now + timedelta(minutes=10))
    assert (late.send_again, late.after.reconcile_count) == (True, 1)


def test_a_new_instant_begins_its_turns_anew() -> None:
    now = SENT_AT + timedelta(days=3)
    sent = replace(ANNOUNCED, sent_again_at=SENT_AT + timedelta(days=2))
    assert _told(sent, timedelta(days=3), now).after.reconcile_count == 0


def test_it_is_for_a_person_once_the_key_is_no_longer_honoured_or_was_never() -> None:
    late = _told(ANNOUNCED, timedelta(days=2), SENT_AT + timedelta(days=30))
    never = _told(ANNOUNCED, timedelta(days=2), SENT_AT + timedelta(days=2), OperationFacts())
    for turn in (late, never):
        assert (turn.learned, turn.send_again, turn.after.state) == (Learned.ESCALATED, False, CallState.ESCALATED)


def test_patience_with_what_is_pending_is_counted_from_the_latest_send() -> None:
    sent = replace(ANNOUNCED, sent_again_at=SENT_AT + timedelta(days=8))

    def silent(before: Pursuit, days: float) -> Learned:
        now = SENT_AT + timedelta(days=days)
        return after_question(before, found=None, known=None, facts=PLEDGE, asking=Asking.NOT_NOW, now=now).learned

    assert (silent(ANNOUNCED, 8.5), silent(sent, 8.5), silent(sent, 13)) == (
        Learned.ESCALATED,
        Learned.NOTHING,
        Learned.ESCALATED,
    )


def test_the_first_look_comes_no_later_than_the_instant() -> None:
    def look(again: timedelta | None) -> datetime | None:
        return first_look(Effect.MONEY, CallState.PENDING, SENT_AT, None if again is None else SENT_AT + again)

    usual = SENT_AT + timedelta(seconds=30)
    assert (look(None), look(timedelta(days=2)), look(timedelta(seconds=9)), look(-timedelta(days=1))) == (
        usual,
        usual,
        SENT_AT + timedelta(seconds=9),
        usual,
    )
