"""The days on which a purchase option is debited again, and whether a payoff was quoted in doubt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _plan_options()
    _say_doubt()


def downgrade() -> None:
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
