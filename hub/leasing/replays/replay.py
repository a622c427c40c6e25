"""What happens to a schedule, played over it: the state after some events is the fold of them, in the order of their days.

So a fact that is learned late is simply put among the others, and everything after it follows. The plan that goes on
after each event is kept, so that every figure can be explained by the plan that made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import assert_never

from hub.core.money import Money
from hub.leasing.replays.cutting import Cut, Rows, cut_at, cut_before
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
from hub.leasing.schedules.rules import AFRESH, Method, SchedulePlan, Shape, require
from hub.leasing.schedules.schedule import ShapedSums, build


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A plan and the rows of it that stand: `first` is the number of the first one."""

    plan: SchedulePlan
    first: int
    rows: Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A schedule after what has happened to it: the stretches that are done, and the plan that goes on."""

    done: tuple[Stretch, ...]
    plan: SchedulePlan

    @property
    def passed(self) -> int:
        """How many rows are done."""
        return sum(len(stretch.rows) for stretch in self.done)

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """Every stretch, that of the plan that goes on with its rows as they are to be."""
        first = self.passed + 1
        rows = tuple(row._replace(number=row.number + first - 1) for row in build(self.plan))
        return (*self.done, Stretch(plan=self.plan, first=first, rows=rows))

    @property
    def rows(self) -> Rows:
        """The whole schedule as it stands now."""
        return tuple(row for stretch in self.stretches for row in stretch.rows)


def replay(plan: SchedulePlan, events: Iterable[Event]) -> Standing:
    """A schedule after all of these events, in the order of their days; those of one day in the order given."""
    standing = Standing(done=(), plan=plan)
    for event in sorted(events, key=lambda one: one.on):
        standing = happened(standing, event)
    return standing


def happened(standing: Standing, event: Event) -> Standing:
    """A schedule after one more event; raises InvalidInput, naming what does not fit."""
    match event:
        case Prepaid():
            return _on(standing, cut_at(standing.plan, event.on), lambda rest: _prepaid(rest, event))
        case Disbursed():
            return _on(standing, cut_at(standing.plan, event.on), lambda rest: _owing(rest, event.amount))
        case RateChanged():
            return _on(standing, _rate_cut(standing.plan, event), lambda rest: _at_rate(rest, event))
        case DueDateMoved():
            return _on(standing, cut_before(standing.plan, event.on), lambda rest: _moved(rest, event))
        case TermExtended():
            return _on(standing, cut_before(standing.plan, event.on), lambda rest: _extended(rest, event.periods))
        case Holiday():
            return _on(standing, cut_before(standing.plan, event.on), lambda rest: _holiday(rest, event))
        case BalloonExtended():
            return _balloon_extended(standing, event)
        case ArrearsSpread():
            return _on(standing, cut_at(standing.plan, event.on), lambda rest: _arrears_spread(rest, event))
        case Unpaid():
            return _on(standing, cut_at(standing.plan, event.on), lambda rest: _unpaid(rest, event))
        case _:
            assert_never(event)


def _on(standing: Standing, cut: Cut, then: Callable[[SchedulePlan], SchedulePlan]) -> Standing:
    first = standing.passed + 1
    rows = tuple(row._replace(number=row.number + first - 1) for row in cut.done)
    stretch = (Stretch(plan=standing.plan, first=first, rows=rows),) if rows else ()
    return Standing(done=(*standing.done, *stretch), plan=then(cut.rest))


def _solved_anew(plan: SchedulePlan) -> SchedulePlan:
    """The same plan with its level rent left to be solved again."""
    return replace(plan, shape=replace(plan.shape, rent=None, until_paid=False, interests=()))


def _spread_anew(plan: SchedulePlan) -> SchedulePlan:
    """The same plan with what is owed spread over all its rents again."""
    return _solved_anew(replace(plan, shape=replace(plan.shape, principal_each=None, principals=())))


def _owing(rest: SchedulePlan, more: int, *, spread: bool = True) -> SchedulePlan:
    owing = replace(rest, financed=Money(rest.financed.minor + more, rest.financed.currency))
    return _spread_anew(owing) if spread else owing


def _prepaid(rest: SchedulePlan, event: Prepaid) -> SchedulePlan:
    require(event.amount > 0, "amount", "must be more than nothing")
    least = rest.financed.minor - rest.balloon.minor
    require(event.amount < least, "amount", f"must be less than what the rents pay back, {least}: settle early instead")
    level = rest.method is Method.EQUAL_INSTALMENTS
    match event.how:
        case Prepayment.SHORTEN_TERM:
            require(level, "how", "a term is shortened where rents are level")
            shorter = _owing(rest, -event.amount, spread=False)
            return replace(shorter, shape=replace(shorter.shape, until_paid=True))
        case Prepayment.LOWER_RENT:
            return _owing(rest, -event.amount)
        case Prepayment.NEXT_INSTALMENTS:
            require(level, "how", "the next instalments are paid ahead where rents are level")
            return _paid_ahead(rest, event.amount)
        case _:
            assert_never(event.how)


def _paid_ahead(rest: SchedulePlan, amount: int) -> SchedulePlan:
    """The next rents pay so much less principal as was paid before it was due, and interest on what is left."""
    owing = _owing(rest, -amount, spread=False)
    sums, shape, first = ShapedSums(owing), owing.shape, owing.interest_only
    credit, balance, principals = amount, owing.financed.minor, list[int | None]()
    for row in range(owing.term - first):
        given = shape.principals[row] if shape.principals else None
        wanted = max(0, (shape.rent or 0) - sums.interest(first + row, balance)) if given is None else given
        principal = max(0, wanted - credit)
        principals.append(principal if credit else given)
        credit, balance = max(0, credit - wanted), balance - principal
    return replace(owing, shape=replace(shape, principals=tuple(principals)))


def _rate_cut(plan: SchedulePlan, event: RateChanged) -> Cut:
    return cut_before(plan, event.on) if plan.method is Method.FLAT else cut_at(plan, event.on)


def _at_rate(rest: SchedulePlan, event: RateChanged) -> SchedulePlan:
    changed = replace(rest, annual_rate=event.annual_rate, shape=replace(rest.shape, interests=()))
    return changed if event.keep_rent else _solved_anew(changed)


def _moved(rest: SchedulePlan, event: DueDateMoved) -> SchedulePlan:
    require(event.to_on > rest.starts_on, "to_on", f"must lie after {rest.starts_on}")
    due_day = None if rest.calendar.due_day is None else event.to_on.day
    counted_from = rest.starts_on if event.as_whole else None
    calendar = replace(rest.calendar, first_due_on=event.to_on, due_day=due_day, counted_from=counted_from)
    moved = replace(rest, calendar=calendar)
    return moved if event.keep_rent else _solved_anew(moved)


def _extended(rest: SchedulePlan, periods: int) -> SchedulePlan:
    require(periods >= 1, "periods", "must be at least 1")
    later = None if rest.shape.balloon_after is None else rest.shape.balloon_after + periods
    shape = replace(rest.shape, balloon_after=later, weights=(), rents=(), principals=())
    return _spread_anew(replace(rest, term=rest.term + periods, shape=shape))


def _holiday(rest: SchedulePlan, event: Holiday) -> SchedulePlan:
    require(event.periods >= 1, "periods", "must be at least 1")
    longer = _extended(rest, event.periods) if event.extends else _spread_anew(rest)
    require(longer.term - longer.interest_only > event.periods, "periods", "must leave a rent that pays principal")
    match event.interest:
        case Put.PAID:
            return replace(longer, interest_only=longer.interest_only + event.periods)
        case Put.DEFERRED:
            shape = replace(longer.shape, deferred=longer.shape.deferred + event.periods)
            return replace(longer, interest_only=longer.interest_only + event.periods, shape=shape)
        case Put.CAPITALISED:
            level = longer.method is Method.EQUAL_INSTALMENTS and not longer.interest_only
            require(level, "interest", "is put to the principal where rents are level")
            paying = longer.term - event.periods
            weights = (Decimal(0),) * event.periods + (Decimal(1),) * paying
            return replace(longer, shape=replace(longer.shape, weights=weights))
        case _:
            assert_never(event.interest)


def _balloon_extended(standing: Standing, event: BalloonExtended) -> Standing:
    """The rents before the balloon stand; what it would have paid is owed from there on, on terms of its own."""
    plan = standing.plan
    require(bool(plan.balloon), "on", "there is no balloon to extend")
    require(event.periods >= 1, "periods", "must be at least 1")
    rows, first = build(plan), standing.passed + 1
    own = len(rows) > plan.term
    kept = list(rows[:-1] if own else rows)
    left = rows[-1].principal_minor if own else plan.balloon.minor
    if not own:
        last = kept[-1]
        kept[-1] = last._replace(principal_minor=last.principal_minor - left, balance_minor=left)
    numbered = tuple(row._replace(number=row.number + first - 1) for row in kept)
    calendar = plan.calendar
    due_day = calendar.due_day or (None if calendar.first_due_on is None else calendar.first_due_on.day)
    after = replace(
        plan,
        financed=Money(left, plan.financed.currency),
        balloon=Money(0, plan.financed.currency),
        annual_rate=event.annual_rate,
        term=event.periods,
        starts_on=kept[-1].due_on if kept else plan.starts_on,
        in_advance=False,
        interest_only=0,
        calendar=replace(calendar, first_due_on=None, counted_from=None, due_day=due_day),
        shape=Shape(),
        brought=AFRESH,
    )
    stretch = Stretch(plan=plan, first=first, rows=numbered)
    return Standing(done=(*standing.done, stretch), plan=after)


def _arrears_spread(rest: SchedulePlan, event: ArrearsSpread) -> SchedulePlan:
    owing = _owing(rest, event.principal)
    brought = replace(owing.brought, interest=owing.brought.interest + event.interest)
    spread = replace(owing, brought=brought)
    if event.first_due_on is not None:
        require(event.first_due_on > event.on, "first_due_on", f"must lie after {event.on}")
        due_day = None if spread.calendar.due_day is None else event.first_due_on.day
        calendar = replace(spread.calendar, first_due_on=event.first_due_on, due_day=due_day)
        spread = replace(spread, calendar=calendar)
    if event.periods is not None:
        spread = replace(spread, term=event.periods, interest_only=0, shape=replace(spread.shape, deferred=0))
    return spread


def _unpaid(rest: SchedulePlan, event: Unpaid) -> SchedulePlan:
    require(event.principal >= 0, "principal", "must not be negative")
    return replace(rest, brought=replace(rest.brought, arrears=event.principal))
