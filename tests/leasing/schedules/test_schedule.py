"""Whatever the plan, the principal parts are the financed amount, balances end at nothing, and no part is negative."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hub.core.errors import InvalidInput
from hub.core.money import Money, Rounding, quantize
from hub.leasing.schedules.annuity import level_payment
from hub.leasing.schedules.rules import Method, Residue, SchedulePlan
from hub.leasing.schedules.schedule import build
from tests.leasing.schedules.plans import PLAN, plans


@given(plans())
def test_the_parts_are_the_whole(plan: SchedulePlan) -> None:
    rows = build(plan)
    balance = plan.financed
    for number, row in enumerate(rows, start=1):
        balance = balance - row.principal
        assert row.number == number
        assert row.balance_after == balance
        assert row.rent == row.principal + row.interest
        assert min(row.principal.minor, row.interest.minor, row.balance_after.minor) >= 0
    assert balance == Money(0)
    assert len(rows) == plan.term + (plan.in_advance and bool(plan.balloon))


@given(
    balance=st.integers(0, 10**10),
    rate=st.integers(0, 3600),
    unit=st.sampled_from([1, 10, 100]),
    rounding=st.sampled_from(list(Rounding)),
)
def test_interest_in_integers_is_the_one_rounding(balance: int, rate: int, unit: int, rounding: Rounding) -> None:
    plan = replace(
        PLAN,
        financed=Money(max(balance, 1)),
        annual_rate=Decimal(rate) * 12 / 10000,
        term=2,
        method=Method.EQUAL_PRINCIPAL,
        interest_only=1,
        rounding=rounding,
        instalment_unit=Decimal(unit).scaleb(-2),
    )
    exact = Decimal(plan.financed.minor) * rate / 10000
    assert build(plan)[1].interest_minor == quantize(exact, Decimal(unit), rounding)


@given(plans())
def test_due_dates_rise_and_keep_the_day(plan: SchedulePlan) -> None:
    due = [row.due_on for row in build(plan)]
    assert due == sorted(set(due))
    assert (due[0] == plan.starts_on) == plan.in_advance
    assert all(day.day == plan.starts_on.day or (day + timedelta(days=1)).day == 1 for day in due)


@given(plans())
def test_a_balloon_leaves_no_less_than_itself_to_the_end(plan: SchedulePlan) -> None:
    assume(plan.balloon)
    last = build(plan)[-1]
    assert last.rent >= plan.balloon
    assert not plan.in_advance or last.rent == plan.balloon


@given(st.integers(10**6, 10**9), st.integers(1, 2400), st.integers(2, 60))
def test_equal_instalments_differ_only_at_the_end(financed: int, rate: int, term: int) -> None:
    plan = replace(PLAN, financed=Money(financed), annual_rate=Decimal(rate) / 10000, term=term)
    rents = [row.rent for row in build(plan)]
    assert len(set(rents[:-1])) == 1
    assert abs((rents[-1] - rents[0]).minor) <= term * 2


@given(st.integers(10**6, 10**9), st.integers(0, 2400), st.integers(2, 60))
def test_the_sooner_it_is_paid_back_the_less_interest(financed: int, rate: int, term: int) -> None:
    plan = replace(PLAN, financed=Money(financed), annual_rate=Decimal(rate) / 10000, term=term)

    def interest(method: Method) -> int:
        return sum(row.interest.minor for row in build(replace(plan, method=method)))

    order = [Method.EQUAL_PRINCIPAL, Method.EQUAL_INSTALMENTS, Method.INTEREST_FIRST]
    interests = [interest(method) for method in order]
    assert interests[0] <= interests[1] + term
    assert interests[1] <= interests[2] + term
    assert abs(interest(Method.FLAT) - interests[2]) <= term


@given(st.integers(10**6, 10**9), st.integers(1, 2400), st.integers(1, 60))
def test_paying_in_advance_costs_less(financed: int, rate: int, term: int) -> None:
    plan = replace(PLAN, financed=Money(financed), annual_rate=Decimal(rate) / 10000, term=term)
    late, early = build(plan), build(replace(plan, in_advance=True))
    assert sum(row.interest_minor for row in early) <= sum(row.interest_minor for row in late) + term
    assert early[0].interest == Money(0)


def test_interest_first_pays_the_principal_last() -> None:
    rows = build(replace(PLAN, method=Method.INTEREST_FIRST))
    assert {row.rent for row in rows[:-1]} == {Money.of(1000)}
    assert rows[-1].rent == Money.of(101000)


def test_the_residue_can_go_into_the_last_interest() -> None:
    rows = build(replace(PLAN, residue=Residue.LAST_INTEREST))
    assert len({row.rent for row in rows}) == 1


def test_a_month_end_stays_a_month_end() -> None:
    assert [row.due_on for row in build(replace(PLAN, term=3))] == [
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2026, 4, 30),
    ]


def test_a_level_payment_without_a_rate_is_a_share() -> None:
    assert level_payment(Decimal(1200), Decimal(0), 12) == 100
    assert level_payment(Decimal(1200), Decimal(0), 12, balloon=Decimal(600)) == 50


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"financed": Money(0)}, "financed"),
        ({"term": 0}, "term"),
        ({"annual_rate": Decimal("-0.01")}, "annual_rate"),
        ({"balloon": Money.of(100000)}, "balloon"),
        ({"balloon": Money(-1)}, "balloon"),
        ({"interest_only": 12}, "interest_only"),
        ({"instalment_unit": Decimal("0.001")}, "instalment_unit"),
        ({"in_advance": True, "interest_only": 1}, "in_advance"),
        ({"in_advance": True, "method": Method.INTEREST_FIRST}, "in_advance"),
        ({"balloon": Money(1), "method": Method.INTEREST_FIRST}, "balloon"),
    ],
)
def test_a_plan_that_cannot_be_names_the_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        replace(PLAN, **change)  # type: ignore[arg-type]
    assert refusal.value.field == field
