"""What an answer makes of a movement, and which news is stale."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import RetryAdvice
from hub.core.money import Money
from hub.core.ports.payments import PaymentOutcome, PaymentResult, RejectionAdvice
from hub.leasing.payments.rules import (
    DOUBTFUL,
    LIVE,
    MOVES,
    NOT_EXECUTED,
    MovementState,
    judge,
    may_move,
    refused,
)

ASKED = Money.of("1234.56")
AT = datetime(2026, 2, 1, 4, 0, tzinfo=UTC)


def succeeded(money: Money) -> PaymentResult:
    return PaymentResult(outcome=PaymentOutcome.SUCCEEDED, payment_ref="p-1", money=money, settled_at=AT)


def test_the_amount_that_was_asked_for_is_a_success() -> None:
    verdict = judge(ASKED, succeeded(ASKED))
    assert (verdict.state, verdict.payment_ref, verdict.settled_at) == (MovementState.SUCCEEDED, "p-1", AT)


@given(st.integers(min_value=1, max_value=10**12))
def test_any_other_amount_is_disputed(minor: int) -> None:
    verdict = judge(ASKED, succeeded(Money(minor)))
    assert (verdict.state is MovementState.SUCCEEDED) == (minor == ASKED.minor)
    assert verdict.state in (MovementState.SUCCEEDED, MovementState.DISPUTED)


def test_another_currency_is_disputed() -> None:
    assert judge(ASKED, succeeded(Money(ASKED.minor, "USD"))).state is MovementState.DISPUTED


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref="p-1"), MovementState.PENDING),
        (PaymentResult(outcome=PaymentOutcome.UNKNOWN), MovementState.UNKNOWN),
        (PaymentResult(outcome=PaymentOutcome.REJECTED, code="insufficient_funds"), MovementState.REJECTED),
    ],
)
def test_what_a_result_means(result: PaymentResult, state: MovementState) -> None:
    verdict = judge(ASKED, result)
    assert (verdict.state, verdict.code, verdict.payment_ref) == (state, result.code, result.payment_ref)


@pytest.mark.parametrize(
    ("advice", "expected"),
    [
        (RetryAdvice.NEVER, RejectionAdvice.DO_NOT_RETRY),
        (RetryAdvice.LATER, RejectionAdvice.RETRY_LATER),
        (RetryAdvice.OTHER_PROVIDER, RejectionAdvice.RETRY_LATER),
        (None, RejectionAdvice.RETRY_LATER),
    ],
)
def test_a_refusal_by_error_keeps_its_advice(advice: RetryAdvice | None, expected: RejectionAdvice) -> None:
    assert refused("closed_account", advice).advice is expected
    assert refused("closed_account", advice).code == "closed_account"
    assert refused(None, advice).code == NOT_EXECUTED


def test_money_that_was_refused_and_comes_after_all_is_recorded() -> None:
    assert MOVES[MovementState.REJECTED] == {MovementState.SUCCEEDED, MovementState.DISPUTED}


def test_what_has_succeeded_never_moves_again() -> None:
    assert not MOVES[MovementState.SUCCEEDED]


def test_nothing_goes_back_before_it_was_sent() -> None:
    assert all(not {MovementState.REQUESTED, MovementState.SENT} & MOVES[state] for state in LIVE - {"requested"})


@given(
    st.lists(st.sampled_from(sorted(set(MovementState) - {MovementState.REQUESTED, MovementState.SENT})), max_size=8)
)
def test_whatever_comes_in_whatever_order_a_success_stays(news: list[MovementState]) -> None:
    state, succeeded_once = MovementState.SENT, False
    for word in news:
        if may_move(state, word):
            state = word
        succeeded_once = succeeded_once or word is MovementState.SUCCEEDED
        assert not (succeeded_once and state in LIVE)
    assert (state is MovementState.SUCCEEDED) == succeeded_once


def test_a_state_is_either_live_or_over_and_doubt_is_named() -> None:
    assert set(MOVES) == set(MovementState)
    assert {MovementState.UNKNOWN, MovementState.DISPUTED} == DOUBTFUL
    assert {MovementState.SUCCEEDED, MovementState.REJECTED, MovementState.DISPUTED} == set(MovementState) - LIVE
