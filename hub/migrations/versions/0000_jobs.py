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
    # The engine's own statements, from its package: one string of many statements, with no parameters to escape.
    bind = op.get_context().connection
    engine_schema = SchemaManager.get_schema()
    if bind is None:
        op.execute(engine_schema)
    else:
        bind.connection.cursor().execute(engine_schema)
    op.execute("set local search_path to public, jobs")


def downgrade() -> None:
    op.execute("drop schema jobs cascade")
