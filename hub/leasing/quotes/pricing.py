"""What a deal costs: financed amount, what is due at signing, total cost, and the annualised rate shown to the customer.

Pure. Money stays in whole cents; the internal rate of return is computed in floating point, for display only, and
never flows back into an amount. Whether a deal keeps to the product's terms is decided here, field by field.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pyxirr

from hub.core.errors import InvalidInput
from hub.core.money import Money
from hub.leasing.products.rules import Payee, ProductTerms, require
from hub.leasing.quotes.rules import Deal, DueAtSigning, Fee, Price
from hub.leasing.schedules.rules import ScheduledInstalment, SchedulePlan
from hub.leasing.schedules.schedule import build

RATE_DIGITS = Decimal("0.00000001")
_RETURN_DIGITS = Decimal("0.000000000001")  # A floating-point root is good to about so many.
_LATEST_START_DAYS = 180


def plan_of(
    terms: ProductTerms, *, financed: Money, annual_rate: Decimal, term_months: int, starts_on: date, balloon: Money
) -> SchedulePlan:
    """The plan of a schedule on these terms: the same for a quote and for the contract that follows from it."""
    return SchedulePlan(
        financed=financed,
        annual_rate=annual_rate,
        term=term_months,
        starts_on=starts_on,
        method=terms.method,
        in_advance=terms.in_advance,
        balloon=balloon,
        interest_only=terms.interest_only_months,
        rounding=terms.rounding,
        instalment_unit=terms.instalment_unit,
        residue=terms.residue,
    )


def financed_amount(deal: Deal) -> Money:
    """Car price less down payment, plus every fee that is financed."""
    return deal.car_price - deal.down_payment + Money.total(fee.amount for fee in deal.fees if fee.financed)


def due_at_signing(deal: Deal) -> DueAtSigning:
    """What the customer pays at signing."""
    return DueAtSigning(
        down_payment=deal.down_payment,
        deposit=deal.deposit,
        service_fee=deal.service_fee,
        fees=Money.total(fee.amount for fee in deal.fees if not fee.financed),
    )


def price(terms: ProductTerms, deal: Deal, *, today: date) -> Price:
    """Price a deal on the terms of a product; raises InvalidInput when it does not keep to them."""
    check_deal(terms, deal, today=today)
    financed, signing = financed_amount(deal), due_at_signing(deal)
    schedule = build(
        plan_of(
            terms,
            financed=financed,
            annual_rate=deal.annual_rate,
            term_months=deal.term_months,
            starts_on=deal.starts_on,
            balloon=deal.balloon,
        )
    )
    interest = Money(sum(instalment.interest_minor for instalment in schedule))
    monthly = internal_rate(_customer_flows(terms, deal, schedule))
    return Price(
        financed=financed,
        financed_third_party=_fees(terms, deal, Payee.THIRD_PARTY, financed=True),
        financed_lessor=_fees(terms, deal, Payee.LESSOR, financed=True),
        due_at_signing=signing,
        schedule=schedule,
        total_rent=financed + interest,
        total_interest=interest,
        purchase_option=terms.purchase_option,
        total_cost=signing.total - deal.deposit + financed + interest + terms.purchase_option,
        monthly_irr=monthly,
        effective_annual_rate=None if monthly is None else effective_annual_rate(monthly),
    )


def _fees(terms: ProductTerms, deal: Deal, payee: Payee, *, financed: bool) -> Money:
    rules = {rule.kind: rule for rule in terms.fees}
    return Money.total(fee.amount for fee in deal.fees if fee.financed is financed and rules[fee.kind].payee is payee)


def _customer_flows(terms: ProductTerms, deal: Deal, schedule: Sequence[ScheduledInstalment]) -> list[Decimal]:
    """The customer's money month by month: what they have the use of at the start, then what they pay.

    What the lessor keeps at the start, its own fees and the deposit, lessens the money in use; the deposit comes back
    and the purchase option is paid at the end. Source: 中国人民银行公告〔2021〕第3号 (all costs over the principal
    actually in use).
    """
    lessor_fees = deal.service_fee + _fees(terms, deal, Payee.LESSOR, financed=True)
    lessor_fees += _fees(terms, deal, Payee.LESSOR, financed=False)
    flows = [Decimal(0)] * (deal.term_months + 1)
    flows[0] = (financed_amount(deal) - deal.deposit - lessor_fees).amount
    first = 0 if terms.in_advance else 1
    for month, instalment in enumerate(schedule, start=first):
        flows[month] -= instalment.rent.amount
    flows[-1] += (deal.deposit - terms.purchase_option).amount
    return flows


def internal_rate(flows: Sequence[Decimal]) -> Decimal | None:
    """The rate a period at which the flows are worth nothing, to twelve digits; None when there is no such rate."""
    rate = pyxirr.irr([float(flow) for flow in flows], silent=True)
    return None if rate is None else Decimal(repr(rate)).quantize(_RETURN_DIGITS)


def effective_annual_rate(monthly: Decimal) -> Decimal:
    """A monthly rate as an effective annual one: (1 + i)¹² - 1."""
    return ((1 + monthly) ** 12 - 1).quantize(RATE_DIGITS)


def check_deal(terms: ProductTerms, deal: Deal, *, today: date) -> None:
    """Raise InvalidInput, naming the field, unless a deal keeps to the terms of the product."""
    _check_amounts(deal)
    _check_fees(terms, deal.fees)
    _within(terms.term.holds(deal.term_months), "term_months", terms.term)
    _within(terms.annual_rate.holds(deal.annual_rate), "annual_rate", terms.annual_rate)
    for name, part, share in (
        ("down_payment", deal.down_payment, terms.down_payment),
        ("deposit", deal.deposit, terms.deposit),
        ("balloon", deal.balloon, terms.balloon),
    ):
        _within(share.holds_of(part, deal.car_price), name, f"{share} of the car price")
    _within(terms.financed_amount.holds(financed_amount(deal)), "financed_amount", terms.financed_amount)
    latest = today + timedelta(days=_LATEST_START_DAYS)
    _within(today <= deal.starts_on <= latest, "starts_on", f"{today} to {latest}")


def _within(holds: bool, field: str, allowed: object) -> None:
    require(holds, field, f"the product allows {allowed}")


def _check_amounts(deal: Deal) -> None:
    require(0 < len(deal.car_model.strip()) <= 120, "car_model", "must have 1 to 120 characters")
    require(deal.car_price.minor > 0, "car_price", "must be more than nothing")
    require(deal.service_fee.minor >= 0, "service_fee", "must not be negative")


def _check_fees(terms: ProductTerms, fees: Sequence[Fee]) -> None:
    seen: set[str] = set()
    for number, fee in enumerate(fees):
        where, rule = f"fees.{number}", terms.fee_rule(fee.kind)
        if rule is None:
            raise InvalidInput(f"{where}.kind", f"the product has no fee {fee.kind}")
        require(fee.kind not in seen, f"{where}.kind", f"{fee.kind} is named twice")
        require(fee.amount.minor > 0, f"{where}.amount", "must be more than nothing")
        require(rule.most is None or fee.amount <= rule.most, f"{where}.amount", f"must be at most {rule.most}")
        allowed = rule.may_be_financed if fee.financed else rule.may_be_paid_at_signing
        how = "paid at signing" if fee.financed else "financed"
        require(allowed, f"{where}.financed", f"{fee.kind} is always {how}")
        seen.add(fee.kind)
