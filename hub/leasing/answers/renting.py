"""A case of rents: its plan, what happens to it, and every figure that is told of such a schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction

from hub.leasing.cases import words as w
from hub.leasing.cases.convention import Convention
from hub.leasing.cases.deal import (
    HUNDRED,
    Terms,
    down_payment,
    financed_of,
    frequency_of,
    method_of,
    plan_of,
    terms_of,
)
from hub.leasing.cases.vocabulary import Known, Paid, refuse
from hub.leasing.replays.lateness import Charged, LateRule, penalty
from hub.leasing.replays.paying import Payment, owed_on, prepaying, running_on_arrears
from hub.leasing.replays.replay import Standing, replay
from hub.leasing.replays.rules import (
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
)
from hub.leasing.replays.settling import Rebate, digits_interest, settled
from hub.leasing.schedules.rules import Method, ScheduledInstalment, SchedulePlan
from hub.leasing.schedules.schedule import ShapedSums, build, level_rent, present_rent
from hub.leasing.yields.rates import Flow, Worth, effective, flat_rate, rate_of

Figures = dict[str, object]
_STRATEGIES = (
    (("next", "ahead"), Prepayment.NEXT_INSTALMENTS),
    (("short", "fewer", "number", "keep instal", "reduce term", "reduce the term"), Prepayment.SHORTEN_TERM),
    (("keep term", "recompute", "lower", "reduce", "new instal"), Prepayment.LOWER_RENT),
)
_REBATES = (
    (("78", "digits"), Rebate.RULE_OF_78),
    (("next due", "period end", "end of the period", "next instal", "rest freq", "full period"), Rebate.TO_NEXT_DUE),
    (("none", "no rebate", "all interest"), Rebate.NONE),
)
_SECANTS, _SAME_RATE = 12, Decimal("1e-18")
_PUTS = {"paid": Put.PAID, "deferred": Put.DEFERRED, "capitalised": Put.CAPITALISED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One instalment in major units, unrounded where the case is."""

    number: int
    due_on: date | None
    principal: Decimal
    interest: Decimal
    balance: Decimal

    @property
    def total(self) -> Decimal:
        """What is paid."""
        return self.principal + self.interest


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What comes of a case: figures by name, the schedule if there is one, and the plans that made it, to be explained."""

    figures: Figures
    rows: tuple[Row, ...] = ()
    standing: Standing | None = None
    terms: Terms | None = None
    first_number: int = 1


@dataclass(slots=True, kw_only=True)
class Rents:
    """A case of rents on its way: what is known, its plan, and what has happened to it."""

    known: Known
    terms: Terms
    plan: SchedulePlan
    dated: bool
    kind: str
    prepaid: tuple[Prepaid, ...] = ()
    events: list[Event] = field(default_factory=list)


def rents(
    known: Known, convention: Convention, kind: str, usual: Method, periods: int, *, exact: bool | None
) -> Answer:
    """The schedule of a case with everything that happens to it, and its figures."""
    terms = terms_of(known, convention, exact=exact)
    plan, dated = plan_of(known, terms, method_of(known, usual), periods)
    if convention.implicit:
        plan = _at_implied_rate(plan)
    case = Rents(known=known, terms=terms, plan=plan, dated=dated, kind=kind)
    case.events = _events(case)
    standing = _standing(case)
    rows = _rows(case, standing)
    figures = _figures(case, standing, rows)
    figures |= _settlement(case, standing) | _penalties(case, standing)
    first, _ = down_payment(known, terms, financed_of(known)[0])
    return Answer(figures=figures, rows=rows, standing=standing, terms=terms, first_number=1 + bool(first))


def _at_implied_rate(plan: SchedulePlan) -> SchedulePlan:
    """The plan at the rate at which its rounded rent is exact, found by the secant."""
    rent = present_rent(plan)
    given = replace(plan, shape=replace(plan.shape, rent=rent))
    before, now = plan.annual_rate, plan.annual_rate + Decimal("1e-6")
    off_before, off_now = (level_rent(replace(plan, annual_rate=rate)) - rent for rate in (before, now))
    for _ in range(_SECANTS):
        if off_now == off_before or abs(now - before) < _SAME_RATE:
            break
        following = (now - off_now * (now - before) / (off_now - off_before)).quantize(_SAME_RATE)
        before, off_before, now = now, off_now, max(following, Decimal(0))
        off_now = level_rent(replace(plan, annual_rate=now)) - rent
    return replace(given, annual_rate=now)


def _events(case: Rents) -> list[Event]:
    known, terms = case.known, case.terms
    found: list[Event] = []
    more = [one for one in (known.get(w.MORE_PAID_OUT),) if one] + list(known.get(w.DISBURSEMENTS) or ())
    for number, out in enumerate(more):
        found.append(
            Disbursed(on=out.on, amount=terms.minor(out.value or Decimal(0), f"inputs.disbursements.{number}"))
        )
    rates = [one for one in (known.get(w.RATE_CHANGE),) if one] + list(known.get(w.RATE_CHANGES) or ())
    found += [RateChanged(on=one.on, annual_rate=(one.value or Decimal(0)) / HUNDRED) for one in rates]
    if (longer := known.get(w.EXTRA_PERIODS)) is not None:
        found.append(TermExtended(on=known.need(w.RESCHEDULED), periods=longer))
    if (moved := known.get(w.MOVED)) is not None and moved.to is not None:
        found.append(DueDateMoved(on=moved.on, to_on=moved.to, as_whole=terms.convention.whole_period))
    if (periods := known.get(w.HOLIDAY_PERIODS)) is not None:
        said = (known.get(w.HOLIDAY_INTEREST) or "paid").lower()
        if said not in _PUTS:
            raise refuse("inputs.holiday_interest", f"must be one of {', '.join(_PUTS)}")
        found.append(Holiday(on=known.need(w.HOLIDAY_FROM), periods=periods, interest=_PUTS[said]))
    if (spread := known.get(w.BALLOON_PERIODS)) is not None:
        rate = known.get(w.BALLOON_RATE)
        annual = case.plan.annual_rate if rate is None else rate / HUNDRED
        last = build(case.plan)[-1].due_on
        found.append(BalloonExtended(on=last, periods=spread, annual_rate=annual))
    return found


def payments_of(case: Rents) -> list[Payment]:
    """What has been paid, by days."""
    both = [*(case.known.get(w.PAYMENTS) or ()), *(case.known.get(w.PAID) or ())]
    found = []
    for number, one in enumerate(both):
        if not isinstance(one, Paid) or one.on is None:
            raise refuse(f"inputs.payments.{number}", "needs a date")
        found.append(Payment(one.on, case.terms.minor(one.amount, f"inputs.payments.{number}.amount")))
    return found


def _strategy(case: Rents) -> Prepayment | None:
    said = (case.known.get(w.STRATEGY) or "").lower() or (case.kind if case.kind.startswith("prepayment") else "")
    if not said:
        return None
    said = said.replace("_", " ")
    found = next((way for names, way in _STRATEGIES if any(name in said for name in names)), None)
    if found is None:
        raise refuse("inputs.strategy", "must shorten the term, lower the instalment or pay the next instalments")
    return found


def _standing(case: Rents) -> Standing:
    paid, known = payments_of(case), case.known
    rule = f"{known.get(w.RULE) or ''} {case.terms.convention.rule}".lower()
    if "overdue_interest" in case.kind or "keeps running" in rule or "due but unpaid" in rule:
        as_of = known.need(w.AS_OF)[0]
        return running_on_arrears(case.plan, paid, as_of)
    how = _strategy(case)
    if paid and (how is not None or known.says(w.SETTLED_ON)):
        standing, case.prepaid = prepaying(case.plan, paid, how or Prepayment.SHORTEN_TERM, case.events)
        return standing
    return replay(case.plan, case.events)


def _rows(case: Rents, standing: Standing) -> tuple[Row, ...]:
    """The schedule as it is told: a down payment first, prepayments in the row of their period."""
    terms = case.terms
    first, _ = down_payment(case.known, terms, financed_of(case.known)[0])
    merged = list(standing.rows)
    for one in case.prepaid:
        place = next(index for index, row in enumerate(merged) if row.due_on >= one.on)
        row = merged[place]
        left = row.balance_minor - (one.amount if row.due_on == one.on else 0)
        merged[place] = row._replace(principal_minor=row.principal_minor + one.amount, balance_minor=left)
    rows = [_row(terms, row, bool(first), dated=case.dated) for row in merged]
    if first:
        on = case.known.get(w.DOWN_PAYMENT_DATE) or (case.plan.starts_on if case.dated else None)
        down = Row(
            number=1,
            due_on=on,
            principal=terms.major(first),
            interest=Decimal(0),
            balance=terms.major(case.plan.financed.minor),
        )
        rows.insert(0, down)
    return tuple(rows)


def _row(terms: Terms, row: ScheduledInstalment, later: bool, *, dated: bool) -> Row:
    return Row(
        number=row.number + later,
        due_on=row.due_on if dated else None,
        principal=terms.major(row.principal_minor),
        interest=terms.major(row.interest_minor),
        balance=terms.major(row.balance_minor),
    )


def shown_rows(terms: Terms, rows: Sequence[Row]) -> list[Figures]:
    """Rows as they are printed."""
    return [
        {
            "n": row.number,
            **({} if row.due_on is None else {"due_date": row.due_on.isoformat()}),
            "principal": terms.shown(row.principal),
            "interest": terms.shown(row.interest),
            "total": terms.shown(row.total),
            "balance_after": terms.shown(row.balance),
        }
        for row in rows
    ]


def percent(fraction: Decimal | None, digits: int | None) -> str | None:
    """A fraction in per cent: with so many digits, or with twelve."""
    if fraction is None:
        return None
    with localcontext() as context:
        context.prec = 40
        return f"{fraction * HUNDRED:.{12 if digits is None else digits}f}"


def _figures(case: Rents, standing: Standing, rows: Sequence[Row]) -> Figures:
    terms, plan = case.terms, case.plan
    show: Callable[[Decimal], str] = terms.shown
    ahead = rows[len(rows) - len(standing.rows) :]
    regular = ahead[min(plan.interest_only, len(ahead) - 1)]
    level = plan.method is Method.EQUAL_INSTALMENTS
    rent = terms.major(present_rent(plan)) if level else regular.total
    interest = sum((row.interest for row in rows), Decimal(0))
    told, financed = terms.convention.totals_of_rent, financed_of(case.known)[0]
    total = rent * len(rows) if told else sum((row.total for row in rows), Decimal(0))
    found: Figures = {
        "financed": show(financed),
        "instalment": show(rent),
        "instalment_rounded": f"{rent:.0f}",
        "rental": show(rent),
        "first_instalment": show(ahead[0].total),
        "first_interest": show(ahead[0].interest),
        "first_principal": show(ahead[0].principal),
        "last_instalment": show(rows[-1].total),
        "last_interest": show(rows[-1].interest),
        "last_principal": show(rows[-1].principal),
        "principal_part": show(regular.principal),
        "interest_per_period": show(regular.interest),
        "instalments": _instalments(case, rows),
        "interest_by_period": {str(row.number): show(row.interest) for row in rows},
        "selected_periods": shown_rows(terms, rows),
        "total_interest": show(total - financed if told else interest),
        "total_payable": show(total),
        "final_balance": show(rows[-1].balance),
    }
    if len(ahead) > 1:
        found["decrease_per_period"] = show(ahead[0].total - ahead[1].total)
    if level:
        found["instalment_full"] = f"{terms.major(level_rent(plan)):.20f}"
        found["instalment_after"] = found["new_instalment"] = show(terms.major(present_rent(standing.plan)))
    if after := case.known.get(w.BALANCES_AFTER):
        if max(after, default=0) > len(rows) or min(after, default=1) < 1:
            raise refuse("inputs.balances_after", f"must lie in the {len(rows)} instalments")
        found["balances"] = [show(rows[number - 1].balance) for number in after]
    if case.events and standing.done:
        first = standing.passed + 1 + len(rows) - len(standing.rows)
        found[f"schedule_from_period_{first}"] = shown_rows(terms, rows[first - 1 :])
    return found | _digits(plan.method, interest, len(ahead)) | _rates(case, standing, rows, interest)


def _instalments(case: Rents, rows: Sequence[Row]) -> list[str]:
    """Every instalment: by its weight where they are weighted, before the residue of rounding; else as it is paid."""
    terms, plan = case.terms, case.plan
    if not plan.shape.weights:
        return [terms.shown(row.total) for row in rows]
    return [terms.shown(terms.major(one)) for one in ShapedSums(plan).rents(present_rent(plan))]


def _digits(method: Method, interest: Decimal, periods: int) -> Figures:
    """What of a flat rate falls to the first and the last period by the rule of 78."""
    if method is not Method.FLAT:
        return {}
    first, last = (digits_interest(interest, periods, number) for number in (1, periods))
    return {
        "rule78_first_interest": f"{first:.2f}",
        "rule78_first_interest_rounded": f"{first:.0f}",
        "rule78_last_interest": f"{last:.2f}",
        "rule78_last_interest_rounded": f"{last:.0f}",
    }


def _rates(case: Rents, standing: Standing, rows: Sequence[Row], interest: Decimal) -> Figures:
    """The rate that a schedule comes to, when its periods are all alike and nothing happens to it."""
    plan, every, digits = case.plan, frequency_of(case.known), case.terms.convention.digits
    if standing.done or case.events or case.prepaid or plan.calendar.counted_from or plan.brought.interest:
        return {}
    financed = financed_of(case.known)[0]
    fee = case.known.get(w.UPFRONT_FEE) or Decimal(0)
    down = len(rows) - len(standing.rows)
    at_start = (plan.shape.up_front if plan.in_advance else 0) + down
    times = [max(0, number - at_start) for number in range(1, len(rows) + 1)]
    if len(standing.rows) > plan.term:
        times[-1] = plan.shape.balloon_after or plan.term
    flows = [Flow(fee - financed, Fraction(0))]
    flows += [Flow(row.total, Fraction(time)) for row, time in zip(rows, times, strict=True)]
    rate = rate_of(Worth(flows=tuple(flows)))
    years = Decimal(max(times)) / every.a_year
    found: Figures = {"flat_rate_pct": percent(flat_rate(interest, financed, years), digits)} if years else {}
    if rate is None:
        return found
    with localcontext() as context:
        context.prec = 50
        yearly = (1 + rate) ** every.a_year - 1
    if every == (1, "month"):
        found["monthly_rate_pct"] = percent(rate, digits)
        yearly = effective(rate, 12)
    return found | {
        "irr_nominal_pct": percent(rate * every.a_year, digits),
        "effective_annual_pct": percent(yearly, digits),
    }


def _settlement(case: Rents, standing: Standing) -> Figures:
    known, terms = case.known, case.terms
    on = known.get(w.SETTLED_ON)
    if on is None:
        return {}
    said = f"{known.get(w.INTEREST_RULE) or ''} {terms.convention.rule}".lower()
    rebate = next((one for names, one in _REBATES if any(name in said for name in names)), Rebate.TO_THE_DAY)
    prepaid = sum(one.amount for one in case.prepaid)
    paid = payments_of(case)
    to_rents = [Payment(one.on, one.amount) for one in paid]
    if prepaid:
        to_rents.append(Payment(max(one.on for one in case.prepaid), -prepaid))
    overdue = owed_on(standing.rows, to_rents, on)
    share = (known.get(w.SETTLEMENT_FEE) or Decimal(0)) / HUNDRED
    whole = standing.plan if standing.done else case.plan
    found = settled(whole, on, rebate, overdue=overdue, fee_share=share)
    principal, interest = found.principal + overdue.principal, found.interest + overdue.interest
    return {
        "principal": terms.shown(terms.major(principal)),
        "interest": terms.shown(terms.major(interest)),
        "settlement_fee": terms.shown(terms.major(found.fee)),
        "payoff_total": terms.shown(terms.major(found.total)),
    }


def _penalties(case: Rents, standing: Standing) -> Figures:
    known, terms = case.known, case.terms
    said = known.get(w.PENALTY)
    if said is None:
        return {}
    as_of = known.need(w.AS_OF)[0]
    often = said.frequency.lower()
    charged = (
        Charged.DAILY if "dai" in often or "day" in often else Charged.MONTHLY if "month" in often else Charged.ONCE
    )
    rule = LateRule(
        share=said.pct / HUNDRED,
        fixed=terms.nearest(said.fixed),
        charged=charged,
        grace_days=known.get(w.GRACE_DAYS) or 0,
        rounding=terms.convention.rounding,
    )
    both = "interest" in said.base.lower() or "instal" in said.base.lower()
    paid, found, unpaid = payments_of(case), list[int](), 0
    before = 0
    for row in standing.rows:
        owed = owed_on((row,), [Payment(one.on, one.amount) for one in _beyond(paid, before)], as_of)
        before += row.principal_minor + row.interest_minor
        late = row.due_on < as_of
        unpaid += owed.total if late else row.principal_minor + row.interest_minor
        if late and owed.total:
            found.append(penalty(owed.total if both else owed.principal, row.due_on, as_of, rule).total)
    total = sum(found)
    return {
        "penalties": [terms.shown(terms.major(one)) for one in found],
        "penalty_each": terms.shown(terms.major(found[0] if found else 0)),
        "penalty_total": terms.shown(terms.major(total)),
        "total_outstanding": terms.shown(terms.major(unpaid + total)),
    }


def _beyond(paid: Sequence[Payment], used: int) -> list[Payment]:
    """What is left of payments when the first so much of them has been used."""
    left = []
    for one in sorted(paid):
        taken = min(used, one.amount)
        used -= taken
        left.append(one._replace(amount=one.amount - taken))
    return left
