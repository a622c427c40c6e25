"""The order in which an operator has calls try the providers of a capability."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "provider_order",
        sa.Column("capability", sa.String(40), nullable=False),
        sa.Column("instances", sa.ARRAY(sa.String(64)), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("capability", name="pk_provider_order"),
    )


def downgrade() -> None:
    op.drop_table("provider_order")
