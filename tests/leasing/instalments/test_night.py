"""The close of a day: what falls due, is late, bears, is debited; the same day twice changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.money import Money
from hub.leasing.instalments.night import close_day, next_event_on
from hub.leasing.instalments.rules import Instalment, InstalmentState, PenaltyTerms, days_past_due
from tests.leasing.instalments.made import DUE, all_terms, rent, terms

offsets = st.integers(min_value=-5, max_value=50)
PAID = rent(
    state=InstalmentState.PAID, paid_principal=Money.of("900.00"), paid_interest=Money.of("100.00"), charge_on=None
)


def day(number: int) -> date:
    return DUE + timedelta(days=number)


def close(one: Instalment, number: int, rule: PenaltyTerms | None = None) -> Instalment:
    return close_day(one, rule or terms(), day(number), may_charge=True).instalment


@pytest.mark.parametrize(
    ("number", "state", "fell_due", "overdue"),
    [
        (-1, InstalmentState.SCHEDULED, False, False),
        (0, InstalmentState.DUE, True, False),
        (1, InstalmentState.OVERDUE, True, True),
        (9, InstalmentState.OVERDUE, True, True),
    ],
)
def test_a_rent_falls_due_on_its_day_and_is_overdue_after(
    number: int, state: InstalmentState, fell_due: bool, overdue: bool
) -> None:
    closed = close_day(rent(), terms(), day(number), may_charge=True)
    assert (closed.instalment.state, closed.fell_due, closed.became_overdue) == (state, fell_due, overdue)


@pytest.mark.parametrize("state", [InstalmentState.PAID, InstalmentState.CANCELLED])
def test_what_is_over_is_left_alone(state: InstalmentState) -> None:
    over = replace(PAID, state=state)
    closed = close_day(over, terms(), day(40), may_charge=True)
    assert closed.instalment == over
    assert (closed.fell_due, closed.became_overdue, closed.accrued, closed.to_charge) == (False, False, (), False)


@pytest.mark.parametrize(
    ("charge_on", "may_charge", "expected"),
    [(day(0), True, True), (day(0), False, False), (None, True, False), (day(1), True, False), (day(-3), True, True)],
)
def test_a_rent_is_debited_on_its_day_unless_money_is_in_doubt(
    charge_on: date | None, may_charge: bool, expected: bool
) -> None:
    closed = close_day(rent(charge_on=charge_on), terms(), day(0), may_charge=may_charge)
    assert closed.to_charge is expected


def test_a_rent_that_is_paid_but_for_its_penalty_stays_overdue_and_is_debited() -> None:
    one = replace(
        PAID, state=InstalmentState.OVERDUE, penalty=Money.of("4.00"), charge_on=day(5), penalty_through_on=day(4)
    )
    closed = close_day(one, terms(), day(20), may_charge=True)
    assert closed.to_charge
    assert not closed.accrued
    assert closed.instalment == one


@given(all_terms, offsets)
def test_closing_a_day_again_changes_nothing(rule: PenaltyTerms, number: int) -> None:
    once = close(rent(), number, rule)
    again = close_day(once, rule, day(number), may_charge=True)
    assert again.instalment == once
    assert (again.fell_due, again.became_overdue, again.accrued) == (False, False, ())


@given(all_terms, st.lists(offsets, min_size=1, max_size=8))
def test_closing_day_by_day_is_closing_once_at_the_end(rule: PenaltyTerms, numbers: list[int]) -> None:
    stepwise = rent()
    for number in sorted(numbers):
        stepwise = close(stepwise, number, rule)
    assert stepwise == close(rent(), max(numbers), rule)


@given(all_terms, st.lists(offsets, max_size=8))
def test_a_rent_falls_due_once_and_is_told_overdue_once(rule: PenaltyTerms, numbers: list[int]) -> None:
    one, due, late = rent(), 0, 0
    for number in sorted(numbers):
        closed = close_day(one, rule, day(number), may_charge=True)
        one, due, late = closed.instalment, due + closed.fell_due, late + closed.became_overdue
    assert due == (max(numbers, default=-1) >= 0)
    assert late == (max(numbers, default=0) > 0)


# When to look again


@pytest.mark.parametrize(
    ("instalments", "expected"),
    [
        ([], None),
        ([PAID], None),
        ([PAID, rent(2)], day(30)),
        ([rent(1), rent(2)], day(0)),
        ([rent(1, state=InstalmentState.DUE), rent(2)], day(-19)),
        ([rent(1, state=InstalmentState.OVERDUE)], day(-19)),
        ([replace(PAID, state=InstalmentState.CANCELLED)], None),
    ],
)
def test_the_next_day_to_look(instalments: list[Instalment], expected: date | None) -> None:
    assert next_event_on(instalments, day(-20)) == expected


@given(st.lists(st.sampled_from(list(InstalmentState)), max_size=5), offsets)
def test_the_next_day_is_always_after_today(states: list[InstalmentState], number: int) -> None:
    rents = [rent(index, state=state) for index, state in enumerate(states, start=1)]
    coming = next_event_on(rents, day(number))
    assert coming is None or coming > day(number)


@pytest.mark.parametrize(("number", "expected"), [(-4, 0), (0, 0), (1, 1), (31, 31)])
def test_days_past_due(number: int, expected: int) -> None:
    assert days_past_due(DUE, day(number)) == expected
