"""Cases of what is owed or given back: arrears, penalties, settlement by rebate, due dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext
from itertools import pairwise

from hub.core.money import Money, quantize
from hub.leasing.answers.rating import decimals, known_periods, needed_rent
from hub.leasing.answers.renting import Answer, Figures, Row, shown_rows
from hub.leasing.cases import words as w
from hub.leasing.cases.convention import Convention, mode_of
from hub.leasing.cases.deal import (
    HUNDRED,
    Terms,
    calendar_of,
    frequency_of,
    needed_rate,
    rate_of,
    reckoning_of,
    rent_unit,
    terms_of,
)
from hub.leasing.cases.vocabulary import Known, Paid, refuse
from hub.leasing.replays.lateness import Due, LateRule, Rounded, buckets_of, late_days, penalty_of
from hub.leasing.replays.replay import Standing
from hub.leasing.replays.settling import accrued_less_paid, digits_interest, period_rate, rule_of_78
from hub.leasing.schedules.dues import after
from hub.leasing.schedules.rules import Calendar, Method, SchedulePlan
from hub.leasing.schedules.schedule import build, present_rent

_DAYS = {"360": 360, "364": 364, "365": 365, "366": 366}


def due_dates(known: Known, convention: Convention) -> Answer:
    """The dates on which rents fall due."""
    every = frequency_of(known)
    calendar, starts_on, dated = calendar_of(known, every)
    if not dated:
        raise refuse("inputs.first_due_date", f"is needed: {w.FIRST_DUE.means}")
    periods = known_periods(known)
    first = calendar.first_due_on
    anchor, step = (first, 0) if first is not None else (starts_on, 1)
    days = [after(calendar, anchor, number + step) for number in range(periods)]
    return Answer(figures={"due_dates": [day.isoformat() for day in days]})


def overdue_daily(known: Known, convention: Convention) -> Answer:
    """What an overdue amount bears day by day, and a fee besides."""
    terms = terms_of(known, convention, exact=False)
    overdue = terms.minor(known.need(w.OVERDUE), "inputs.overdue")
    rule = LateRule(
        share=_daily_rate(known, convention),
        rounded=Rounded.EACH_DAY if _each_day(known, convention) else Rounded.AT_THE_END,
        grace_days=known.get(w.GRACE_DAYS) or 0,
        both_ends=known.get(w.BOTH_ENDS) or False,
        cap_share=None if (cap := known.get(w.CAP_PCT)) is None else cap / HUNDRED,
        rounding=convention.rounding,
    )
    days = known.get(w.DAYS_LATE)
    if days is None:
        days = late_days(known.need(w.DUE_ON), known.need(w.PAID_ON), rule)
    found = penalty_of(overdue, days, rule)
    fee = known.get(w.FIXED_FEE) or Decimal(0)
    interest = terms.major(found.total)
    figures: Figures = {
        "days": days,
        "daily": terms.shown(terms.major(found.each)),
        "daily_full": decimals(terms.major(found.each), None),
        "interest": terms.shown(interest),
        "penalty": terms.shown(interest),
        "total": terms.shown(interest + fee),
        "total_outstanding": terms.shown(terms.major(overdue) + interest + fee),
    }
    return Answer(figures=figures)


def _each_day(known: Known, convention: Convention) -> bool:
    said = known.get(w.DAILY_ROUNDED)
    by_words = "daily amount is rounded" in convention.said or "rounded per day" in convention.said
    if said is not None and not said and by_words:
        raise refuse("inputs.daily_amount_rounded", "contradicts the convention, by which a day is rounded")
    return by_words if said is None else said


def _daily_rate(known: Known, convention: Convention) -> Decimal:
    daily = known.get(w.DAILY_RATE)
    yearly = rate_of(known)
    if (daily is None) == (yearly is None):
        raise refuse("inputs.daily_rate_pct", "is needed, or else a rate a year: one of them")
    if daily is not None:
        return daily / HUNDRED
    said = known.get(w.DAY_COUNT) or (convention.day_count.value if convention.day_count else "actual/365")
    days = _DAYS.get(said.rsplit("/", 1)[-1])
    if days is None:
        raise refuse("inputs.day_count", "must be a year of 360, 364, 365 or 366 days for a penalty")
    assert yearly is not None
    with localcontext() as context:
        context.prec = 40
        return yearly[0] / days


def buckets(known: Known, convention: Convention) -> Answer:
    """Arrears by age, on each of the days asked for."""
    terms = terms_of(known, convention, exact=False)
    dues = []
    for number, one in enumerate(known.need(w.DUE_AMOUNTS)):
        assert one.on is not None
        dues.append(Due(one.on, terms.minor(one.amount, f"inputs.due.{number}.amount")))
    bounds = known.need(w.BUCKETS)
    if not bounds or any(one[1] >= two[0] for one, two in pairwise(bounds)):
        raise refuse("inputs.buckets", "must be in order and must not overlap")
    known.get(w.GRACE_DAYS)
    counts = "grace days are subtracted" in convention.said or "after the grace days" in convention.said
    grace = (known.get(w.GRACE_DAYS) or 0) if counts else 0
    figures: Figures = {}
    for day in known.need(w.AS_OF):
        paid = sum(
            terms.minor(one.amount, "inputs.payments")
            for one in [*(known.get(w.PAYMENTS) or ()), *(known.get(w.PAID) or ())]
            if isinstance(one, Paid) and one.on is not None and one.on <= day
        )
        found = buckets_of(dues, paid, day, bounds, grace)
        figures[day.isoformat()] = {_bucket(one): terms.shown(terms.major(found[one])) for one in _in_order(found)}
    return Answer(figures=figures)


def _in_order(found: dict[tuple[int, int | None], int]) -> list[tuple[int, int | None]]:
    return sorted(found, key=lambda one: one[0])


def _bucket(bounds: tuple[int, int | None]) -> str:
    low, high = bounds
    return f"{low}+" if high is None else f"{low}-{high}"


def by_rebate(known: Known, convention: Convention) -> Answer:
    """Settling by the rebate of what a credit has not cost yet, at its annual percentage rate."""
    terms = terms_of(known, convention, exact=False)
    credit = known.one_of(w.CREDIT, w.PRINCIPAL, w.FINANCED)
    if credit is None:
        raise refuse("inputs.credit", f"is needed: {w.CREDIT.means}")
    many, paid = known.need(w.INSTALMENTS), known.need(w.PAID_COUNT)
    instalment = many.amount or needed_rent(known)
    if paid > many.number:
        raise refuse("inputs.instalments_paid", "must not be more than there are")
    days, of = known.get(w.AFTER_LAST) or (0, 1)
    a_year = frequency_of(known).a_year
    rate = period_rate(known.need(w.APR) / HUNDRED, int(a_year), convention.rate_digits)
    worth = accrued_less_paid(credit[1], instalment, rate, paid, Decimal(days) / of)
    remaining = instalment * (many.number - paid)
    with localcontext() as context:
        context.prec = 40
        rebate = quantize(remaining - worth, terms.cent, convention.rounding)
    return Answer(
        figures={
            "remaining_instalments": terms.shown(remaining),
            "rebate": terms.shown(rebate),
            "settlement_amount": terms.shown(remaining - rebate),
            "period_rate_pct": decimals(rate * HUNDRED, None),
        }
    )


def by_digits(known: Known, convention: Convention) -> Answer:
    """The rebate by the sum of the digits, and what each period bears."""
    terms = terms_of(known, convention, exact=False)
    charges, periods, passed = known.need(w.TOTAL_INTEREST), known_periods(known), known.get(w.PERIODS_PAID) or 0
    rebate = rule_of_78(charges, periods, passed)
    rows = [digits_interest(charges, periods, number) for number in range(1, periods + 1)]
    return Answer(
        figures={
            "rebate": terms.shown(rebate),
            "earned_interest": terms.shown(charges - rebate),
            "interest_by_period": {str(number): terms.shown(one) for number, one in enumerate(rows, start=1)},
        }
    )


def spread_outstanding(known: Known, convention: Convention) -> Answer:
    """What is owed is moved to new instalments, and nothing is overdue any more."""
    terms = terms_of(known, convention)
    every = frequency_of(known)
    owed, periods = known.need(w.OUTSTANDING), known.need(w.NEW_PERIODS)
    first, as_of = known.need(w.NEW_FIRST_DUE), known.need(w.AS_OF)[0]
    known.get(w.OVERDUE_DATES)
    if first <= as_of:
        raise refuse("inputs.new_first_due_date", f"must lie after {as_of}")
    annual, effective = needed_rate(known)
    unit, mode = rent_unit(known, terms, Method.EQUAL_INSTALMENTS)
    plan = SchedulePlan(
        financed=Money(terms.minor(owed, "inputs.outstanding"), terms.currency),
        annual_rate=annual,
        term=periods,
        starts_on=as_of,
        rounding=convention.rounding,
        instalment_unit=unit,
        residue=convention.residue,
        calendar=Calendar(every=every.number, unit=every.unit, first_due_on=first),
        reckoning=replace(reckoning_of(known, terms, every, effective=effective), rent_rounding=mode),
    )
    rows = tuple(
        Row(
            number=row.number,
            due_on=row.due_on,
            principal=terms.major(row.principal_minor),
            interest=terms.major(row.interest_minor),
            balance=terms.major(row.balance_minor),
        )
        for row in build(plan)
    )
    figures: Figures = {
        "instalment": terms.shown(terms.major(present_rent(plan))),
        "total_interest": terms.shown(sum((row.interest for row in rows), Decimal(0))),
        "delinquency_after": "none",
    }
    return Answer(figures=figures, rows=rows, terms=terms, standing=Standing(done=(), plan=plan))


def arrears_spread(known: Known, convention: Convention) -> Answer:
    """What is overdue is added to the instalments to come, evenly, the residue to the last.

    Instalments before them are counted back by the days between those to come: what was overdue, then a down payment.
    """
    terms = terms_of(known, convention, exact=False)
    dues, each = known.need(w.FUTURE_DATES), known.need(w.FUTURE_INSTALMENT)
    overdue, first = known.need(w.OVERDUE), known.get(w.DOWN_PAYMENT) or Decimal(0)
    known.get(w.AS_OF)
    if not dues or list(dues) != sorted(set(dues)):
        raise refuse("inputs.future_due_dates", "must be in order")
    unit = known.get(w.MULTIPLE) or terms.cent
    mode = mode_of(convention.rule) or convention.rent_rounding or convention.rounding
    whole = overdue + each * len(dues)
    share = quantize(whole / len(dues), unit, mode)
    new = [share] * (len(dues) - 1) + [whole - share * (len(dues) - 1)]
    rows = [*_before(known, terms, whole, first, overdue, each), *zip(dues, new, strict=True)]
    principal = known.get(w.PRINCIPAL) or whole + first
    told, left = [], principal
    for number, (due_on, amount) in enumerate(rows, start=1):
        left -= amount
        told.append(Row(number=number, due_on=due_on, principal=amount, interest=Decimal(0), balance=left))
    figures: Figures = {"new_instalments": [terms.shown(one) for one in new]}
    return Answer(figures=figures, rows=tuple(told), terms=terms)


def _before(
    known: Known, terms: Terms, whole: Decimal, first: Decimal, overdue: Decimal, each: Decimal
) -> list[tuple[date, Decimal]]:
    """The instalments that stood before: those overdue pay nothing now, the down payment was paid."""
    dues = known.need(w.FUTURE_DATES)
    if len(dues) < 2 or not each:
        return []
    gap = dues[1] - dues[0]
    missed = int(overdue / each) if overdue % each == 0 else 1
    rows: list[tuple[date, Decimal]] = [(dues[0] - gap * number, Decimal(0)) for number in range(missed, 0, -1)]
    if first:
        rows.insert(0, (dues[0] - gap * (missed + 1), first))
    return rows


def told(answer: Answer) -> list[Figures]:
    """The schedule of an answer as it is printed."""
    return shown_rows(answer.terms, answer.rows) if answer.terms else []
