"""What the integration hub tells the rooms: past tense, emitted in the transaction that learned it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hub.core.events import Fact
from hub.core.ports.webhooks import WebhookKind
from hub.integrations.answers import CallOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeKnown(Fact):
    """More is known of a call that was unknown or pending. `key` is the asker's; `result` is typed, when there is one."""

    call_id: UUID
    operation: str
    key: str
    instance: str | None
    outcome: CallOutcome
    result: object | None = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeEscalated(Fact):
    """Machines cannot find out what became of a call: a person must."""

    call_id: UUID
    operation: str
    key: str
    instance: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsAfterwards(Fact):
    """A callback says that what a settled call has brought about is no longer so; a reason to ask, and no more.

    `key` is the asker's.
    """

    operation: str
    key: str
    instance: str
    kind: WebhookKind
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEventReceived(Fact):
    """A provider told of something that no call of ours asked for: a position, an alarm of a device."""

    instance: str
    kind: WebhookKind
    subject_ref: str
    status: str
    detail: Mapping[str, str] = field(default_factory=dict)
    occurred_at: datetime
