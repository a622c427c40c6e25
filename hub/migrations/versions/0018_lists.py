"""Indexes for every order and filter of the lists: none reads more of a table than it shows, however rare a state is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_NEW = (
    ("lead", ["state", "id"]),
    ("application", ["state", "id"]),
    ("contract", ["state", "id"]),
    ("vehicle", ["status", "id"]),
    ("purchase_order", ["vehicle_id"]),
    ("charge", ["branch_id", "id"]),
    ("charge", ["state", "id"]),
    ("provider_call", ["branch", "id"]),
    ("provider_call", ["operation", "id"]),
)


def upgrade() -> None:
    for table, columns in _NEW:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
    _index_states("state <> 'ok'")


def _index_states(which: str) -> None:
    """Calls that did not simply go well: few, and looked for."""
    name = op.f("ix_provider_call_state_id")
    op.drop_index(name, "provider_call")
    op.create_index(name, "provider_call", ["state", "id"], postgresql_where=sa.text(which))


def downgrade() -> None:
    _index_states("state in ('unknown', 'escalated', 'intent')")
    for table, columns in reversed(_NEW):
        op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table)
