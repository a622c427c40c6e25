"""The job engine's own tables, in their own schema."""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0000"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create schema jobs")
    op.execute("set local search_path to jobs")
    # The engine's own statements, from its package: many in one string, in which nothing is a parameter.
    engine_schema = SchemaManager.get_schema()
    if op.get_context().as_sql:
        op.get_context().impl.static_output(engine_schema)
    else:
        op.get_bind().connection.cursor().execute(engine_schema)
    op.execute("set local search_path to public, jobs")


def downgrade() -> None:
    op.execute("drop schema jobs cascade")
