"""What is asked for, what comes out, and the quote that keeps both: frozen values and a fact. Priced in `pricing`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from hub.core.events import Fact
from hub.core.ids import BranchId, LeadId, ProductVersionId, QuoteId
from hub.core.money import Money
from hub.leasing.schedules.rules import NOTHING, ScheduledInstalment


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A fee of a deal: financed, or paid at signing."""

    kind: str
    amount: Money
    financed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """What a customer wants: the car, the fees, what they pay first, for how long and at which rate.

    `service_fee` is paid at signing; `balloon` is left to the end of the term.
    """

    car_model: str
    car_price: Money
    fees: tuple[Fee, ...]
    down_payment: Money
    deposit: Money
    service_fee: Money
    term_months: int
    annual_rate: Decimal
    starts_on: date
    balloon: Money = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class DueAtSigning:
    """What the customer pays at signing, by purpose. `fees` are those that are not financed."""

    down_payment: Money
    deposit: Money
    service_fee: Money
    fees: Money

    @property
    def total(self) -> Money:
        """All of it."""
        return self.down_payment + self.deposit + self.service_fee + self.fees


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A deal, priced.

    `total_cost` is all that the customer pays and does not get back. `financed_third_party` and `financed_lessor` are
    the financed fees by whose they are in the end. `monthly_irr` and `effective_annual_rate` are None when the flows
    have no rate.
    """

    financed: Money
    financed_third_party: Money
    financed_lessor: Money
    due_at_signing: DueAtSigning
    schedule: tuple[ScheduledInstalment, ...]
    total_rent: Money
    total_interest: Money
    purchase_option: Money
    total_cost: Money
    monthly_irr: Decimal | None
    effective_annual_rate: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteView:
    """A quote: the price of a deal on one version of a product, binding until its last day."""

    id: QuoteId
    number: str
    branch_id: BranchId
    lead_id: LeadId | None
    product_version_id: ProductVersionId
    deal: Deal
    price: Price
    valid_until_on: date
    created_at: datetime
    created_by: str

    def binds_on(self, on: date) -> bool:
        """Whether the quote still binds on a date."""
        return on <= self.valid_until_on


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteMade(Fact):
    """A customer has been quoted a price."""

    quote_id: QuoteId
    branch_id: BranchId
    lead_id: LeadId | None
    financed: Money
