"""Schedules and rates against published figures; each case names its source and the convention it follows.

A case "unrounded inside" is computed at a millionth of its unit, which the schedule allows since it scales.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from hub.core.money import Money, Rounding
from hub.leasing.quotes.pricing import effective_annual_rate, internal_rate
from hub.leasing.schedules.annuity import level_payment
from hub.leasing.schedules.dues import due_dates
from hub.leasing.schedules.rules import Method, Residue, ScheduledInstalment, SchedulePlan
from hub.leasing.schedules.schedule import build

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("schedule_cases.json").read_text())
FINE = 10**6
ANY_DAY = date(2026, 1, 5)

Words = Mapping[str, Any]


def shown(value: Decimal, like: str) -> str:
    """A figure with as many digits as the published one, half up."""
    return str(value.quantize(Decimal(1).scaleb(Decimal(like).as_tuple().exponent), ROUND_HALF_UP))  # type: ignore[arg-type]


def annual_rate(inputs: Words) -> Decimal:
    if "monthly_rate_pct" in inputs:
        return Decimal(inputs["monthly_rate_pct"]) * 12 / 100
    names = ("annual_rate_pct", "flat_annual_rate_pct", "annual_yield_pct")
    return next(Decimal(inputs[name]) for name in names if name in inputs) / 100


def unrounded(convention: Words) -> bool:
    rule = convention.get("rule", "")
    return "unrounded" in rule or "total interest = P" in rule


def rounding_of(convention: Words) -> Rounding:
    said = json.dumps(convention)
    if "ceiling" in said:
        return Rounding.UP
    return Rounding.HALF_EVEN if "half_even" in said else Rounding.HALF_UP


def plan_of(case: Words, method: Method) -> SchedulePlan:
    inputs, convention = case["inputs"], case["convention"]
    currency = "JPY" if inputs.get("currency_decimals") == 0 else "CNY"
    whole = "instalment_multiple" in inputs or "instalment_rounding" in inputs
    unit = inputs.get("currency_multiple") or inputs.get("instalment_multiple") or ("1" if whole else "0.01")
    financed = Money.of(inputs.get("principal") or inputs["financed"], currency)
    return SchedulePlan(
        financed=Money(financed.minor * (FINE if unrounded(convention) else 1), currency),
        annual_rate=annual_rate(inputs),
        term=inputs.get("periods") or inputs["amortisation_periods"],
        starts_on=date.fromisoformat(inputs.get("start_date", str(ANY_DAY))),
        method=method,
        interest_only=inputs.get("interest_only_periods", 0),
        rounding=rounding_of(convention),
        instalment_unit=Decimal(unit),
        residue=Residue.LAST_INTEREST if "balanced" in convention.get("residue", "") else Residue.LAST_INSTALMENT,
    )


class Run:
    """A schedule and its figures, scaled back to the case's own unit."""

    def __init__(self, case: Words, method: Method) -> None:
        self.plan = plan_of(case, method)
        self.scale = FINE if unrounded(case["convention"]) else 1
        self.rows = build(self.plan)

    def of(self, amount: Money) -> Decimal:
        return amount.amount / self.scale

    def row(self, row: ScheduledInstalment, like: Words) -> dict[str, object]:
        figures: dict[str, object] = {
            "n": row.number,
            "due_date": row.due_on.isoformat(),
            "principal": row.principal,
            "interest": row.interest,
            "total": row.rent,
            "balance_after": row.balance_after,
        }
        return {
            name: shown(self.of(value), like[name]) if isinstance(value, Money) else value
            for name, value in figures.items()
            if name in like
        }

    def figures(self, expected: Words, after: int) -> dict[str, object]:
        rows, first, regular = self.rows, self.rows[0], self.rows[after]
        found: dict[str, Callable[[Any], object]] = {
            "instalment": lambda like: shown(self.of(regular.rent), like),
            "instalment_after": lambda like: shown(self.of(regular.rent), like),
            "first_instalment": lambda like: shown(self.of(first.rent), like),
            "first_interest": lambda like: shown(self.of(first.interest), like),
            "first_principal": lambda like: shown(self.of(first.principal), like),
            "decrease_per_period": lambda like: shown(self.of(first.rent - rows[1].rent), like),
            "principal_part": lambda like: shown(self.of(regular.principal), like),
            "last_principal": lambda like: shown(self.of(rows[-1].principal), like),
            "final_balance": lambda like: shown(self.of(rows[-1].balance_after), like),
            "total_interest": lambda like: shown(self.of(Money.total((r.interest for r in rows), self.currency)), like),
            "total_payable": lambda like: shown(self.of(Money.total((r.rent for r in rows), self.currency)), like),
            "interest_by_period": lambda like: {
                n: shown(self.of(rows[int(n) - 1].interest), figure) for n, figure in like.items()
            },
            "schedule": lambda like: [self.row(row, row_like) for row, row_like in zip(rows, like, strict=True)],
        }
        return {name: found[name](like) for name, like in expected.items() if name in found}

    @property
    def currency(self) -> str:
        return self.plan.financed.currency


METHOD_OF_KIND = {
    "annuity": Method.EQUAL_INSTALMENTS,
    "annuity_zero_rate": Method.EQUAL_INSTALMENTS,
    "annuity_interest_only_start": Method.EQUAL_INSTALMENTS,
    "annuity_rounded_multiple": Method.EQUAL_INSTALMENTS,
    "equal_principal": Method.EQUAL_PRINCIPAL,
    "flat_rate": Method.FLAT,
}


def of_kind(*kinds: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in CASES if case["kind"] in kinds]


@pytest.mark.parametrize("case", of_kind(*METHOD_OF_KIND))
def test_the_schedule_is_the_published_one(case: Words) -> None:
    run = Run(case, METHOD_OF_KIND[case["kind"]])
    expected = {name: value for name, value in case["expected"].items() if name != "instalment_full"}
    assert run.figures(expected, after=run.plan.interest_only) == expected
    assert Money.total((row.principal for row in run.rows), run.currency) == run.plan.financed


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES if case["id"] == "np-001"])
def test_the_level_payment_is_exact_before_rounding(case: Words) -> None:
    inputs = case["inputs"]
    exact = level_payment(Decimal(inputs["principal"]), annual_rate(inputs) / 12, inputs["periods"])
    assert abs(exact - Decimal(case["expected"]["instalment_full"])) < Decimal("1e-9")


@pytest.mark.parametrize("case", of_kind("due_dates"))
def test_due_dates_keep_the_day(case: Words) -> None:
    anchor_on = date.fromisoformat(case["inputs"]["first_due_date"])
    dates = due_dates(anchor_on, case["inputs"]["periods"], first=0)
    assert [str(day) for day in dates] == case["expected"]["due_dates"]


@pytest.mark.parametrize("case", of_kind("advance_payments"))
def test_payments_at_the_start_lower_the_rental(case: Words) -> None:
    inputs = case["inputs"]
    rental = level_payment(
        Decimal(inputs["asset_cost"]),
        annual_rate(inputs) / 12,
        inputs["periods"],
        balloon=Decimal(inputs["residual"]),
        in_advance=inputs["payments_in_advance"],
    )
    assert shown(rental, "0.01") == case["expected"]["rental"]


@pytest.mark.parametrize("case", of_kind("lease_residual_in_advance"))
def test_a_lease_in_advance_leaves_its_residual(case: Words) -> None:
    inputs = case["inputs"]
    plan = SchedulePlan(
        financed=Money.of(inputs["asset_cost"]),
        annual_rate=annual_rate(inputs),
        term=inputs["periods"],
        starts_on=ANY_DAY,
        in_advance=True,
        balloon=Money.of(inputs["purchase_option"]),
    )
    rows = build(plan)
    assert str(rows[0].rent.amount) == case["expected"]["rental"]
    assert rows[-1].rent == plan.balloon
    flows = [plan.financed.amount - rows[0].rent.amount, *(-row.rent.amount for row in rows[1:])]
    monthly = internal_rate(flows)
    assert monthly is not None
    assert shown(effective_annual_rate(monthly) * 100, "0.001") == case["expected"]["effective_annual_pct"]


@pytest.mark.parametrize("case", of_kind("annuity_car"))
def test_a_car_is_financed_less_its_down_payment(case: Words) -> None:
    financed = Money.of(case["inputs"]["price"]) - Money.of(case["inputs"]["down_payment"])
    run = Run({**case, "inputs": {**case["inputs"], "financed": str(financed.amount)}}, Method.EQUAL_INSTALMENTS)
    assert str(financed.amount) == case["expected"]["financed"]
    assert str(run.rows[0].rent.amount) == case["expected"]["instalment"]


@pytest.mark.parametrize("case", of_kind("balloon_from_amortisation"))
def test_balances_on_the_way_are_the_published_ones(case: Words) -> None:
    run = Run(case, Method.EQUAL_INSTALMENTS)
    balances = [
        shown(run.of(run.rows[number - 1].balance_after), "0.01") for number in case["inputs"]["balances_after"]
    ]
    assert shown(run.of(run.rows[0].rent), "0.01") == case["expected"]["instalment"]
    assert balances == case["expected"]["balances"]


@pytest.mark.parametrize("case", of_kind("irr"))
def test_the_rate_of_given_flows(case: Words) -> None:
    rate = internal_rate([Decimal(flow) for flow in case["inputs"]["cash_flows"]])
    assert rate is not None
    assert shown(rate, case["expected"]["irr"]) == case["expected"]["irr"]


@pytest.mark.parametrize("case", of_kind("solve_rate"))
def test_the_rate_behind_an_instalment(case: Words) -> None:
    inputs = case["inputs"]
    monthly = internal_rate([Decimal(inputs["financed"]), *[-Decimal(inputs["instalment"])] * inputs["periods"]])
    assert monthly is not None
    assert shown(monthly * 1200, "0.01") == case["expected"]["annual_rate_pct"]


@pytest.mark.parametrize("case", of_kind("apr_eu"))
def test_the_annual_rate_of_a_credit(case: Words) -> None:
    monthly = internal_rate(
        [Decimal(case["inputs"]["advance"]), *(-Decimal(payment["amount"]) for payment in case["inputs"]["payments"])]
    )
    assert monthly is not None
    assert shown(monthly * 1200, "0.000001") == case["expected"]["irr_nominal_pct"]
    assert shown(effective_annual_rate(monthly) * 100, "0.000001") == case["expected"]["apr_pct"]


@pytest.mark.parametrize("case", of_kind("flat_rate_irr"))
def test_a_flat_rate_costs_more_than_it_says(case: Words) -> None:
    run, expected = Run(case, Method.FLAT), case["expected"]
    assert run.figures(expected, after=0) == {name: expected[name] for name in ("instalment", "total_interest")}
    monthly = internal_rate([run.plan.financed.amount, *(-row.rent.amount for row in run.rows)])
    assert monthly is not None
    assert shown(monthly * 100, "0.001") == expected["monthly_rate_pct"]
    assert shown(effective_annual_rate(monthly) * 100, "0.01") == expected["effective_annual_pct"]


def test_every_case_of_the_file_is_run() -> None:
    run = {"due_dates", "advance_payments", "lease_residual_in_advance", "annuity_car", "balloon_from_amortisation"}
    run |= {"irr", "solve_rate", "apr_eu", "flat_rate_irr", *METHOD_OF_KIND}
    assert {case["kind"] for case in CASES} == run
