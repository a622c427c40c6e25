"""A warning keeps the code and the facts of its ground, and every time that it was raised while nobody had closed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0039"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("risk_warning", sa.Column("code", sa.String(40), nullable=True))
    op.add_column("risk_warning", sa.Column("facts", JSONB(), nullable=True))
    op.add_column("risk_warning", sa.Column("times", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("risk_warning", sa.Column("last_at", sa.DateTime(timezone=True), nullable=True))
    # What was written in words stays as it was written.
    op.execute(
        "update risk_warning set code = 'as_written', facts = jsonb_build_object('text', reason), last_at = raised_at"
    )
    for column in ("code", "facts", "last_at"):
        op.alter_column("risk_warning", column, nullable=False)
    op.alter_column("risk_warning", "times", server_default=None)
    op.drop_column("risk_warning", "reason")
    op.create_table(
        "risk_warning_occurrence",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("warning_id", sa.Uuid(), sa.ForeignKey("risk_warning.id"), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute(
        "insert into risk_warning_occurrence (id, warning_id, code, facts, raised_at)"
        " select id, id, code, facts, raised_at from risk_warning"
    )
    op.create_index("ix_risk_warning_occurrence_warning_id", "risk_warning_occurrence", ["warning_id", "id"])


def downgrade() -> None:
    op.drop_table("risk_warning_occurrence")
    op.add_column("risk_warning", sa.Column("reason", sa.String(400), nullable=True))
    op.execute("update risk_warning set reason = left(coalesce(facts ->> 'text', code || ' ' || facts::text), 400)")
    op.alter_column("risk_warning", "reason", nullable=False)
    for column in ("code", "facts", "times", "last_at"):
        op.drop_column("risk_warning", column)
