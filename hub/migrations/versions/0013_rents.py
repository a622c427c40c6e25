"""Purchase options debited again, payoffs quoted in doubt, money in suspense applied or given back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_ONCE_BEFORE = "uq_receipt_allocation_receipt_id_instalment_id_part"


def upgrade() -> None:
    _plan_options()
    _say_doubt()
    _open_suspense()


def downgrade() -> None:
    _close_suspense()
    op.drop_column("payoff_quote", "in_doubt")
    _forget_options()


def _plan_options() -> None:
    """What was refused before has been told to a person, and stays with them."""
    op.add_column("lease_end", sa.Column("option_charge_on", sa.Date()))
    op.add_column("lease_end", sa.Column("option_attempts", sa.Integer()))
    op.execute("update lease_end set option_attempts = case when option_charged_at is null then 0 else 1 end")
    op.alter_column("lease_end", "option_attempts", nullable=False)
    op.create_check_constraint(
        "option_paid_is_not_charged", "lease_end", "option_charge_on is null or option_paid_on is null"
    )
    op.create_check_constraint("option_attempts_not_negative", "lease_end", "option_attempts >= 0")
    op.create_index(
        "ix_lease_end_option_charge_on",
        "lease_end",
        ["option_charge_on"],
        postgresql_where=sa.text("option_charge_on is not null"),
    )


def _forget_options() -> None:
    op.drop_column("lease_end", "option_attempts")
    op.drop_column("lease_end", "option_charge_on")


def _say_doubt() -> None:
    """Quotes of before said nothing; none was accepted in doubt."""
    op.add_column("payoff_quote", sa.Column("in_doubt", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("payoff_quote", "in_doubt", server_default=None)


def _open_suspense() -> None:
    """What a receipt paid at once was paid on its own day."""
    op.create_check_constraint("suspense", "receipt", "suspense_amount between 0 and amount")
    op.add_column("receipt_allocation", sa.Column("paid_on", sa.Date()))
    op.add_column("receipt_allocation", sa.Column("application_id", sa.Uuid()))
    op.execute("update receipt_allocation set paid_on = receipt.received_on from receipt where receipt.id = receipt_id")
    op.alter_column("receipt_allocation", "paid_on", nullable=False)
    op.drop_constraint(_ONCE_BEFORE, "receipt_allocation")
    op.create_unique_constraint(
        "uq_receipt_allocation",
        "receipt_allocation",
        ["receipt_id", "instalment_id", "part", "application_id"],
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "refund",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("contract_id", sa.Uuid(), sa.ForeignKey("lease_account.contract_id"), nullable=False),
        sa.Column("amount", sa.Numeric(18, 2), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("owed_on", sa.Date(), nullable=False),
        sa.Column("paid_on", sa.Date()),
        sa.CheckConstraint("state in ('owed', 'paid')", name="state"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("(state = 'paid') = (paid_on is not null)", name="paid_on_a_day"),
    )
    op.create_index("ix_refund_contract_id", "refund", ["contract_id"])


def _close_suspense() -> None:
    """The way back fails where one receipt has paid one part twice: then there is no way back."""
    op.drop_table("refund")
    op.drop_constraint("uq_receipt_allocation", "receipt_allocation")
    op.create_unique_constraint(_ONCE_BEFORE, "receipt_allocation", ["receipt_id", "instalment_id", "part"])
    op.drop_column("receipt_allocation", "application_id")
    op.drop_column("receipt_allocation", "paid_on")
    op.drop_constraint(op.f("ck_receipt_suspense"), "receipt")
