"""Quotes as a list, the newest first."""

from __future__ import annotations

from sqlalchemy import select

from hub.core.ids import BranchId, LeadId, ProductVersionId, QuoteId
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.infra.paging import Order, Slice, Window, sliced
from hub.leasing.quotes.records import Quote
from hub.leasing.quotes.rules import QuoteView

# Ids rise with time, so they stand for when a quote was made.
_ORDER = Order(key=Quote.id, columns={"made": Quote.id, "number": Quote.number}, standard="made")


async def page(tx: Tx, window: Window) -> Slice[QuoteView]:
    """Quotes in a window; filter `text` for the beginning of a number."""
    query = visible(select(Quote), Quote.branch_id, tx.actor)
    if text := window.filters.get("text"):
        query = query.where(Quote.number.startswith(text.upper(), autoescape=True))
    return await sliced(tx, query, _ORDER, window, shown)


def shown(quote: Quote) -> QuoteView:
    """A quote as other rooms see it."""
    return QuoteView(
        id=QuoteId(quote.id),
        number=quote.number,
        branch_id=BranchId(quote.branch_id),
        lead_id=None if quote.lead_id is None else LeadId(quote.lead_id),
        product_version_id=ProductVersionId(quote.product_version_id),
        deal=quote.deal,
        price=quote.price,
        valid_until_on=quote.valid_until_on,
        created_at=quote.created_at,
        created_by=quote.created_by,
    )
