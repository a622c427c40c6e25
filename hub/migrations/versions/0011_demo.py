"""The tables of the demo: how far each applicant has come, and the day that it has reached."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_MADE = ("lead_id", "party_id", "quote_id", "application_id", "contract_id", "vehicle_id", "device_id")


def upgrade() -> None:
    op.create_table(
        "demo_applicant",
        sa.Column("reference", sa.String(200), primary_key=True),
        sa.Column("step", sa.String(40), nullable=False),
        *(sa.Column(name, sa.Uuid()) for name in _MADE),
        sa.Column("refusal", sa.String(400)),
    )
    op.create_table(
        "demo_clock",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("stands_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("demo_clock")
    op.drop_table("demo_applicant")
