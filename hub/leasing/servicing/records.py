"""The tables of servicing: accounts, instalments, daily penalties."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.instalments.rules import InstalmentState
from hub.leasing.products.rules import InterestUntil
from hub.leasing.servicing.rules import AccountState

AMOUNTS = [f"{paid}{part}_amount" for paid in ("", "paid_") for part in ("principal", "interest", "penalty")]


class AccountRecord(Base):
    """One lease account a contract, with the numbers of its product version that servicing needs every night."""

    __tablename__ = "lease_account"
    __table_args__ = (
        one_of("state", AccountState),
        one_of("payoff_interest_until", InterestUntil),
        Index("ix_lease_account_next_event_on", "next_event_on", "contract_id"),
        Index(None, "branch_id", "contract_id"),
    )

    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contract.id"), primary_key=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    bank_account_id: Mapped[UUID] = mapped_column(ForeignKey("bank_account.id"))
    state: Mapped[str] = mapped_column(String(20))
    opened_on: Mapped[date]
    settled_on: Mapped[date | None]
    financed_amount: Mapped[Money]
    deposit_amount: Mapped[Money]
    penalty_daily_rate: Mapped[Decimal] = mapped_column(Numeric(12, 8))
    penalty_grace_days: Mapped[int]
    penalty_cap_share: Mapped[Decimal | None] = mapped_column(Numeric(12, 8))
    payoff_lock_in_months: Mapped[int]
    payoff_fee_share: Mapped[Decimal] = mapped_column(Numeric(12, 8))
    payoff_interest_until: Mapped[str] = mapped_column(String(20))
    allocation_order: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    next_event_on: Mapped[date | None]


class InstalmentRecord(Base):
    """One rent of a lease: what is due, what it bears, what is paid."""

    __tablename__ = "instalment"
    __table_args__ = (
        UniqueConstraint("contract_id", "number"),
        one_of("state", InstalmentState),
        # With all that arrears are summed from.
        Index(
            "ix_instalment_overdue",
            "contract_id",
            "due_on",
            postgresql_where=text("state = 'overdue'"),
            postgresql_include=AMOUNTS,
        ),
        CheckConstraint("paid_principal_amount between 0 and principal_amount", name="paid_principal"),
        CheckConstraint("paid_interest_amount between 0 and interest_amount", name="paid_interest"),
        CheckConstraint("paid_penalty_amount between 0 and penalty_amount", name="paid_penalty"),
        CheckConstraint(
            "state <> 'paid' or (paid_principal_amount = principal_amount and paid_interest_amount = interest_amount"
            " and paid_penalty_amount = penalty_amount)",
            name="paid_in_full",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("lease_account.contract_id"))
    number: Mapped[int]
    due_on: Mapped[date]
    principal_amount: Mapped[Money]
    interest_amount: Mapped[Money]
    penalty_amount: Mapped[Money]
    paid_principal_amount: Mapped[Money]
    paid_interest_amount: Mapped[Money]
    paid_penalty_amount: Mapped[Money]
    state: Mapped[str] = mapped_column(String(20))
    charge_on: Mapped[date | None]
    attempts: Mapped[int]
    penalty_through_on: Mapped[date | None]
    paid_on: Mapped[date | None]


class PenaltyRecord(Base):
    """The penalty of one instalment for one day; a day is accrued once. A negative one takes back of that day."""

    __tablename__ = "penalty_accrual"
    __table_args__ = (
        Index(
            "uq_penalty_accrual_day",
            "instalment_id",
            "accrued_on",
            unique=True,
            postgresql_where=text("amount > 0"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    instalment_id: Mapped[UUID] = mapped_column(ForeignKey("instalment.id"))
    accrued_on: Mapped[date]
    amount: Mapped[Money]
