"""Indices for the lists of the servicing desk: arrears, debits and payouts, cases and warnings of a lease."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_instalment_overdue",
        "instalment",
        ["contract_id", "due_on"],
        postgresql_where=sa.text("state = 'overdue'"),
    )
    op.create_index("ix_charge_branch_id", "charge", ["branch_id", "state", "id"])
    op.create_index("ix_payout_branch_id", "payout", ["branch_id", "state", "id"])
    op.create_index("ix_risk_warning_contract_id", "risk_warning", ["contract_id"])


def downgrade() -> None:
    op.drop_index("ix_risk_warning_contract_id", "risk_warning")
    op.drop_index("ix_payout_branch_id", "payout")
    op.drop_index("ix_charge_branch_id", "charge")
    op.drop_index("ix_instalment_overdue", "instalment")
