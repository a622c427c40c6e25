"""Products defined without code, put on offer and taken off it.

Shares and rates are decimal fractions ("0.085"), amounts decimal strings in yuan ("120000.00").
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from hub.api.deps import AmountText, Body, ThePage, acting
from hub.api.once import OnceRoute
from hub.core.ids import ProductVersionId
from hub.core.money import Rounding
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.products import service
from hub.leasing.products.rules import (
    Allocation,
    AmountRange,
    EarlySettlementRule,
    FeeRule,
    InterestUntil,
    LeaseType,
    Method,
    Payee,
    PenaltyRule,
    Period,
    ProductTerms,
    Residue,
    ShareRange,
    TermRange,
    VersionState,
)

router = APIRouter(tags=["products"], route_class=OnceRoute)

Fraction = Annotated[Decimal, Field(ge=0, le=1, max_digits=9, decimal_places=8)]
_BOTH_WAYS = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class TermBody(Body):
    """Terms in months."""

    model_config = _BOTH_WAYS

    least: int
    most: int
    step: int = 1


class AmountsBody(Body):
    """Amounts from least to most."""

    model_config = _BOTH_WAYS

    least: AmountText
    most: AmountText


class SharesBody(Body):
    """Shares or rates from least to most."""

    model_config = _BOTH_WAYS

    least: Fraction = Decimal(0)
    most: Fraction = Decimal(0)


class FeeRuleBody(Body):
    """One kind of fee that a deal may have."""

    model_config = _BOTH_WAYS

    kind: str
    payee: Payee
    may_be_financed: bool = True
    may_be_paid_at_signing: bool = True
    refundable: bool = False
    most: AmountText | None = None


class PenaltyBody(Body):
    """Penalty a day on what is overdue."""

    model_config = _BOTH_WAYS

    daily_rate: Fraction
    grace_days: int = 0
    cap_share: Fraction | None = None


class EarlySettlementBody(Body):
    """When and at which fee a lease may be settled early."""

    model_config = _BOTH_WAYS

    lock_in_months: int = 0
    fee_share: Fraction = Decimal(0)
    interest_until: InterestUntil = InterestUntil.SETTLEMENT_DAY


class TermsBody(Body):
    """Everything that a product fixes or leaves room for."""

    model_config = _BOTH_WAYS

    lease_type: LeaseType
    method: Method
    term: TermBody
    financed_amount: AmountsBody
    annual_rate: SharesBody
    down_payment: SharesBody
    deposit: SharesBody
    fees: tuple[FeeRuleBody, ...] = Field(default=(), max_length=40)
    penalty: PenaltyBody
    early_settlement: EarlySettlementBody
    purchase_option: AmountText
    period: Period = Period.MONTHLY
    in_advance: bool = False
    balloon: SharesBody = SharesBody()
    interest_only_months: int = 0
    rounding: Rounding = Rounding.HALF_UP
    instalment_unit: Annotated[Decimal, Field(max_digits=8, decimal_places=2)] = Decimal("0.01")
    residue: Residue = Residue.LAST_INSTALMENT
    allocation: tuple[Allocation, ...] = (Allocation.PENALTY, Allocation.INTEREST, Allocation.PRINCIPAL)
    quote_valid_days: int = 15

    def terms(self) -> ProductTerms:
        """The terms as the rules know them."""
        made = {
            "term": TermRange(**dict(self.term)),
            "financed_amount": AmountRange(**dict(self.financed_amount)),
            "fees": tuple(FeeRule(**dict(fee)) for fee in self.fees),
            "penalty": PenaltyRule(**dict(self.penalty)),
            "early_settlement": EarlySettlementRule(**dict(self.early_settlement)),
        }
        shares = ("annual_rate", "down_payment", "deposit", "balloon")
        ranges = {name: ShareRange(**dict(getattr(self, name))) for name in shares}
        return ProductTerms(**{**dict(self), **made, **ranges})


class CreateProduct(Body):
    """A new product with the terms of its first version."""

    code: str
    name: str
    terms: TermsBody


class VersionOut(BaseModel):
    """One version of a product with its terms."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    product_id: UUID
    product_code: str
    product_name: str
    number: int
    state: VersionState
    terms: TermsBody
    published_at: datetime | None
    retired_at: datetime | None


class ProductOut(BaseModel):
    """A product, and which version is on offer."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str
    name: str
    published_version_id: UUID | None


@router.post("/products", status_code=201)
async def create_product(body: CreateProduct, tx: Annotated[Tx, acting(P.PRODUCTS_WRITE)]) -> VersionOut:
    """Define a product; its first version is a draft."""
    version = await service.create_product(tx, code=body.code, name=body.name, terms=body.terms.terms())
    return VersionOut.model_validate(version)


@router.get("/products")
async def list_products(tx: Annotated[Tx, acting(P.PRODUCTS_READ)], page: ThePage) -> list[ProductOut]:
    """Products in the order of their creation."""
    products = await service.list_products(tx, after=page.after, limit=page.limit)
    return [ProductOut.model_validate(product) for product in products]


@router.get("/products/{product_id}/versions")
async def versions(product_id: UUID, tx: Annotated[Tx, acting(P.PRODUCTS_READ)]) -> list[VersionOut]:
    """All versions of a product, the newest first."""
    return [VersionOut.model_validate(version) for version in await service.versions_of(tx, product_id)]


@router.post("/products/{product_id}/versions", status_code=201)
async def add_version(product_id: UUID, body: TermsBody, tx: Annotated[Tx, acting(P.PRODUCTS_WRITE)]) -> VersionOut:
    """Draft a further version of a product."""
    return VersionOut.model_validate(await service.add_version(tx, product_id, body.terms()))


@router.get("/product-versions/{version_id}")
async def version(version_id: UUID, tx: Annotated[Tx, acting(P.PRODUCTS_READ)]) -> VersionOut:
    """One version with its terms."""
    return VersionOut.model_validate(await service.get_version(tx, ProductVersionId(version_id)))


@router.put("/product-versions/{version_id}")
async def revise_draft(version_id: UUID, body: TermsBody, tx: Annotated[Tx, acting(P.PRODUCTS_WRITE)]) -> VersionOut:
    """Give a draft other terms."""
    return VersionOut.model_validate(await service.revise_draft(tx, ProductVersionId(version_id), body.terms()))


@router.post("/product-versions/{version_id}/publication")
async def publish(version_id: UUID, tx: Annotated[Tx, acting(P.PRODUCTS_PUBLISH)]) -> VersionOut:
    """Put a draft on offer; the version before it is retired."""
    return VersionOut.model_validate(await service.publish(tx, ProductVersionId(version_id)))


@router.post("/product-versions/{version_id}/retirement")
async def retire(version_id: UUID, tx: Annotated[Tx, acting(P.PRODUCTS_PUBLISH)]) -> VersionOut:
    """Take a version off offer."""
    return VersionOut.model_validate(await service.retire(tx, ProductVersionId(version_id)))
