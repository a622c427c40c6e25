"""What stands in a lease contract: the frozen facts of the paper, and the sheet of texts that a template lays out.

Pure. Every number becomes text here, by one rule a kind; a template only places it. Names and numbers of the parties
stand in the clear, as in any contract: a sheet is personal data and is never logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from hub.core.dates import add_months
from hub.core.money import Money
from hub.leasing.contracts.rules import ContractView
from hub.leasing.parties.rules import ClearParty
from hub.leasing.products.rules import KNOWN_FEES, ProductTerms
from hub.leasing.quotes.rules import Deal, Price
from hub.leasing.schedules.rules import ScheduledInstalment
from hub.leasing.signatures.capitals import in_capitals
from hub.leasing.signatures.rules import Language

# Counts up when a clause changes; a contract keeps the version that it was written in.
TEMPLATE_VERSION = "lease_contract/1"

Sheet = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Everything that one lease contract says, before it is put into a language."""

    contract: ContractView
    lessor: str
    lessee: ClearParty = field(repr=False)
    vin: str | None
    deal: Deal
    price: Price
    terms: ProductTerms
    drafted_on: date


def sheet(paper: Paper, language: Language) -> Sheet:
    """The texts of the paper in a language, by name, as its template asks for them."""
    return {
        "number": paper.contract.number,
        "template_version": TEMPLATE_VERSION,
        "drafted_on": day(paper.drafted_on, language),
        "lease_type": paper.contract.lease_type.value,
        "lessor": {"name": paper.lessor},
        "lessee": _lessee(paper.lessee),
        "car": {"model": paper.deal.car_model, "vin": paper.vin or ""},
        "amounts": _amounts(paper),
        "capitals": _capitals(paper) if language is Language.CHINESE else {},
        "fees": _fees(paper.deal, language),
        "lease": _lease(paper, language),
        "rules": _rules(paper),
        "schedule": [_row(row, language) for row in paper.price.schedule],
        "totals": _totals(paper.price),
    }


def _lessee(party: ClearParty) -> dict[str, str]:
    return {
        "name": party.name,
        "document_kind": party.document_kind.value,
        "document_number": party.document_number,
        "phone": party.phone,
        "address": party.addresses[0] if party.addresses else "",
    }


def _amounts(paper: Paper) -> dict[str, str]:
    deal, price = paper.deal, paper.price
    amounts = {
        "car_price": deal.car_price,
        "financed": price.financed,
        "down_payment": deal.down_payment,
        "deposit": deal.deposit,
        "service_fee": deal.service_fee,
        "fees_at_signing": price.due_at_signing.fees,
        "due_at_signing": price.due_at_signing.total,
        "balloon": deal.balloon,
        "total_rent": price.total_rent,
        "total_interest": price.total_interest,
        "total_cost": price.total_cost,
        "purchase_option": price.purchase_option,
        "first_rent": price.schedule[0].rent,
    }
    return {name: figures(money) for name, money in amounts.items()}


def _capitals(paper: Paper) -> dict[str, str]:
    price = paper.price
    return {
        "car_price": in_capitals(paper.deal.car_price),
        "financed": in_capitals(price.financed),
        "due_at_signing": in_capitals(price.due_at_signing.total),
        "total_rent": in_capitals(price.total_rent),
        "purchase_option": in_capitals(price.purchase_option),
    }


def _fees(deal: Deal, language: Language) -> list[dict[str, object]]:
    return [
        {"name": fee_name(fee.kind, language), "amount": figures(fee.amount), "financed": fee.financed}
        for fee in deal.fees
    ]


def _lease(paper: Paper, language: Language) -> dict[str, object]:
    deal, price = paper.deal, paper.price
    effective = price.effective_annual_rate
    return {
        "starts_on": day(deal.starts_on, language),
        "ends_on": day(add_months(deal.starts_on, deal.term_months), language),
        "term_months": str(deal.term_months),
        "instalments": str(len(price.schedule)),
        "annual_rate": percent(deal.annual_rate),
        "effective_annual_rate": "" if effective is None else percent(round(effective, 4)),
        "method": paper.contract.method.value,
        "in_advance": paper.terms.in_advance,
        "has_balloon": bool(deal.balloon),
        "has_purchase_option": bool(price.purchase_option),
    }


def _rules(paper: Paper) -> dict[str, object]:
    penalty, early = paper.terms.penalty, paper.terms.early_settlement
    return {
        "penalty_daily_rate": percent(penalty.daily_rate, least_digits=3),
        "grace_days": str(penalty.grace_days) if penalty.grace_days else "",
        "penalty_cap": "" if penalty.cap_share is None else percent(penalty.cap_share),
        "lock_in_months": str(early.lock_in_months) if early.lock_in_months else "",
        "settlement_fee": percent(early.fee_share) if early.fee_share else "",
        "allocation": [part.value for part in paper.terms.allocation],
    }


def _row(row: ScheduledInstalment, language: Language) -> list[str]:
    parts = (row.rent, row.principal, row.interest, row.balance_after)
    return [str(row.number), short_day(row.due_on, language), *(figures(part) for part in parts)]


def _totals(price: Price) -> list[str]:
    principal = Money.total(row.principal for row in price.schedule)
    return [figures(price.total_rent), figures(principal), figures(price.total_interest)]


def figures(money: Money) -> str:
    """An amount without its currency: 128,000.00."""
    return f"{money.amount:,.2f}"


def percent(share: Decimal, *, least_digits: int = 2) -> str:
    """A fraction as a percentage, without needless zeros beyond `least_digits`: 8.88%, 0.050%."""
    text = f"{share * 100:.6f}".rstrip("0")
    whole, _, digits = text.partition(".")
    return f"{whole}.{digits.ljust(least_digits, '0')}%"


_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def day(on: date, language: Language) -> str:
    """A date in full: 2026年1月5日, 5 January 2026."""
    if language is Language.CHINESE:
        return f"{on.year}年{on.month}月{on.day}日"
    return f"{on.day} {_MONTHS[on.month - 1]} {on.year}"


def short_day(on: date, language: Language) -> str:
    """A date for a table: 2026-01-05, 5 Jan 2026."""
    return on.isoformat() if language is Language.CHINESE else f"{on.day} {_MONTHS[on.month - 1][:3]} {on.year}"


def fee_name(kind: str, language: Language) -> str:
    """What people call a fee; one that a product has named itself keeps its name."""
    chinese, english = KNOWN_FEES.get(kind, (kind, kind.replace("_", " ").capitalize()))
    return chinese if language is Language.CHINESE else english
