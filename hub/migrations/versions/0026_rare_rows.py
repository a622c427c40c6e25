"""What is rare in a long list is found without reading it: a branch's lines of the trail, deliveries by their state."""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_audit_entry_branch_id_id", "audit_entry", ["branch_id", "id"])
    op.create_index("ix_webhook_dispatch_state_id", "webhook_dispatch", ["state", "id"])


def downgrade() -> None:
    op.drop_index("ix_webhook_dispatch_state_id", "webhook_dispatch")
    op.drop_index("ix_audit_entry_branch_id_id", "audit_entry")
