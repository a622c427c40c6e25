"""Under every method, period, day count, shape and rounding the parts are the whole and the last balance is nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hub.core.dates import DayCount, month_end
from hub.core.errors import InvalidInput
from hub.core.money import Money, Rounding
from hub.leasing.schedules.rules import (
    LEVEL,
    USUAL,
    Calendar,
    LevelRate,
    Method,
    Reckoning,
    Residue,
    ScheduledInstalment,
    SchedulePlan,
    Shape,
    Unit,
)
from hub.leasing.schedules.schedule import Sums, build, level_rent
from hub.leasing.schedules.shares import factors_of
from tests.leasing.schedules.plans import PLAN, plans

CALENDARS = [
    Calendar(every=7, unit=Unit.DAY),
    Calendar(every=10, unit=Unit.DAY),
    Calendar(every=14, unit=Unit.DAY),
    Calendar(every=1),
    Calendar(every=2),
    Calendar(every=3),
    Calendar(every=12),
    Calendar(due_day=31),
    Calendar(first_due_on=date(2026, 3, 20)),
]


@given(plans())
def test_the_long_way_comes_to_the_same(plan: SchedulePlan) -> None:
    assert plan.plain
    told_at_length = replace(plan, calendar=Calendar(counted_from=plan.starts_on))
    assert not told_at_length.plain
    assert build(told_at_length) == build(plan)


def parts_are_the_whole(plan: SchedulePlan, rows: tuple[ScheduledInstalment, ...]) -> None:
    balance = plan.financed.minor
    for row in rows:
        balance -= row.principal_minor
        assert row.balance_minor == balance
        assert row.interest_minor >= 0
    assert balance == 0
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert [row.due_on for row in rows] == sorted(row.due_on for row in rows)


@settings(max_examples=6)
@given(st.data())
@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("calendar", CALENDARS, ids=str)
@pytest.mark.parametrize("method", list(Method))
def test_the_parts_add_up_everywhere(
    method: Method, calendar: Calendar, rounding: Rounding, data: st.DataObject
) -> None:
    plan = data.draw(plans(method=method, rounding=rounding, starts_on=date(2026, 2, 26)))
    day_count = data.draw(st.sampled_from([None, *DayCount]))
    shaped = replace(plan, calendar=calendar, reckoning=replace(USUAL, day_count=day_count))
    parts_are_the_whole(shaped, build(shaped))


@given(st.data(), st.integers(2, 48), st.sampled_from(["weights", "rents", "principals"]))
def test_rents_that_differ_add_up(data: st.DataObject, term: int, how: str) -> None:
    weights = tuple(Decimal(one) / 10 for one in data.draw(st.lists(st.integers(0, 30), min_size=term, max_size=term)))
    rows = tuple(data.draw(st.lists(st.none() | st.integers(0, 10**6), min_size=term, max_size=term)))
    shape = {
        "weights": Shape(weights=(*weights[:-1], Decimal(1))),
        "rents": Shape(rents=(*rows[:-1], None)),
        "principals": Shape(principals=(*rows[:-1], None)),
    }[how]
    plan = replace(PLAN, term=term, shape=shape)
    parts_are_the_whole(plan, build(plan))


@given(st.integers(10**5, 10**9), st.integers(0, 2400), st.integers(2, 60), st.sampled_from([1, 10, 100, 1000]))
def test_level_rents_differ_by_what_rounding_leaves(financed: int, rate: int, term: int, unit: int) -> None:
    """Each rent is off by half a unit at most, each interest by half a cent, and both bear interest to the end."""
    plan = replace(
        PLAN,
        financed=Money(financed),
        annual_rate=Decimal(rate) / 10000,
        term=term,
        instalment_unit=Decimal(unit).scaleb(-2),
    )
    rows = build(plan)
    rents = [row.rent.minor for row in rows]
    assume(all(row.balance_minor > 0 and row.principal_minor > 0 for row in rows[:-1]))
    grown = ((1 + plan.annual_rate / 12) ** term - 1) * 12 / plan.annual_rate if rate else Decimal(term)
    assert set(rents[:-1]) == {rents[0]}
    assert abs(rents[-1] - rents[0]) <= grown * (unit + 1) / 2 + 1


@given(st.integers(10**6, 10**9), st.integers(0, 3000), st.integers(1, 60), st.integers(1, 6))
def test_in_advance_and_in_arrears_are_worth_the_same(financed: int, rate: int, term: int, up_front: int) -> None:
    """The present value of the rents at the plan's rate is the financed amount, within what rounding may move."""
    base = replace(PLAN, financed=Money(financed), annual_rate=Decimal(rate) / 10000, term=term)
    late = build(base)
    early = build(replace(base, in_advance=True, shape=Shape(up_front=min(up_front, term))))
    grown = 1 + base.annual_rate / 12
    at_start = min(up_front, term)
    worth_late = sum(row.rent.minor / grown**number for number, row in enumerate(late, start=1))
    worth_early = sum(row.rent.minor / grown ** max(0, number - at_start + 1) for number, row in enumerate(early))
    assert abs(worth_late - financed) <= term + 1
    assert abs(worth_early - financed) <= term + 1


@given(plans(method=Method.EQUAL_INSTALMENTS), st.sampled_from(list(DayCount)))
def test_the_level_rent_leaves_nothing_before_rounding(plan: SchedulePlan, day_count: DayCount) -> None:
    shaped = replace(plan, balloon=Money(0), reckoning=Reckoning(day_count=day_count))
    rent = level_rent(shaped)
    sums = Sums(shaped)
    assert sums.payments == shaped.term - shaped.interest_only
    dues = [row.due_on for row in build(shaped)]
    with localcontext() as context:
        context.prec = 60
        balance = Decimal(shaped.financed.minor)
        for numerator, denominator in factors_of(shaped, dues, own_balloon=False)[shaped.interest_only :]:
            balance += balance * numerator / denominator - rent
        assert abs(balance) < Decimal("1e-6")


def test_month_ends_never_drift() -> None:
    plan = replace(PLAN, starts_on=date(2024, 1, 30), term=50, calendar=Calendar(due_day=31))
    assert all(row.due_on.day == month_end(row.due_on.year, row.due_on.month) for row in build(plan))


def test_a_first_period_that_is_short_bears_less() -> None:
    plan = replace(PLAN, starts_on=date(2026, 1, 16), calendar=Calendar(first_due_on=date(2026, 2, 1)))
    first, second = build(plan)[:2]
    assert first.interest == Money.of(100000).times(Decimal("0.01") * 16 / 31)
    assert second.due_on == date(2026, 3, 1)


def test_interest_that_is_put_off_falls_due_uncompounded() -> None:
    plan = replace(PLAN, interest_only=6, shape=Shape(deferred=3))
    assert [row.interest for row in build(plan)[:5]] == [Money(0)] * 3 + [Money.of(4000), Money.of(1000)]


def test_a_rent_that_is_given_pays_until_nothing_is_left() -> None:
    plan = replace(PLAN, term=60, shape=Shape(rent=1000000, until_paid=True))
    rows = build(plan)
    assert len(rows) == 11
    assert {row.rent for row in rows[:-1]} == {Money.of(10000)}
    assert rows[-1].rent < Money.of(10000)


def test_a_rate_can_be_compounded_more_rarely_than_it_is_paid() -> None:
    once = level_rent(replace(PLAN, reckoning=Reckoning(compounded=1)))
    twelve = level_rent(replace(PLAN, reckoning=Reckoning(compounded=12)))
    assert once < level_rent(PLAN)
    assert abs(twelve - level_rent(PLAN)) < Decimal("1e-15")


def test_a_level_rent_may_be_that_of_periods_that_are_all_alike() -> None:
    real = replace(PLAN, reckoning=Reckoning(day_count=DayCount.ACTUAL_365))
    alike = replace(PLAN, reckoning=Reckoning(day_count=DayCount.ACTUAL_365, level_rate=LevelRate.NOMINAL))
    assert level_rent(alike) == pytest.approx(level_rent(PLAN), abs=Decimal("1e-15"))
    assert level_rent(real) != level_rent(PLAN)
    assert build(alike)[0].rent == build(PLAN)[0].rent


@pytest.mark.parametrize(
    ("shape", "field"),
    [
        ({"weights": (Decimal(1),)}, "weights"),
        ({"weights": (Decimal(0),) * 12}, "weights"),
        ({"weights": (Decimal(-1),) * 12}, "weights"),
        ({"rents": (1,)}, "rents"),
        ({"principals": (1, None)}, "principals"),
        ({"up_front": 2}, "up_front"),
        ({"up_front": 0}, "up_front"),
        ({"deferred": 12}, "deferred"),
        ({"rent": -1}, "rent"),
        ({"balloon_after": 11}, "balloon_after"),
    ],
)
def test_a_shape_that_cannot_be_names_the_field(shape: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        replace(PLAN, shape=replace(LEVEL, **shape))  # type: ignore[arg-type]
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("calendar", "field"),
    [({"every": 0}, "every"), ({"due_day": 32}, "due_day"), ({"due_day": 3, "unit": Unit.DAY}, "due_day")],
)
def test_a_calendar_that_cannot_be_names_the_field(calendar: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Calendar(**calendar)  # type: ignore[arg-type]
    assert refusal.value.field == field


def test_the_last_interest_may_take_the_residue_under_any_day_count() -> None:
    plan = replace(PLAN, residue=Residue.LAST_INTEREST, reckoning=Reckoning(day_count=DayCount.ACTUAL_365))
    assert len({row.rent for row in build(plan)}) == 1
