"""The tables of what goes out: the first answers to requests under an idempotency key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_answer",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("staff_id", sa.Uuid(), sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("key_index", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("request_index", sa.LargeBinary(), nullable=False),
        sa.Column("route", sa.String(200), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.CheckConstraint("octet_length(key_index) = 32", name="key_index_length"),
        sa.CheckConstraint("octet_length(request_index) = 32", name="request_index_length"),
    )


def downgrade() -> None:
    op.drop_table("kept_answer")
