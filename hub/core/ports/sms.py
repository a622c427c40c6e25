"""Messaging: text message, e-mail and voice to one person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.core.money import Money
from hub.core.ports import require


class MessageChannel(StrEnum):
    """How a message reaches a person."""

    SMS = "sms"
    EMAIL = "email"
    VOICE = "voice"


class MessageCategory(StrEnum):
    """Why it is sent; consent, quiet hours and routes depend on it."""

    TRANSACTIONAL = "transactional"
    COLLECTIONS = "collections"
    MARKETING = "marketing"


class MessageStatus(StrEnum):
    """How far a message has come."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRequest:
    """One message to one person: either a provider template with named params, or a ready body."""

    channel: MessageChannel
    to: str = field(repr=False)
    category: MessageCategory
    template_id: str | None = None
    body: str | None = field(default=None, repr=False)
    subject: str | None = field(default=None, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    locale: str = "zh-CN"

    def __post_init__(self) -> None:
        require(bool(self.to), "to", "nobody to send to")
        require(bool(self.template_id) != bool(self.body), "body", "give a template_id or a body, not both")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceipt:
    """The provider's receipt. `cost` is what this one message cost us, when the provider says."""

    message_ref: str
    status: MessageStatus
    segments: int = 1
    cost: Money | None = None
    delivered_at: datetime | None = None
    failure: str | None = None
