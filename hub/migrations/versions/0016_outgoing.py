"""The tables of what goes out: first answers under an idempotency key; webhooks, their outbox and every attempt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


EVENT_TYPES = (
    "application.submitted",
    "application.approved",
    "application.declined",
    "lease.transitioned",
    "lease.settled",
    "mandate.activated",
    "mandate.rejected",
    "charge.succeeded",
    "charge.rejected",
    "charge.in_doubt",
    "payout.succeeded",
    "payout.rejected",
    "payout.in_doubt",
    "rent.paid",
    "rent.overdue",
    "rent.uncollectable",
    "money.unallocated",
    "promise.broken",
    "option.uncollectable",
    "deposit.returned",
    "device.alarm",
    "call.escalated",
    "webhook.test",
)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _kept_answers()
    _subscriptions()
    _events()
    _dispatches()


def _kept_answers() -> None:
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


def _subscriptions() -> None:
    op.create_table(
        "webhook_subscription",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("description", sa.String(400), nullable=False),
        sa.Column("event_types", JSONB(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret_sealed", sa.LargeBinary()),
        sa.Column("previous_until", INSTANT),
        sa.Column("served_until", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("state in ('active', 'paused', 'disabled', 'closed')", name="state"),
        sa.CheckConstraint("(previous_secret_sealed is null) = (previous_until is null)", name="previous_secret_ends"),
    )


def _events() -> None:
    listed = ", ".join(f"'{name}'" for name in EVENT_TYPES)
    op.create_table(
        "webhook_event",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False, index=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.CheckConstraint(f"type in ({listed})", name="type"),
    )


def _dispatches() -> None:
    op.create_table(
        "webhook_dispatch",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("event_id", sa.Uuid(), sa.ForeignKey("webhook_event.id"), nullable=False, index=True),
        sa.Column("subscription_id", sa.Uuid(), sa.ForeignKey("webhook_subscription.id"), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("next_at", INSTANT),
        sa.Column("delivered_at", INSTANT),
        sa.CheckConstraint("state in ('waiting', 'delivered', 'dead')", name="state"),
        sa.CheckConstraint("(state = 'waiting') = (next_at is not null)", name="waiting_until"),
        sa.CheckConstraint("(state = 'delivered') = (delivered_at is not null)", name="delivered_at"),
    )
    op.create_index(
        "ix_webhook_dispatch_due",
        "webhook_dispatch",
        ["subscription_id", "next_at"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index("ix_webhook_dispatch_subscription_id_id", "webhook_dispatch", ["subscription_id", "id"])
    op.create_table(
        "webhook_attempt",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("dispatch_id", sa.Uuid(), sa.ForeignKey("webhook_dispatch.id", ondelete="cascade"), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("status", sa.SmallInteger()),
        sa.Column("error", sa.String(200), nullable=False),
        sa.Column("answer", sa.String(500), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
    )
    op.create_index("ix_webhook_attempt_dispatch_id_id", "webhook_attempt", ["dispatch_id", "id"])


def downgrade() -> None:
    op.drop_table("webhook_attempt")
    op.drop_table("webhook_dispatch")
    op.drop_table("webhook_event")
    op.drop_table("webhook_subscription")
    op.drop_table("kept_answer")
