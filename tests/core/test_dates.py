"""Due dates keep to their anchor for as long as a lease lasts, and the day counts are those of the definitions."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.dates import DayCount, add_months, days_between, each_day, month_end, year_fraction

DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2080, 12, 31))
MONTHS = st.integers(min_value=0, max_value=240)


@pytest.mark.parametrize(
    ("anchor", "months", "due_day", "due_on"),
    [
        (date(2026, 1, 31), 1, None, date(2026, 2, 28)),
        (date(2026, 1, 31), 2, None, date(2026, 3, 31)),
        (date(2024, 1, 31), 1, None, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, None, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, None, date(2028, 2, 29)),
        (date(2026, 11, 30), 3, None, date(2027, 2, 28)),
        (date(2026, 12, 15), 1, None, date(2027, 1, 15)),
        (date(2026, 1, 5), 1, 31, date(2026, 2, 28)),
        (date(2026, 1, 31), 1, 15, date(2026, 2, 15)),
        (date(2026, 1, 31), 0, None, date(2026, 1, 31)),
        (date(2026, 3, 31), -1, None, date(2026, 2, 28)),
    ],
)
def test_a_month_later(anchor: date, months: int, due_day: int | None, due_on: date) -> None:
    assert add_months(anchor, months, due_day=due_day) == due_on


@given(DAYS, MONTHS)
def test_the_day_is_the_anchors_or_the_months_last(anchor: date, months: int) -> None:
    due_on = add_months(anchor, months)
    assert due_on.day == min(anchor.day, calendar.monthrange(due_on.year, due_on.month)[1])
    assert (due_on.year - anchor.year) * 12 + due_on.month - anchor.month == months


@given(DAYS)
def test_a_short_month_never_drags_the_others_along(anchor: date) -> None:
    row = [add_months(anchor, month) for month in range(1, 61)]
    assert row == sorted(set(row))
    assert all(due_on.day == anchor.day for due_on in row if month_end(due_on.year, due_on.month) >= anchor.day)


@given(DAYS, st.integers(min_value=1, max_value=31), MONTHS)
def test_a_chosen_day_counts_instead_of_the_anchors(anchor: date, due_day: int, months: int) -> None:
    due_on = add_months(anchor, months, due_day=due_day)
    assert due_on.day == min(due_day, month_end(due_on.year, due_on.month))


@given(st.integers(min_value=1900, max_value=2400), st.integers(min_value=1, max_value=12))
def test_the_last_day_of_a_month(year: int, month: int) -> None:
    assert month_end(year, month) == calendar.monthrange(year, month)[1]


# 30/360 cases as the definitions work them out; the others are days over a fixed year.
FRACTIONS = [
    (date(2026, 1, 15), date(2026, 2, 15), DayCount.THIRTY_360, Decimal(30) / 360),
    (date(2026, 1, 31), date(2026, 2, 28), DayCount.THIRTY_360, Decimal(28) / 360),
    (date(2026, 1, 30), date(2026, 3, 31), DayCount.THIRTY_360, Decimal(60) / 360),
    (date(2026, 1, 31), date(2026, 3, 31), DayCount.THIRTY_360, Decimal(60) / 360),
    (date(2026, 1, 29), date(2026, 3, 31), DayCount.THIRTY_360, Decimal(62) / 360),
    (date(2026, 1, 1), date(2027, 1, 1), DayCount.THIRTY_360, Decimal(1)),
    (date(2024, 1, 1), date(2025, 1, 1), DayCount.ACTUAL_360, Decimal(366) / 360),
    (date(2024, 1, 1), date(2025, 1, 1), DayCount.ACTUAL_364, Decimal(366) / 364),
    (date(2026, 1, 1), date(2027, 1, 1), DayCount.ACTUAL_365, Decimal(1)),
    (date(2026, 2, 28), date(2026, 3, 1), DayCount.ACTUAL_365, Decimal(1) / 365),
]


@pytest.mark.parametrize(("start_on", "end_on", "day_count", "fraction"), FRACTIONS)
def test_part_of_a_year(start_on: date, end_on: date, day_count: DayCount, fraction: Decimal) -> None:
    assert year_fraction(start_on, end_on, day_count) == fraction


# Source: ISDA, "EMU and market conventions: recent developments" (1998), annex: the same periods by both methods.
ISDA_AND_AFB = [
    (date(2003, 11, 1), date(2004, 5, 1), "0.497724380567", "0.497267759563"),
    (date(1999, 2, 1), date(1999, 7, 1), "0.410958904110", "0.410958904110"),
    (date(1999, 7, 1), date(2000, 7, 1), "1.001377348604", "1.000000000000"),
    (date(2002, 8, 15), date(2003, 7, 15), "0.915068493151", "0.915068493151"),
    (date(2003, 7, 15), date(2004, 1, 15), "0.504004790778", "0.504109589041"),
    (date(1999, 7, 30), date(2000, 1, 30), "0.503892506924", "0.504109589041"),
    (date(2000, 1, 30), date(2000, 6, 30), "0.415300546448", "0.415300546448"),
    (date(1999, 11, 30), date(2000, 4, 30), "0.415540085336", "0.415300546448"),
]


@pytest.mark.parametrize(("start_on", "end_on", "isda", "afb"), ISDA_AND_AFB)
def test_actual_over_actual_as_published(start_on: date, end_on: date, isda: str, afb: str) -> None:
    found = [year_fraction(start_on, end_on, one) for one in (DayCount.ACTUAL_ACTUAL, DayCount.ACTUAL_ACTUAL_AFB)]
    assert [str(one.quantize(Decimal("1e-12"))) for one in found] == [isda, afb]


def test_thirty_days_in_europe_have_no_thirty_first() -> None:
    assert year_fraction(date(2026, 1, 29), date(2026, 3, 31), DayCount.THIRTY_E_360) == Decimal(61) / 360
    assert year_fraction(date(2026, 1, 31), date(2026, 2, 28), DayCount.THIRTY_E_360) == Decimal(28) / 360


@given(DAYS, DAYS, DAYS, st.sampled_from([DayCount.ACTUAL_360, DayCount.ACTUAL_364, DayCount.ACTUAL_365]))
def test_actual_days_add_up_wherever_a_period_is_cut(one: date, two: date, three: date, day_count: DayCount) -> None:
    first, middle, last = sorted((one, two, three))
    assert days_between(first, middle) + days_between(middle, last) == days_between(first, last)
    parts = year_fraction(first, middle, day_count) + year_fraction(middle, last, day_count)
    assert abs(parts - year_fraction(first, last, day_count)) < Decimal("1e-20")


@given(DAYS, st.integers(min_value=-3, max_value=400))
def test_each_day_is_there_once(start_on: date, length: int) -> None:
    days = each_day(start_on, start_on + timedelta(days=length))
    assert len(days) == max(length + 1, 0)
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))
