"""Products on the real database: states, frozen terms, one version on offer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from hub.core.errors import Conflict, InvalidInput, NotFound
from hub.core.events import Fact
from hub.core.ids import ProductVersionId
from hub.core.money import Money
from hub.infra.access import Actor
from hub.infra.audit import AuditEntry
from hub.infra.database import Database, Tx
from hub.leasing.products import service
from hub.leasing.products.rules import (
    ProductPublished,
    ProductRetired,
    ProductTerms,
    VersionState,
    VersionView,
)


async def on_offer(tx: Tx, terms: ProductTerms, code: str = "STANDARD-36") -> VersionView:
    draft = await service.create_product(tx, code=code, name="标准直租", terms=terms)
    return await service.publish(tx, draft.id)


async def test_a_product_is_drafted_published_and_retired(
    database: Database, system_actor: Actor, terms: ProductTerms
) -> None:
    heard: list[Fact] = []

    async def listen(tx: Tx, fact: Fact) -> None:
        heard.append(fact)

    database = replace(database, listener=listen)
    async with database.transaction(system_actor) as tx:
        draft = await service.create_product(tx, code="STANDARD-36", name=" 标准直租 ", terms=terms)
        assert (draft.state, draft.number, draft.product_name) == (VersionState.DRAFT, 1, "标准直租")
    async with database.transaction(system_actor) as tx:
        assert (await service.publish(tx, draft.id)).state is VersionState.PUBLISHED
        assert (await service.published_version(tx, "STANDARD-36")).id == draft.id
    async with database.transaction(system_actor) as tx:
        assert (await service.retire(tx, draft.id)).state is VersionState.RETIRED
    async with database.transaction(system_actor) as tx:
        again = await service.get_version(tx, draft.id)
        assert again.terms == terms
        assert again.retired_at is not None
        actions = set(await tx.scalars(sa.select(AuditEntry.action)))
        with pytest.raises(NotFound):
            await service.published_version(tx, "STANDARD-36")
    assert [type(fact) for fact in heard] == [ProductPublished, ProductRetired]
    assert actions == {"product.drafted", "product.published", "product.retired"}


async def test_publishing_a_version_retires_the_one_before(
    database: Database, system_actor: Actor, terms: ProductTerms
) -> None:
    dearer = replace(terms, purchase_option=Money.of(500))
    async with database.transaction(system_actor) as tx:
        first = await on_offer(tx, terms)
        second = await service.publish(tx, (await service.add_version(tx, first.product_id, dearer)).id)
        versions = await service.versions_of(tx, first.product_id)
        products = await service.list_products(tx)
    assert [(version.number, version.state) for version in versions] == [
        (2, VersionState.PUBLISHED),
        (1, VersionState.RETIRED),
    ]
    assert [product.published_version_id for product in products] == [second.id]


async def test_publishers_at_the_same_time_leave_one_version_on_offer(
    database: Database, system_actor: Actor, terms: ProductTerms
) -> None:
    async with database.transaction(system_actor) as tx:
        first = await service.create_product(tx, code="STANDARD-36", name="x", terms=terms)
        drafts = [first, *[await service.add_version(tx, first.product_id, terms) for _ in range(3)]]

    async def put_on_offer(version: VersionView) -> None:
        async with database.transaction(system_actor) as tx:
            await service.publish(tx, version.id)

    await asyncio.gather(*map(put_on_offer, drafts))
    async with database.transaction(system_actor) as tx:
        states = [version.state for version in await service.versions_of(tx, first.product_id)]
    assert sorted(states) == [VersionState.PUBLISHED, *[VersionState.RETIRED] * 3]


async def test_a_draft_may_be_revised_a_published_version_not(
    database: Database, system_actor: Actor, terms: ProductTerms
) -> None:
    other = replace(terms, quote_valid_days=7)
    async with database.transaction(system_actor) as tx:
        draft = await service.create_product(tx, code="STANDARD-36", name="x", terms=terms)
        assert (await service.revise_draft(tx, draft.id, other)).terms == other
        await service.publish(tx, draft.id)
        with pytest.raises(Conflict):
            await service.revise_draft(tx, draft.id, terms)
        with pytest.raises(Conflict):
            await service.publish(tx, draft.id)


async def test_the_database_freezes_published_terms(
    database: Database, system_actor: Actor, terms: ProductTerms
) -> None:
    async with database.transaction(system_actor) as tx:
        await on_offer(tx, terms)
    with pytest.raises(IntegrityError, match="terms are frozen"):
        async with database.transaction(system_actor) as tx:
            await tx.execute(sa.text("""update product_version set terms = '{"method": "flat"}'"""))


async def test_the_database_keeps_one_version_on_offer(
    database: Database, system_actor: Actor, terms: ProductTerms
) -> None:
    async with database.transaction(system_actor) as tx:
        first = await on_offer(tx, terms)
        await service.add_version(tx, first.product_id, terms)
    with pytest.raises(IntegrityError, match="uq_product_version_published"):
        async with database.transaction(system_actor) as tx:
            await tx.execute(sa.text("update product_version set state = 'published', published_at = now()"))


async def test_nothing_is_kept_of_a_product_that_is_refused(
    database: Database, system_actor: Actor, terms: ProductTerms
) -> None:
    with pytest.raises(InvalidInput):
        async with database.transaction(system_actor) as tx:
            await service.create_product(tx, code="BAD-1", name="x", terms=replace(terms, quote_valid_days=0))
    async with database.transaction(system_actor) as tx:
        assert await service.list_products(tx) == ()
        await service.create_product(tx, code="STANDARD-36", name="x", terms=terms)
        with pytest.raises(Conflict, match="STANDARD-36"):
            await service.create_product(tx, code="STANDARD-36", name="x", terms=terms)


async def test_products_come_in_pages(database: Database, system_actor: Actor, terms: ProductTerms) -> None:
    async with database.transaction(system_actor) as tx:
        for number in range(5):
            await service.create_product(tx, code=f"P-{number}", name="x", terms=terms)
        first = await service.list_products(tx, limit=3)
        rest = await service.list_products(tx, after=first[-1].id, limit=3)
    assert {product.code for product in first + rest} == {f"P-{number}" for number in range(5)}
    assert len(rest) == 2


async def test_what_is_not_there_is_not_found(database: Database, system_actor: Actor, terms: ProductTerms) -> None:
    async with database.transaction(system_actor) as tx:
        with pytest.raises(NotFound):
            await service.get_version(tx, ProductVersionId(uuid4()))
        with pytest.raises(NotFound):
            await service.publish(tx, ProductVersionId(uuid4()))
        with pytest.raises(NotFound):
            await service.versions_of(tx, uuid4())
        with pytest.raises(NotFound):
            await service.add_version(tx, uuid4(), terms)
