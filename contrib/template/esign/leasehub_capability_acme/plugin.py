"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from leasehub_capability_acme import mapping
from leasehub_capability_acme.client import AcmeClient, received
from leasehub_capability_acme.settings import AcmeSettings

from hub.core.hookspecs import EsignV1, hookimpl
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.esign import Envelope, EnvelopeRequest, FetchRequest, SignedFiles, VoidRequest
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
_MAX_FILE_BYTES = 64 * 1024 * 1024


class Acme(EsignV1):
    """Acme has documents signed."""

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
    async def esign_create(self, request: EnvelopeRequest, ctx: CallContext) -> Envelope:
        """Send documents out for signature."""
        return mapping.envelope_of(await self._client.post("/v1/envelopes", mapping.envelope_body(request), ctx))

    @hookimpl
    async def esign_void(self, request: VoidRequest, ctx: CallContext) -> Envelope:
        """Take an envelope back before everybody has signed."""
        path = f"/v1/envelopes/{quote(request.envelope_ref, safe='')}/recall"
        return mapping.envelope_of(await self._client.post(path, {"reason": request.reason}, ctx))

    @hookimpl
    async def esign_status(self, query: StatusQuery, ctx: CallContext) -> Envelope | NoRecord:
        """How far an envelope has come."""
        found = await self._client.find("/v1/envelopes", query, ctx)
        return NoRecord(query=query) if found is None else mapping.envelope_of(found)

    @hookimpl
    async def esign_fetch(self, request: FetchRequest, ctx: CallContext) -> SignedFiles:
        """The signed file with its evidence."""
        path = f"/v1/envelopes/{quote(request.envelope_ref, safe='')}/signed"
        return mapping.signed_of(await self._client.get(path, ctx, max_bytes=_MAX_FILE_BYTES))


descriptor = PluginDescriptor(
    name="acme_capability",
    version="0.1.0",
    capabilities=frozenset({Capability.ESIGN}),
    settings=AcmeSettings,
    factory=Acme,
    operations={
        "provider_health": READ,
        "esign_status": READ,
        "esign_fetch": READ,
        "esign_create": EFFECT,
        "esign_void": EFFECT,
    },
    countries=frozenset({"CN"}),
    currencies=frozenset({"CNY"}),
    data_categories=frozenset({"name", "phone", "email", "identity_number", "contract"}),
    docs_url="https://docs.acme.example",
)
