"""The tables of the integration hub: calls out, callbacks in, and what operators have switched and put in order."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.json import JsonValue
from hub.core.money import Money
from hub.infra.database import Base


class ProviderCall(Base):
    """One call to one instance: what was wanted, where it went and why, and what is known of its effect.

    `holds_key`: this row speaks for its key. At most one does; a row of an instance that proved not to have executed
    it lets go when the call fails over. `sent_key` is what the provider was given, shorter than ours where it must
    be. `request_hash` tells whether a key is used for the same request again; a read, which has no such key, has none.
    `reconcile_at` is when somebody looks next, None when nobody has to; for an intent it lies past the deadline, so
    that a crashed call is found by the same query.
    """

    __tablename__ = "provider_call"
    __table_args__ = (
        sa.CheckConstraint(
            "state in ('intent', 'ok', 'pending', 'rejected', 'not_executed', 'unknown', 'escalated')", name="state"
        ),
        sa.CheckConstraint(
            "effect in ('read', 'regulated_read', 'notify', 'legal', 'money', 'physical')", name="effect"
        ),
        sa.CheckConstraint("instance is not null or state = 'not_executed'", name="sent_somewhere"),
        sa.CheckConstraint("effect <> 'read' or not holds_key", name="reads_hold_nothing"),
        sa.Index(
            "uq_provider_call_key", "operation", "idempotency_key", unique=True, postgresql_where=sa.text("holds_key")
        ),
        sa.Index(None, "instance", "provider_ref", postgresql_where=sa.text("provider_ref is not null")),
        sa.Index(None, "instance", "sent_key"),
        # With all that usage is counted from.
        sa.Index(
            None,
            "instance",
            "created_at",
            postgresql_include=["branch", "state", "duration_ms", "cost_amount", "reconcile_at"],
        ),
        sa.Index(None, "instance", "id", postgresql_include=["branch"]),
        sa.Index(None, "operation", "id", postgresql_include=["branch"]),
        sa.Index(None, "lease_id", postgresql_where=sa.text("lease_id is not null")),
        sa.Index(None, "reconcile_at", postgresql_where=sa.text("reconcile_at is not null")),
        sa.Index(None, "state", "id", postgresql_where=sa.text("state <> 'ok'")),
        sa.Index(None, "branch", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(sa.String(64))
    branch: Mapped[str | None] = mapped_column(sa.String(64))
    lease_id: Mapped[UUID | None]
    correlation_id: Mapped[str] = mapped_column(sa.String(80))
    operation: Mapped[str] = mapped_column(sa.String(64))
    capability: Mapped[str | None] = mapped_column(sa.String(32))
    effect: Mapped[str] = mapped_column(sa.String(16))
    idempotency_key: Mapped[str] = mapped_column(sa.String(255))
    sent_key: Mapped[str] = mapped_column(sa.String(255))
    holds_key: Mapped[bool]
    request_hash: Mapped[bytes]
    request_masked: Mapped[JsonValue] = mapped_column(JSONB, nullable=False)
    request_sealed: Mapped[bytes | None]
    instance: Mapped[str | None] = mapped_column(sa.String(64))
    generation: Mapped[int]
    route: Mapped[JsonValue] = mapped_column(JSONB, nullable=False)
    state: Mapped[str] = mapped_column(sa.String(16))
    attempt: Mapped[int]
    provider_ref: Mapped[str | None] = mapped_column(sa.String(255))
    error_code: Mapped[str | None] = mapped_column(sa.String(120))
    detail: Mapped[str] = mapped_column(sa.Text)
    advice: Mapped[str | None] = mapped_column(sa.String(32))
    result_masked: Mapped[JsonValue] = mapped_column(JSONB(none_as_null=True), nullable=True)
    result_sealed: Mapped[bytes | None]
    cost_amount: Mapped[Money | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    duration_ms: Mapped[float | None] = mapped_column(sa.Double)
    reconcile_at: Mapped[datetime | None]
    reconcile_count: Mapped[int]
    no_record_count: Mapped[int]
    no_record_at: Mapped[datetime | None]
    sent_again_at: Mapped[datetime | None]


class InboxDelivery(Base):
    """One verified callback: stored before it is answered, applied later, kept for ever to be looked at.

    `event_key` is the vendor's event id, or the digest of the body with the day. `apply_at` is when it is to be
    applied, None when it is done with.
    """

    __tablename__ = "webhook_inbox"
    __table_args__ = (
        sa.CheckConstraint("state in ('received', 'applied', 'unmapped', 'failed', 'stale')", name="state"),
        sa.UniqueConstraint("instance", "event_key"),
        sa.Index(None, "apply_at", postgresql_where=sa.text("apply_at is not null")),
        sa.Index(None, "state", "id"),
        sa.Index(None, "instance", "state", "id"),
        sa.Index(None, "instance", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    instance: Mapped[str] = mapped_column(sa.String(64))
    event_key: Mapped[str] = mapped_column(sa.String(255))
    received_at: Mapped[datetime]
    method: Mapped[str] = mapped_column(sa.String(8))
    path: Mapped[str] = mapped_column(sa.String(255))
    headers: Mapped[JsonValue] = mapped_column(JSONB, nullable=False)
    request_sealed: Mapped[bytes]
    verified: Mapped[bool]
    events: Mapped[JsonValue] = mapped_column(JSONB, nullable=False)
    state: Mapped[str] = mapped_column(sa.String(16))
    apply_at: Mapped[datetime | None]
    tries: Mapped[int]
    applied_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(sa.Text)
    replayed_count: Mapped[int]


class UsageHour(Base):
    """How many calls of one instance for one branch (empty: for none) one hour had, as counted at `counted_at`.

    It is kept for a day, and counted anew while the hour is young or has `open_calls`. It is never the only place that
    knows: the calls themselves are.
    """

    __tablename__ = "usage_hour"

    instance: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    branch: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    hour_at: Mapped[datetime] = mapped_column(primary_key=True)
    calls: Mapped[int]
    errors: Mapped[int]
    spend: Mapped[Money | None]
    open_calls: Mapped[int]
    counted_at: Mapped[datetime]


class ProviderOrder(Base):
    """In which order an operator has calls of a capability try its instances; no row means that of hub.toml."""

    __tablename__ = "provider_order"

    capability: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    instances: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.String(64)))
    changed_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(200))
    reason: Mapped[str] = mapped_column(sa.Text)


class ProviderSwitch(Base):
    """Whether an operator lets an instance take new calls; no row means yes."""

    __tablename__ = "provider_switch"

    instance: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    enabled: Mapped[bool]
    changed_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(200))
    reason: Mapped[str] = mapped_column(sa.Text)
