"""A schedule after events: the fold of them in the order of days; what was financed, added and prepaid is paid back."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hub.core.dates import DayCount
from hub.core.errors import InvalidInput
from hub.core.money import Money
from hub.leasing.replays.cutting import cut_at, cut_before
from hub.leasing.replays.replay import Standing, replay
from hub.leasing.replays.rules import (
    ArrearsSpread,
    BalloonExtended,
    Disbursed,
    DueDateMoved,
    Event,
    Holiday,
    Prepaid,
    Prepayment,
    Put,
    RateChanged,
    TermExtended,
    Unpaid,
)
from hub.leasing.schedules.rules import (
    AFRESH,
    USUAL,
    Calendar,
    Reckoning,
    Residue,
    SchedulePlan,
    Shape,
    Unit,
)
from hub.leasing.schedules.schedule import build
from tests.leasing.schedules.plans import PLAN, plans

RECKONINGS = st.sampled_from([USUAL, *(Reckoning(day_count=one) for one in DayCount)])
CALENDARS = st.sampled_from([Calendar(), Calendar(every=14, unit=Unit.DAY), Calendar(every=3), Calendar(due_day=31)])


@given(plans(), CALENDARS, RECKONINGS, st.data())
def test_a_plan_that_is_cut_goes_on_as_before(
    plan: SchedulePlan, calendar: Calendar, reckoning: Reckoning, data: st.DataObject
) -> None:
    """On a due date nothing is split, so the rows after it are the very same."""
    plan = replace(plan, calendar=calendar, reckoning=reckoning, residue=Residue.LAST_INSTALMENT)
    rows = build(plan)
    passed = data.draw(st.integers(0, len(rows) - 1))
    assume(not passed or rows[passed - 1].balance_minor > plan.balloon.minor)
    cut = cut_before(plan, rows[passed].due_on)
    passed = len(cut.done)
    assert cut.done == rows[:passed]
    assert cut.rest.brought == AFRESH
    after = build(cut.rest)
    assert [(row.due_on, row.balance_minor) for row in after] == [
        (row.due_on, row.balance_minor) for row in rows[passed:]
    ]
    assert [row.interest_minor for row in after] == [row.interest_minor for row in rows[passed:]]


@given(st.integers(1, 3000), st.integers(1, 300), st.sampled_from([None, DayCount.ACTUAL_365, DayCount.THIRTY_360]))
def test_interest_is_whole_wherever_a_period_is_cut(rate: int, day: int, day_count: DayCount | None) -> None:
    """Cut within a period, its interest is that of the two parts: a cent apart from the whole at most."""
    plan = replace(PLAN, annual_rate=Decimal(rate) / 10000, reckoning=Reckoning(day_count=day_count))
    cut = cut_at(plan, plan.starts_on + timedelta(days=day))
    rows = build(plan)[len(cut.done) :]
    assert all(
        abs(one.interest_minor - two.interest_minor) <= 2 for one, two in zip(build(cut.rest), rows, strict=True)
    )


def _days(plan: SchedulePlan) -> st.SearchStrategy[date]:
    return st.integers(1, 150).map(lambda days: plan.starts_on + timedelta(days=days))


@st.composite
def events(draw: st.DrawFn, plan: SchedulePlan) -> Event:
    on = draw(_days(plan))
    return draw(
        st.sampled_from(
            [
                Prepaid(on=on, amount=draw(st.integers(1, 10**6)), how=draw(st.sampled_from(list(Prepayment)))),
                Disbursed(on=on, amount=draw(st.integers(1, 10**7))),
                RateChanged(
                    on=on, annual_rate=Decimal(draw(st.integers(0, 2400))) / 10000, keep_rent=draw(st.booleans())
                ),
                DueDateMoved(on=on, to_on=on + timedelta(days=draw(st.integers(1, 25)))),
                TermExtended(on=on, periods=draw(st.integers(1, 12))),
                Holiday(on=on, periods=draw(st.integers(1, 3)), interest=draw(st.sampled_from(list(Put)))),
                ArrearsSpread(on=on, principal=draw(st.integers(0, 10**6)), interest=draw(st.integers(0, 10**4))),
            ]
        )
    )


def _added(happened: Sequence[Event]) -> int:
    plus = sum(one.amount for one in happened if isinstance(one, Disbursed))
    plus += sum(one.principal for one in happened if isinstance(one, ArrearsSpread))
    return plus - sum(one.amount for one in happened if isinstance(one, Prepaid))


@given(st.data(), st.integers(24, 60))
def test_whatever_happens_everything_is_paid_back(data: st.DataObject, term: int) -> None:
    plan = replace(PLAN, financed=Money(10**8), term=term)
    happened = data.draw(st.lists(events(plan), max_size=5))
    try:
        standing = replay(plan, happened)
    except InvalidInput:
        assume(False)
    rows = standing.rows
    assert rows[-1].balance_minor == 0
    assert sum(row.principal_minor for row in rows) == plan.financed.minor + _added(happened)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert all(one.due_on < two.due_on for one, two in pairwise(rows))


@given(st.data(), st.integers(0, 2**32))
def test_a_fact_that_is_learned_late_is_put_among_the_others(data: st.DataObject, seed: int) -> None:
    happened = data.draw(st.lists(events(PLAN), max_size=4, unique_by=lambda one: one.on))
    shuffled = list(happened)
    random.Random(seed).shuffle(shuffled)
    try:
        standing = replay(PLAN, happened)
    except InvalidInput:
        with pytest.raises(InvalidInput):
            replay(PLAN, shuffled)
        return
    assert replay(PLAN, shuffled) == standing


def _rents(standing: Standing) -> list[int]:
    return [row.principal_minor + row.interest_minor for row in standing.rows]


def test_prepaying_shortens_lowers_or_pays_ahead() -> None:
    on = date(2026, 3, 31)
    ways = {how: replay(PLAN, [Prepaid(on=on, amount=2000000, how=how)]) for how in Prepayment}
    rent = build(PLAN)[0].rent.minor
    shorter, lower = ways[Prepayment.SHORTEN_TERM], ways[Prepayment.LOWER_RENT]
    assert len(shorter.rows) < 12
    assert set(_rents(shorter)[:-1]) == {rent}
    assert len(lower.rows) == 12
    assert _rents(lower)[2] < rent
    ahead = ways[Prepayment.NEXT_INSTALMENTS]
    assert [row.principal_minor for row in ahead.rows[2:4]] == [0, 0]
    assert _rents(ahead)[-2] == rent


def test_a_rate_changes_from_a_day() -> None:
    kept = replay(PLAN, [RateChanged(on=date(2026, 7, 15), annual_rate=Decimal("0.06"), keep_rent=True)])
    anew = replay(PLAN, [RateChanged(on=date(2026, 7, 15), annual_rate=Decimal("0.06"))])
    assert _rents(kept)[:-1] == _rents(replay(PLAN, ()))[:-1]
    assert _rents(anew)[5] < _rents(anew)[4]
    changed, before = anew.rows[5], build(PLAN)[5]
    share = Decimal(14) / 30 + Decimal(16) / 30 / 2  # due on 30 June and 31 July: 15 days of 31, then 16 at half
    assert abs(changed.interest_minor - before.interest_minor * share) < before.interest_minor * Decimal("0.03")


def test_a_due_day_moves_for_good() -> None:
    rows = replay(PLAN, [DueDateMoved(on=date(2026, 4, 30), to_on=date(2026, 5, 10))]).rows
    assert [str(row.due_on) for row in rows[1:6]] == [
        "2026-03-31",
        "2026-05-10",
        "2026-06-10",
        "2026-07-10",
        "2026-08-10",
    ]
    usual = build(PLAN)[2].interest_minor
    assert abs(rows[2].interest_minor - usual * 40 / 30) <= 1  # 31 March to 10 May, of 10 April to 10 May
    whole = replay(PLAN, [DueDateMoved(on=date(2026, 4, 30), to_on=date(2026, 5, 10), as_whole=True)])
    assert whole.rows[2].interest_minor == usual


@pytest.mark.parametrize(
    ("interest", "paid"), [(Put.PAID, [True, True]), (Put.DEFERRED, [False, False]), (Put.CAPITALISED, [True, True])]
)
def test_a_holiday_pays_no_principal(interest: Put, paid: list[bool]) -> None:
    standing = replay(PLAN, [Holiday(on=date(2026, 5, 31), periods=2, interest=interest)])
    holiday = standing.rows[3:5]
    assert len(standing.rows) == 14
    assert [bool(row.interest_minor) for row in holiday] == paid
    if interest is Put.CAPITALISED:
        assert [row.principal_minor + row.interest_minor for row in holiday] == [0, 0]
    else:
        assert [row.principal_minor for row in holiday] == [0, 0]


def test_a_holiday_may_leave_the_end_where_it_is() -> None:
    standing = replay(PLAN, [Holiday(on=date(2026, 5, 31), periods=2, extends=False)])
    assert len(standing.rows) == 12
    assert _rents(standing)[-2] > build(PLAN)[0].rent.minor


@pytest.mark.parametrize("in_advance", [False, True])
def test_a_balloon_is_spread_over_new_rents(in_advance: bool) -> None:
    plan = replace(PLAN, balloon=Money.of(40000), in_advance=in_advance)
    standing = replay(plan, [BalloonExtended(on=date(2027, 1, 31), periods=6, annual_rate=Decimal("0.09"))])
    assert len(standing.rows) == 18
    assert sum(row.principal_minor for row in standing.rows) == plan.financed.minor
    assert standing.plan.annual_rate == Decimal("0.09")
    assert max(_rents(standing)) < Money.of(12000).minor


def test_arrears_are_spread_over_new_rents() -> None:
    spread = ArrearsSpread(
        on=date(2026, 4, 15), principal=1600000, interest=100000, periods=6, first_due_on=date(2026, 5, 1)
    )
    standing = replay(replace(PLAN, annual_rate=Decimal(0)), [spread])
    assert [str(row.due_on) for row in standing.rows[2:]] == [f"2026-{month:02}-01" for month in range(5, 11)]
    assert standing.rows[2].interest_minor == 100000


def test_unpaid_principal_bears_interest_besides_the_balance() -> None:
    first = build(PLAN)[0]
    standing = replay(PLAN, [Unpaid(on=first.due_on, principal=first.principal_minor)])
    assert standing.rows[1].interest_minor == first.interest_minor
    assert standing.rows[1].principal_minor == first.principal_minor


def test_several_rents_at_the_start_and_a_residual_go_on_after_a_cut() -> None:
    plan = replace(PLAN, in_advance=True, balloon=Money.of(20000), shape=Shape(up_front=3))
    rows = build(plan)
    cut = cut_at(plan, rows[5].due_on)
    assert [row[1:] for row in build(cut.rest)] == [row[1:] for row in rows[6:]]
    alone = cut_at(plan, rows[-2].due_on)
    assert [(row.due_on, row.rent) for row in build(alone.rest)] == [(rows[-1].due_on, plan.balloon)]


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (Prepaid(on=date(2026, 3, 1), amount=0), "amount"),
        (Prepaid(on=date(2026, 3, 1), amount=10**9), "amount"),
        (Prepaid(on=date(2030, 3, 1), amount=100), "on"),
        (Prepaid(on=date(2020, 3, 1), amount=100), "on"),
        (TermExtended(on=date(2026, 3, 1), periods=0), "periods"),
        (Holiday(on=date(2026, 3, 1), periods=0), "periods"),
        (DueDateMoved(on=date(2026, 4, 1), to_on=date(2026, 2, 1)), "to_on"),
        (BalloonExtended(on=date(2026, 3, 1), periods=3, annual_rate=Decimal(0)), "on"),
        (Unpaid(on=date(2026, 3, 1), principal=-1), "principal"),
        (ArrearsSpread(on=date(2026, 3, 1), principal=1, first_due_on=date(2026, 2, 1)), "first_due_on"),
    ],
)
def test_an_event_that_cannot_be_names_the_field(event: Event, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        replay(PLAN, [event])
    assert refusal.value.field == field
