"""Pricing deals on products that are on offer, and keeping the quotes; outside its branch a quote is not found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import sqlalchemy as sa

from hub.core.errors import InvalidInput, NotFound, RuleBroken
from hub.core.ids import BranchId, LeadId, ProductVersionId, QuoteId
from hub.core.money import Money
from hub.infra import audit, staff
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.leasing.products import service as products
from hub.leasing.products.rules import VersionState, VersionView
from hub.leasing.quotes.listing import shown
from hub.leasing.quotes.pricing import RATE_DIGITS, plan_of, price
from hub.leasing.quotes.records import QUOTE_NUMBERS, Quote
from hub.leasing.quotes.rules import Deal, Fee, QuoteMade, QuoteView
from hub.leasing.schedules.rules import NOTHING, ScheduledInstalment
from hub.leasing.schedules.schedule import build


async def make_quote(
    tx: Tx,
    *,
    product_version_id: ProductVersionId,
    branch_id: BranchId,
    lead_id: LeadId | None = None,
    car_model: str,
    car_price: Money,
    fees: Sequence[Fee],
    down_payment: Money,
    deposit: Money,
    service_fee: Money,
    term_months: int,
    annual_rate: Decimal,
    starts_on: date,
    balloon: Money = NOTHING,
) -> QuoteView:
    """Price a deal on a published version and keep it; raises InvalidInput, naming the field that does not fit."""
    await staff.check_branch(tx, branch_id)
    version = await products.get_version(tx, product_version_id)
    if version.state is not VersionState.PUBLISHED:
        raise RuleBroken("quotes_are_made_on_published_versions", state=version.state)
    deal = Deal(
        car_model=car_model.strip(),
        car_price=car_price,
        fees=tuple(fees),
        down_payment=down_payment,
        deposit=deposit,
        service_fee=service_fee,
        term_months=term_months,
        annual_rate=_storable(annual_rate),
        starts_on=starts_on,
        balloon=balloon,
    )
    return await _keep_quote(tx, version, deal, branch_id, lead_id)


def _storable(rate: Decimal) -> Decimal:
    """A rate with as many digits as are stored, so that what is priced is what is kept."""
    if not rate.is_finite() or rate != round(rate, -int(RATE_DIGITS.adjusted())):
        raise InvalidInput("annual_rate", "must be a fraction with at most eight digits")
    return rate


async def _keep_quote(
    tx: Tx, version: VersionView, deal: Deal, branch_id: BranchId, lead_id: LeadId | None
) -> QuoteView:
    priced = price(version.terms, deal, today=tx.today)
    quote = Quote(
        id=tx.new_id(),
        number=f"Q{tx.today:%Y%m%d}-{await tx.scalar(QUOTE_NUMBERS.next_value()):06d}",
        branch_id=branch_id,
        lead_id=lead_id,
        product_version_id=version.id,
        financed_amount=priced.financed,
        annual_rate=deal.annual_rate,
        term_months=deal.term_months,
        deal=deal,
        price=priced,
        valid_until_on=tx.today + timedelta(days=version.terms.quote_valid_days),
        created_at=tx.now,
        created_by=tx.actor.name,
    )
    tx.add(quote)
    await tx.flush()
    await audit.record(tx, action="quote.made", subject="quote", subject_id=quote.id, detail={"number": quote.number})
    tx.emit(QuoteMade(quote_id=QuoteId(quote.id), branch_id=branch_id, lead_id=lead_id, financed=priced.financed))
    return shown(quote)


async def get_quote(tx: Tx, quote_id: QuoteId) -> QuoteView:
    """One quote; raises NotFound, also outside the actor's branches."""
    quote = await tx.scalar(visible(sa.select(Quote).where(Quote.id == quote_id), Quote.branch_id, tx.actor))
    if quote is None:
        raise NotFound("quote", quote_id)
    return shown(quote)


async def schedule_of(tx: Tx, quote_id: QuoteId, *, starts_on: date) -> tuple[ScheduledInstalment, ...]:
    """The schedule of a quoted deal when it really starts on that date."""
    quote = await get_quote(tx, quote_id)
    terms = (await products.get_version(tx, quote.product_version_id)).terms
    plan = plan_of(
        terms,
        financed=quote.price.financed,
        annual_rate=quote.deal.annual_rate,
        term_months=quote.deal.term_months,
        starts_on=starts_on,
        balloon=quote.deal.balloon,
    )
    return build(plan)


async def quotes_of_lead(tx: Tx, lead_id: LeadId) -> tuple[QuoteView, ...]:
    """All quotes made for a lead, the newest first."""
    chosen = sa.select(Quote).where(Quote.lead_id == lead_id).order_by(Quote.id.desc())
    return tuple(shown(quote) for quote in await tx.scalars(visible(chosen, Quote.branch_id, tx.actor)))
