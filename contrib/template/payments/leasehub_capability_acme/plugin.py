"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from leasehub_capability_acme import mapping
from leasehub_capability_acme.client import AcmeClient, received
from leasehub_capability_acme.settings import AcmeSettings

from hub.core.hookspecs import PaymentsV1, hookimpl
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import (
    CancelRequest,
    CollectRequest,
    Mandate,
    MandateRequest,
    PaymentResult,
    PayoutRequest,
    RefundRequest,
    RevokeRequest,
    Statement,
    StatementRequest,
)
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


class Acme(PaymentsV1):
    """Acme collects payments."""

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
    async def payments_mandate(self, request: MandateRequest, ctx: CallContext) -> Mandate:
        """Ask a payer for a mandate; they agree on a page of Acme's."""
        return mapping.mandate_of(await self._client.post("/v1/mandates", mapping.mandate_body(request), ctx))

    @hookimpl
    async def payments_mandate_status(self, query: StatusQuery, ctx: CallContext) -> Mandate | NoRecord:
        """Whether a mandate is active by now."""
        found = await self._client.find("/v1/mandates", query, ctx)
        return NoRecord(query=query) if found is None else mapping.mandate_of(found)

    @hookimpl
    async def payments_revoke_mandate(self, request: RevokeRequest, ctx: CallContext) -> Mandate:
        """Take a mandate back."""
        path = f"/v1/mandates/{quote(request.mandate_ref, safe='')}/revoke"
        return mapping.mandate_of(await self._client.post(path, {"reason": request.reason}, ctx))

    @hookimpl
    async def payments_collect(self, request: CollectRequest, ctx: CallContext) -> PaymentResult:
        """Debit a payer under a mandate."""
        return mapping.payment_of(await self._client.post("/v1/charges", mapping.charge_body(request), ctx))

    @hookimpl
    async def payments_payout(self, request: PayoutRequest, ctx: CallContext) -> PaymentResult:
        """Send money out."""
        return mapping.payment_of(await self._client.post("/v1/payouts", mapping.payout_body(request), ctx))

    @hookimpl
    async def payments_refund(self, request: RefundRequest, ctx: CallContext) -> PaymentResult:
        """Give back a payment or part of it."""
        return mapping.payment_of(await self._client.post("/v1/refunds", mapping.refund_body(request), ctx))

    @hookimpl
    async def payments_cancel(self, request: CancelRequest, ctx: CallContext) -> PaymentResult:
        """Stop a payment that is still pending."""
        path = f"/v1/movements/{quote(request.payment_ref, safe='')}/cancel"
        return mapping.payment_of(await self._client.post(path, {"reason": request.reason}, ctx))

    @hookimpl
    async def payments_status(self, query: StatusQuery, ctx: CallContext) -> PaymentResult | NoRecord:
        """What became of a payment, payout, refund or cancellation."""
        found = await self._client.find("/v1/movements", query, ctx)
        return NoRecord(query=query) if found is None else mapping.payment_of(found)

    @hookimpl
    async def payments_statement(self, request: StatementRequest, ctx: CallContext) -> Statement:
        """Acme's own book of one day."""
        path = f"/v1/statements/{request.day_on.isoformat()}"
        return mapping.statement_of(await self._client.get(path, ctx, {"cursor": request.cursor or ""}))


descriptor = PluginDescriptor(
    name="acme_capability",
    version="0.1.0",
    capabilities=frozenset({Capability.PAYMENTS}),
    settings=AcmeSettings,
    factory=Acme,
    operations={
        "provider_health": READ,
        "payments_mandate_status": READ,
        "payments_status": READ,
        "payments_statement": READ,
        "payments_mandate": EFFECT,
        "payments_revoke_mandate": EFFECT,
        "payments_collect": EFFECT,
        "payments_payout": EFFECT,
        "payments_refund": EFFECT,
        "payments_cancel": EFFECT,
    },
    countries=frozenset({"CN"}),
    currencies=frozenset({"CNY"}),
    data_categories=frozenset({"name", "bank_account", "phone", "identity_number"}),
    docs_url="https://docs.acme.example",
)
