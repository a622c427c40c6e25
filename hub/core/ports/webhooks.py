"""A provider's callback: the raw request as it came, and what the plugin makes of it.

The hub trusts an event only as a reason to ask: which subject, and what kind. The state itself is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """The raw callback: header names in lower case, `body` byte for byte, `received_at` by the hub's clock."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime


class WebhookKind(StrEnum):
    """What a callback is about."""

    PAYMENT = "payment"
    MANDATE = "mandate"
    REFUND = "refund"
    PAYOUT = "payout"
    ENVELOPE = "envelope"
    MESSAGE = "message"
    CREDIT_REPORT = "credit_report"
    POSITION = "position"
    DEVICE_ALARM = "device_alarm"
    UNMAPPED = "unmapped"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """One event of a callback, normalised. `event_id` is the vendor's own, None when it has none.

    `status` is the value of the capability's status word (`succeeded`, `completed`, `delivered`, …) as the vendor
    claims it; `detail` carries further facts by name, without personal data.
    """

    event_id: str | None
    kind: WebhookKind
    subject_ref: str
    subject_key: str | None = None
    status: str = ""
    occurred_at: datetime | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReply:
    """The exact answer that this vendor takes for a yes."""

    status: int = 200
    content_type: str = "text/plain"
    body: bytes = b"ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """What a plugin makes of a callback: whether it is genuine, what it says, how to answer.

    `reason` says why it was not verified, for the operator; it is never sent to the caller.
    """

    verified: bool
    events: tuple[WebhookEvent, ...] = ()
    reply: WebhookReply = field(default_factory=WebhookReply)
    reason: str = ""
