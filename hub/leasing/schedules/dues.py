"""The dates on which rents fall due: counted from the first for ever, clamped to the month's end, never drifting."""

from __future__ import annotations

from datetime import date, timedelta

from hub.core.dates import add_months
from hub.leasing.schedules.rules import Calendar, SchedulePlan, Unit


def after(calendar: Calendar, anchor: date, periods: int) -> date:
    """The date so many periods after an anchor; negative for before. In months on the calendar's due day."""
    if calendar.unit is Unit.DAY:
        return anchor + timedelta(days=calendar.every * periods)
    return add_months(anchor, calendar.every * periods, due_day=calendar.due_day)


def due_dates(anchor_on: date, count: int, *, first: int = 1) -> list[date]:
    """`count` monthly dates from the anchor, the first of them `first` months after it, each clamped to its month."""
    return [add_months(anchor_on, months) for months in range(first, first + count)]


def first_due(plan: SchedulePlan) -> date:
    """When the first rent falls due that is not paid at the start."""
    calendar = plan.calendar
    if calendar.first_due_on is not None:
        return calendar.first_due_on
    return after(calendar, plan.starts_on, 1)


def dues_of(plan: SchedulePlan, count: int) -> list[date]:
    """The due dates of the first `count` rents of a plan, those at the start included."""
    calendar = plan.calendar
    at_start = min(plan.shape.up_front, count) if plan.in_advance else 0
    if calendar.first_due_on is not None:
        anchor, step = calendar.first_due_on, 0
    else:
        anchor, step = plan.starts_on, 1
    later = [after(calendar, anchor, number + step) for number in range(count - at_start)]
    if later and calendar.first_due_on is not None:
        later[0] = calendar.first_due_on
    return [plan.starts_on] * at_start + later


def period_end(plan: SchedulePlan, period: int) -> date:
    """When a period of a plan ends, counted from 1."""
    calendar = plan.calendar
    if calendar.first_due_on is None:
        return after(calendar, plan.starts_on, period)
    return after(calendar, calendar.first_due_on, period - 1)


def balloon_due(plan: SchedulePlan) -> date:
    """When a balloon of its own date falls due."""
    return period_end(plan, plan.shape.balloon_after or plan.term)
