"""How channel partners and their commissions are stored."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.channels.rules import AccrualState, CommissionRule, PartnerKind, PartnerState


class ChannelPartnerRecord(Base):
    """Who brings deals. A broker is a person, so every partner's name is sealed."""

    __tablename__ = "channel_partner"
    __table_args__ = (
        one_of("kind", PartnerKind),
        one_of("state", PartnerState),
        CheckConstraint("commission_rate between 0 and 0.2", name="commission_rate"),
        Index(None, "branch_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    kind: Mapped[str] = mapped_column(String(24))
    name_sealed: Mapped[bytes]
    commission_rate: Mapped[Decimal] = mapped_column(Numeric(12, 8))
    state: Mapped[str] = mapped_column(String(16))


class CommissionAccrualRecord(Base):
    """A commission earned with a contract, once for each rule. The contract's table is of a room above this one."""

    __tablename__ = "commission_accrual"
    __table_args__ = (
        one_of("rule", CommissionRule),
        one_of("state", AccrualState),
        CheckConstraint("amount > 0", name="amount"),
        UniqueConstraint("contract_id", "partner_id", "rule"),
        Index(None, "partner_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("channel_partner.id"))
    contract_id: Mapped[UUID]
    rule: Mapped[str] = mapped_column(String(24))
    amount: Mapped[Money]
    state: Mapped[str] = mapped_column(String(16))
    accrued_at: Mapped[datetime]
