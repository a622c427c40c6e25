"""The table of lease ends: the deposit's way back and the price of the purchase option."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# A lease that is settled while this is migrated still waits for its deposit; its option has never been charged.
_ENDS_UNDER_WAY = """
insert into lease_end (contract_id, option_amount)
select id, purchase_option_amount from contract where state = 'settled'
"""


def upgrade() -> None:
    op.create_table(
        "lease_end",
        sa.Column("contract_id", sa.Uuid(), sa.ForeignKey("contract.id"), primary_key=True),
        sa.Column("option_amount", sa.Numeric(18, 2), nullable=False),
        sa.Column("deposit_returned_on", sa.Date()),
        sa.Column("option_charged_at", sa.DateTime(timezone=True)),
        sa.Column("option_paid_on", sa.Date()),
        sa.Column("option_charge_id", sa.Uuid(), sa.ForeignKey("charge.id")),
        sa.CheckConstraint("option_amount >= 0", name="option_amount_not_negative"),
        sa.CheckConstraint("(option_paid_on is null) = (option_charge_id is null)", name="option_paid_by_a_charge"),
    )
    op.execute(_ENDS_UNDER_WAY)


def downgrade() -> None:
    op.drop_table("lease_end")
