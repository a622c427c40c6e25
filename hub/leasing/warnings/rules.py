"""What a warning can be about and how it may move: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class WarningKind(StrEnum):
    """What is wrong."""

    RENT_OVERDUE = "rent_overdue"
    RENT_UNCOLLECTABLE = "rent_uncollectable"
    MONEY_IN_DOUBT = "money_in_doubt"
    PROMISE_BROKEN = "promise_broken"
    MANDATE_REJECTED = "mandate_rejected"
    DEVICE_ALARM = "device_alarm"
    CALL_ESCALATED = "call_escalated"
    MONEY_UNALLOCATED = "money_unallocated"
    PAYOUT_REJECTED = "payout_rejected"
    MANDATE_REVOKED = "mandate_revoked"


class WarningState(StrEnum):
    """How far a warning has been worked."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


MOVES: dict[WarningState, frozenset[WarningState]] = {
    WarningState.OPEN: frozenset({WarningState.ACKNOWLEDGED, WarningState.CLOSED}),
    WarningState.ACKNOWLEDGED: frozenset({WarningState.CLOSED}),
    WarningState.CLOSED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningView:
    """A warning as doors see it."""

    id: UUID
    kind: WarningKind
    contract_id: UUID | None
    subject: str
    reason: str
    state: WarningState
    raised_at: datetime
    result: str | None
