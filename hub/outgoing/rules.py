"""What can be told, who may hear it, and when a dispatch is tried again: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

DELIVER, FORGET = "outgoing.deliver", "outgoing.forget"
TIMEOUT_S = 15.0
URL_LENGTH, REASON_LENGTH, SNIPPET_LENGTH = 2000, 400, 500
LONGEST_OVERLAP_HOURS = 168


class EventType(StrEnum):
    """Everything that a subscriber can be told; what each carries is in docs/operators/webhooks.md."""

    APPLICATION_SUBMITTED = "application.submitted"
    APPLICATION_APPROVED = "application.approved"
    APPLICATION_DECLINED = "application.declined"
    LEASE_TRANSITIONED = "lease.transitioned"
    LEASE_SETTLED = "lease.settled"
    MANDATE_ACTIVATED = "mandate.activated"
    MANDATE_REJECTED = "mandate.rejected"
    CHARGE_SUCCEEDED = "charge.succeeded"
    CHARGE_REJECTED = "charge.rejected"
    CHARGE_IN_DOUBT = "charge.in_doubt"
    PAYOUT_SUCCEEDED = "payout.succeeded"
    PAYOUT_REJECTED = "payout.rejected"
    PAYOUT_IN_DOUBT = "payout.in_doubt"
    RENT_PAID = "rent.paid"
    RENT_OVERDUE = "rent.overdue"
    RENT_UNCOLLECTABLE = "rent.uncollectable"
    MONEY_UNALLOCATED = "money.unallocated"
    PROMISE_BROKEN = "promise.broken"
    OPTION_UNCOLLECTABLE = "option.uncollectable"
    DEPOSIT_RETURNED = "deposit.returned"
    DEVICE_ALARM = "device.alarm"
    CALL_ESCALATED = "call.escalated"
    WEBHOOK_TEST = "webhook.test"
    MANDATE_REVOKED = "mandate.revoked"


class SubscriptionState(StrEnum):
    """Whether a subscription is sent to."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    CLOSED = "closed"


# What an operator may make of a subscription; a receiver that said it is gone is asked again only by a person.
MOVES: dict[SubscriptionState, frozenset[SubscriptionState]] = {
    SubscriptionState.ACTIVE: frozenset({SubscriptionState.PAUSED, SubscriptionState.CLOSED}),
    SubscriptionState.PAUSED: frozenset({SubscriptionState.ACTIVE, SubscriptionState.CLOSED}),
    SubscriptionState.DISABLED: frozenset({SubscriptionState.ACTIVE, SubscriptionState.CLOSED}),
    SubscriptionState.CLOSED: frozenset(),
}
COLLECTS = (SubscriptionState.ACTIVE, SubscriptionState.PAUSED)


class DispatchState(StrEnum):
    """What became of one event for one subscription."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


# Source: Standard Webhooks 1.0, "Retry schedule"; ten attempts over some three days.
RETRY_AFTER = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
GONE = 410


def taken(status: int | None) -> bool:
    """Whether a receiver has taken a dispatch: 2xx, and nothing else; a redirect is not followed."""
    return status is not None and 200 <= status < 300


def pause_after(tries: int) -> timedelta | None:
    """How long to wait after so many attempts; None when there have been enough."""
    return RETRY_AFTER[tries - 1] if tries <= len(RETRY_AFTER) else None


def wants(event_types: list[str], event: EventType) -> bool:
    """Whether a subscription to these types hears of this one; to none in particular means to all."""
    return not event_types or event in event_types


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionView:
    """A subscription; its secret is shown only when it is made."""

    id: UUID
    url: str
    description: str
    event_types: list[str]
    state: SubscriptionState
    reason: str
    created_at: datetime
    previous_secret_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchView:
    """One event for one subscription."""

    id: UUID
    subscription_id: UUID
    event_id: UUID
    event_type: EventType
    occurred_at: datetime
    payload: str
    state: DispatchState
    tries: int
    next_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One attempt to deliver; `answer` is the beginning of what the receiver said, masked."""

    id: UUID
    number: int
    at: datetime
    status: int | None
    error: str
    answer: str
    duration_ms: int
