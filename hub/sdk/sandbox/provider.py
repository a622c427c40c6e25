"""What the five sandbox providers have in common: their health, and how a callback is verified and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from hub.core.errors import ProviderError, RetryAdvice
from hub.core.hookspecs import ProviderV1, hookimpl
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookRequest
from hub.core.provider import (
    CallContext,
    Capability,
    Credential,
    CredentialKind,
    Health,
    OperationFacts,
    PluginContext,
    PluginDescriptor,
)
from hub.sdk.reading import Fields, json_object
from hub.sdk.sandbox.client import SandboxClient, SandboxClientSettings
from hub.sdk.webhooks import verify_standard

VERSION = "0.1.0"
READ_FACTS = OperationFacts(idempotent=True)
EFFECT_FACTS = OperationFacts(
    idempotent=True,
    key_max_len=64,
    key_lifetime=timedelta(hours=24),
    settle_window=timedelta(seconds=30),
)


def sandbox_descriptor(
    capability: Capability,
    settings: type[SandboxClientSettings],
    factory: Callable[[Any, PluginContext], object],
    *,
    effects: tuple[str, ...],
    reads: tuple[str, ...],
    data_categories: tuple[str, ...],
) -> PluginDescriptor:
    """The card of a sandbox plugin: an effect carries a key that the vendor keeps for a day; the rest only reads."""
    facts = dict.fromkeys(("provider_health", *reads), READ_FACTS) | dict.fromkeys(effects, EFFECT_FACTS)
    return PluginDescriptor(
        name=f"sandbox_{capability.value}",
        version=VERSION,
        capabilities=frozenset({capability}),
        settings=settings,
        factory=factory,
        operations=facts,
        countries=frozenset({"CN"}),
        currencies=frozenset({"CNY"}),
        data_categories=frozenset(data_categories),
        docs_url="docs/plugin-authors/sandbox.md",
        sandbox=True,
    )


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

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The key that we show, and the secrets that callbacks are signed with; none of them ever ends."""
        previous = self._settings.previous_webhook_secret
        named = [Credential(name=name, kind=CredentialKind.SECRET) for name in ("api_key", "webhook_secret")]
        if previous is not None:
            named.append(Credential(name="previous_webhook_secret", kind=CredentialKind.SECRET, current=False))
        return tuple(named)

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
