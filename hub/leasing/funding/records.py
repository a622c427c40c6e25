"""The table of what is due at signing. Each purpose once a contract is the database's business."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.funding.rules import SigningPaymentState
from hub.ledger.postings import SigningPurpose


class SigningPaymentRecord(Base):
    """One payment due at signing; each purpose once a contract."""

    __tablename__ = "signing_payment"
    __table_args__ = (
        one_of("purpose", SigningPurpose),
        one_of("state", SigningPaymentState),
        UniqueConstraint("contract_id", "purpose"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("state <> 'received' or (charge_id is not null and received_on is not null)", name="received"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contract.id"))
    purpose: Mapped[str] = mapped_column(String(24))
    amount: Mapped[Money]
    state: Mapped[str] = mapped_column(String(20))
    charge_id: Mapped[UUID | None]
    received_on: Mapped[date | None]
