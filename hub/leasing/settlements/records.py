"""The tables of early-settlement quotes, one accepted at a time a contract, and of lease ends, one a contract."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.settlements.rules import PayoffState


class PayoffRecord(Base):
    """An early-settlement quote and what became of it; one accepted at a time."""

    __tablename__ = "payoff_quote"
    __table_args__ = (
        one_of("state", PayoffState),
        Index("uq_payoff_quote_accepted", "contract_id", unique=True, postgresql_where=text("state = 'accepted'")),
        Index("ix_payoff_quote_contract_id", "contract_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("lease_account.contract_id"))
    as_of_on: Mapped[date]
    valid_until_on: Mapped[date]
    arrears_amount: Mapped[Money]
    penalty_amount: Mapped[Money]
    principal_amount: Mapped[Money]
    interest_amount: Mapped[Money]
    fee_amount: Mapped[Money]
    in_doubt: Mapped[bool]
    state: Mapped[str] = mapped_column(String(20))


class LeaseEndRecord(Base):
    """What a settled lease still waits for: its deposit on the way back, and the price of its purchase option."""

    __tablename__ = "lease_end"
    __table_args__ = (
        CheckConstraint("option_amount >= 0", name="option_amount_not_negative"),
        CheckConstraint("(option_paid_on is null) = (option_charge_id is null)", name="option_paid_by_a_charge"),
        CheckConstraint("option_charge_on is null or option_paid_on is null", name="option_paid_is_not_charged"),
        CheckConstraint("option_attempts >= 0", name="option_attempts_not_negative"),
        Index(
            "ix_lease_end_option_charge_on", "option_charge_on", postgresql_where=text("option_charge_on is not null")
        ),
    )

    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contract.id"), primary_key=True)
    option_amount: Mapped[Money]
    deposit_returned_on: Mapped[date | None]
    option_charge_on: Mapped[date | None]
    option_attempts: Mapped[int]
    option_charged_at: Mapped[datetime | None]
    option_paid_on: Mapped[date | None]
    option_charge_id: Mapped[UUID | None] = mapped_column(ForeignKey("charge.id"))
