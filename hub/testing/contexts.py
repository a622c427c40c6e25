"""The contexts that the hub hands to a plugin, made by hand for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hub.core.ports.webhooks import WebhookRequest
from hub.core.provider import CallContext, Clock, Mode, PluginContext

WEBHOOK_URL = "http://hub.test/webhooks/sandbox"


@dataclass(slots=True)
class KeptLog:
    """A logger that keeps what it is told, to look for what should never be there."""

    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def info(self, event: str, **fields: Any) -> None:
        """Keep a line."""
        self.lines.append((event, fields))

    def warning(self, event: str, **fields: Any) -> None:
        """Keep a line."""
        self.lines.append((event, fields))


def plugin_context(
    http: object, clock: Clock, *, instance: str = "sandbox", webhook_url: str = WEBHOOK_URL
) -> PluginContext:
    """What an instance is made with."""
    return PluginContext(
        instance=instance, mode=Mode.SANDBOX, clock=clock, logger=KeptLog(), http=http, webhook_url=webhook_url
    )


def call_context(clock: Clock, key: str = "key-1", *, limit_s: float = 15.0) -> CallContext:
    """A call under `key` that must end `limit_s` seconds from now."""
    return CallContext(
        tenant="test",
        branch=None,
        lease_id=None,
        correlation_id=f"correlation-{key}",
        idempotency_key=key,
        deadline=clock.now() + timedelta(seconds=limit_s),
        mode=Mode.SANDBOX,
    )


def webhook_request(
    headers: Mapping[str, str], body: bytes, clock: Clock, query: Mapping[str, str] | None = None
) -> WebhookRequest:
    """A callback as it comes in now."""
    return WebhookRequest(
        method="POST",
        path="/webhooks/sandbox",
        query=dict(query or {}),
        headers={name.lower(): value for name, value in headers.items()},
        body=body,
        received_at=clock.now(),
    )
