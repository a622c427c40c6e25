"""The tables of servicing: accounts, instalments, penalties, receipts, allocations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _amount(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Numeric(18, 2), nullable=False)


def _ref(name: str, target: str) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), sa.ForeignKey(target), nullable=False)


def _states(*words: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"state in ({', '.join(repr(word) for word in words)})", name="state")


def upgrade() -> None:
    _create_accounts()
    _create_penalties_and_receipts()


def _create_accounts() -> None:
    op.create_table(
        "lease_account",
        sa.Column("contract_id", sa.Uuid(), sa.ForeignKey("contract.id"), primary_key=True),
        _ref("branch_id", "branch.id"),
        _ref("bank_account_id", "bank_account.id"),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("settled_on", sa.Date()),
        _amount("financed_amount"),
        _amount("deposit_amount"),
        sa.Column("penalty_daily_rate", sa.Numeric(12, 8), nullable=False),
        sa.Column("penalty_grace_days", sa.Integer(), nullable=False),
        sa.Column("penalty_cap_share", sa.Numeric(12, 8)),
        sa.Column("payoff_lock_in_months", sa.Integer(), nullable=False),
        sa.Column("payoff_fee_share", sa.Numeric(12, 8), nullable=False),
        sa.Column("payoff_interest_until", sa.String(20), nullable=False),
        sa.Column("allocation_order", postgresql.ARRAY(sa.String(20)), nullable=False),
        sa.Column("next_event_on", sa.Date()),
        _states("active", "settling", "settled"),
        sa.CheckConstraint("payoff_interest_until in ('settlement_day', 'period_end')", name="payoff_interest_until"),
    )
    op.create_index("ix_lease_account_next_event_on", "lease_account", ["next_event_on", "contract_id"])
    op.create_table(
        "instalment",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _ref("contract_id", "lease_account.contract_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        *(_amount(f"{part}_amount") for part in ("principal", "interest", "penalty")),
        *(_amount(f"paid_{part}_amount") for part in ("principal", "interest", "penalty")),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("charge_on", sa.Date()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("penalty_through_on", sa.Date()),
        sa.Column("paid_on", sa.Date()),
        sa.UniqueConstraint("contract_id", "number"),
        _states("scheduled", "due", "overdue", "paid", "cancelled"),
        *(
            sa.CheckConstraint(f"paid_{part}_amount between 0 and {part}_amount", name=f"paid_{part}")
            for part in ("principal", "interest", "penalty")
        ),
        sa.CheckConstraint(
            "state <> 'paid' or (paid_principal_amount = principal_amount and paid_interest_amount = interest_amount"
            " and paid_penalty_amount = penalty_amount)",
            name="paid_in_full",
        ),
    )


def _create_penalties_and_receipts() -> None:
    op.create_table(
        "penalty_accrual",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _ref("instalment_id", "instalment.id"),
        sa.Column("accrued_on", sa.Date(), nullable=False),
        _amount("amount"),
    )
    op.create_index(
        "uq_penalty_accrual_day",
        "penalty_accrual",
        ["instalment_id", "accrued_on"],
        unique=True,
        postgresql_where=sa.text("amount > 0"),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _ref("contract_id", "lease_account.contract_id"),
        sa.Column("charge_id", sa.Uuid(), unique=True),
        sa.Column("instance", sa.String(64), nullable=False),
        _amount("amount"),
        _amount("suspense_amount"),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_receipt_contract_id", "receipt", ["contract_id"])
    op.create_table(
        "receipt_allocation",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _ref("receipt_id", "receipt.id"),
        _ref("instalment_id", "instalment.id"),
        sa.Column("part", sa.String(20), nullable=False),
        _amount("amount"),
        sa.UniqueConstraint("receipt_id", "instalment_id", "part"),
        sa.CheckConstraint("part in ('penalty', 'interest', 'principal')", name="part"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
    )
    op.create_index("ix_receipt_allocation_instalment_id", "receipt_allocation", ["instalment_id"])


def downgrade() -> None:
    for table in (
        "receipt_allocation",
        "receipt",
        "penalty_accrual",
        "instalment",
        "lease_account",
    ):
        op.drop_table(table)
