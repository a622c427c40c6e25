"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hub.core.errors import Misconfigured, Rejected, UnknownOutcome
from hub.core.hookspecs import PaymentsV1, hookimpl
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import (
    CancelRequest,
    CollectRequest,
    Mandate,
    MandateRequest,
    MandateStatus,
    PaymentOutcome,
    PaymentResult,
    RefundRequest,
    RejectionAdvice,
    RevokeRequest,
    Statement,
    StatementRequest,
)
from hub.core.ports.webhooks import WebhookDelivery, WebhookRequest
from hub.core.provider import (
    CallContext,
    Capability,
    Credential,
    Health,
    Mode,
    OperationFacts,
    PluginContext,
    PluginDescriptor,
)
from hub.sdk.reading import Fields
from leasehub_payments_stripe import mapping
from leasehub_payments_stripe.callbacks import received
from leasehub_payments_stripe.client import Declined, StripeClient
from leasehub_payments_stripe.settings import StripeSettings

_INTENTS, _REFUNDS, _SESSIONS = "/v1/payment_intents", "/v1/refunds", "/v1/checkout/sessions"
_METHODS = "/v1/payment_methods"
_INTENT, _REFUND, _SESSION = ("pi_",), ("re_", "pyr_"), ("cs_",)  # what their references begin with
_STATE = ["setup_intent.mandate", "setup_intent.payment_method"]
_PAYER = ["setup_intent.payment_method"]
_REVOKED = PaymentResult(outcome=PaymentOutcome.REJECTED, code="mandate_revoked", advice=RejectionAdvice.NEW_MANDATE)


class Stripe(PaymentsV1):
    """Stripe collects payments."""

    def __init__(self, settings: StripeSettings, context: PluginContext) -> None:
        if settings.live and context.mode is not Mode.LIVE:
            raise Misconfigured("a live key in an instance that is not live")
        self._settings = settings
        self._clock = context.clock
        self._client = StripeClient(settings, context)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether the key is good."""
        found = await self._client.get("/v1/balance", {}, ctx)
        return Health(healthy=found is not None, detail="up" if found is not None else "no balance")

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The key, and the secrets of callbacks."""
        return self._settings.credentials()

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Take an event."""
        return received(request, self._settings.webhook_secrets())

    @hookimpl
    async def payments_mandate(self, request: MandateRequest, ctx: CallContext) -> Mandate:
        """Make a page on which the payer agrees; its setup intent becomes the mandate."""
        key = ctx.idempotency_key
        params = mapping.session_params(request, self._settings, key)
        return mapping.mandate_of(await self._client.post(_SESSIONS, params, ctx, key=key))

    @hookimpl
    async def payments_mandate_status(self, query: StatusQuery, ctx: CallContext) -> Mandate | NoRecord:
        """Whether a mandate is active by now."""
        if query.provider_ref is not None:
            path = f"{_SESSIONS}/{_checked(query.provider_ref, _SESSION)}"
            found = await self._client.get(path, {"expand": _STATE}, ctx)
        else:
            lately = mapping.recent(self._clock.now()) | {"expand": [f"data.{name}" for name in _STATE]}
            found = await self._client.find(_SESSIONS, lately, query.idempotency_key or "", ctx)
        return NoRecord(query=query) if found is None else mapping.mandate_of(found)

    @hookimpl
    async def payments_revoke_mandate(self, request: RevokeRequest, ctx: CallContext) -> Mandate:
        """Take the payment method from the customer: with it the mandate ends, and what it says afterwards counts."""
        path, key = f"{_SESSIONS}/{_checked(request.mandate_ref, _SESSION)}", ctx.idempotency_key
        session = await self._client.before(path, {"expand": _PAYER}, ctx)
        if session is None:
            raise Rejected("resource_missing", "there is no such mandate")
        found = mapping.mandate_of(session)
        if found.status in (MandateStatus.REVOKED, MandateStatus.REJECTED):
            return found
        method = mapping.method_of(session)
        await self._client.post(f"{_METHODS}/{method}/detach", {}, ctx, key=key)
        left = await self._client.get(path, {"expand": _STATE}, ctx)
        if left is None:
            raise UnknownOutcome("the mandate is not there any more")
        ended = mapping.mandate_of(left)
        return replace(ended, status=MandateStatus.PENDING) if ended.status is MandateStatus.ACTIVE else ended

    @hookimpl
    async def payments_collect(self, request: CollectRequest, ctx: CallContext) -> PaymentResult:
        """Debit a payer under a mandate: who it is stands at the mandate, so that is looked at first."""
        mapping.check_currency(request.money)
        path = f"{_SESSIONS}/{_checked(request.mandate_ref, _SESSION)}"
        session = await self._client.before(path, {"expand": _PAYER}, ctx)
        if session is not None and mapping.mandate_of(session).status is MandateStatus.REVOKED:
            return _REVOKED
        payer = mapping.payer_of(session, request.money)
        params = mapping.intent_params(request, payer, ctx.idempotency_key)
        try:
            return mapping.payment_of(await self._client.post(_INTENTS, params, ctx, key=ctx.idempotency_key))
        except Declined as refused:
            result = mapping.declined(refused.error)
            if result is None:
                raise
            return result

    @hookimpl
    async def payments_refund(self, request: RefundRequest, ctx: CallContext) -> PaymentResult:
        """Give back a payment or part of it."""
        mapping.check_currency(request.money)
        _checked(request.payment_ref, _INTENT)
        params = mapping.refund_params(request, ctx.idempotency_key)
        return mapping.refund_of(await self._client.post(_REFUNDS, params, ctx, key=ctx.idempotency_key))

    @hookimpl
    async def payments_cancel(self, request: CancelRequest, ctx: CallContext) -> PaymentResult:
        """Stop a payment. Our key is noted at it first: a cancellation has no note of its own to be found by."""
        path, key = f"{_INTENTS}/{_checked(request.payment_ref, _INTENT)}", ctx.idempotency_key
        await self._client.note(path, {"metadata": {mapping.CANCEL_KEY: key}}, ctx)
        return mapping.payment_of(await self._client.post(f"{path}/cancel", {}, ctx, key=key))

    @hookimpl
    async def payments_status(self, query: StatusQuery, ctx: CallContext) -> PaymentResult | NoRecord:
        """What became of a payment, a refund or a cancellation."""
        ref = query.provider_ref
        if ref is None:
            return await self._by_key(query, query.idempotency_key or "", ctx)
        if ref.startswith(_REFUND):
            refund = await self._client.get(f"{_REFUNDS}/{ref}", {"expand": ["balance_transaction"]}, ctx)
            return NoRecord(query=query) if refund is None else mapping.refund_of(refund)
        path = f"{_INTENTS}/{_checked(ref, _INTENT)}"
        intent = await self._client.get(path, {"expand": [mapping.MOVED]}, ctx)
        return NoRecord(query=query) if intent is None else mapping.payment_of(intent)

    async def _by_key(self, query: StatusQuery, key: str, ctx: CallContext) -> PaymentResult | NoRecord:
        asked = {"query": mapping.search_query(key), "expand": [f"data.{mapping.MOVED}"]}
        intent = _only(await self._client.get(f"{_INTENTS}/search", asked, ctx))
        if intent is not None:
            return mapping.payment_of(intent)
        lately = mapping.recent(self._clock.now()) | {"expand": ["data.balance_transaction"]}
        refund = await self._client.find(_REFUNDS, lately, key, ctx)
        return NoRecord(query=query) if refund is None else mapping.refund_of(refund)

    @hookimpl
    async def payments_statement(self, request: StatementRequest, ctx: CallContext) -> Statement:
        """Stripe's own book of one day."""
        found = await self._client.get("/v1/balance_transactions", mapping.statement_params(request), ctx)
        if found is None:
            raise Rejected("resource_missing", "the statement's page is not there")
        return mapping.statement_of(found)


def _checked(ref: str, begins: tuple[str, ...]) -> str:
    """A reference of Stripe's, fit for an address; raises Rejected for what is none."""
    if not ref.startswith(begins) or not ref.isascii() or not ref.replace("_", "").isalnum():
        raise Rejected("reference_invalid", "no reference of this vendor's")
    return ref


def _only(page: Fields | None) -> Fields | None:
    found = page.each("data") if page is not None else ()
    if page is None or len(found) > 1:
        raise UnknownOutcome("the search does not name one payment")
    return found[0] if found else None


# Stripe keeps a key for a day at least. A payment is found by its key as soon as the search knows it: that takes a
# minute as a rule, and the vendor promises an hour in bad times.
_EFFECT = OperationFacts(
    idempotent=True,
    key_max_len=255,
    key_lifetime=timedelta(hours=24),
    settle_window=timedelta(hours=1),
    max_timeout_s=30.0,
    rate_limit=100.0,
)
_READ = OperationFacts(idempotent=True, max_timeout_s=30.0, rate_limit=100.0)

descriptor = PluginDescriptor(
    name="stripe_payments",
    version="0.1.0",
    capabilities=frozenset({Capability.PAYMENTS}),
    settings=StripeSettings,
    factory=Stripe,
    operations={
        "provider_health": _READ,
        "payments_mandate": _EFFECT,
        "payments_mandate_status": _READ,
        "payments_revoke_mandate": _EFFECT,
        "payments_collect": _EFFECT,
        "payments_refund": _EFFECT,
        "payments_cancel": _EFFECT,
        "payments_status": _READ,
        "payments_statement": replace(_READ, ready_after=timedelta(hours=1)),
    },
    currencies=mapping.CURRENCIES,
    data_categories=frozenset({"party_reference", "contract_number"}),
    docs_url="https://docs.stripe.com/api",
)
