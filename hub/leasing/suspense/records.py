"""The table of refunds."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.suspense.rules import RefundState


class RefundRecord(Base):
    """Money out of suspense that is given back; its payout names it."""

    __tablename__ = "refund"
    __table_args__ = (
        Index("ix_refund_contract_id", "contract_id"),
        one_of("state", RefundState),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("(state = 'paid') = (paid_on is not null)", name="paid_on_a_day"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("lease_account.contract_id"))
    amount: Mapped[Money]
    state: Mapped[str] = mapped_column(String(20))
    owed_on: Mapped[date]
    paid_on: Mapped[date | None]
