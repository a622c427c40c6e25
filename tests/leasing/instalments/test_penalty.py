"""Penalty: grace, cap, a day at a time, and what is taken back when money turns out to have come earlier."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.money import Money
from hub.leasing.instalments.penalty import Accrual, RentPayment, accruals, as_of, net, newest, undue
from hub.leasing.instalments.rules import Instalment, InstalmentState, PenaltyTerms
from tests.leasing.instalments.made import DUE, all_terms, part_paid, rent, terms

LATE = rent(state=InstalmentState.OVERDUE)
later_days = st.integers(min_value=-2, max_value=60).map(lambda days: DUE + timedelta(days=days))


def bear(one: Instalment, rows: tuple[Accrual, ...]) -> Instalment:
    through_on = rows[-1].accrued_on if rows else one.penalty_through_on
    return replace(one, penalty=one.penalty + Money.total(row.money for row in rows), penalty_through_on=through_on)


def day(number: int) -> date:
    return DUE + timedelta(days=number)


@pytest.mark.parametrize(
    ("days_late", "expected"), [(0, "0.00"), (1, "0.00"), (3, "0.00"), (4, "0.50"), (5, "1.00"), (13, "5.00")]
)
def test_nothing_within_the_days_of_grace_then_every_day(days_late: int, expected: str) -> None:
    rows = accruals(LATE, terms(), day(days_late))
    assert Money.total(row.money for row in rows) == Money.of(expected)


def test_without_grace_the_day_after_the_due_date_bears() -> None:
    assert [row.accrued_on for row in accruals(LATE, terms(grace_days=0), day(2))] == [day(1), day(2)]


def test_the_cap_cuts_the_last_day_and_ends_it() -> None:
    rows = accruals(LATE, terms(cap_share="0.0012"), day(30))
    assert [row.money for row in rows] == [Money.of("0.50"), Money.of("0.50"), Money.of("0.20")]


def test_a_day_bears_what_is_unpaid_of_the_rent_and_not_of_the_penalty() -> None:
    half = replace(LATE, paid_principal=Money.of("500.00"), penalty=Money.of("80.00"), penalty_through_on=day(10))
    assert [row.money for row in accruals(half, terms(), day(11))] == [Money.of("0.25")]


def test_a_rent_that_is_paid_bears_nothing_though_its_penalty_is_open() -> None:
    paid = replace(LATE, paid_principal=LATE.principal, paid_interest=LATE.interest, penalty=Money.of("5.00"))
    assert accruals(paid, terms(), day(90)) == ()


@given(part_paid(), all_terms, st.lists(later_days, max_size=6))
def test_catching_up_is_the_same_as_closing_day_by_day(one: Instalment, rule: PenaltyTerms, days: list[date]) -> None:
    one = replace(one, penalty=Money.zero(), paid_penalty=Money.zero())
    last = max(days, default=DUE)
    stepwise = one
    for today in [*sorted(days), last]:
        stepwise = bear(stepwise, accruals(stepwise, rule, today))
    assert stepwise == bear(one, accruals(one, rule, last))


@given(part_paid(), all_terms, later_days)
def test_the_cap_is_never_passed_and_no_day_bears_twice(one: Instalment, rule: PenaltyTerms, today: date) -> None:
    one = replace(one, penalty=Money.zero(), paid_penalty=Money.zero())
    rows = accruals(one, rule, today)
    days = [row.accrued_on for row in rows]
    assert days == sorted(set(days))
    assert all(row.money.minor > 0 for row in rows)
    assert all(one.due_on + timedelta(days=rule.grace_days) < accrued_on <= today for accrued_on in days)
    if rule.cap_share is not None:
        assert Money.total(row.money for row in rows) <= one.rent.times(rule.cap_share)


# Value dates


ROWS = accruals(LATE, terms(), day(10))  # days 4 to 10, 0.50 each


def payment(days_late: int, amount: str = "1000.00") -> RentPayment:
    return RentPayment(paid_on=day(days_late), money=Money.of(amount))


@pytest.mark.parametrize(
    ("paid_after", "taken_back"), [(-3, "3.50"), (0, "3.50"), (3, "3.50"), (4, "3.00"), (9, "0.50"), (10, "0.00")]
)
def test_a_rent_paid_in_full_bears_nothing_after_its_value_date(paid_after: int, taken_back: str) -> None:
    back = undue(LATE.rent, ROWS, [payment(paid_after)], terms())
    assert Money.total(row.money for row in back) == Money.of(taken_back)


def test_a_rent_paid_in_part_bears_the_rest_only() -> None:
    back = undue(LATE.rent, ROWS, [payment(6, "600.00")], terms())
    assert [(row.accrued_on, row.money) for row in back] == [
        (day(number), Money.of("0.30")) for number in (7, 8, 9, 10)
    ]


def test_news_of_payments_in_any_order_comes_to_the_same() -> None:
    older, newer = payment(5, "400.00"), payment(8, "600.00")
    once = undue(LATE.rent, ROWS, [older, newer], terms())
    first = undue(LATE.rent, ROWS, [newer], terms())
    minus = tuple(replace(row, money=-row.money) for row in first)
    second = undue(LATE.rent, ROWS + minus, [older, newer], terms())
    assert net([*first, *second]) == once
    assert undue(LATE.rent, ROWS + tuple(replace(r, money=-r.money) for r in once), [older, newer], terms()) == ()


@given(all_terms, st.integers(min_value=0, max_value=40), st.integers(min_value=-5, max_value=40))
def test_what_stays_is_what_would_have_been_borne_had_we_known(
    rule: PenaltyTerms, closed_after: int, paid_after: int
) -> None:
    rule = replace(rule, cap_share=None)
    rows = accruals(LATE, rule, day(closed_after))
    back = undue(LATE.rent, rows, [payment(paid_after)], rule)
    kept = Money.total(row.money for row in rows) - Money.total(row.money for row in back)
    assert kept == Money.total(row.money for row in accruals(LATE, rule, min(day(closed_after), day(paid_after))))


def test_as_of_an_earlier_day_later_penalties_do_not_count_but_for_what_is_paid_of_them() -> None:
    one = bear(LATE, ROWS)
    assert as_of(one, ROWS, day(5)).penalty == Money.of("1.00")
    assert as_of(one, ROWS, day(3)).penalty == Money.zero()
    assert as_of(replace(one, paid_penalty=Money.of("2.00")), ROWS, day(3)).penalty == Money.of("2.00")
    assert as_of(replace(one, penalty=Money.of("0.50")), ROWS, day(9)).penalty == Money.of("0.50")


@given(st.integers(min_value=0, max_value=500).map(Money))
def test_the_newest_days_are_given_up_first(most: Money) -> None:
    rows = newest(ROWS, most)
    assert Money.total(row.money for row in rows) == min(most, Money.of("3.50"))
    assert [row.accrued_on for row in rows] == sorted((row.accrued_on for row in rows), reverse=True)
    if rows:
        assert rows[0].accrued_on == day(10)
