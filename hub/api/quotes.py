"""Quotes made and read back. Rates are decimal fractions ("0.085"), amounts decimal strings in yuan ("120000.00")."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from hub.api.deps import AmountText, Body, acting
from hub.api.once import OnceRoute
from hub.api.products import Fraction
from hub.core.ids import BranchId, LeadId, ProductVersionId, QuoteId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.leads import service as leads
from hub.leasing.quotes import service
from hub.leasing.quotes.rules import Fee
from hub.leasing.schedules.rules import NOTHING

router = APIRouter(prefix="/quotes", tags=["quotes"], route_class=OnceRoute)


class FeeBody(Body):
    """A fee of a deal: financed, or paid at signing."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)

    kind: str
    amount: AmountText
    financed: bool


class MakeQuote(Body):
    """What to price, on which version, for which branch and lead."""

    product_version_id: UUID
    branch_id: UUID
    lead_id: UUID | None = None
    car_model: str
    car_price: AmountText
    fees: tuple[FeeBody, ...] = Field(default=(), max_length=40)
    down_payment: AmountText
    deposit: AmountText = NOTHING
    service_fee: AmountText = NOTHING
    balloon: AmountText = NOTHING
    term_months: int
    annual_rate: Fraction
    starts_on: date


class DealOut(BaseModel):
    """What was priced."""

    model_config = ConfigDict(from_attributes=True)

    car_model: str
    car_price: AmountText
    fees: list[FeeBody]
    down_payment: AmountText
    deposit: AmountText
    service_fee: AmountText
    balloon: AmountText
    term_months: int
    annual_rate: Decimal
    starts_on: date


class InstalmentOut(BaseModel):
    """One instalment of the schedule."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    due_on: date
    principal: AmountText
    interest: AmountText
    rent: AmountText
    balance_after: AmountText


class DueAtSigningOut(BaseModel):
    """What the customer pays at signing."""

    model_config = ConfigDict(from_attributes=True)

    down_payment: AmountText
    deposit: AmountText
    service_fee: AmountText
    fees: AmountText
    total: AmountText


class PriceOut(BaseModel):
    """What came out, with the annualised rate that must be shown."""

    model_config = ConfigDict(from_attributes=True)

    financed: AmountText
    due_at_signing: DueAtSigningOut
    schedule: list[InstalmentOut]
    total_rent: AmountText
    total_interest: AmountText
    purchase_option: AmountText
    total_cost: AmountText
    monthly_irr: Decimal | None
    effective_annual_rate: Decimal | None


class QuoteOut(BaseModel):
    """A quote: what was asked, what came out, and until when it binds."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    branch_id: UUID
    lead_id: UUID | None
    product_version_id: UUID
    deal: DealOut
    price: PriceOut
    valid_until_on: date
    created_at: datetime
    created_by: str


@router.post("", status_code=201)
async def make_quote(body: MakeQuote, tx: Annotated[Tx, acting(P.QUOTES_WRITE)]) -> QuoteOut:
    """Price a deal on a version that is on offer, and keep the quote."""
    lead = None if body.lead_id is None else await leads.get_lead(tx, LeadId(body.lead_id))
    quote = await service.make_quote(
        tx,
        product_version_id=ProductVersionId(body.product_version_id),
        branch_id=BranchId(body.branch_id),
        lead_id=None if lead is None else lead.id,
        car_model=body.car_model,
        car_price=body.car_price,
        fees=tuple(Fee(**dict(fee)) for fee in body.fees),
        down_payment=body.down_payment,
        deposit=body.deposit,
        service_fee=body.service_fee,
        balloon=body.balloon,
        term_months=body.term_months,
        annual_rate=body.annual_rate,
        starts_on=body.starts_on,
    )
    return QuoteOut.model_validate(quote)


@router.get("/{quote_id}")
async def quote(quote_id: UUID, tx: Annotated[Tx, acting(P.PRODUCTS_READ)]) -> QuoteOut:
    """One quote, whole."""
    return QuoteOut.model_validate(await service.get_quote(tx, QuoteId(quote_id)))
