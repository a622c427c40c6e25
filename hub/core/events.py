"""Facts: what has happened, past tense and frozen; and what observers are told.

A room emits facts inside its transaction; `hub.wiring` says which fact wakes which service. Observers get the few
events at the end of this page by broadcast: they can watch, never decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that has happened in the business; subclasses are named in the past tense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubStarted:
    """The hub has started and sealed registry generation `generation`."""

    generation: int
    instances: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTransition:
    """A contract has moved from one state to another."""

    contract_id: UUID
    contract_number: str
    before: str
    after: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCallFinished:
    """A call to a provider has ended. `outcome` is `ok` or an error code; `duration_ms` in milliseconds."""

    call_id: UUID
    instance: str
    operation: str
    outcome: str
    attempt: int
    duration_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookApplied:
    """A stored callback has been applied. `outcome` is `applied`, `stale`, `unmapped` or an error code."""

    instance: str
    event_id: str
    kind: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerChanged:
    """A breaker has moved between `closed`, `open` and `half_open`."""

    instance: str
    capability: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileEscalated:
    """An unknown outcome cannot be settled by machine: a person decides."""

    call_id: UUID
    instance: str
    operation: str
    reason: str
