"""What settles a lease on a day: interest to the day, lock-in, fee."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import RuleBroken
from hub.core.money import Money
from hub.leasing.instalments.rules import Instalment, InstalmentState
from hub.leasing.products.rules import InterestUntil
from hub.leasing.servicing.rules import PayoffTerms
from hub.leasing.settlements.payoff import last_valid_day, payoff, running_interest
from tests.leasing.instalments.made import DUE, rent

OPENED = DUE - timedelta(days=30)
TERMS = PayoffTerms(lock_in_months=0, fee_share=Decimal("0.03"), interest_until=InterestUntil.SETTLEMENT_DAY)
PAID = rent(1, state=InstalmentState.PAID, paid_principal=Money.of("900.00"), paid_interest=Money.of("100.00"))
SCHEDULE = [PAID, rent(2), rent(3), rent(4)]


def day(number: int) -> date:
    return DUE + timedelta(days=number)


def test_remaining_principal_interest_to_the_day_and_the_fee() -> None:
    parts = payoff(SCHEDULE, TERMS, OPENED, day(12))
    assert parts.principal == Money.of("2700.00")
    assert parts.interest == Money.of("40.00")  # 12 of 30 days
    assert parts.fee == Money.of("81.00")
    assert (parts.arrears, parts.penalty) == (Money.zero(), Money.zero())
    assert parts.total == Money.of("2821.00")


def test_arrears_and_penalties_come_on_top() -> None:
    late = rent(
        1,
        state=InstalmentState.OVERDUE,
        penalty=Money.of("6.00"),
        paid_interest=Money.of("100.00"),
        paid_penalty=Money.of("1.00"),
    )
    parts = payoff([late, *SCHEDULE[1:]], TERMS, OPENED, day(12))
    assert (parts.arrears, parts.penalty) == (Money.of("900.00"), Money.of("5.00"))
    assert parts.total == Money.of("3726.00")


@pytest.mark.parametrize(
    ("number", "until", "expected"),
    [
        (0, InterestUntil.SETTLEMENT_DAY, "0.00"),
        (1, InterestUntil.SETTLEMENT_DAY, "3.33"),
        (29, InterestUntil.SETTLEMENT_DAY, "96.67"),
        (30, InterestUntil.SETTLEMENT_DAY, "100.00"),
        (99, InterestUntil.SETTLEMENT_DAY, "100.00"),
        (-4, InterestUntil.SETTLEMENT_DAY, "0.00"),
        (0, InterestUntil.PERIOD_END, "0.00"),
        (1, InterestUntil.PERIOD_END, "100.00"),
        (30, InterestUntil.PERIOD_END, "100.00"),
    ],
)
def test_the_interest_of_the_running_period(number: int, until: InterestUntil, expected: str) -> None:
    assert running_interest(rent(2), DUE, day(number), until) == Money.of(expected)


def test_the_first_period_runs_from_the_opening() -> None:
    assert payoff([rent(1), rent(2)], TERMS, OPENED, day(-15)).interest == Money.of("50.00")


def test_a_rent_in_advance_that_is_due_on_the_opening_day_has_no_period_before_it() -> None:
    assert payoff([rent(1)], TERMS, DUE, DUE).interest == Money.zero()


def test_not_within_the_lock_in() -> None:
    locked = replace(TERMS, lock_in_months=6)
    with pytest.raises(RuleBroken, match="payoff_locked_in"):
        payoff(SCHEDULE, locked, date(2026, 1, 31), date(2026, 7, 30))
    assert payoff(SCHEDULE, locked, date(2026, 1, 31), date(2026, 7, 31)).principal


@pytest.mark.parametrize("schedule", [[], [PAID], [rent(1, state=InstalmentState.OVERDUE)]])
def test_nothing_is_left_to_settle(schedule: list[Instalment]) -> None:
    with pytest.raises(RuleBroken, match="nothing_to_settle"):
        payoff(schedule, TERMS, OPENED, day(1))


@pytest.mark.parametrize(("number", "last"), [(12, 15), (27, 29), (29, 29)])
def test_a_quote_is_valid_for_days_but_not_beyond_the_next_due_date(number: int, last: int) -> None:
    assert last_valid_day(SCHEDULE, day(number), timedelta(days=3)) == day(last)


@given(st.integers(min_value=0, max_value=29), st.integers(min_value=0, max_value=29))
def test_a_later_day_never_costs_less(earlier: int, later: int) -> None:
    earlier, later = sorted((earlier, later))
    first, second = (payoff(SCHEDULE, TERMS, OPENED, day(number)) for number in (earlier, later))
    assert first.total <= second.total
    assert first.total == first.arrears + first.penalty + first.principal + first.interest + first.fee
