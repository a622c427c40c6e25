"""The tables of payees and disbursements. One disbursement a car and a fee of a lease is the database's business."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.disbursements.rules import DisbursementPurpose, DisbursementState

_UNAPPROVED = "state in ('drafted', 'refused') and payee_id is not null"
UNAPPROVED = text(f"disbursement.{_UNAPPROVED}")  # as the index has it, to the letter


class PayeeRecord(Base):
    """Where money for a dealer, a kind of fee, or both goes; the account is a party's, and sealed there."""

    __tablename__ = "payee"
    __table_args__ = (
        CheckConstraint("channel_id is not null or fee_kind is not null", name="serves"),
        Index(
            "uq_payee_channel",
            "branch_id",
            "channel_id",
            unique=True,
            postgresql_where=text("ended_at is null and channel_id is not null"),
        ),
        Index(
            "uq_payee_fee",
            "branch_id",
            "fee_kind",
            unique=True,
            postgresql_where=text("ended_at is null and fee_kind is not null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    name_sealed: Mapped[bytes]
    channel_id: Mapped[UUID | None] = mapped_column(ForeignKey("channel_partner.id"))
    fee_kind: Mapped[str | None] = mapped_column(String(40))
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    bank_account_id: Mapped[UUID] = mapped_column(ForeignKey("bank_account.id"))
    bank_code: Mapped[str] = mapped_column(String(14))
    last_four: Mapped[str] = mapped_column(String(4))
    named_by: Mapped[str] = mapped_column(String(200))
    named_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    named_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class DisbursementRecord(Base):
    """One payment that is owed: what for, to whom, how much, who drafted and who approved it."""

    __tablename__ = "disbursement"
    __table_args__ = (
        one_of("purpose", DisbursementPurpose),
        one_of("state", DisbursementState),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(
            "case purpose when 'vehicle' then vehicle_id is not null and fee_kind is null"
            " else contract_id is not null and vehicle_id is null and fee_kind is not null end",
            name="subject",
        ),
        CheckConstraint(
            "(payee_id is null) = (bank_account_id is null) and (payee_id is null) = (last_four is null)", name="payee"
        ),
        CheckConstraint(
            "state in ('drafted', 'cancelled') or (bank_account_id is not null and approved_by is not null)",
            name="approved",
        ),
        CheckConstraint("approved_by_id <> drafted_by_id", name="four_eyes"),
        CheckConstraint("state not in ('paying', 'paid', 'refused') or payout_id is not null", name="asked"),
        CheckConstraint("(state = 'paid') = (paid_on is not null)", name="paid"),
        CheckConstraint("(state = 'cancelled') = (cancelled_reason is not null)", name="cancelled"),
        # A car, and a fee of a lease, is paid for once: what has been paid holds its place for good.
        Index("uq_disbursement_vehicle", "vehicle_id", unique=True, postgresql_where=text("state <> 'cancelled'")),
        Index(
            "uq_disbursement_fee",
            "contract_id",
            "fee_kind",
            unique=True,
            postgresql_where=text("state <> 'cancelled' and fee_kind is not null"),
        ),
        Index(None, "branch_id", "state", "id"),
        Index(None, "state", "id"),
        Index("ix_disbursement_by_amount", "amount", "id", postgresql_include=["state", "branch_id"]),
        Index(None, "purpose", "state", "id", postgresql_include=["branch_id"]),
        Index(
            "ix_disbursement_unapproved",
            "drafted_at",
            "id",
            postgresql_where=text(_UNAPPROVED),
            postgresql_include=[
                *("branch_id", "payee_id", "drafted_by", "drafted_by_id", "chosen_by", "chosen_by_id"),
            ],
        ),
        Index(None, "contract_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    contract_id: Mapped[UUID | None] = mapped_column(ForeignKey("contract.id"))
    purpose: Mapped[str] = mapped_column(String(20))
    vehicle_id: Mapped[UUID | None] = mapped_column(ForeignKey("vehicle.id"))
    fee_kind: Mapped[str | None] = mapped_column(String(40))
    what_for: Mapped[str] = mapped_column(String(200))
    payee_id: Mapped[UUID | None] = mapped_column(ForeignKey("payee.id"))
    payee_sealed: Mapped[bytes]
    bank_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("bank_account.id"))
    bank_code: Mapped[str | None] = mapped_column(String(14))
    last_four: Mapped[str | None] = mapped_column(String(4))
    amount: Mapped[Money]
    state: Mapped[str] = mapped_column(String(20))
    drafted_by: Mapped[str] = mapped_column(String(200))
    drafted_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    drafted_at: Mapped[datetime]
    chosen_by: Mapped[str | None] = mapped_column(String(200))
    chosen_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    approved_by: Mapped[str | None] = mapped_column(String(200))
    approved_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    approved_at: Mapped[datetime | None]
    payout_id: Mapped[UUID | None] = mapped_column(ForeignKey("payout.id"))
    code: Mapped[str | None] = mapped_column(String(120))
    paid_on: Mapped[date | None]
    cancelled_reason: Mapped[str | None] = mapped_column(String(300))
