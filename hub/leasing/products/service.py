"""Defining, publishing and retiring products. They belong to the company: every branch sees all of them."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from hub.core.errors import Conflict, NotFound
from hub.core.ids import ProductVersionId
from hub.infra import audit
from hub.infra.database import Tx
from hub.leasing.products import rules
from hub.leasing.products.records import Product, ProductVersion
from hub.leasing.products.rules import ProductTerms, ProductView, VersionState, VersionView


async def create_product(tx: Tx, *, code: str, name: str, terms: ProductTerms) -> VersionView:
    """A new product with its first version, a draft; raises Conflict when the code is taken."""
    rules.check_product_name(code, name)
    rules.check_terms(terms, tx.today)
    if await tx.scalar(sa.select(Product.id).where(Product.code == code)):
        raise Conflict(f"there is a product {code} already")
    product = Product(id=tx.new_id(), code=code, name=name.strip(), created_at=tx.now)
    tx.add(product)
    await tx.flush()
    return await _add_version(tx, product, 1, terms)


async def add_version(tx: Tx, product_id: UUID, terms: ProductTerms) -> VersionView:
    """A further version of a product, as a draft; the published one stays on offer until this one is published."""
    rules.check_terms(terms, tx.today)
    product = await _locked_product(tx, product_id)
    newest = sa.select(sa.func.max(ProductVersion.number)).where(ProductVersion.product_id == product_id)
    return await _add_version(tx, product, (await tx.scalar(newest) or 0) + 1, terms)


async def _add_version(tx: Tx, product: Product, number: int, terms: ProductTerms) -> VersionView:
    version = ProductVersion(
        id=tx.new_id(), product_id=product.id, number=number, state=VersionState.DRAFT.value, terms=terms
    )
    tx.add(version)
    await tx.flush()
    await _audit(tx, "product.drafted", version)
    return _version_view(version, product)


async def revise_draft(tx: Tx, version_id: ProductVersionId, terms: ProductTerms) -> VersionView:
    """Other terms for a draft; raises Conflict once it is published."""
    rules.check_terms(terms, tx.today)
    version, product = await _locked_version(tx, version_id)
    if version.state != VersionState.DRAFT:
        raise Conflict(f"a version that is {version.state} keeps its terms: add another version")
    version.terms = terms
    await tx.flush()
    await _audit(tx, "product.revised", version)
    return _version_view(version, product)


async def publish(tx: Tx, version_id: ProductVersionId) -> VersionView:
    """Put a draft on offer; the version that was on offer is retired."""
    version, product = await _locked_version(tx, version_id)
    rules.check_move(VersionState(version.state), VersionState.PUBLISHED)
    rules.check_terms(version.terms, tx.today)
    on_offer = sa.select(ProductVersion).where(
        ProductVersion.product_id == product.id, ProductVersion.state == VersionState.PUBLISHED.value
    )
    if before := await tx.scalar(on_offer):
        await _retire(tx, before)
    version.state, version.published_at = VersionState.PUBLISHED.value, tx.now
    await tx.flush()
    await _audit(tx, "product.published", version)
    tx.emit(rules.ProductPublished(product_id=product.id, version_id=version_id, number=version.number))
    return _version_view(version, product)


async def retire(tx: Tx, version_id: ProductVersionId) -> VersionView:
    """Take a version off offer; contracts written on it keep it."""
    version, product = await _locked_version(tx, version_id)
    rules.check_move(VersionState(version.state), VersionState.RETIRED)
    await _retire(tx, version)
    return _version_view(version, product)


async def _retire(tx: Tx, version: ProductVersion) -> None:
    version.state, version.retired_at = VersionState.RETIRED.value, tx.now
    await tx.flush()
    await _audit(tx, "product.retired", version)
    tx.emit(rules.ProductRetired(product_id=version.product_id, version_id=ProductVersionId(version.id)))


async def _audit(tx: Tx, action: str, version: ProductVersion) -> None:
    await audit.record(
        tx, action=action, subject="product_version", subject_id=version.id, detail={"number": version.number}
    )


async def _locked_product(tx: Tx, product_id: UUID) -> Product:
    product = await tx.scalar(sa.select(Product).where(Product.id == product_id).with_for_update())
    if product is None:
        raise NotFound("product", product_id)
    return product


async def _locked_version(tx: Tx, version_id: ProductVersionId) -> tuple[ProductVersion, Product]:
    """A version with its product, the product's row locked first, so that two publishers take turns."""
    product_id = await tx.scalar(sa.select(ProductVersion.product_id).where(ProductVersion.id == version_id))
    if product_id is None:
        raise NotFound("product version", version_id)
    product = await _locked_product(tx, product_id)
    return await tx.get_one(ProductVersion, version_id, populate_existing=True), product


async def list_products(tx: Tx, *, after: UUID | None = None, limit: int = 50) -> tuple[ProductView, ...]:
    """Products in the order of their creation, from behind `after` on, at most `limit`."""
    on_offer = sa.and_(ProductVersion.product_id == Product.id, ProductVersion.state == VersionState.PUBLISHED.value)
    chosen = sa.select(Product.id, Product.code, Product.name, ProductVersion.id).outerjoin(ProductVersion, on_offer)
    if after is not None:
        chosen = chosen.where(Product.id > after)
    rows = await tx.execute(chosen.order_by(Product.id).limit(limit))
    return tuple(
        ProductView(id=i, code=code, name=name, published_version_id=None if v is None else ProductVersionId(v))
        for i, code, name, v in rows
    )


async def versions_of(tx: Tx, product_id: UUID) -> tuple[VersionView, ...]:
    """All versions of a product, the newest first; raises NotFound."""
    product = await tx.get(Product, product_id)
    if product is None:
        raise NotFound("product", product_id)
    newest_first = ProductVersion.number.desc()
    chosen = sa.select(ProductVersion).where(ProductVersion.product_id == product_id).order_by(newest_first)
    return tuple(_version_view(version, product) for version in await tx.scalars(chosen))


async def get_version(tx: Tx, version_id: ProductVersionId) -> VersionView:
    """One version with its terms; raises NotFound."""
    version = await tx.get(ProductVersion, version_id)
    if version is None:
        raise NotFound("product version", version_id)
    return _version_view(version, await tx.get_one(Product, version.product_id))


async def published_version(tx: Tx, code: str) -> VersionView:
    """The version of a product, by its code, that is on offer now; raises NotFound."""
    on_offer = (
        sa.select(ProductVersion, Product)
        .join(Product, Product.id == ProductVersion.product_id)
        .where(Product.code == code, ProductVersion.state == VersionState.PUBLISHED.value)
    )
    row = (await tx.execute(on_offer)).one_or_none()
    if row is None:
        raise NotFound("product on offer", code)
    return _version_view(row[0], row[1])


def _version_view(version: ProductVersion, product: Product) -> VersionView:
    return VersionView(
        id=ProductVersionId(version.id),
        product_id=product.id,
        product_code=product.code,
        product_name=product.name,
        number=version.number,
        state=VersionState(version.state),
        terms=version.terms,
        published_at=version.published_at,
        retired_at=version.retired_at,
    )
