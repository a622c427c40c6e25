"""The tables of charges and payouts. One live movement a subject is the database's business."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.integrations.dispatch import WAITING, Wish
from hub.leasing.payments.rules import LIVE, ChargePurpose, MovementState, PayoutPurpose

_LIVE = "state in (" + ", ".join(sorted(f"'{state.value}'" for state in LIVE)) + ")"


class ChargeRecord(Wish, Base):
    """One debit under a mandate: asked for once, under its own id as the idempotency key."""

    __tablename__ = "charge"
    __table_args__ = (
        one_of("state", MovementState),
        one_of("purpose", ChargePurpose),
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("uq_charge_live_subject", "purpose", "subject_id", unique=True, postgresql_where=text(_LIVE)),
        Index("ix_charge_waiting", "claimed_until_at", postgresql_where=text(WAITING)),
        Index("ix_charge_contract_id", "contract_id"),
        Index("ix_charge_branch_id", "branch_id", "state", "id"),
        Index("ix_charge_by_amount", "amount", "id", postgresql_include=["state", "branch_id"]),
        *(Index(None, one, "state", "id", postgresql_include=["branch_id"]) for one in ("purpose", "instance")),
        Index(None, "branch_id", "id"),
        Index(None, "state", "id"),
        Index(None, "instance", "settled_on", postgresql_where=text("settled_on is not null")),
        Index(None, "payment_ref", postgresql_where=text("payment_ref is not null")),
    )

    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    contract_id: Mapped[UUID]
    mandate_id: Mapped[UUID] = mapped_column(ForeignKey("mandate.id"))
    purpose: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[UUID]
    amount: Mapped[Money]
    due_on: Mapped[date]
    instance: Mapped[str | None] = mapped_column(String(64))
    payment_ref: Mapped[str | None] = mapped_column(String(255))
    code: Mapped[str | None] = mapped_column(String(120))
    requested_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    settled_on: Mapped[date | None]


class PayoutRecord(Wish, Base):
    """One payment to somebody: asked for once, under its own id as the idempotency key."""

    __tablename__ = "payout"
    __table_args__ = (
        one_of("state", MovementState),
        one_of("purpose", PayoutPurpose),
        CheckConstraint("amount > 0", name="amount_positive"),
        # A payout is never made twice: one that has succeeded holds its subject for good.
        Index(
            "uq_payout_subject",
            "purpose",
            "subject_id",
            unique=True,
            postgresql_where=text("state not in ('rejected')"),
        ),
        Index("ix_payout_waiting", "claimed_until_at", postgresql_where=text(WAITING)),
        Index("ix_payout_contract_id", "contract_id"),
        Index("ix_payout_branch_id", "branch_id", "state", "id"),
        Index(None, "state", "id"),
        Index("ix_payout_by_amount", "amount", "id", postgresql_include=["state", "branch_id"]),
        *(Index(None, one, "state", "id", postgresql_include=["branch_id"]) for one in ("purpose", "instance")),
        Index(None, "instance", "settled_on", postgresql_where=text("settled_on is not null")),
        Index(None, "payment_ref", postgresql_where=text("payment_ref is not null")),
    )

    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    contract_id: Mapped[UUID | None]
    bank_account_id: Mapped[UUID] = mapped_column(ForeignKey("bank_account.id"))
    purpose: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[UUID]
    amount: Mapped[Money]
    instance: Mapped[str | None] = mapped_column(String(64))
    payment_ref: Mapped[str | None] = mapped_column(String(255))
    code: Mapped[str | None] = mapped_column(String(120))
    requested_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    settled_on: Mapped[date | None]
