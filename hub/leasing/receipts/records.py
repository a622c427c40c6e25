"""The tables of receipts with their allocations. That no more is used than waits is the database's
business: what waits on a receipt is never less than nothing."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.instalments.waterfall import Part


class ReceiptRecord(Base):
    """Money that came in for a lease; `suspense_amount` is what paid nothing yet, and is not given back."""

    __tablename__ = "receipt"
    __table_args__ = (
        Index("ix_receipt_contract_id", "contract_id"),
        CheckConstraint("suspense_amount between 0 and amount", name="suspense"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("lease_account.contract_id"))
    charge_id: Mapped[UUID | None] = mapped_column(unique=True)
    instance: Mapped[str] = mapped_column(String(64))
    amount: Mapped[Money]
    suspense_amount: Mapped[Money]
    received_on: Mapped[date]
    booked_at: Mapped[datetime]


class AllocationRecord(Base):
    """So much of a receipt paid this part of this instalment: when it came, or out of suspense (`application_id`)."""

    __tablename__ = "receipt_allocation"
    __table_args__ = (
        UniqueConstraint(
            "receipt_id",
            "instalment_id",
            "part",
            "application_id",
            name="uq_receipt_allocation",
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_receipt_allocation_instalment_id", "instalment_id"),
        one_of("part", Part),
        CheckConstraint("amount > 0", name="amount_positive"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    receipt_id: Mapped[UUID] = mapped_column(ForeignKey("receipt.id"))
    instalment_id: Mapped[UUID] = mapped_column(ForeignKey("instalment.id"))
    part: Mapped[str] = mapped_column(String(20))
    amount: Mapped[Money]
    paid_on: Mapped[date]
    application_id: Mapped[UUID | None]
