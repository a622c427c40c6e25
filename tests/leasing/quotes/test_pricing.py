"""What a deal costs, to the cent; a deal outside the product names the field."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.core.errors import InvalidInput
from hub.core.money import Money
from hub.leasing.products.rules import ProductTerms, ShareRange
from hub.leasing.quotes.pricing import check_deal, effective_annual_rate, internal_rate, price
from hub.leasing.quotes.rules import Deal, Fee

TODAY = date(2026, 1, 5)


def test_a_deal_is_priced_to_the_cent(terms: ProductTerms, deal: Deal) -> None:
    priced = price(terms, deal, today=TODAY)
    assert priced.financed == Money.of(103500)
    assert (priced.financed_third_party, priced.financed_lessor) == (Money.of(6000), Money.of(1500))
    assert priced.due_at_signing.total == Money.of(31700)
    assert priced.due_at_signing.fees == Money.of(500)
    assert [row.rent for row in priced.schedule[:35]] == [Money.of("3267.24")] * 35
    assert priced.total_rent == priced.financed + priced.total_interest
    assert priced.total_cost == priced.due_at_signing.total - deal.deposit + priced.total_rent + Money.of(100)


def test_fees_and_deposit_raise_the_rate_shown(terms: ProductTerms, deal: Deal) -> None:
    bare = replace(deal, fees=(), deposit=Money(0), service_fee=Money(0))
    free = replace(terms, purchase_option=Money(0))
    plain, dear = price(free, bare, today=TODAY), price(terms, deal, today=TODAY)
    assert plain.monthly_irr is not None
    assert abs(plain.monthly_irr * 12 - deal.annual_rate) < Decimal("0.000001")
    assert plain.effective_annual_rate is not None
    assert dear.effective_annual_rate is not None
    assert dear.effective_annual_rate > plain.effective_annual_rate > deal.annual_rate


def test_a_third_partys_fee_paid_at_signing_does_not_change_the_rate(terms: ProductTerms, deal: Deal) -> None:
    without = replace(deal, fees=deal.fees[:2])
    assert price(terms, deal, today=TODAY).monthly_irr == price(terms, without, today=TODAY).monthly_irr


def test_in_advance_the_first_rent_is_due_at_the_start(terms: ProductTerms, deal: Deal) -> None:
    priced = price(replace(terms, in_advance=True), deal, today=TODAY)
    assert priced.schedule[0].due_on == deal.starts_on
    assert priced.monthly_irr is not None


def test_a_balloon_is_left_to_the_end(terms: ProductTerms, deal: Deal) -> None:
    with_balloon = replace(terms, balloon=ShareRange(least=Decimal("0.2"), most=Decimal("0.4")))
    for in_advance in (False, True):
        priced = price(
            replace(with_balloon, in_advance=in_advance), replace(deal, balloon=Money.of(36000)), today=TODAY
        )
        assert priced.schedule[-1].rent >= Money.of(36000)
        assert priced.monthly_irr is not None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"car_model": " "}, "car_model"),
        ({"car_price": Money(0)}, "car_price"),
        ({"service_fee": Money(-1)}, "service_fee"),
        ({"down_payment": Money(-1)}, "down_payment"),
        ({"down_payment": Money.of(11999)}, "down_payment"),
        ({"down_payment": Money.of(60001)}, "down_payment"),
        ({"deposit": Money.of(12001)}, "deposit"),
        ({"balloon": Money(1)}, "balloon"),
        ({"term_months": 18}, "term_months"),
        ({"term_months": 72}, "term_months"),
        ({"annual_rate": Decimal("0.05")}, "annual_rate"),
        ({"annual_rate": Decimal("0.13")}, "annual_rate"),
        ({"starts_on": date(2026, 1, 4)}, "starts_on"),
        ({"starts_on": date(2027, 1, 4)}, "starts_on"),
        ({"car_price": Money.of(10000), "down_payment": Money.of(2000), "deposit": Money(0)}, "financed_amount"),
        ({"fees": (Fee(kind="champagne", amount=Money(1), financed=False),)}, "fees.0.kind"),
        ({"fees": (Fee(kind="insurance", amount=Money(1), financed=False),) * 2}, "fees.1.kind"),
        ({"fees": (Fee(kind="insurance", amount=Money(0), financed=False),)}, "fees.0.amount"),
        ({"fees": (Fee(kind="gps_fee", amount=Money.of(2001), financed=True),)}, "fees.0.amount"),
        ({"fees": (Fee(kind="plate_registration", amount=Money(1), financed=True),)}, "fees.0.financed"),
        ({"fees": (Fee(kind="purchase_tax", amount=Money(1), financed=False),)}, "fees.0.financed"),
    ],
)
def test_a_deal_outside_the_product_names_the_field(
    terms: ProductTerms, deal: Deal, change: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_deal(terms, replace(deal, **change), today=TODAY)  # type: ignore[arg-type]
    assert refusal.value.field == field


def test_flows_without_a_rate_have_none() -> None:
    assert internal_rate([Decimal(1), Decimal(1)]) is None


def test_a_monthly_rate_compounds_to_a_year() -> None:
    assert effective_annual_rate(Decimal("0.01")) == Decimal("0.12682503")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    price_yuan=st.integers(60_000, 400_000),
    down=st.integers(10, 50),
    fee=st.integers(1, 20_000),
    financed=st.booleans(),
    months=st.sampled_from([12, 24, 36, 48, 60]),
    rate=st.integers(600, 1200),
)
def test_every_price_adds_up(
    terms: ProductTerms, deal: Deal, price_yuan: int, down: int, fee: int, financed: bool, months: int, rate: int
) -> None:
    wished = replace(
        deal,
        car_price=Money.of(price_yuan),
        down_payment=Money.of(price_yuan).times(Decimal(down) / 100),
        deposit=Money(0),
        fees=(Fee(kind="insurance", amount=Money.of(fee), financed=financed),),
        term_months=months,
        annual_rate=Decimal(rate) / 10000,
    )
    priced = price(terms, wished, today=TODAY)
    bought = wished.car_price + Money.of(fee) + wished.service_fee + terms.purchase_option
    assert priced.financed == Money.total(row.principal for row in priced.schedule)
    assert priced.total_cost - priced.total_interest == bought
    assert priced.monthly_irr is not None
    assert priced.monthly_irr * 12 >= wished.annual_rate - Decimal("0.00001")
