"""Cases of rates and of one unknown: internal rates, annual percentage rates by law, intervals, leases by a residual."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction

from hub.core.money import Rounding, quantize
from hub.leasing.answers.renting import Answer, Figures, percent
from hub.leasing.cases import words as w
from hub.leasing.cases.convention import Convention
from hub.leasing.cases.deal import (
    HUNDRED,
    balloon_of,
    financed_of,
    frequency_of,
    in_advance,
    needed_rate,
    periods_of,
    rate_of,
    terms_of,
)
from hub.leasing.cases.vocabulary import Every, Known, Paid, Run, refuse
from hub.leasing.yields import rates
from hub.leasing.yields.intervals import PER_YEAR, Regular, UnitPeriod, american, european
from hub.leasing.yields.rates import Flow, Worth, periodic
from hub.leasing.yields.solving import Annuity, rate_behind, rent_of, residual_of, term_of, worth_at

_PRECISION = 50


def decimals(value: Decimal | None, digits: int | None) -> str | None:
    """A number with so many decimals, or with twelve."""
    return (
        None
        if value is None
        else f"{quantize(value, Decimal(1).scaleb(-(12 if digits is None else digits)), Rounding.HALF_UP):f}"
    )


def internal(known: Known, convention: Convention) -> Answer:
    """The periodic rate of given flows, and what they are worth at a rate if one is said."""
    flows = known.need(w.CASH_FLOWS)
    rate = rates.rate_of(periodic(flows))
    if rate is None:
        raise refuse("inputs.cash_flows", "have no rate at which they are worth nothing")
    found: Figures = {"irr": decimals(rate, convention.digits), "irr_pct": percent(rate, None)}
    at = rate_of(known)
    if at is not None:
        a_year = frequency_of(known).a_year
        found["npv"] = f"{periodic(flows).exact(at[0] / a_year):.2f}"
    return Answer(figures=found)


def _rents_of(known: Known, periods: int, base: Decimal) -> Annuity:
    """The rents of a case as an annuity; shares of a residual are of the base."""
    residual, after = balloon_of(known, base)
    weights = known.get(w.WEIGHTS) or ()
    if len(weights) not in (0, periods):
        raise refuse("inputs.weights", f"must name each of the {periods} instalments")
    up_front = in_advance(known)
    if up_front > periods:
        raise refuse("inputs.payments_in_advance", "must not be more than there are")
    return Annuity(periods=periods, up_front=up_front, weights=weights, residual=residual, residual_after=after)


def _annuity(known: Known, periods: int) -> tuple[Annuity, Decimal]:
    """The rents of a case, and what they pay."""
    financed, _ = financed_of(known)
    return _rents_of(known, periods, known.get(w.PRICE) or financed), financed


def _rent(known: Known) -> Decimal | None:
    said = known.one_of(w.INSTALMENT, w.RENTAL, w.FIXED_INSTALMENT, w.MONTHLY_PAYMENT)
    return said[1] if said else None


def needed_rent(known: Known) -> Decimal:
    """The rent that a case must say."""
    rent = _rent(known)
    if rent is None or rent <= 0:
        raise refuse("inputs.instalment", "is needed: the level instalment, more than nothing")
    return rent


def _rate_figures(rate: Decimal | None, every: Every, digits: int | None) -> Figures:
    if rate is None:
        raise refuse("inputs.instalment", "belongs to no rate")
    with localcontext() as context:
        context.prec = _PRECISION
        yearly = (1 + rate) ** every.a_year - 1
        nominal = rate * every.a_year
    found: Figures = {
        "annual_rate_pct": percent(nominal, digits),
        "annual_yield_pct": percent(nominal, digits),
        "irr_nominal_pct": percent(nominal, digits),
        "periodic_rate_pct": percent(rate, digits),
        "effective_annual_pct": percent(yearly, digits),
    }
    if every == (1, "month"):
        found["monthly_rate_pct"] = percent(rate, digits)
    return found


def solved_rate(known: Known, convention: Convention) -> Answer:
    """The rate behind a price and its rents."""
    annuity, financed = _annuity(known, known_periods(known))
    terms, rent = terms_of(known, convention), needed_rent(known)
    rate = rate_behind(annuity, financed, rent)
    paid = sum((flow.amount for flow in annuity.flows(rent)), Decimal(0))
    figures = _rate_figures(rate, frequency_of(known), convention.digits)
    figures |= {"total_payable": terms.shown(paid), "total_interest": terms.shown(paid - financed)}
    return Answer(figures=figures | {"financed": terms.shown(financed)})


def known_periods(known: Known) -> int:
    """How many instalments there are, which the case must say."""
    periods = periods_of(known)
    if periods is None:
        raise refuse("inputs.periods", f"is needed: {w.PERIODS.means}")
    return periods


def _a_period(known: Known) -> Decimal:
    """The rate a period."""
    annual, is_effective = needed_rate(known)
    every = frequency_of(known)
    with localcontext() as context:
        context.prec = _PRECISION
        return (1 + annual) ** (1 / every.a_year) - 1 if is_effective else annual / every.a_year


def solved_term(known: Known, convention: Convention) -> Answer:
    """How many rents a price takes."""
    financed, _ = financed_of(known)
    residual, _ = balloon_of(known, financed)
    rent = needed_rent(known)
    early = in_advance(known)
    if early > 1:
        raise refuse("inputs.payments_in_advance", "must be 0 or 1 where the term is asked for")
    periods = term_of(financed, rent, _a_period(known), in_advance=bool(early), residual=residual)
    found: Figures = {
        "periods": decimals(periods, convention.digits),
        "whole_periods": int(periods.to_integral_value("ROUND_CEILING")),
    }
    return Answer(figures=found)


def solved_amount(known: Known, convention: Convention) -> Answer:
    """The rent, the price, the down payment or the residual that belongs to the others."""
    unknown, terms = (known.get(w.SOLVE_FOR) or "price").lower().replace(" ", "_"), terms_of(known, convention)
    rate, periods = _a_period(known), known_periods(known)
    if unknown in ("rent", "rental", "instalment"):
        annuity, financed = _annuity(known, periods)
        rent = terms.shown(rent_of(annuity, financed, rate))
        return Answer(figures={"instalment": rent, "rental": rent})
    if unknown in ("residual", "balloon"):
        annuity, financed = _annuity(known, periods)
        left = terms.shown(residual_of(annuity, financed, needed_rent(known), rate))
        return Answer(figures={"residual": left, "balloon": left})
    annuity = _rents_of(known, periods, Decimal(0))
    worth = worth_at(annuity, needed_rent(known), rate)
    if unknown in ("down_payment", "deposit"):
        price = known.one_of(w.PRICE, w.ASSET_PRICE)
        if price is None:
            raise refuse("inputs.price", f"is needed: {w.PRICE.means}")
        return Answer(figures={"down_payment": terms.shown(price[1] - worth), "financed": terms.shown(worth)})
    first = known.one_of(w.DOWN_PAYMENT, w.DEPOSIT)
    price_of_it = worth + (first[1] if first else Decimal(0))
    found = {"principal": terms.shown(worth), "financed": terms.shown(worth), "price": terms.shown(price_of_it)}
    return Answer(figures={**found, "present_value": terms.shown(worth)})


def apr_eu(known: Known, convention: Convention) -> Answer:
    """The European annual percentage rate: Σ D·(1+X)⁻ᵗ = Σ P·(1+X)⁻ˢ. Source: directive 2008/48/EC, annex I."""
    said = known.one_of(w.ADVANCE, w.PRINCIPAL, w.FINANCED, w.AMOUNT_FINANCED)
    if said is None:
        raise refuse("inputs.advance", f"is needed: {w.ADVANCE.means}")
    starts_on = known.one_of(w.ADVANCE_DATE, w.START)
    start = starts_on[1] if starts_on else None
    flows = [Flow(said[1] - (known.get(w.UPFRONT_FEE) or Decimal(0)), Fraction(0))]
    monthly: list[Flow] | None = list(flows)
    for time, amount in _timed(known, start):
        flows.append(Flow(-amount, time))
        if monthly is not None and (time * 12).denominator == 1:
            monthly.append(Flow(-amount, time * 12))
        else:
            monthly = None
    for out in known.get(w.DISBURSEMENTS) or ():
        time = _years(start, out.on, None, "inputs.disbursements")
        flows.append(Flow(out.value or Decimal(0), time))
        monthly = None
    rate = rates.rate_of(Worth(flows=tuple(flows)))
    if rate is None:
        raise refuse("inputs.payments", "belong to no rate")
    found: Figures = {"apr_pct": percent(rate, convention.digits), "apr_pct_full": percent(rate, None)}
    found |= {"apr_one_decimal": percent_half_up(rate, 1), "effective_annual_pct": percent(rate, convention.digits)}
    if monthly and (nominal := rates.rate_of(Worth(flows=tuple(monthly)))) is not None:
        found["irr_nominal_pct"] = percent(nominal * 12, convention.digits)
        found["monthly_rate_pct"] = percent(nominal, convention.digits)
    return Answer(figures=found)


def percent_half_up(fraction: Decimal, digits: int) -> str:
    """A fraction in per cent, its last digit rounded half up as the directive says."""
    return f"{quantize(fraction * HUNDRED, Decimal(1).scaleb(-digits), Rounding.HALF_UP):f}"


def _timed(known: Known, start: date | None) -> Iterator[tuple[Fraction, Decimal]]:
    """What the customer pays, with the years from the first payment out."""
    first = known.one_of(w.FIRST_PAYMENT, w.FIRST_DUE)
    period = 0
    for number, one in enumerate(known.get(w.PAYMENTS) or ()):
        where = f"inputs.payments.{number}"
        if isinstance(one, Paid):
            yield _years(start, one.on, one.month, where), one.amount
            continue
        every = one.every or frequency_of(known)
        base = Fraction(1) / Fraction(every.a_year) if first is None else _years(start, first[1], None, where)
        for _ in range(one.number):
            yield base + Fraction(period) / Fraction(every.a_year), one.amount
            period += 1
    if instalments := known.get(w.INSTALMENTS):
        every = instalments.every or frequency_of(known)
        for number in range(1, instalments.number + 1):
            yield Fraction(number) / Fraction(every.a_year), instalments.amount
    for number, charge in enumerate(known.get(w.CHARGES) or ()):
        yield _years(start, charge.on, charge.month, f"inputs.charges.{number}"), charge.amount


def _years(start: date | None, on: date | None, month: int | None, where: str) -> Fraction:
    if month is not None:
        return Fraction(month, 12)
    if start is None or on is None:
        raise refuse(where, "has a date, so advance_date is needed")
    weekly = european(start, on, Regular.WEEK)
    by_month = european(start, on, Regular.MONTH)
    return weekly.years if by_month.odd_days and not weekly.odd_days else by_month.years


def apr_us(known: Known, convention: Convention) -> Answer:
    """The American annual percentage rate. Source: 12 CFR part 1026, appendix J, (b)(8)."""
    advanced_on, first_on = known.need(w.ADVANCE_DATE), known.need(w.FIRST_PAYMENT)
    runs = [one for one in known.need(w.PAYMENTS) if isinstance(one, Run)]
    if not runs or len(runs) != len(known.need(w.PAYMENTS)):
        raise refuse("inputs.payments", "must be [{count, amount, every}]")
    unit = _unit_period(known, runs)
    whole, odd = american(advanced_on, first_on, unit)
    flows, number = [Flow(known.need(w.AMOUNT_FINANCED), Fraction(0))], 0
    for run in runs:
        step = _in_units(run.every, unit) if run.every else 1
        for _ in range(run.number):
            flows.append(Flow(-run.amount, Fraction(whole + number), odd))
            number += step
    rate = rates.rate_of(Worth(flows=tuple(flows), simple_odd=True))
    if rate is None:
        raise refuse("inputs.payments", "belong to no rate")
    a_year = known.get(w.UNIT_PERIODS)
    times = Decimal(unit.a_year.numerator) / unit.a_year.denominator if a_year is None else a_year
    found: Figures = {
        "apr_pct": percent_half_up(rate * times, 2 if convention.digits is None else convention.digits),
        "apr_pct_full": percent(rate * times, None),
        "unit_period_rate_pct": percent(rate, None),
        "unit_periods_to_first": whole,
        "odd_fraction": f"{odd.numerator}/{odd.denominator}" if odd else "0",
    }
    return Answer(figures=found)


def _unit_period(known: Known, runs: list[Run]) -> UnitPeriod:
    """The unit period: that of the payments, else the one that a year has so many of."""
    said = next((run.every for run in runs if run.every), None) or known.get(w.FREQUENCY)
    if said is not None:
        return UnitPeriod(said.number, said.of)
    a_year = known.get(w.UNIT_PERIODS)
    by_number = {52: (7, "day"), 26: (14, "day"), 13: (28, "day"), 24: (1, "half_month"), 365: (1, "day")}
    if a_year is not None and a_year in by_number:
        return UnitPeriod(*by_number[int(a_year)])
    if a_year is not None and a_year > 0 and 12 % a_year == 0:
        return UnitPeriod(int(12 / a_year), "month")
    raise refuse("inputs.payments", "must say how far apart they are: every")


def _in_units(every: Every, unit: UnitPeriod) -> int:
    whole, rest = divmod(every.number, unit.every)
    if every.of != unit.of or rest:
        raise refuse("inputs.payments", "must be whole unit periods apart")
    return whole


def interval(known: Known, convention: Convention) -> Answer:
    """An interval of the European rate: whole periods, odd days, and the days of their year."""
    said = (known.get(w.REGULAR) or "month").lower().rstrip("s")
    if said not in list(Regular):
        raise refuse("inputs.regular_period", "must be year, month or week")
    found = european(known.need(w.FROM), known.need(w.TO), Regular(said))
    years = found.years
    return Answer(
        figures={
            "whole_periods": found.whole_periods,
            "odd_days": found.odd_days,
            "days_in_year": found.days_in_year,
            "fraction": str(found),
            "years": decimals(Decimal(years.numerator) / years.denominator, convention.digits),
            "periods_per_year": PER_YEAR[found.regular],
        }
    )


def rounded_apr(known: Known, convention: Convention) -> Answer:
    """A rate as it is told, with one decimal and with two. Source: directive 2008/48/EC, annex I, remark d."""
    rate = known.need(w.APR) / HUNDRED
    return Answer(figures={"one_decimal": percent_half_up(rate, 1), "two_decimals": percent_half_up(rate, 2)})


def lessor(known: Known, convention: Convention) -> Answer:
    """A lessor's lease: the rate implicit in it, and what the payments are worth at it. Source: ASC 842-30-30-1."""
    terms, fair = terms_of(known, convention, exact=False), known.need(w.FAIR_VALUE)
    rent, periods = needed_rent(known), known_periods(known)
    residual, after = balloon_of(known, fair)
    annuity = Annuity(periods=periods, up_front=in_advance(known), residual=residual, residual_after=after)
    rate = rate_behind(annuity, fair, rent)
    if rate is None:
        raise refuse("inputs.monthly_payment", "belongs to no rate")
    payments = worth_at(Annuity(periods=periods, up_front=annuity.up_front), rent, rate)
    figures = _rate_figures(rate, frequency_of(known), convention.digits)
    figures["implicit_rate_pct"] = figures["annual_rate_pct"]
    figures |= {"pv_lease_payments": terms.shown(payments), "pv_residual": terms.shown(fair - payments)}
    if (carried := known.get(w.CARRYING)) is not None:
        figures |= {"selling_profit": terms.shown(fair - carried), "net_investment": terms.shown(fair)}
    return Answer(figures=figures)


def subsidy(known: Known, convention: Convention) -> Answer:
    """What a supplier adds so that the lender earns its yield on the rents that the customer pays."""
    terms, run = terms_of(known, convention, exact=False), known.need(w.INSTALMENTS)
    financed, _ = financed_of(known)
    if run.amount <= 0 or run.number < 1:
        raise refuse("inputs.instalments", "must say count and amount")
    every = run.every or frequency_of(known)
    residual, after = balloon_of(known, financed)
    early = int("advance" in run.mode.lower()) if run.mode else in_advance(known)
    annuity = Annuity(periods=run.number, up_front=early, residual=residual, residual_after=after)
    rate = known.need(w.LENDER_YIELD) / HUNDRED / every.a_year
    at_start = financed - worth_at(annuity, run.amount, rate)
    said = (known.get(w.CONTRIBUTED) or "at start").lower()
    later = 0 if "start" in said else run.number if "end" in said else _month(said)
    with localcontext() as context:
        context.prec = _PRECISION
        contribution = at_start * (1 + rate) ** later
    paid = sum((flow.amount for flow in annuity.flows(run.amount)), Decimal(0))
    lessee = Decimal(0) if paid == financed else rate_behind(annuity, financed, run.amount)
    return Answer(
        figures={
            "financed": terms.shown(financed),
            "supplier_contribution": terms.shown(contribution),
            "lessee_rate_pct": None if lessee is None else percent(lessee * every.a_year, convention.digits),
            "present_value": terms.shown(financed - at_start),
        }
    )


def _month(said: str) -> int:
    digits = "".join(one for one in said if one.isdigit())
    if not digits:
        raise refuse("inputs.contribution_paid", 'must be "at start", "at end" or "month" with its number')
    return int(digits)


def by_money_factor(known: Known, convention: Convention) -> Answer:
    """A lease as American dealers quote it: depreciation and rent charge, by a money factor."""
    terms = terms_of(known, convention, exact=False)
    cost, _ = financed_of(known)
    base = known.get(w.MSRP) or cost
    residual, _ = balloon_of(known, base)
    factor = _money_factor(known)
    found: Figures = {
        "capitalised_cost": terms.shown(cost),
        "residual": terms.shown(residual),
        "total_depreciation": terms.shown(cost - residual),
    }
    if factor is not None:
        found["money_factor"] = f"{factor.normalize():f}"
        found["annual_rate_pct"] = f"{(factor * 2400).normalize():f}"
    periods = periods_of(known)
    if factor is None or periods is None:
        return Answer(figures=found)
    depreciation, charge = (cost - residual) / periods, (cost + residual) * factor
    payment = depreciation + charge
    tax = (known.get(w.TAX_PCT) or Decimal(0)) / HUNDRED
    found |= {
        "depreciation": terms.shown(depreciation),
        "rent_charge": terms.shown(charge),
        "payment": terms.shown(payment),
        "tax": terms.shown(payment * tax),
        "payment_with_tax": terms.shown(payment * (1 + tax)),
        "total_payable": terms.shown(payment * (1 + tax) * periods),
    }
    return Answer(figures=found)


def _money_factor(known: Known) -> Decimal | None:
    factor = known.get(w.MONEY_FACTOR)
    if factor is not None:
        return factor
    annual = known.get(w.ANNUAL_RATE)
    return None if annual is None else annual / 2400
