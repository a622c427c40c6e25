"""The tables of products, their versions and quotes. Terms, deals and prices are stored whole, as JSON that reads back.

A published version's terms never change: a trigger of the migration refuses it, since contracts stand on them.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.products.pricing import Deal, Price
from hub.leasing.products.rules import ProductTerms, VersionState

T = TypeVar("T")

QUOTE_NUMBERS = sa.Sequence("quote_number_seq", metadata=Base.metadata)


class Stored(TypeDecorator[T], Generic[T]):
    """A frozen value of the rules as one jsonb column: exact amounts and rates, checked when it is read."""

    impl = JSONB
    cache_ok = True

    def __init__(self, kind: type[T]) -> None:
        super().__init__()
        self.kind = kind
        self._adapter = TypeAdapter(kind)

    def process_bind_param(self, value: T | None, dialect: Dialect) -> Any:
        """The value as JSON."""
        return None if value is None else self._adapter.dump_python(value, mode="json")

    def process_result_value(self, value: Any, dialect: Dialect) -> T | None:
        """The value again."""
        return None if value is None else self._adapter.validate_python(value)


class Product(Base):
    """A product; what it offers stands in its versions."""

    __tablename__ = "product"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(sa.String(30), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    created_at: Mapped[datetime]


class ProductVersion(Base):
    """One version of a product's terms; at most one of a product is published."""

    __tablename__ = "product_version"
    __table_args__ = (
        sa.UniqueConstraint("product_id", "number"),
        one_of("state", VersionState),
        sa.CheckConstraint("(state = 'draft') = (published_at is null) or state = 'retired'", name="published_at"),
        sa.CheckConstraint("(state = 'retired') = (retired_at is not null)", name="retired_at"),
        sa.Index(
            "uq_product_version_published", "product_id", unique=True, postgresql_where=sa.text("state = 'published'")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(sa.ForeignKey("product.id"))
    number: Mapped[int] = mapped_column(sa.SmallInteger)
    state: Mapped[str] = mapped_column(sa.String(12))
    terms: Mapped[ProductTerms] = mapped_column(Stored(ProductTerms))
    published_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class Quote(Base):
    """A price given to a customer: what was asked (`deal`) and what came out (`price`)."""

    __tablename__ = "quote"
    __table_args__ = (
        sa.CheckConstraint("financed_amount > 0", name="financed_amount"),
        sa.CheckConstraint("annual_rate >= 0", name="annual_rate"),
        sa.Index(None, "branch_id", "id"),
        sa.Index(None, "lead_id", postgresql_where=sa.text("lead_id is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(sa.String(24), unique=True)
    branch_id: Mapped[UUID] = mapped_column(sa.ForeignKey("branch.id"))
    lead_id: Mapped[UUID | None]
    product_version_id: Mapped[UUID] = mapped_column(sa.ForeignKey("product_version.id"), index=True)
    financed_amount: Mapped[Money]
    annual_rate: Mapped[Decimal] = mapped_column(sa.Numeric(12, 8))
    term_months: Mapped[int] = mapped_column(sa.SmallInteger)
    deal: Mapped[Deal] = mapped_column(Stored(Deal))
    price: Mapped[Price] = mapped_column(Stored(Price))
    valid_until_on: Mapped[date]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(sa.String(200))
