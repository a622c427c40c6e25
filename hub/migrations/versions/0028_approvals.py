"""What waits for a second person is read by how long it has waited."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_application_undecided",
        "application",
        ["submitted_at", "id"],
        postgresql_where=sa.text("state = 'under_review'"),
    )
    op.create_index(
        "ix_disbursement_unapproved",
        "disbursement",
        ["drafted_at", "id"],
        postgresql_where=sa.text("state in ('drafted', 'refused') and payee_id is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_disbursement_unapproved", "disbursement")
    op.drop_index("ix_application_undecided", "application")
