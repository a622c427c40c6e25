"""When a call was last sent again, and the seals of the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_REFUSE_CHANGE = """
create trigger audit_seal_append_only before update or delete on audit_seal
    for each statement execute function refuse_audit_change()
"""


def upgrade() -> None:
    op.add_column("provider_call", sa.Column("sent_again_at", sa.DateTime(timezone=True)))
    # No foreign key: that an entry has gone is what a seal is there to tell.
    op.create_table(
        "audit_seal",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("entry_id"),
        sa.CheckConstraint("number >= 1", name="number"),
        sa.CheckConstraint("length(digest) = 32 and length(chain) = 32", name="sha256"),
    )
    op.execute(_REFUSE_CHANGE)


def downgrade() -> None:
    op.drop_table("audit_seal")
    op.drop_column("provider_call", "sent_again_at")
