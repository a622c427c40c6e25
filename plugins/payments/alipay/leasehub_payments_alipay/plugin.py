"""The descriptor and the provider: each operation looks first, asks once, and maps the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hub.core.errors import Rejected, RetryAdvice, UnknownOutcome
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
    PayoutRequest,
    RefundRequest,
    RejectionAdvice,
    RevokeRequest,
    SettlementKind,
    Statement,
    StatementRequest,
)
from hub.core.ports.webhooks import WebhookDelivery, WebhookRequest
from hub.core.provider import (
    CallContext,
    Capability,
    Credential,
    Health,
    OperationFacts,
    PluginContext,
    PluginDescriptor,
)
from hub.sdk.reading import Fields, JsonObject
from leasehub_payments_alipay import bill, callbacks, mapping
from leasehub_payments_alipay.client import SHANGHAI, AlipayClient
from leasehub_payments_alipay.keys import Keys, credentials
from leasehub_payments_alipay.mapping import REFUND, TRANSFER
from leasehub_payments_alipay.settings import AlipaySettings

_QUERY, _AGREEMENT = "alipay.trade.query", "alipay.user.agreement.query"
_FIRST_DEBIT = timedelta(days=30)
_BILL_READY = timedelta(hours=10)
_LISTED = frozenset({SettlementKind.COLLECTED, SettlementKind.REFUNDED, SettlementKind.FEE})  # transfers are not


class Alipay(PaymentsV1):
    """One app at Alipay as a provider."""

    def __init__(self, settings: AlipaySettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._notify_url = context.webhook_url
        self._keys = Keys(settings)
        self._client = AlipayClient(settings, context, self._keys)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Ask for a trade that is not there: signed by us, answered and signed by the vendor."""
        await self._client.find(_QUERY, {"out_trade_no": "leasehubhealth"}, ctx)
        return Health(healthy=True)

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Verify a notification."""
        return callbacks.received(request, self._keys, self._settings)

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The keys and certificates in the settings."""
        return credentials(self._settings)

    # Agreements

    @hookimpl
    async def payments_mandate(self, request: MandateRequest, ctx: CallContext) -> Mandate:
        """Sign the address of a page on which the payer agrees; our key is the agreement's number."""
        number = ctx.idempotency_key
        if (found := await self._agreement(number, ctx)) is not None:
            return mapping.mandate_of(found, number)
        first_on = self._clock.now().astimezone(SHANGHAI) + _FIRST_DEBIT
        content = mapping.sign_content(request, number, self._settings, first_on)
        url = self._client.page("alipay.user.agreement.page.sign", content, self._notify_url, request.return_url or "")
        return Mandate(mandate_ref=number, status=MandateStatus.PENDING, hosted_url=url)

    @hookimpl
    async def payments_mandate_status(self, query: StatusQuery, ctx: CallContext) -> Mandate | NoRecord:
        """Whether the payer has agreed by now; an agreement that nobody has signed yet is not there for the vendor."""
        number = query.provider_ref or query.idempotency_key or ""
        if (found := await self._agreement(number, ctx)) is not None:
            return mapping.mandate_of(found, number)
        pending = Mandate(mandate_ref=number, status=MandateStatus.PENDING)
        return pending if query.provider_ref else NoRecord(query=query)

    @hookimpl
    async def payments_revoke_mandate(self, request: RevokeRequest, ctx: CallContext) -> Mandate:
        """End an agreement; what the vendor says of it afterwards counts, and that it knows it no longer does too."""
        query = mapping.agreement_query(request.mandate_ref, self._settings)
        agreement = await self._client.look(_AGREEMENT, query, ctx)
        if agreement is None:
            raise Rejected("USER_AGREEMENT_NOT_EXIST", "nobody has signed it")
        found = mapping.mandate_of(agreement, request.mandate_ref)
        if found.status is not MandateStatus.ACTIVE:
            return found
        await self._client.post("alipay.user.agreement.unsign", {"agreement_no": agreement.text("agreement_no")}, ctx)
        left = await self._agreement(request.mandate_ref, ctx)
        if left is None:
            return Mandate(mandate_ref=request.mandate_ref, status=MandateStatus.REVOKED)
        ended = mapping.mandate_of(left, request.mandate_ref)
        still_there = ended.status is MandateStatus.ACTIVE
        return replace(ended, status=MandateStatus.PENDING) if still_there else ended

    async def _agreement(self, number: str, ctx: CallContext) -> Fields | None:
        return await self._client.find(_AGREEMENT, mapping.agreement_query(number, self._settings), ctx)

    # Debits

    @hookimpl
    async def payments_collect(self, request: CollectRequest, ctx: CallContext) -> PaymentResult:
        """Debit under an agreement; our key is the trade's number, under which the vendor debits once."""
        number = ctx.idempotency_key
        mapping.yuan(request.money)
        if (trade := await self._client.look(_QUERY, {"out_trade_no": number}, ctx)) is not None:
            return mapping.trade_of(trade, number)
        query = mapping.agreement_query(request.mandate_ref, self._settings)
        agreement = await self._client.look(_AGREEMENT, query, ctx)
        if agreement is None or mapping.mandate_of(agreement, request.mandate_ref).status is not MandateStatus.ACTIVE:
            return _rejected(number, "mandate_revoked", RejectionAdvice.NEW_MANDATE)
        content = mapping.pay_content(request, number, agreement.text("agreement_no"), self._settings)
        try:
            answer = await self._client.post("alipay.trade.pay", content, ctx, notify_url=self._notify_url)
        except Rejected as no:
            if (why := mapping.declined(no.vendor_code)) is None:
                raise
            return _rejected(number, *why)
        return mapping.paid_of(answer, number)

    @hookimpl
    async def payments_cancel(self, request: CancelRequest, ctx: CallContext) -> PaymentResult:
        """Close a trade that is not paid; of one that is, nothing is undone: the vendor would give the money back."""
        number = request.payment_ref
        if number.startswith((REFUND, TRANSFER)):
            raise Rejected("UNDER_WAY", "refunds and transfers cannot be stopped")
        trade = await self._client.look(_QUERY, {"out_trade_no": number}, ctx)
        if trade is None:
            raise Rejected("ACQ.TRADE_NOT_EXIST", "there is no such payment")
        found = mapping.trade_of(trade, number)
        if found.outcome is PaymentOutcome.SUCCEEDED:
            raise Rejected("ACQ.TRADE_HAS_SUCCESS", "it is paid: give it back instead")
        answer = await self._client.post("alipay.trade.cancel", {"out_trade_no": number}, ctx)
        if answer.optional_text("retry_flag") != "N":
            raise UnknownOutcome("the vendor asks to be called again")
        code = "refunded" if answer.optional_text("action") == "refund" else "cancelled"
        return _rejected(number, code, RejectionAdvice.DO_NOT_RETRY)

    # Refunds and payouts

    @hookimpl
    async def payments_refund(self, request: RefundRequest, ctx: CallContext) -> PaymentResult:
        """Give back a debit or part of it; the answer names the sum of all refunds, so the amount is asked for later."""
        ref = mapping.refund_ref(ctx.idempotency_key, request.payment_ref)
        content: JsonObject = {
            "out_trade_no": request.payment_ref,
            "refund_amount": mapping.yuan(request.money),
            "out_request_no": ctx.idempotency_key,
            "refund_reason": request.reason[:256],
        }
        try:
            await self._client.post("alipay.trade.refund", content, ctx)
        except UnknownOutcome:
            return PaymentResult(outcome=PaymentOutcome.UNKNOWN, payment_ref=ref)
        return PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref=ref)

    @hookimpl
    async def payments_payout(self, request: PayoutRequest, ctx: CallContext) -> PaymentResult:
        """Send money to an account at the vendor, in certificate mode only."""
        if not self._keys.certified:
            raise Rejected("NO_CERTIFICATE", "transfers need the certificates", advice=RetryAdvice.OTHER_PROVIDER)
        content = mapping.transfer_content(request, ctx.idempotency_key)
        answer = await self._client.post("alipay.fund.trans.uni.transfer", content, ctx)
        return mapping.transfer_of(answer, ctx.idempotency_key)

    # Looking

    @hookimpl
    async def payments_status(self, query: StatusQuery, ctx: CallContext) -> PaymentResult | NoRecord:
        """What became of a debit, a refund or a transfer; a refund is found by its reference alone."""
        ref, key = query.provider_ref or "", query.idempotency_key or ""
        if ref.startswith(REFUND):
            found = await self._refund(ref, ctx)
        elif ref.startswith(TRANSFER):
            found = await self._transfer(ref.removeprefix(TRANSFER), ctx)
        elif ref:
            found = await self._trade(ref, ctx)
        else:
            found = await self._trade(key, ctx) or await self._transfer(key, ctx)
        return found or NoRecord(query=query)

    async def _trade(self, number: str, ctx: CallContext) -> PaymentResult | None:
        found = await self._client.find(_QUERY, {"out_trade_no": number}, ctx)
        return None if found is None else mapping.trade_of(found, number)

    async def _refund(self, ref: str, ctx: CallContext) -> PaymentResult | None:
        key, _, number = ref.removeprefix(REFUND).partition("/")
        content: JsonObject = {
            "out_trade_no": number,
            "out_request_no": key,
            "query_options": ["gmt_refund_pay"],
        }
        found = await self._client.find("alipay.trade.fastpay.refund.query", content, ctx)
        return None if found is None else mapping.refund_of(found, ref)

    async def _transfer(self, number: str, ctx: CallContext) -> PaymentResult | None:
        found = await self._client.find("alipay.fund.trans.common.query", mapping.transfer_query(number), ctx)
        return None if found is None else mapping.transfer_of(found, number)

    @hookimpl
    async def payments_statement(self, request: StatementRequest, ctx: CallContext) -> Statement:
        """The trade bill of one day, ready on the next morning, whole on one page."""
        content: JsonObject = {"bill_type": "trade", "bill_date": request.day_on.isoformat()}
        try:
            answer = await self._client.get("alipay.data.dataservice.bill.downloadurl.query", content, ctx)
        except Rejected as none:
            if none.vendor_code in ("isp.bill_not_exist", "BILL_NOT_EXIST") and self._ready(request):
                return Statement(lines=(), covers=_LISTED)
            raise
        packed = await self._client.download(answer.text("bill_download_url"), ctx)
        return Statement(lines=bill.lines_of(bill.details(packed)), covers=_LISTED)

    def _ready(self, request: StatementRequest) -> bool:
        midnight = datetime.combine(request.day_on + timedelta(days=1), datetime.min.time(), SHANGHAI)
        return self._clock.now() >= midnight + _BILL_READY


def _rejected(number: str, code: str, advice: RejectionAdvice) -> PaymentResult:
    return PaymentResult(outcome=PaymentOutcome.REJECTED, payment_ref=number, code=code, advice=advice)


def _effect(days: int) -> OperationFacts:
    """An operation that the vendor executes once under our number: letters and digits only, so a digest of our key."""
    return OperationFacts(
        idempotent=True,
        key_max_len=32,
        key_lifetime=timedelta(days=days),
        settle_window=timedelta(minutes=10),
        max_timeout_s=25.0,
    )


_LOOK = OperationFacts(max_timeout_s=20.0)
descriptor = PluginDescriptor(
    name="alipay_payments",
    version="0.1.0",
    capabilities=frozenset({Capability.PAYMENTS}),
    settings=AlipaySettings,
    factory=Alipay,
    operations={
        "payments_mandate": _effect(30),
        "payments_mandate_status": _LOOK,
        "payments_revoke_mandate": OperationFacts(max_timeout_s=25.0),
        "payments_collect": _effect(90),
        "payments_payout": _effect(30),
        "payments_refund": _effect(90),
        "payments_cancel": OperationFacts(max_timeout_s=20.0),
        "payments_status": _LOOK,
        "payments_statement": OperationFacts(max_timeout_s=60.0, ready_after=timedelta(hours=2, minutes=30)),
    },
    countries=frozenset({"CN"}),
    currencies=frozenset({"CNY"}),
    data_categories=frozenset({"name", "payment_account", "contract_number"}),
    docs_url="https://opendocs.alipay.com/open/20190319114403226822",
)
