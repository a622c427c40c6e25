"""The tables of payments: mandates, charges, payouts; one live movement a subject."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOVEMENT = "state in ('requested', 'sent', 'pending', 'unknown', 'succeeded', 'rejected', 'disputed')"
_LIVE = "state in ('pending', 'requested', 'sent', 'unknown')"
_WAITING = "state in ('requested', 'sent')"


def _instant(name: str, *, null: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _movement_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.Numeric(18, 2), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("instance", sa.String(64)),
        sa.Column("payment_ref", sa.String(255)),
        sa.Column("code", sa.String(120)),
        _instant("claimed_until_at"),
        _instant("requested_at", null=False),
        _instant("answered_at"),
        sa.Column("settled_on", sa.Date()),
    ]


def upgrade() -> None:
    op.create_table(
        "mandate",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("branch_id", sa.Uuid(), sa.ForeignKey("branch.id"), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), sa.ForeignKey("party.id"), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), sa.ForeignKey("bank_account.id"), nullable=False),
        sa.Column("contract_number", sa.String(40), nullable=False),
        sa.Column("limit_amount", sa.Numeric(18, 2), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("instance", sa.String(64)),
        sa.Column("mandate_ref", sa.String(255)),
        sa.Column("hosted_url", sa.String(2000)),
        sa.Column("code", sa.String(120)),
        _instant("claimed_until_at"),
        _instant("requested_at", null=False),
        _instant("answered_at"),
        sa.CheckConstraint(
            "state in ('requested', 'sent', 'pending', 'unknown', 'active', 'rejected', 'revoked')", name="state"
        ),
    )
    op.create_table(
        "charge",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("branch_id", sa.Uuid(), sa.ForeignKey("branch.id"), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("mandate_id", sa.Uuid(), sa.ForeignKey("mandate.id"), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        *_movement_columns(),
        sa.CheckConstraint(_MOVEMENT, name="state"),
        sa.CheckConstraint("purpose in ('signing', 'rent', 'settlement', 'purchase_option')", name="purpose"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
    )
    op.create_table(
        "payout",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("branch_id", sa.Uuid(), sa.ForeignKey("branch.id"), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), sa.ForeignKey("bank_account.id"), nullable=False),
        *_movement_columns(),
        sa.CheckConstraint(_MOVEMENT, name="state"),
        sa.CheckConstraint("purpose in ('deposit_return', 'refund', 'purchase_price')", name="purpose"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
    )
    for table in ("mandate", "charge", "payout"):
        op.create_index(f"ix_{table}_waiting", table, ["claimed_until_at"], postgresql_where=sa.text(_WAITING))
        op.create_index(f"ix_{table}_contract_id", table, ["contract_id"])
    op.create_index(
        "uq_charge_live_subject", "charge", ["purpose", "subject_id"], unique=True, postgresql_where=sa.text(_LIVE)
    )
    op.create_index(
        "uq_payout_subject",
        "payout",
        ["purpose", "subject_id"],
        unique=True,
        postgresql_where=sa.text("state not in ('rejected')"),
    )


def downgrade() -> None:
    for table in ("payout", "charge", "mandate"):
        op.drop_table(table)
