"""States of an envelope, and what a provider's word makes of them; kinds and languages of papers; views and facts: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hub.core.events import Fact
from hub.core.ids import ContractId
from hub.core.ports.esign import EnvelopeStatus


class DocumentKind(StrEnum):
    """A paper of the contract."""

    LEASE_CONTRACT = "lease_contract"


class Language(StrEnum):
    """What a paper is written in; the Chinese one binds."""

    CHINESE = "zh-CN"
    ENGLISH = "en"


class EnvelopeState(StrEnum):
    """How far an envelope has come; unknown: sent out, and no answer; failed: proven that nobody took it."""

    REQUESTED = "requested"
    SENT = "sent"
    UNKNOWN = "unknown"
    COMPLETED = "completed"
    DECLINED = "declined"
    EXPIRED = "expired"
    VOIDED = "voided"
    FAILED = "failed"


_E = EnvelopeState
_ENDS = frozenset({_E.COMPLETED, _E.DECLINED, _E.EXPIRED, _E.VOIDED})
ENVELOPE_MOVES: dict[EnvelopeState, frozenset[EnvelopeState]] = {
    _E.REQUESTED: frozenset({_E.SENT, _E.UNKNOWN, _E.FAILED}) | _ENDS,
    _E.SENT: _ENDS,
    _E.UNKNOWN: frozenset({_E.SENT, _E.FAILED}) | _ENDS,
    _E.COMPLETED: frozenset(),
    _E.DECLINED: frozenset(),
    _E.EXPIRED: frozenset(),
    _E.VOIDED: frozenset(),
    _E.FAILED: frozenset(),
}

# While an envelope is in one of these, no second one may go out.
ENVELOPE_LIVE = frozenset({_E.REQUESTED, _E.SENT, _E.UNKNOWN})
# In one of these, the contract goes back to its draft.
ENVELOPE_LOST = frozenset({_E.DECLINED, _E.EXPIRED, _E.VOIDED, _E.FAILED})

_ENVELOPE_STATE: dict[EnvelopeStatus, EnvelopeState] = {
    EnvelopeStatus.SENT: _E.SENT,
    EnvelopeStatus.PARTLY_SIGNED: _E.SENT,
    EnvelopeStatus.COMPLETED: _E.COMPLETED,
    EnvelopeStatus.DECLINED: _E.DECLINED,
    EnvelopeStatus.EXPIRED: _E.EXPIRED,
    EnvelopeStatus.VOIDED: _E.VOIDED,
}


def envelope_state(status: EnvelopeStatus) -> EnvelopeState:
    """The state that a provider's word for an envelope means."""
    return _ENVELOPE_STATE[status]


def envelope_may_move(before: EnvelopeState, after: EnvelopeState) -> bool:
    """Whether an envelope may go on to that state; anything else is stale news."""
    return after in ENVELOPE_MOVES[before]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """A paper of a contract: where the file is found, as sent out and as signed with its evidence."""

    id: UUID
    kind: DocumentKind
    language: Language
    template_version: str
    sha256: str
    signed_sha256: str | None
    evidence_sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFile:
    """A paper's file: what to call it, and the digest that it is kept under."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeView:
    """An envelope of a contract; `signing_urls` in the order of the signers."""

    id: UUID
    state: EnvelopeState
    instance: str | None
    requested_at: datetime
    completed_at: datetime | None
    reason: str | None
    signing_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFailed(Fact):
    """An envelope was declined, ran out, was taken back or never went out; the contract is a draft again."""

    contract_id: ContractId
    envelope_id: UUID
    state: EnvelopeState
