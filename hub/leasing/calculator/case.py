"""The door of the calculator: a case is read, its kind is found, what is asked is computed, and nothing said is ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from functools import partial

from hub.core.errors import InvalidInput
from hub.leasing.answers import owing, rating
from hub.leasing.answers.explaining import explained_rows
from hub.leasing.answers.renting import Answer, Figures, rents
from hub.leasing.cases import words as w
from hub.leasing.cases.convention import Convention, convention_of
from hub.leasing.cases.deal import periods_of
from hub.leasing.cases.vocabulary import Known, Word, refuse, text
from hub.leasing.cases.words import WORDS
from hub.leasing.schedules.rules import Method

Maker = Callable[[Known, Convention], Answer]
# What a case may say of itself besides; `expected` and the like are not looked at.
_ABOUT = frozenset(
    {"id", "source", "kind", "inputs", "convention", "expected", "verified", "recomputed", "notes", "explain"}
)
# What says in words what other keys say in numbers.
_ONLY_TOLD = frozenset({"rule", "interest", "overdue_due_dates", "interest_rule", "original_instalment", "grace_days"})


_FINANCED = (w.PRINCIPAL, w.FINANCED, w.ASSET_COST, w.CREDIT, w.PRICE, w.ASSET_PRICE)
_RATES = (w.ANNUAL_RATE, w.MONTHLY_RATE, w.ANNUAL_YIELD, w.EFFECTIVE_RATE)
_RENTS = (w.INSTALMENT, w.RENTAL, w.FIXED_INSTALMENT)


def _rents(usual: Method, kind: str, exact: bool | None, known: Known, convention: Convention) -> Answer:
    """A schedule; or, where the case says the rent but not one of the others, that other one."""
    periods = periods_of(known)
    if periods is None:
        return rating.solved_term(known, convention)
    if known.says(*_RENTS) and not known.says(*_RATES, w.FLAT_RATE, w.MONEY_FACTOR):
        return rating.solved_rate(known, convention)
    if known.says(*_RENTS) and not known.says(*_FINANCED, w.CAP_COST, w.OUTSTANDING):
        return rating.solved_amount(known, convention)
    return rents(known, convention, kind, usual, periods, exact=exact)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of case: what makes its answer, and what it is."""

    make: Maker
    means: str
    formula: str = ""


def _of_rents(usual: Method, means: str, *kinds: str, exact: bool | None = None) -> dict[str, Kind]:
    return {kind: Kind(make=partial(_rents, usual, kind, exact), means=means) for kind in kinds}


KINDS: dict[str, Kind] = {
    **_of_rents(
        Method.EQUAL_INSTALMENTS,
        "a schedule of rents, level unless weights or single instalments are given",
        "schedule",
        "annuity",
        "annuity_zero_rate",
        "annuity_stub_period",
        "annuity_rounded_multiple",
        "annuity_interest_only_start",
        "annuity_car",
        "annuity_compounding_mismatch",
        "stepped_rentals",
        "seasonal_rentals",
        "advance_payments",
        "lease_residual_in_advance",
        "balloon",
        "payment_holiday_interest_deferred",
    ),
    **_of_rents(
        Method.EQUAL_INSTALMENTS,
        "a schedule and what happens to it",
        "multi_disbursement",
        "rate_change",
        "prepayment_reduce_instalment",
        "prepayment_next_instalments",
        "prepayment_reduce_term",
        "term_extension",
        "due_date_change",
        "payment_holiday",
        "balloon_extension",
        "overdue_interest_recalculation",
        "early_settlement",
        "penalty_pct_once",
        "penalty_pct_daily",
    ),
    **_of_rents(
        Method.EQUAL_INSTALMENTS,
        "balances on the way of a long amortisation, for a balloon",
        "balloon_from_amortisation",
        exact=True,
    ),
    **_of_rents(Method.EQUAL_PRINCIPAL, "the same principal each period", "equal_principal", "balloon_fixed_principal"),
    **_of_rents(Method.FLAT, "a flat rate on the whole principal", "flat_rate", "balloon_flat", "down_payment_flat"),
    **_of_rents(Method.FLAT, "a flat rate, and the rate that it really is", "flat_rate_car", "flat_rate_irr"),
    **_of_rents(Method.INTEREST_FIRST, "interest first, the principal with the last", "interest_first"),
    "due_dates": Kind(
        make=owing.due_dates,
        means="the dates on which rents fall due",
        formula="first due date + k periods, never from the one before; a day that a month has not is its last",
    ),
    "balance_extension": Kind(
        make=owing.spread_outstanding,
        means="what is owed, spread over new instalments",
        formula="R = A / ((1 - v^n) / i); A / n at no rate",
    ),
    "arrears_reamortised": Kind(
        make=owing.arrears_spread,
        means="what is overdue, added to the instalments to come",
        formula="(overdue + instalments to come) / their number, rounded; the residue with the last",
    ),
    "penalty_daily": Kind(
        make=owing.overdue_daily,
        means="what an overdue amount bears day by day",
        formula="overdue * rate / days of the year * days late + fee",
    ),
    "delinquency_buckets": Kind(
        make=owing.buckets,
        means="arrears by age",
        formula="age = days past the due date of each amount; the oldest is paid first",
    ),
    "early_settlement_actuarial": Kind(
        make=owing.by_rebate,
        means="settling by an actuarial rebate",
        formula="rebate = remaining instalments - (credit * (1+i)^(m+f) - sum of instalments * (1+i)^(m+f-k))",
    ),
    "rule_of_78_rebate": Kind(
        make=owing.by_digits, means="the rebate by the sum of the digits", formula="F * U(U+1) / (T(T+1))"
    ),
    "irr": Kind(make=rating.internal, means="the rate of given flows", formula="0 = sum of flow_k / (1+i)^k"),
    "solve_rate": Kind(
        make=rating.solved_rate,
        means="the rate behind a price and its rents",
        formula="A = R * (k + (1 - v^(n-k)) / i) + B * v^n, for i",
    ),
    "solve_term": Kind(
        make=rating.solved_term, means="how many rents a price takes", formula="n = ln((R/i - B) / (R/i - A)) / ln(1+i)"
    ),
    "solve_amount": Kind(
        make=rating.solved_amount,
        means="price, down payment, residual or rent from the others",
        formula="A = R * (k + (1 - v^(n-k)) / i) + B * v^n",
    ),
    "solve_price": Kind(
        make=rating.solved_amount, means="the price that rents pay", formula="A = R * (k + (1 - v^(n-k)) / i) + B * v^n"
    ),
    "apr_eu": Kind(
        make=rating.apr_eu,
        means="the European annual percentage rate",
        formula="sum of D_k * (1+X)^-t_k = sum of P_l * (1+X)^-s_l",
    ),
    "apr_us_appendix_j": Kind(
        make=rating.apr_us,
        means="the American annual percentage rate",
        formula="A = sum of P / ((1 + f*i) * (1+i)^t); APR = i * unit periods a year",
    ),
    "day_count_eu_apr": Kind(
        make=rating.interval,
        means="an interval of the European rate",
        formula="whole periods back from the later date; odd days / days of the year that ends with them",
    ),
    "apr_rounding": Kind(
        make=rating.rounded_apr, means="a rate with one and with two decimals", formula="half up on the unrounded rate"
    ),
    "supplier_subsidy": Kind(
        make=rating.subsidy, means="what a dealer or maker adds to a low rate", formula="financed - sum of R / (1+i)^k"
    ),
    "lessor_sales_type_lease": Kind(
        make=rating.lessor,
        means="the rate implicit in a lessor's lease",
        formula="fair value = payments / (1+i)^k + residual / (1+i)^n, for i",
    ),
    "lease_money_factor_capitalised_fee": Kind(
        make=rating.by_money_factor,
        means="a lease by its money factor",
        formula="(C - R) / n + (C + R) * money factor; tax on the unrounded payment",
    ),
    "lease_residual_money_factor": Kind(
        make=rating.by_money_factor,
        means="a lease by its money factor",
        formula="money factor = yearly rate in per cent / 2400; residual = list price * share",
    ),
}


def calculated(case: Mapping[str, object]) -> Figures:
    """Everything that a case comes to: its figures by name, its schedule, and the convention that was understood.

    Raises InvalidInput, naming the field, for what is unknown, missing, contradictory or asked for in vain.
    """
    for name in case:
        if name not in _ABOUT:
            raise InvalidInput(name, f"is not part of a case, which has {', '.join(sorted(_ABOUT))}")
    inputs, said = _object(case, "inputs"), _object(case, "convention")
    for name in inputs:
        if name not in WORDS:
            raise refuse(f"inputs.{name}", "is not known; the words are in docs/operators/calculator.md")
    known, convention = Known(values=inputs), convention_of(said)
    kind = _kind(case, known, convention)
    try:
        answer = KINDS[kind].make(known, convention)
    except InvalidInput as error:
        raise _named(error) from None
    _nothing_in_vain(known, kind)
    found: Figures = {"kind": kind, **answer.figures}
    if answer.rows:
        found["schedule"] = owing.told(answer)
    found["applied"] = _applied(convention)
    found["unread"] = list(convention.unread)
    if case.get("explain") is True:
        found["explanation"] = explained_rows(answer) or _of_figures(kind, answer, inputs, convention)
    return found


# What the engine calls a thing, and which word of a case says it.
_WORD_OF = {
    "term": w.PERIODS,
    "interest_only": w.INTEREST_ONLY,
    "deferred": w.DEFERRED,
    "financed": w.PRINCIPAL,
    "annual_rate": w.ANNUAL_RATE,
    "balloon": w.BALLOON,
    "balloon_after": w.RESIDUAL_MONTH,
    "up_front": w.IN_ADVANCE,
    "in_advance": w.MODE,
    "instalment_unit": w.MULTIPLE,
    "due_day": w.DUE_DAY,
    "every": w.FREQUENCY,
    "weights": w.WEIGHTS,
    "rents": w.ROWS,
    "rent": w.INSTALMENT,
    "amount": w.PAYMENTS,
    "how": w.STRATEGY,
    "to_on": w.MOVED,
    "periods": w.EXTRA_PERIODS,
}


def _named(error: InvalidInput) -> InvalidInput:
    """A refusal of the engine by the word of the case that it is about."""
    if error.field.startswith(("inputs.", "convention.", "kind")):
        return error
    word = _WORD_OF.get(error.field)
    return InvalidInput("inputs" if word is None else f"inputs.{word.name}", error.reason)


def _of_figures(kind: str, answer: Answer, inputs: Mapping[str, object], convention: Convention) -> list[Figures]:
    """How the figures of a case without a schedule came about: by one formula, of what the case says."""
    return [
        {
            "of": name,
            "rule": kind,
            "formula": KINDS[kind].formula,
            "amount": value,
            "from": dict(inputs),
            "rounding": convention.rounding.value,
        }
        for name, value in answer.figures.items()
    ]


def _object(case: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = case.get(name, {} if name == "convention" else None)
    if not isinstance(value, dict):
        raise InvalidInput(name, "must be an object")
    return value


def _kind(case: Mapping[str, object], known: Known, convention: Convention) -> str:
    said = case.get("kind")
    if said is None:
        return _guessed(known, convention)
    kind = text(said, "kind")
    if kind not in KINDS:
        raise InvalidInput("kind", f"must be one of {', '.join(sorted(KINDS))}, or left out")
    return kind


# The first of these whose words a case says tells its kind when it does not say it itself.
_TELLING: tuple[tuple[tuple[Word[object], ...], str], ...] = (
    ((w.CASH_FLOWS,), "irr"),
    ((w.FROM, w.TO), "day_count_eu_apr"),
    ((w.PAID_COUNT, w.APR), "early_settlement_actuarial"),
    ((w.APR,), "apr_rounding"),
    ((w.TOTAL_INTEREST, w.PERIODS_PAID), "rule_of_78_rebate"),
    ((w.DUE_AMOUNTS, w.BUCKETS), "delinquency_buckets"),
    ((w.OVERDUE, w.FUTURE_DATES), "arrears_reamortised"),
    ((w.OVERDUE,), "penalty_daily"),
    ((w.OUTSTANDING, w.NEW_PERIODS), "balance_extension"),
    ((w.FAIR_VALUE,), "lessor_sales_type_lease"),
    ((w.LENDER_YIELD, w.INSTALMENTS), "supplier_subsidy"),
    ((w.MONEY_FACTOR,), "lease_money_factor_capitalised_fee"),
    ((w.CAP_COST, w.RESIDUAL_PCT), "lease_residual_money_factor"),
    ((w.AMOUNT_FINANCED, w.ADVANCE_DATE), "apr_us_appendix_j"),
    ((w.ADVANCE,), "apr_eu"),
    ((w.SOLVE_FOR,), "solve_amount"),
    ((w.FLAT_RATE,), "flat_rate"),
    ((w.AMORTISATION, w.BALANCES_AFTER), "balloon_from_amortisation"),
)


def _guessed(known: Known, convention: Convention) -> str:
    """The kind of a case that does not say it: by its words, and by which of amount, rate, term and rent it lacks."""
    unknown = known.values.get("solve_for")
    if isinstance(unknown, str) and unknown.lower() in ("rate", "term"):
        return f"solve_{unknown.lower()}"
    for telling, kind in _TELLING:
        if all(known.says(word) for word in telling):
            return kind
    if known.says(w.PRINCIPAL_PCT):
        return "balloon_flat" if "spread evenly" in convention.said else "balloon_fixed_principal"
    if "p/n +" in convention.said or "principal / n" in convention.said:
        return "equal_principal"
    if not known.says(*_FINANCED):
        return "solve_price" if known.says(*_RENTS) else "due_dates"
    if not known.says(*_RATES):
        return "solve_rate"
    return "schedule" if known.says(w.PERIODS, w.AMORTISATION, w.INSTALMENTS) else "solve_term"


def _nothing_in_vain(known: Known, kind: str) -> None:
    for name in known.values:
        if name not in known.asked and name not in _ONLY_TOLD:
            raise refuse(f"inputs.{name}", f"does nothing in a case of the kind {kind}")


def _applied(convention: Convention) -> Figures:
    """The convention that was understood, set out."""
    found: Figures = {}
    for one in fields(convention):
        value = getattr(convention, one.name)
        if one.name not in ("rule", "said", "unread") and value not in (None, False):
            found[one.name] = value.value if isinstance(value, Enum) else value if value is True else str(value)
    return found
