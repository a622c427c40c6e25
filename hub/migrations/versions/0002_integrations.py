"""The tables of: integrations (calls to providers, callbacks from them, switches)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_provider_call()
    _index_provider_call()
    _create_webhook_inbox()
    _create_provider_switch()


def _create_provider_call() -> None:
    op.create_table(
        "provider_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("branch", sa.String(64), nullable=True),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("correlation_id", sa.String(80), nullable=False),
        sa.Column("operation", sa.String(64), nullable=False),
        sa.Column("capability", sa.String(32), nullable=True),
        sa.Column("effect", sa.String(16), nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("sent_key", sa.String(255), nullable=False),
        sa.Column("holds_key", sa.Boolean(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("request_masked", JSONB(), nullable=False),
        sa.Column("request_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("instance", sa.String(64), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("route", JSONB(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("provider_ref", sa.String(255), nullable=True),
        sa.Column("error_code", sa.String(120), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("advice", sa.String(32), nullable=True),
        sa.Column("result_masked", JSONB(), nullable=True),
        sa.Column("result_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("cost_amount", sa.Numeric(18, 2), nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("started_at", _INSTANT, nullable=True),
        sa.Column("finished_at", _INSTANT, nullable=True),
        sa.Column("duration_ms", sa.Double(), nullable=True),
        sa.Column("reconcile_at", _INSTANT, nullable=True),
        sa.Column("reconcile_count", sa.Integer(), nullable=False),
        sa.Column("no_record_count", sa.Integer(), nullable=False),
        sa.Column("no_record_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint(
            "state in ('intent', 'ok', 'pending', 'rejected', 'not_executed', 'unknown', 'escalated')", name="state"
        ),
        sa.CheckConstraint(
            "effect in ('read', 'regulated_read', 'notify', 'legal', 'money', 'physical')", name="effect"
        ),
        sa.CheckConstraint("instance is not null or state = 'not_executed'", name="sent_somewhere"),
        sa.CheckConstraint("effect <> 'read' or not holds_key", name="reads_hold_nothing"),
    )


def _index_provider_call() -> None:
    table = "provider_call"
    op.create_index(
        "uq_provider_call_key",
        table,
        ["operation", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("holds_key"),
    )
    for columns, where in (
        (["instance", "provider_ref"], "provider_ref is not null"),
        (["instance", "sent_key"], None),
        (["instance", "created_at"], None),
        (["lease_id"], "lease_id is not null"),
        (["reconcile_at"], "reconcile_at is not null"),
        (["state", "id"], "state in ('unknown', 'escalated', 'intent')"),
    ):
        name = op.f(f"ix_{table}_{'_'.join(columns)}")
        op.create_index(name, table, columns, postgresql_where=sa.text(where) if where else None)


def _create_webhook_inbox() -> None:
    op.create_table(
        "webhook_inbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("instance", sa.String(64), nullable=False),
        sa.Column("event_key", sa.String(255), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("method", sa.String(8), nullable=False),
        sa.Column("path", sa.String(255), nullable=False),
        sa.Column("headers", JSONB(), nullable=False),
        sa.Column("request_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("events", JSONB(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("apply_at", _INSTANT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("applied_at", _INSTANT, nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("replayed_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("instance", "event_key"),
        sa.CheckConstraint("state in ('received', 'applied', 'unmapped', 'failed', 'stale')", name="state"),
    )
    op.create_index(
        op.f("ix_webhook_inbox_apply_at"),
        "webhook_inbox",
        ["apply_at"],
        postgresql_where=sa.text("apply_at is not null"),
    )
    op.create_index(op.f("ix_webhook_inbox_state_id"), "webhook_inbox", ["state", "id"])


def _create_provider_switch() -> None:
    op.create_table(
        "provider_switch",
        sa.Column("instance", sa.String(64), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("instance"),
    )


def downgrade() -> None:
    for table in ("provider_switch", "webhook_inbox", "provider_call"):
        op.drop_table(table)
