"""The descriptor and the provider: each operation takes the vendor's next step and maps the answer.

A debit may need two sends: `payments_collect` looks at the mandate and its announcement each time, and announces, waits
or charges; `payments_status` only looks, and says when the hub should send again (decision 33 of the hub).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote

from hub.core.errors import Rejected, RetryAdvice, UnknownOutcome
from hub.core.hookspecs import PaymentsV1, hookimpl
from hub.core.money import Money
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
from leasehub_payments_wechatpay import bill, callbacks, mapping
from leasehub_payments_wechatpay.client import WechatpayClient
from leasehub_payments_wechatpay.keys import VendorKeys, api_keys, credentials
from leasehub_payments_wechatpay.mapping import REFUND, TRANSFER
from leasehub_payments_wechatpay.settings import WechatpaySettings
from leasehub_payments_wechatpay.window import BEIJING, Announcement, Plan, Step, fresh, plan

_NAME_FROM_FEN = 30  # below it the vendor takes no name
_BILL_READY = timedelta(hours=10)
_LISTED = frozenset({SettlementKind.COLLECTED, SettlementKind.REFUNDED, SettlementKind.FEE})  # transfers are not


class Wechatpay(PaymentsV1):
    """One merchant at WeChat Pay as a provider."""

    def __init__(
        self, settings: WechatpaySettings, context: PluginContext, nonce: Callable[[], str] | None = None
    ) -> None:
        self._settings = settings
        self._clock = context.clock
        self._notify_url = context.webhook_url
        self._keys = VendorKeys(settings)
        extra = {} if nonce is None else {"nonce": nonce}
        self._client = WechatpayClient(settings, context, self._keys, **extra)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Ask for an order that is not there: signed by us, answered and signed by the vendor."""
        await self._client.refresh(ctx)
        await self._client.find(self._order_path("leasehubhealth"), ctx)
        return Health(healthy=True)

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Verify and open a callback."""
        return callbacks.received(request, self._keys, api_keys(self._settings), self._settings.mch_id)

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The keys and certificates in the settings."""
        return credentials(self._settings)

    # Mandates

    @hookimpl
    async def payments_mandate(self, request: MandateRequest, ctx: CallContext) -> Mandate:
        """Make a page on which the payer agrees; our key is the contract's code."""
        code, own = ctx.idempotency_key, self._settings
        first_on = (self._clock.now().astimezone(BEIJING) + timedelta(days=own.estimated_days)).date().isoformat()
        body = mapping.presign_body(request, code, own.app_id, own.plan_id, self._notify_url, first_on, own.description)
        answer = await self._client.post("/v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/h5", body, ctx)
        return Mandate(mandate_ref=code, status=MandateStatus.PENDING, hosted_url=answer.text("redirect_url"))

    @hookimpl
    async def payments_mandate_status(self, query: StatusQuery, ctx: CallContext) -> Mandate | NoRecord:
        """Whether the payer has agreed by now; a contract that nobody has signed yet is not there for the vendor."""
        code = query.provider_ref or query.idempotency_key or ""
        contract = await self._client.find(self._contract_path(code), ctx)
        if contract is not None:
            return mapping.mandate_of(contract, code)
        if query.provider_ref:
            return Mandate(mandate_ref=code, status=MandateStatus.PENDING)
        return NoRecord(query=query)

    @hookimpl
    async def payments_revoke_mandate(self, request: RevokeRequest, ctx: CallContext) -> Mandate:
        """End a contract that is signed; the vendor's answer is empty, so the contract is looked at again."""
        path = self._contract_path(request.mandate_ref)
        contract = await self._client.look(path, ctx)
        if contract is None:
            raise Rejected("CONTRACT_NOT_EXIST", "nobody has signed it")
        found = mapping.mandate_of(contract, request.mandate_ref)
        if found.status is not MandateStatus.ACTIVE:
            return found
        body: JsonObject = {"contract_termination_remark": request.reason[:256]}
        await self._client.post(f"{path}/terminate", body, ctx)
        ended = mapping.mandate_of(await self._client.get(path, ctx), request.mandate_ref)
        still_there = ended.status is MandateStatus.ACTIVE
        return replace(ended, status=MandateStatus.PENDING) if still_there else ended

    # Debits

    @hookimpl
    async def payments_collect(self, request: CollectRequest, ctx: CallContext) -> PaymentResult:
        """Take the next step of a debit: announce it, wait for its window, or charge."""
        mapping.fen(request.money)
        ref = mapping.order_ref(ctx.idempotency_key, request.mandate_ref)
        if (order := await self._client.look(self._order_path(ctx.idempotency_key), ctx)) is not None:
            return mapping.payment_of(order)
        contract = await self._client.look(self._contract_path(request.mandate_ref), ctx)
        if (refused := _not_active(contract, request.mandate_ref, ref)) is not None:
            return refused
        assert contract is not None, "an active mandate has a contract"
        announced = await self._announcement(contract, ctx)
        if announced is not None and announced.state == "EXPIRED":  # that of an earlier debit
            announced = Announcement(state="NO_SCHEDULED")
        following = plan(announced, request.money, self._clock.now())
        match following.step:
            case Step.ANNOUNCE:
                return await self._announce(contract.text("contract_id"), request.money, ref, ctx)
            case Step.CHARGE:
                return await self._charge(contract.text("contract_id"), request, ref, ctx)
            case _:
                return _without_order(following, ref)

    async def _announcement(self, contract: Fields, ctx: CallContext) -> Announcement | None:
        """What is announced under a contract; None when it is so new that nothing need be."""
        if fresh(contract.instant("contract_signed_time"), self._clock.now()):
            return None
        found = await self._client.look(_schedule_path(contract.text("contract_id")), ctx)
        return Announcement(state="NO_SCHEDULED") if found is None else Announcement.of(found)

    async def _announce(self, contract_id: str, money: Money, ref: str, ctx: CallContext) -> PaymentResult:
        body: JsonObject = {"appid": self._settings.app_id, "schedule_amount": mapping.amount(money)}
        try:
            answer = await self._client.post(f"{_schedule_path(contract_id)}/schedule", body, ctx)
            following = plan(Announcement.of(answer), money, self._clock.now())
        except UnknownOutcome:
            return PaymentResult(outcome=PaymentOutcome.UNKNOWN, payment_ref=ref)
        if following.step is Step.OTHER_AMOUNT:
            return PaymentResult(outcome=PaymentOutcome.UNKNOWN, payment_ref=ref)
        return _without_order(following, ref)

    async def _charge(self, contract_id: str, request: CollectRequest, ref: str, ctx: CallContext) -> PaymentResult:
        own = self._settings
        body = mapping.charge_body(
            request, ctx.idempotency_key, own.app_id, contract_id, self._notify_url, own.description
        )
        try:
            answer = await self._client.post("/v3/papay/pay/transactions/apply", body, ctx)
            taken = (answer.text("out_trade_no"), mapping.money_of(answer.inner("amount"), "total"))
        except UnknownOutcome:
            return PaymentResult(outcome=PaymentOutcome.UNKNOWN, payment_ref=ref)
        outcome = PaymentOutcome.PENDING if taken == (ctx.idempotency_key, request.money) else PaymentOutcome.UNKNOWN
        return PaymentResult(outcome=outcome, payment_ref=ref)

    @hookimpl
    async def payments_cancel(self, request: CancelRequest, ctx: CallContext) -> PaymentResult:
        """Close a debit that is not paid, or call a transfer back that its receiver has not confirmed."""
        if request.payment_ref.startswith(TRANSFER):
            number = request.payment_ref.removeprefix(TRANSFER)
            return mapping.transfer_of(await self._client.post(f"{_transfer_path(number)}/cancel", None, ctx))
        number, _ = mapping.order_of(request.payment_ref)
        if request.payment_ref.startswith(REFUND):
            raise Rejected("REFUND_UNDER_WAY", "a refund cannot be stopped")
        order = await self._client.look(self._order_path(number), ctx)
        if order is None:
            raise Rejected("ORDER_NOT_EXIST", "only announced so far: end the mandate, or let its window pass")
        if mapping.TRADE_STATE.get(order.text("trade_state")) is PaymentOutcome.SUCCEEDED:
            raise Rejected("ORDERPAID", "it is paid: give it back instead")
        path = f"/v3/pay/transactions/out-trade-no/{quote(number, safe='')}/close"
        await self._client.post(path, {"mchid": self._settings.mch_id}, ctx)
        return PaymentResult(
            outcome=PaymentOutcome.REJECTED,
            payment_ref=request.payment_ref,
            code="cancelled",
            advice=RejectionAdvice.DO_NOT_RETRY,
        )

    # Refunds and payouts

    @hookimpl
    async def payments_refund(self, request: RefundRequest, ctx: CallContext) -> PaymentResult:
        """Give back a debit or part of it; our key is the refund's number."""
        number, _ = mapping.order_of(request.payment_ref)
        order = await self._client.look(self._order_path(number), ctx)
        if order is None:
            raise Rejected("ORDER_NOT_EXIST", "there is no such payment")
        body: JsonObject = {
            "out_trade_no": number,
            "out_refund_no": ctx.idempotency_key,
            "reason": request.reason[:80],
            "notify_url": self._notify_url,
            "amount": {
                "refund": mapping.fen(request.money),
                "total": mapping.money_of(order.inner("amount"), "total").minor,
                "currency": mapping.CNY,
            },
        }
        return mapping.refund_of(await self._client.post("/v3/refund/domestic/refunds", body, ctx))

    @hookimpl
    async def payments_payout(self, request: PayoutRequest, ctx: CallContext) -> PaymentResult:
        """Send money to a user's balance; from 2,000 yuan on the vendor wants their name, and checks it."""
        own, account = self._settings, request.account
        if account.bank_code != mapping.OPENID:
            raise Rejected("NOT_AN_OPENID", "pays to users of the app only", advice=RetryAdvice.OTHER_PROVIDER)
        if not own.transfer_scene_id:
            raise Rejected("NO_TRANSFER_SCENE", "transfer_scene_id is not set", advice=RetryAdvice.OTHER_PROVIDER)
        await self._client.refresh(ctx)
        named = account.holder and request.money.minor >= _NAME_FROM_FEN
        body: JsonObject = {
            "appid": own.app_id,
            "out_bill_no": ctx.idempotency_key,
            "transfer_scene_id": own.transfer_scene_id,
            "openid": account.number,
            **({"user_name": self._keys.seal(account.holder)} if named else {}),
            "transfer_amount": mapping.fen(request.money),
            "transfer_remark": request.purpose[:32],
            "notify_url": self._notify_url,
            "transfer_scene_report_infos": [
                {"info_type": name, "info_content": text} for name, text in own.transfer_report.items()
            ],
        }
        path = "/v3/fund-app/mch-transfer/transfer-bills"
        return mapping.transfer_of(await self._client.post(path, body, ctx, sealed=bool(named)))

    # Looking

    @hookimpl
    async def payments_status(self, query: StatusQuery, ctx: CallContext) -> PaymentResult | NoRecord:
        """What became of a debit, a refund or a transfer; nothing is moved by asking."""
        ref, key = query.provider_ref or "", query.idempotency_key or ""
        if ref.startswith(REFUND):
            found = await self._refund(ref.removeprefix(REFUND), ctx)
        elif ref.startswith(TRANSFER):
            found = await self._transfer(ref.removeprefix(TRANSFER), ctx)
        elif ref:
            found = await self._debit(ref, ctx)
        else:
            found = await self._debit(key, ctx) or await self._refund(key, ctx) or await self._transfer(key, ctx)
        return found or NoRecord(query=query)

    async def _debit(self, ref: str, ctx: CallContext) -> PaymentResult | None:
        """A debit by our number, and by its mandate where it may only be announced so far."""
        number, mandate = mapping.order_of(ref)
        if (order := await self._client.find(self._order_path(number), ctx)) is not None:
            return mapping.payment_of(order)
        contract = await self._client.find(self._contract_path(mandate), ctx) if mandate else None
        if contract is None or mandate is None:
            return None
        if (refused := _not_active(contract, mandate, ref)) is not None:
            return refused
        following = plan(await self._announcement(contract, ctx), None, self._clock.now())
        return _without_order(following, ref)

    async def _refund(self, number: str, ctx: CallContext) -> PaymentResult | None:
        found = await self._client.find(f"/v3/refund/domestic/refunds/{quote(number, safe='')}", ctx)
        return None if found is None else mapping.refund_of(found)

    async def _transfer(self, number: str, ctx: CallContext) -> PaymentResult | None:
        found = await self._client.find(_transfer_path(number), ctx)
        return None if found is None else mapping.transfer_of(found)

    @hookimpl
    async def payments_statement(self, request: StatementRequest, ctx: CallContext) -> Statement:
        """The bill of one day: ready at ten on the next, checked against its digest, whole on one page."""
        path = f"/v3/bill/tradebill?bill_date={request.day_on.isoformat()}&bill_type=ALL&tar_type=GZIP"
        try:
            answer = await self._client.get(path, ctx)
        except Rejected as none:
            if none.vendor_code == "NO_STATEMENT_EXIST" and self._ready(request):
                return Statement(lines=(), covers=_LISTED)
            raise
        packed = await self._client.download(answer.text("download_url"), ctx)
        text = bill.unpacked(packed, answer.text("hash_type"), answer.text("hash_value"))
        return Statement(lines=bill.lines_of(text), covers=_LISTED)

    def _ready(self, request: StatementRequest) -> bool:
        following = datetime.combine(request.day_on + timedelta(days=1), datetime.min.time(), BEIJING)
        return self._clock.now() >= following + _BILL_READY

    # Addresses

    def _order_path(self, number: str) -> str:
        return f"/v3/pay/transactions/out-trade-no/{quote(number, safe='')}?mchid={self._settings.mch_id}"

    def _contract_path(self, code: str) -> str:
        return f"/v3/papay/sign/contracts/plan-id/{self._settings.plan_id}/out-contract-code/{quote(code, safe='')}"


def _schedule_path(contract_id: str) -> str:
    return f"/v3/papay/pay/schedules/contract-id/{quote(contract_id, safe='')}"


def _transfer_path(number: str) -> str:
    return f"/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{quote(number, safe='')}"


def _not_active(contract: Fields | None, mandate: str, ref: str) -> PaymentResult | None:
    """Why nothing can be debited under a contract; None when something can."""
    status = MandateStatus.REVOKED if contract is None else mapping.mandate_of(contract, mandate).status
    if status is MandateStatus.ACTIVE:
        return None
    pending = status is MandateStatus.PENDING
    return PaymentResult(
        outcome=PaymentOutcome.REJECTED,
        payment_ref=ref,
        code="mandate_not_active" if pending else "mandate_revoked",
        advice=RejectionAdvice.RETRY_LATER if pending else RejectionAdvice.NEW_MANDATE,
    )


def _without_order(following: Plan, ref: str) -> PaymentResult:
    """A debit of which there is no order: it is for the hub to send again, or its window has passed."""
    code = {Step.MISSED: "charge_window_missed", Step.OTHER_AMOUNT: "other_amount_announced"}.get(following.step)
    if code is None:
        return PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref=ref, send_again_at=following.at)
    return PaymentResult(
        outcome=PaymentOutcome.REJECTED, payment_ref=ref, code=code, advice=RejectionAdvice.RETRY_LATER
    )


def _effect(key_max_len: int, days: int) -> OperationFacts:
    """An operation that the vendor executes once under our number; it sees it at once, and ten minutes are for doubt."""
    return OperationFacts(
        idempotent=True,
        key_max_len=key_max_len,
        key_lifetime=timedelta(days=days),
        settle_window=timedelta(minutes=10),
        max_timeout_s=25.0,
        rate_limit=100.0,
    )


_LOOK = OperationFacts(max_timeout_s=15.0)
descriptor = PluginDescriptor(
    name="wechatpay_payments",
    version="0.1.0",
    capabilities=frozenset({Capability.PAYMENTS}),
    settings=WechatpaySettings,
    factory=Wechatpay,
    operations={
        "payments_mandate": _effect(32, 30),
        "payments_mandate_status": _LOOK,
        "payments_revoke_mandate": OperationFacts(max_timeout_s=20.0),
        "payments_collect": _effect(32, 60),
        "payments_payout": _effect(32, 30),
        "payments_refund": _effect(64, 300),
        "payments_cancel": OperationFacts(max_timeout_s=15.0),
        "payments_status": _LOOK,
        "payments_statement": OperationFacts(max_timeout_s=60.0, ready_after=timedelta(hours=2, minutes=30)),
    },
    countries=frozenset({"CN"}),
    currencies=frozenset({"CNY"}),
    data_categories=frozenset({"name", "payment_account", "contract_number"}),
    docs_url="https://pay.weixin.qq.com/doc/v3/merchant/4012791911",
)
