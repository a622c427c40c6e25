"""The call log and the inbox are read as lists, by instance and by operation."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_provider_call_instance_id", "provider_call", ["instance", "id"])
    op.create_index("ix_webhook_inbox_instance_id", "webhook_inbox", ["instance", "id"])


def downgrade() -> None:
    op.drop_index("ix_webhook_inbox_instance_id", "webhook_inbox")
    op.drop_index("ix_provider_call_instance_id", "provider_call")
