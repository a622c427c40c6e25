"""The table of quotes. Deals and prices are stored whole, as JSON that reads back."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, Stored
from hub.leasing.quotes.rules import Deal, Price

QUOTE_NUMBERS = sa.Sequence("quote_number_seq", metadata=Base.metadata)


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
