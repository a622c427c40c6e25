"""The tables of products and their versions. Terms are stored whole, as JSON that reads back.

A published version's terms never change: a trigger of the migration refuses it, since contracts stand on them.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hub.infra.database import Base, Stored, one_of
from hub.leasing.products.rules import ProductTerms, VersionState


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
