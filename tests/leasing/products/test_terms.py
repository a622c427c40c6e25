"""Terms that make no sense, or break a ceiling, are refused with the field that is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from pydantic import TypeAdapter

from hub.core.errors import Conflict, InvalidInput
from hub.core.money import Money
from hub.leasing.products import rules
from hub.leasing.products.rules import (
    Allocation,
    AmountRange,
    EarlySettlementRule,
    FeeRule,
    Method,
    Payee,
    PenaltyRule,
    ProductTerms,
    ShareRange,
    TermRange,
    VersionState,
)

TODAY = date(2026, 1, 5)
FEE = FeeRule(kind="gps_fee", payee=Payee.LESSOR)


def share(least: str, most: str) -> ShareRange:
    return ShareRange(least=Decimal(least), most=Decimal(most))


def test_a_usual_product_passes(terms: ProductTerms) -> None:
    rules.check_terms(terms, TODAY)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"term": TermRange(least=0, most=12)}, "term"),
        ({"term": TermRange(least=24, most=12)}, "term"),
        ({"term": TermRange(least=12, most=121)}, "term.most"),
        ({"term": TermRange(least=12, most=24, step=0)}, "term.step"),
        ({"financed_amount": AmountRange(least=Money(0), most=Money(5))}, "financed_amount"),
        ({"financed_amount": AmountRange(least=Money(6), most=Money(5))}, "financed_amount"),
        ({"annual_rate": share("-0.01", "0.1")}, "annual_rate"),
        ({"annual_rate": share("0.1", "0.2401")}, "annual_rate.most"),
        ({"down_payment": share("0.5", "0.1")}, "down_payment"),
        ({"deposit": share("0", "1")}, "deposit"),
        ({"balloon": share("-0.1", "0.3")}, "balloon"),
        ({"method": Method.INTEREST_FIRST, "in_advance": True}, "in_advance"),
        ({"method": Method.INTEREST_FIRST, "balloon": share("0", "0.3")}, "balloon"),
        ({"interest_only_months": 12}, "interest_only_months"),
        ({"interest_only_months": 3, "in_advance": True}, "interest_only_months"),
        ({"instalment_unit": Decimal("0.005")}, "instalment_unit"),
        ({"instalment_unit": Decimal("0.015")}, "instalment_unit"),
        ({"fees": (FEE, FEE)}, "fees.1.kind"),
        ({"fees": (replace(FEE, kind="GPS fee"),)}, "fees.0.kind"),
        ({"fees": (replace(FEE, may_be_financed=False, may_be_paid_at_signing=False),)}, "fees.0"),
        ({"fees": (replace(FEE, most=Money(0)),)}, "fees.0.most"),
        ({"penalty": PenaltyRule(daily_rate=Decimal("-0.0001"))}, "penalty.daily_rate"),
        ({"penalty": PenaltyRule(daily_rate=Decimal("0.001"))}, "penalty.daily_rate"),
        ({"penalty": PenaltyRule(daily_rate=Decimal(0), grace_days=31)}, "penalty.grace_days"),
        ({"penalty": PenaltyRule(daily_rate=Decimal(0), cap_share=Decimal(0))}, "penalty.cap_share"),
        ({"early_settlement": EarlySettlementRule(lock_in_months=61)}, "early_settlement.lock_in_months"),
        ({"early_settlement": EarlySettlementRule(fee_share=Decimal(2))}, "early_settlement.fee_share"),
        ({"purchase_option": Money(-1)}, "purchase_option"),
        ({"allocation": (Allocation.PENALTY, Allocation.INTEREST)}, "allocation"),
        ({"allocation": (Allocation.PENALTY, Allocation.INTEREST, Allocation.PRINCIPAL) * 2}, "allocation"),
        ({"quote_valid_days": 0}, "quote_valid_days"),
    ],
)
def test_terms_that_cannot_be_name_the_field(terms: ProductTerms, change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        rules.check_terms(replace(terms, **change), TODAY)  # type: ignore[arg-type]
    assert refusal.value.field == field


def test_the_ceiling_names_its_source(terms: ProductTerms) -> None:
    with pytest.raises(InvalidInput, match="法发〔2017〕22号"):
        rules.check_terms(replace(terms, annual_rate=share("0.1", "0.25")), TODAY)


@pytest.mark.parametrize(
    ("code", "name", "field"), [("", "x", "code"), ("a b", "x", "code"), ("A" * 31, "x", "code"), ("AB", "  ", "name")]
)
def test_code_and_name_of_a_product(code: str, name: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        rules.check_product_name(code, name)
    assert refusal.value.field == field


@pytest.mark.parametrize("before", list(VersionState))
@pytest.mark.parametrize("after", list(VersionState))
def test_versions_only_move_forward(before: VersionState, after: VersionState) -> None:
    order = list(VersionState)
    if order.index(before) < order.index(after):
        rules.check_move(before, after)
    else:
        with pytest.raises(Conflict):
            rules.check_move(before, after)


def test_a_range_of_terms_has_steps() -> None:
    term = TermRange(least=12, most=60, step=12)
    assert [months for months in range(1, 72) if term.holds(months)] == [12, 24, 36, 48, 60]
    assert str(term) == "12 to 60 months in steps of 12"
    assert str(TermRange(least=1, most=2)) == "1 to 2 months"


def test_a_share_allows_what_rounding_does() -> None:
    third = share("0.33333333", "0.33333333")
    assert third.holds_of(Money.of("33.33"), Money.of(100))
    assert not third.holds_of(Money.of("33.34"), Money.of(100))


def test_terms_read_back_from_json(terms: ProductTerms) -> None:
    adapter = TypeAdapter(ProductTerms)
    assert adapter.validate_json(adapter.dump_json(terms)) == terms
