"""The tables of what goes out: subscriptions, the outbox of events, a dispatch for each that wants one, its attempts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hub.infra.database import Base, one_of
from hub.outgoing.rules import (
    REASON_LENGTH,
    SNIPPET_LENGTH,
    URL_LENGTH,
    DispatchState,
    EventType,
    SubscriptionState,
)

SECRET, PREVIOUS = "webhook_subscription.secret", "webhook_subscription.previous_secret"


class Subscription(Base):
    """Who is told what, where. `served_until` is the lease of the job that sends to it now."""

    __tablename__ = "webhook_subscription"
    __table_args__ = (
        one_of("state", SubscriptionState),
        CheckConstraint("(previous_secret_sealed is null) = (previous_until is null)", name="previous_secret_ends"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(String(URL_LENGTH))
    description: Mapped[str] = mapped_column(String(REASON_LENGTH))
    event_types: Mapped[list[str]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(REASON_LENGTH))
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    previous_secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_until: Mapped[datetime | None]
    served_until: Mapped[datetime]
    created_at: Mapped[datetime]


class Event(Base):
    """What has happened, as it is told: the very text that is signed and sent."""

    __tablename__ = "webhook_event"
    __table_args__ = (one_of("type", EventType),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    occurred_at: Mapped[datetime] = mapped_column(index=True)
    payload: Mapped[str] = mapped_column(Text)


class Dispatch(Base):
    """One event for one subscription; `tries` are those since it was last put in the queue."""

    __tablename__ = "webhook_dispatch"
    __table_args__ = (
        one_of("state", DispatchState),
        CheckConstraint("(state = 'waiting') = (next_at is not null)", name="waiting_until"),
        CheckConstraint("(state = 'delivered') = (delivered_at is not null)", name="delivered_at"),
        Index("ix_webhook_dispatch_due", "subscription_id", "next_at", postgresql_where=text("state = 'waiting'")),
        Index(None, "subscription_id", "id"),
        Index(None, "state", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_event.id"), index=True)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_subscription.id"))
    state: Mapped[str] = mapped_column(String(16))
    tries: Mapped[int] = mapped_column(SmallInteger)
    next_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]


class Attempt(Base):
    """One attempt to deliver, and what came of it."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (Index(None, "dispatch_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    dispatch_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_dispatch.id", ondelete="cascade"))
    number: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[datetime]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str] = mapped_column(String(200))
    answer: Mapped[str] = mapped_column(String(SNIPPET_LENGTH))
    duration_ms: Mapped[int]
