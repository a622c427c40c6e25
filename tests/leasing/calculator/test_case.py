"""The door of the calculator: kinds that are found, words that are refused, conventions that are set out, unknowns."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import InvalidInput
from hub.core.money import Rounding
from hub.leasing.calculator.case import KINDS, calculated
from hub.leasing.cases.convention import convention_of
from hub.leasing.cases.words import WORDS
from tests.architecture import tree

CASE: dict[str, Any] = {
    "kind": "annuity",
    "inputs": {"principal": "10000.00", "annual_rate_pct": "6", "periods": 12, "start_date": "2026-01-31"},
    "convention": {"money_rounding": "half_up to 0.01"},
}


def case(kind: str | None = None, convention: dict[str, Any] | None = None, **inputs: Any) -> Any:
    """What comes of the usual case with other inputs; None takes one away."""
    known = {name: value for name, value in (CASE["inputs"] | inputs).items() if value is not None}
    put = {"inputs": known, "convention": convention or CASE["convention"]}
    return calculated(put | ({"kind": kind} if kind else {}))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"surprise": 1}, "surprise"),
        ({"inputs": None}, "inputs"),
        ({"inputs": []}, "inputs"),
        ({"convention": "prose"}, "convention"),
        ({"kind": "nonsense"}, "kind"),
        ({"kind": 7}, "kind"),
        ({"convention": {"day_count": {}}}, "convention.day_count"),
        ({"convention": {"rounding": {"mode": "sideways"}}}, "convention.rounding.mode"),
        ({"convention": {"rounding": {"unit": "0"}}}, "convention.rounding.unit"),
        ({"convention": {"rounding": {"color": "red"}}}, "convention.rounding.color"),
    ],
)
def test_a_case_that_is_none_names_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        calculated(CASE | change)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"surprise": 1}, "inputs.surprise"),
        ({"principal": "much"}, "inputs.principal"),
        ({"principal": True}, "inputs.principal"),
        ({"principal": "NaN"}, "inputs.principal"),
        ({"principal": "0"}, "inputs.principal"),
        ({"principal": "-5"}, "inputs.principal"),
        ({"principal": "1.001"}, "inputs.principal"),
        ({"principal": None}, "inputs.principal"),
        ({"financed": "10000.00"}, "inputs.financed"),
        ({"monthly_rate_pct": "1"}, "inputs.monthly_rate_pct"),
        ({"annual_rate_pct": "-1"}, "inputs.annual_rate_pct"),
        ({"annual_rate_pct": None}, "inputs.annual_rate_pct"),
        ({"periods": 0}, "inputs.periods"),
        ({"periods": "1.5"}, "inputs.periods"),
        ({"periods": 2401}, "inputs.periods"),
        ({"start_date": "31.01.2026"}, "inputs.start_date"),
        ({"frequency": "now and then"}, "inputs.frequency"),
        ({"frequency": "semimonthly"}, "inputs.frequency"),
        ({"day_count": "by feeling"}, "inputs.day_count"),
        ({"method": "by feeling"}, "inputs.method"),
        ({"mode": "sideways"}, "inputs.mode"),
        ({"mode": "in arrears", "payments_in_advance": 2}, "inputs.payments_in_advance"),
        ({"instalment_multiple": "0"}, "inputs.instalment_multiple"),
        ({"weights": ["1", "2"]}, "inputs.weights"),
        ({"weights": "1"}, "inputs.weights"),
        ({"currency_decimals": 4}, "inputs.currency_decimals"),
        ({"buckets": [[1, 3]]}, "inputs.buckets"),
        ({"cash_flows": ["1"]}, "inputs.cash_flows"),
        ({"first_due_date": "2026-01-01"}, "inputs.first_due_date"),
        ({"rate_change": {"from_date": "2026-03-01"}}, "inputs.rate_change.annual_rate_pct"),
        ({"rate_change": {"from_date": "2030-03-01", "annual_rate_pct": "3"}}, "inputs"),
        ({"payments": [{"amount": "5"}], "strategy": "shorten"}, "inputs.payments.0"),
        ({"payments": [{"date": "2026-03-01", "amount": "500"}], "strategy": "pray"}, "inputs.strategy"),
        ({"down_payment_pct": "100"}, "inputs.down_payment_pct"),
        ({"balances_after": [13]}, "inputs.balances_after"),
        ({"interest_only_periods": 12}, "inputs.interest_only_periods"),
        ({"holiday_periods": 2, "holiday_from": "2026-05-31", "holiday_interest": "x"}, "inputs.holiday_interest"),
        ({"extra_periods": 2}, "inputs.reschedule_from"),
        ({"disbursement_date": "2026-04-01"}, "inputs.disbursement_date"),
    ],
)
def test_inputs_that_cannot_be_name_the_field(inputs: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        case("annuity", **inputs)
    assert refusal.value.field == field
    assert refusal.value.reason


def test_a_kind_is_not_contradicted() -> None:
    with pytest.raises(InvalidInput, match="contradicts the kind"):
        case("equal_principal", method="flat")
    with pytest.raises(InvalidInput, match="contradicts the convention"):
        case("annuity", {"day_count": "actual/365"}, day_count="30/360")


@given(st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(WORDS)), st.sampled_from(["1", 1, "2026-02-28", [], {}]))
def test_any_word_in_any_kind_is_computed_or_refused(kind: str, word: str, value: Any) -> None:
    try:
        named = case(kind, **{word: value})["kind"] == kind
    except InvalidInput as refusal:
        named = refusal.field.split(".")[0] in ("inputs", "convention") and bool(refusal.reason)
    assert named


def test_conventions_are_set_out_or_in_prose() -> None:
    clean = convention_of(
        {
            "rounding": {
                "mode": "half_even",
                "unit": "0.01",
                "instalment": {"mode": "up", "unit": "10"},
                "interest": {"mode": "down"},
            },
            "residue": "last_interest",
            "day_count": "actual/365",
        }
    )
    assert (clean.rounding, clean.unit) == (Rounding.HALF_EVEN, Decimal("0.01"))
    assert (clean.rent_rounding, clean.rent_unit) == (Rounding.UP, Decimal(10))
    assert clean.interest_rounding is Rounding.DOWN
    assert clean.unread == ()
    prose = convention_of({"money_rounding": "bankers' rounding to the cent", "remark": "as agreed"})
    assert (prose.rounding, prose.unit) == (Rounding.HALF_EVEN, Decimal("0.01"))
    assert prose.unread == ("remark",)


def test_every_unknown_is_solved_from_the_others() -> None:
    """A price of 100 000, 20 000 down, 36 rents at 7.2 % down to a residual of 30 000: any one of them can be missing."""
    known = {
        "price": "100000.00",
        "down_payment": "20000.00",
        "annual_rate_pct": "7.2",
        "periods": 36,
        "residual": "30000.00",
    }
    rent = calculated({"inputs": known, "convention": {"rule": "unrounded"}})["instalment"]
    whole = {**known, "instalment": rent}

    def without(name: str, **more: Any) -> Any:
        return calculated({"inputs": {key: value for key, value in whole.items() if key != name} | more})

    assert without("annual_rate_pct")["annual_rate_pct"].startswith(("7.2000", "7.1999"))
    assert abs(Decimal(without("periods")["periods"]) - 36) < Decimal("0.001")
    price = {key: value for key, value in whole.items() if key != "price"}
    assert abs(Decimal(calculated({"inputs": price})["price"]) - 100000) < 1
    assert abs(Decimal(without("down_payment", solve_for="down_payment")["down_payment"]) - 20000) < 1
    assert abs(Decimal(without("residual", solve_for="residual")["residual"]) - 30000) < 1
    assert without("instalment", solve_for="rent")["rental"] == rent


def test_a_flat_rate_stands_beside_what_it_really_costs() -> None:
    found = case("flat_rate_irr", annual_rate_pct=None, flat_annual_rate_pct="6")
    assert found["flat_rate_pct"] == "6.000000000000"
    assert Decimal(found["effective_annual_pct"]) > 11


def test_fees_in_or_out_change_what_it_costs() -> None:
    plain, inside, outside = (
        Decimal(case("annuity", **more)["effective_annual_pct"])
        for more in ({}, {"capitalised_fees": [{"name": "fee", "amount": "500"}]}, {"upfront_fee": "500"})
    )
    assert abs(plain - inside) < Decimal("0.01")
    assert outside > plain + 5


def test_a_list_of_rents_may_be_given_in_part() -> None:
    rows = case("schedule", instalments_given=["2000", None, None, "0", *[None] * 8])["schedule"]
    assert [rows[0]["total"], rows[3]["total"]] == ["2000.00", "0.00"]
    assert rows[1]["total"] == rows[2]["total"]
    assert rows[-1]["balance_after"] == "0.00"


def test_a_balloon_may_be_spread_in_the_end() -> None:
    found = case("balloon_extension", balloon="4000", balloon_extension_periods=6, balloon_extension_rate_pct="9")
    assert len(found["schedule"]) == 18
    assert found["schedule"][11]["balance_after"] == "4000.00"


def test_a_rate_is_explained_by_its_formula() -> None:
    found: Any = calculated({"inputs": {"cash_flows": ["-100", "110"]}, "explain": True})
    assert found["explanation"][0]["formula"] == "0 = sum of flow_k / (1+i)^k"
    assert found["irr"].startswith("0.1000")


def test_the_page_for_operators_has_every_word_and_kind() -> None:
    page = tree.texts()["docs/operators/calculator.md"]
    assert [name for name, word in WORDS.items() if f"| `{name}` | {word.means} |" not in page] == []
    assert [name for name, kind in KINDS.items() if f"| `{name}` | {kind.means} |" not in page] == []
