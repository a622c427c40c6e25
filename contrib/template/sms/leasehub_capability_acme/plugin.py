"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from datetime import timedelta

from leasehub_capability_acme import mapping
from leasehub_capability_acme.client import AcmeClient, received
from leasehub_capability_acme.settings import AcmeSettings

from hub.core.hookspecs import MessagingV1, hookimpl
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.sms import MessageReceipt, MessageRequest
from hub.core.ports.webhooks import WebhookDelivery, WebhookRequest
from hub.core.provider import CallContext, Capability, Health, OperationFacts, PluginContext, PluginDescriptor

# Say what Acme promises, not what would be nice: the hub repeats, asks and escalates by these facts alone.
READ = OperationFacts(idempotent=True)
EFFECT = OperationFacts(
    idempotent=True,
    key_max_len=64,
    key_lifetime=timedelta(hours=24),
    settle_window=timedelta(seconds=30),
)


class Acme(MessagingV1):
    """Acme sends messages."""

    def __init__(self, settings: AcmeSettings, context: PluginContext) -> None:
        self._settings = settings
        self._client = AcmeClient(settings, context, mapping.REFUSAL_ADVICE)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether Acme is there and knows our credentials."""
        status = (await self._client.get("/v1/health", ctx)).text("status")
        return Health(healthy=status == "up", detail=status)

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Verify a callback and read it."""
        return received(request, self._settings, mapping.KINDS, mapping.STATUSES)

    @hookimpl
    async def messaging_send(self, request: MessageRequest, ctx: CallContext) -> MessageReceipt:
        """Send one message to one person."""
        return mapping.receipt_of(await self._client.post("/v1/messages", mapping.message_body(request), ctx))

    @hookimpl
    async def messaging_status(self, query: StatusQuery, ctx: CallContext) -> MessageReceipt | NoRecord:
        """How far a message has come."""
        found = await self._client.find("/v1/messages", query, ctx)
        return NoRecord(query=query) if found is None else mapping.receipt_of(found)


descriptor = PluginDescriptor(
    name="acme_capability",
    version="0.1.0",
    capabilities=frozenset({Capability.SMS}),
    settings=AcmeSettings,
    factory=Acme,
    operations={
        "provider_health": READ,
        "messaging_status": READ,
        "messaging_send": EFFECT,
    },
    countries=frozenset({"CN"}),
    currencies=frozenset({"CNY"}),
    data_categories=frozenset({"phone", "email", "message_text"}),
    docs_url="https://docs.acme.example",
)
