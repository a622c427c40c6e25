"""What the five sandbox providers have in common: their health, and how a callback is verified and read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from hub.core.errors import ProviderError, RetryAdvice
from hub.core.hookspecs import ProviderV1, hookimpl
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookRequest
from hub.core.provider import CallContext, Health, OperationFacts, PluginContext
from hub.sdk.reading import Fields, json_object
from hub.sdk.sandbox.client import SandboxClient, SandboxClientSettings
from hub.sdk.webhooks import verify_standard

READ_FACTS = OperationFacts(idempotent=True)
EFFECT_FACTS = OperationFacts(
    idempotent=True,
    key_max_len=64,
    key_lifetime=timedelta(hours=24),
    settle_window=timedelta(seconds=30),
)


def operation_facts(*, effects: tuple[str, ...], reads: tuple[str, ...]) -> dict[str, OperationFacts]:
    """The facts of a sandbox plugin's operations: an effect carries a key that the vendor keeps for a day."""
    everybody = {"provider_health": READ_FACTS}
    return everybody | dict.fromkeys(effects, EFFECT_FACTS) | dict.fromkeys(reads, READ_FACTS)


class SandboxProvider(ProviderV1):
    """A provider over a stand-in vendor.

    `kinds` maps the first word of the vendor's event types to the hub's kinds, `statuses` its status words to the
    hub's; what is in neither stays visible as UNMAPPED.
    """

    kinds: ClassVar[Mapping[str, WebhookKind]]
    statuses: ClassVar[Mapping[str, str]]
    advice: ClassVar[Mapping[str, RetryAdvice]] = {}

    def __init__(self, settings: SandboxClientSettings, context: PluginContext) -> None:
        self._settings = settings
        self.client = SandboxClient(settings, context, self.advice)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Ask the vendor whether it is up and knows our credentials."""
        answer = await self.client.get("/v1/health", ctx)
        status = answer.text("status")
        return Health(healthy=status == "up", detail=status)

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Verify the signature against the present and the previous secret, then read the event."""
        verification = verify_standard(request, self._settings.webhook_secrets())
        if not verification.verified:
            return WebhookDelivery(verified=False, reason=verification.reason)
        try:
            return WebhookDelivery(verified=True, events=(self._event(Fields(json_object(request.body))),))
        except ProviderError as unreadable:
            unmapped = WebhookEvent(event_id=verification.event_id, kind=WebhookKind.UNMAPPED, subject_ref="")
            return WebhookDelivery(verified=True, events=(unmapped,), reason=unreadable.detail)

    def _event(self, content: Fields) -> WebhookEvent:
        data = content.inner("data")
        kind = self.kinds.get(content.text("type").partition(".")[0], WebhookKind.UNMAPPED)
        detail = data.inner("detail").content if "detail" in data.content else {}
        return WebhookEvent(
            event_id=content.text("id"),
            kind=kind,
            subject_ref=data.text("ref"),
            subject_key=data.optional_text("key") or None,
            status=self.statuses.get(data.text("status"), ""),
            occurred_at=content.instant("occurred_at"),
            detail={name: str(value) for name, value in detail.items()},
        )
