"""What may become of a mandate and of the wish to take it back: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.core.events import Fact
from hub.core.ids import BranchId, ContractId, MandateId
from hub.core.money import Money
from hub.core.ports.payments import MandateStatus

REASON_LENGTH = 200


class MandateState(StrEnum):
    """How far a mandate has come; unknown: asked for, and no answer."""

    REQUESTED = "requested"
    SENT = "sent"
    PENDING = "pending"
    UNKNOWN = "unknown"
    ACTIVE = "active"
    REJECTED = "rejected"
    REVOKED = "revoked"
    REVOKING = "revoking"


class RevocationState(StrEnum):
    """How far the wish to take a mandate back has come."""

    REQUESTED = "requested"
    SENT = "sent"
    PENDING = "pending"
    UNKNOWN = "unknown"
    DONE = "done"
    REJECTED = "rejected"


_DECIDED = frozenset({MandateState.ACTIVE, MandateState.REJECTED, MandateState.REVOKED})
MANDATE_MOVES: dict[MandateState, frozenset[MandateState]] = {
    MandateState.REQUESTED: frozenset({MandateState.SENT}),
    MandateState.SENT: frozenset({MandateState.PENDING, MandateState.UNKNOWN, *_DECIDED}),
    MandateState.PENDING: _DECIDED,
    MandateState.UNKNOWN: frozenset({MandateState.PENDING, *_DECIDED}),
    MandateState.ACTIVE: frozenset({MandateState.REVOKING, MandateState.REVOKED}),
    MandateState.REVOKING: frozenset({MandateState.ACTIVE, MandateState.REVOKED}),
    MandateState.REJECTED: frozenset(),
    MandateState.REVOKED: frozenset(),
}

_ENDS = frozenset({RevocationState.DONE, RevocationState.REJECTED})
REVOCATION_MOVES: dict[RevocationState, frozenset[RevocationState]] = {
    RevocationState.REQUESTED: frozenset({RevocationState.SENT, RevocationState.DONE}),
    RevocationState.SENT: frozenset({RevocationState.PENDING, RevocationState.UNKNOWN, *_ENDS}),
    RevocationState.PENDING: _ENDS,
    RevocationState.UNKNOWN: frozenset({RevocationState.PENDING, *_ENDS}),
    RevocationState.DONE: frozenset(),
    RevocationState.REJECTED: frozenset(),
}
# A wish that has not come to its end: a mandate has one at most.
LIVE_REVOCATIONS = frozenset(RevocationState) - _ENDS

# Asked for, and nobody has said yes or no.
MANDATE_ON_ITS_WAY = frozenset({MandateState.REQUESTED, MandateState.SENT, MandateState.PENDING, MandateState.UNKNOWN})


def mandate_state(status: MandateStatus) -> MandateState:
    """The state that a provider's word for a mandate means."""
    return MandateState(status.value)


def mandate_may_move(before: MandateState, after: MandateState) -> bool:
    """Whether a mandate may go on to that state; anything else is stale news."""
    return after in MANDATE_MOVES[before]


def revocation_may_move(before: RevocationState, after: RevocationState) -> bool:
    """Whether the wish to take a mandate back may go on to that state; anything else is stale news."""
    return after in REVOCATION_MOVES[before]


def revocation_state(status: MandateStatus) -> RevocationState:
    """How the wish stands when the provider says this of the mandate; one that still is active has not been taken back."""
    match status:
        case MandateStatus.REVOKED | MandateStatus.REJECTED:
            return RevocationState.DONE
        case MandateStatus.ACTIVE | MandateStatus.PENDING:
            return RevocationState.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateView:
    """A mandate as other rooms see it; `limit` is the most that one debit may take.

    `revocation_reason`: why we have asked to take it back; `code`: why the provider has refused it, or that.
    """

    id: MandateId
    branch_id: BranchId
    contract_id: ContractId
    contract_number: str
    state: MandateState
    limit: Money
    instance: str | None
    mandate_ref: str | None
    hosted_url: str | None
    code: str | None
    revocation_reason: str | None
    requested_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateActivated(Fact):
    """Money may be debited under this mandate."""

    mandate_id: MandateId
    contract_id: ContractId


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateRejected(Fact):
    """The payer or the provider refused the mandate, or took it back before it was active."""

    mandate_id: MandateId
    contract_id: ContractId


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateRevoked(Fact):
    """Nothing more may be debited under this mandate; `by_payer`: we had not asked for that."""

    mandate_id: MandateId
    contract_id: ContractId
    by_payer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationRejected(Fact):
    """The provider has not taken the mandate back: it is active as before; `code` in the hub's words."""

    mandate_id: MandateId
    contract_id: ContractId
    code: str
