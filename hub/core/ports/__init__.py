"""Requests and results of the five capabilities, one file each, and what they share.

Frozen, slotted, keyword-only dataclasses that check themselves: no pydantic version stands between vendor and hub.
A result says only what the contract's words can say; a vendor's word never leaves its plugin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


def require(condition: bool, field: str, reason: str) -> None:
    """Raise ValueError naming `field` unless `condition` holds."""
    if not condition:
        raise ValueError(f"{field}: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusQuery:
    """Ask a provider what became of something: by its own reference, or by the idempotency key that we sent.

    `to` and `sent_at` say whom a message went to and when its call began: for vendors who find it by nothing else, and
    only for those (`OperationFacts.by_receiver`).
    """

    provider_ref: str | None = None
    idempotency_key: str | None = None
    to: str | None = field(default=None, repr=False)
    sent_at: datetime | None = None

    def __post_init__(self) -> None:
        require(bool(self.provider_ref or self.idempotency_key), "provider_ref", "a reference or a key is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRecord:
    """The provider knows nothing of it. Counts only after `settle_window`, and twice in a row."""

    query: StatusQuery
