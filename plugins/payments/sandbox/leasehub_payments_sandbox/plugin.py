"""The descriptor and the provider: each operation asks the client and maps the answer, nothing more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

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
from hub.core.provider import CallContext, Capability, PluginContext
from hub.sdk.sandbox.provider import SandboxProvider, sandbox_descriptor
from leasehub_payments_sandbox import mapping
from leasehub_payments_sandbox.client import PaymentsClient
from leasehub_payments_sandbox.settings import PaymentsSandboxSettings


class PaymentsSandbox(SandboxProvider, PaymentsV1):
    """The payment stand-in as a provider."""

    kinds = mapping.KINDS
    statuses = mapping.STATUSES
    advice = mapping.REFUSAL_ADVICE

    def __init__(self, settings: PaymentsSandboxSettings, context: PluginContext) -> None:
        super().__init__(settings, context)
        self._vendor = PaymentsClient(self.client)

    @hookimpl
    async def payments_mandate(self, request: MandateRequest, ctx: CallContext) -> Mandate:
        """Ask a payer for a mandate; they agree on a page of the vendor's."""
        return mapping.mandate_of(await self._vendor.mandate(mapping.mandate_body(request), ctx))

    @hookimpl
    async def payments_mandate_status(self, query: StatusQuery, ctx: CallContext) -> Mandate | NoRecord:
        """Whether a mandate is active by now."""
        found = await self._vendor.find_mandate(query, ctx)
        return NoRecord(query=query) if found is None else mapping.mandate_of(found)

    @hookimpl
    async def payments_revoke_mandate(self, request: RevokeRequest, ctx: CallContext) -> Mandate:
        """Take a mandate back; one that has ended already stays so."""
        return mapping.mandate_of(await self._vendor.revoke(request.mandate_ref, request.reason, ctx))

    @hookimpl
    async def payments_collect(self, request: CollectRequest, ctx: CallContext) -> PaymentResult:
        """Debit a payer under a mandate."""
        return mapping.payment_of(await self._vendor.charge(mapping.charge_body(request), ctx))

    @hookimpl
    async def payments_payout(self, request: PayoutRequest, ctx: CallContext) -> PaymentResult:
        """Send money out."""
        return mapping.payment_of(await self._vendor.payout(mapping.payout_body(request), ctx))

    @hookimpl
    async def payments_refund(self, request: RefundRequest, ctx: CallContext) -> PaymentResult:
        """Give back a payment or part of it, never more than came in."""
        return mapping.payment_of(await self._vendor.refund(mapping.refund_body(request), ctx))

    @hookimpl
    async def payments_cancel(self, request: CancelRequest, ctx: CallContext) -> PaymentResult:
        """Stop a payment that is still in process; it then counts as rejected with the code `cancelled`."""
        return mapping.payment_of(await self._vendor.cancel(request.payment_ref, request.reason, ctx))

    @hookimpl
    async def payments_status(self, query: StatusQuery, ctx: CallContext) -> PaymentResult | NoRecord:
        """What became of a payment, payout, refund or cancellation."""
        found = await self._vendor.find_movement(query, ctx)
        return NoRecord(query=query) if found is None else mapping.payment_of(found)

    @hookimpl
    async def payments_statement(self, request: StatementRequest, ctx: CallContext) -> Statement:
        """The vendor's own book of one day."""
        return mapping.statement_of(await self._vendor.statement(request.day_on.isoformat(), request.cursor, ctx))


_card = sandbox_descriptor(
    Capability.PAYMENTS,
    PaymentsSandboxSettings,
    PaymentsSandbox,
    effects=(
        "payments_mandate",
        "payments_revoke_mandate",
        "payments_collect",
        "payments_payout",
        "payments_refund",
        "payments_cancel",
    ),
    reads=("payments_mandate_status", "payments_status", "payments_statement"),
    data_categories=("name", "bank_account", "phone", "identity_number"),
)
# Its day is that of Shanghai, and its book is complete at once.
descriptor = replace(
    _card,
    operations={
        **_card.operations,
        "payments_statement": replace(_card.operations["payments_statement"], ready_after=-timedelta(hours=8)),
    },
)
