"""Quotes on the real database: what was asked and what came out read back whole, in their branch, on what is on offer."""

from __future__ import annotations

from dataclasses import asdict, replace
from decimal import Decimal
from uuid import uuid4

import pytest

from hub.core.errors import InvalidInput, NotFound, RuleBroken
from hub.core.events import Fact
from hub.core.ids import BranchId, LeadId, ProductVersionId, QuoteId
from hub.infra.access import Actor, Permission
from hub.infra.database import Database, Tx
from hub.leasing.products import service as products
from hub.leasing.products.rules import ProductTerms, VersionView
from hub.leasing.quotes import service
from hub.leasing.quotes.pricing import price
from hub.leasing.quotes.rules import Deal, QuoteMade, QuoteView


def clerk(branches: frozenset[BranchId]) -> Actor:
    return Actor(name="clerk", staff_id=None, permissions=frozenset(Permission), branches=branches)


async def on_offer(tx: Tx, terms: ProductTerms, code: str = "STANDARD-36") -> VersionView:
    draft = await products.create_product(tx, code=code, name="标准直租", terms=terms)
    return await products.publish(tx, draft.id)


async def quote_for(
    tx: Tx, version_id: ProductVersionId, branch_id: BranchId, deal: Deal, lead_id: LeadId | None = None
) -> QuoteView:
    words = {name: getattr(deal, name) for name in asdict(deal)}
    return await service.make_quote(tx, product_version_id=version_id, branch_id=branch_id, lead_id=lead_id, **words)


async def test_a_quote_reads_back_whole(
    database: Database, system_actor: Actor, branch: BranchId, terms: ProductTerms, deal: Deal
) -> None:
    lead_id = LeadId(uuid4())
    heard: list[Fact] = []

    async def listen(tx: Tx, fact: Fact) -> None:
        heard.append(fact)

    async with replace(database, listener=listen).transaction(system_actor) as tx:
        version = await on_offer(tx, terms)
        quote = await quote_for(tx, version.id, branch, deal, lead_id)
        today = tx.today
    assert isinstance(heard[-1], QuoteMade)
    async with database.transaction(system_actor) as tx:
        again = await service.get_quote(tx, quote.id)
        assert await service.quotes_of_lead(tx, lead_id) == (again,)
    assert again == quote
    assert again.deal == deal
    assert again.price == price(terms, deal, today=today)
    assert again.number.startswith("Q20260105-")
    assert again.binds_on(again.valid_until_on)
    assert (again.valid_until_on - today).days == 15


async def test_quotes_have_different_numbers(
    database: Database, system_actor: Actor, branch: BranchId, terms: ProductTerms, deal: Deal
) -> None:
    async with database.transaction(system_actor) as tx:
        version = await on_offer(tx, terms)
        numbers = {(await quote_for(tx, version.id, branch, deal)).number for _ in range(3)}
    assert len(numbers) == 3


async def test_a_quote_lies_in_its_branch(
    database: Database, system_actor: Actor, branch: BranchId, terms: ProductTerms, deal: Deal
) -> None:
    async with database.transaction(system_actor) as tx:
        version = await on_offer(tx, terms)
        quote = await quote_for(tx, version.id, branch, deal)
    async with database.transaction(clerk(frozenset({branch}))) as tx:
        assert (await service.get_quote(tx, quote.id)).id == quote.id
    async with database.transaction(clerk(frozenset({BranchId(uuid4())}))) as tx:
        with pytest.raises(NotFound):
            await service.get_quote(tx, quote.id)
        with pytest.raises(NotFound):
            await quote_for(tx, version.id, branch, deal)


async def test_a_quote_needs_a_version_on_offer_and_a_fitting_deal(
    database: Database, system_actor: Actor, branch: BranchId, terms: ProductTerms, deal: Deal
) -> None:
    async with database.transaction(system_actor) as tx:
        draft = await products.create_product(tx, code="STANDARD-36", name="x", terms=terms)
        with pytest.raises(RuleBroken):
            await quote_for(tx, draft.id, branch, deal)
        await products.publish(tx, draft.id)
        with pytest.raises(InvalidInput) as refusal:
            await quote_for(tx, draft.id, branch, replace(deal, term_months=13))
        assert refusal.value.field == "term_months"
        with pytest.raises(InvalidInput, match="at most eight digits"):
            await quote_for(tx, draft.id, branch, replace(deal, annual_rate=Decimal("0.0812345678")))
        with pytest.raises(InvalidInput, match="at most eight digits"):
            await quote_for(tx, draft.id, branch, replace(deal, annual_rate=Decimal("NaN")))


async def test_a_quote_that_is_not_there_is_not_found(database: Database, system_actor: Actor) -> None:
    async with database.transaction(system_actor) as tx:
        with pytest.raises(NotFound):
            await service.get_quote(tx, QuoteId(uuid4()))
