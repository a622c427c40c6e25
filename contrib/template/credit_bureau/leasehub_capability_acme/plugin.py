"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from datetime import timedelta

from leasehub_capability_acme import mapping
from leasehub_capability_acme.client import AcmeClient, received
from leasehub_capability_acme.settings import AcmeSettings

from hub.core.hookspecs import CreditV1, hookimpl
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.credit_bureau import CreditPullRequest, CreditReport
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


class Acme(CreditV1):
    """Acme reports on applicants."""

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
    async def credit_pull(self, request: CreditPullRequest, ctx: CallContext) -> CreditReport:
        """Pull a report on an applicant."""
        return mapping.report_of(await self._client.post("/v1/inquiries", mapping.inquiry_body(request), ctx))

    @hookimpl
    async def credit_status(self, query: StatusQuery, ctx: CallContext) -> CreditReport | NoRecord:
        """What became of an inquiry."""
        found = await self._client.find("/v1/inquiries", query, ctx)
        return NoRecord(query=query) if found is None else mapping.report_of(found)


descriptor = PluginDescriptor(
    name="acme_capability",
    version="0.1.0",
    capabilities=frozenset({Capability.CREDIT_BUREAU}),
    settings=AcmeSettings,
    factory=Acme,
    operations={
        "provider_health": READ,
        "credit_status": READ,
        "credit_pull": EFFECT,
    },
    countries=frozenset({"CN"}),
    currencies=frozenset({"CNY"}),
    data_categories=frozenset({"name", "identity_number", "phone", "bank_account", "plate"}),
    docs_url="https://docs.acme.example",
)
