"""Providers that do as they are told, in a registry that holds just them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hub.core.hookspecs import CreditV1, GpsV1, MessagingV1, PaymentsV1, hookimpl
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.credit_bureau import CreditOutcome, CreditPullRequest, CreditReport
from hub.core.ports.gps_tracker import CommandReceipt, Datum, Fix, ImmobilizeRequest, LocateRequest
from hub.core.ports.payments import (
    CancelRequest,
    CollectRequest,
    Mandate,
    MandateRequest,
    MandateStatus,
    PaymentOutcome,
    PaymentResult,
    PayoutRequest,
    RevokeRequest,
    Statement,
    StatementRequest,
)
from hub.core.ports.sms import MessageReceipt, MessageRequest, MessageStatus
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookReply, WebhookRequest
from hub.core.provider import CallContext, Capability, Health, Mode, OperationFacts, PluginDescriptor, PluginSettings
from hub.infra.database import Database
from hub.integrations.generation import Generation, Instance
from hub.integrations.plugins import ProviderState, bind, contract_manager
from hub.integrations.routing import Routes

Step = object  # a result to return, an exception to raise, or something to await for one of these
SECRET = b"callback secret"


@dataclass
class Sent:
    """One call as a provider saw it."""

    operation: str
    request: Any
    ctx: CallContext


@dataclass
class Script:
    """What a provider does, call by call; the last step is repeated."""

    steps: dict[str, list[Step]] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    healthy: bool = True

    async def play(self, operation: str, request: object, ctx: CallContext, default: Step) -> Any:
        self.sent.append(Sent(operation, request, ctx))
        steps = self.steps.get(operation) or [default]
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if callable(step):
            step = step(request, ctx)
        if isinstance(step, Awaitable):
            step = await step
        if isinstance(step, BaseException):
            raise step
        return step

    def of(self, operation: str) -> list[Sent]:
        """The calls of one operation."""
        return [sent for sent in self.sent if sent.operation == operation]


def paid(cents: int = 100_00, ref: str = "p-1") -> PaymentResult:
    return PaymentResult(outcome=PaymentOutcome.SUCCEEDED, payment_ref=ref, money=Money(cents))


def pending(ref: str | None = "p-1") -> PaymentResult:
    return PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref=ref)


class _Provider:
    def __init__(self, script: Script) -> None:
        self.script = script

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        self.script.sent.append(Sent("provider_health", None, ctx))
        return Health(healthy=self.script.healthy)

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        wanted = hmac.new(SECRET, request.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, request.headers.get("x-signature", "")):
            return WebhookDelivery(verified=False, reason="wrong signature")
        said = json.loads(request.body)
        if said == "break":
            raise SystemExit(3)
        events = tuple(WebhookEvent(**{**event, "kind": WebhookKind(event["kind"])}) for event in said["events"])
        return WebhookDelivery(verified=True, events=events, reply=WebhookReply(body=b"success"))


class Payments(_Provider, PaymentsV1):
    """Takes payments."""

    @hookimpl
    async def payments_mandate(self, request: MandateRequest, ctx: CallContext) -> Mandate:
        default = Mandate(mandate_ref="m-1", status=MandateStatus.ACTIVE)
        result: Mandate = await self.script.play("payments_mandate", request, ctx, default)
        return result

    @hookimpl
    async def payments_collect(self, request: CollectRequest, ctx: CallContext) -> PaymentResult:
        result: PaymentResult = await self.script.play("payments_collect", request, ctx, paid(request.money.minor))
        return result

    @hookimpl
    async def payments_payout(self, request: PayoutRequest, ctx: CallContext) -> PaymentResult:
        result: PaymentResult = await self.script.play("payments_payout", request, ctx, paid(request.money.minor))
        return result

    @hookimpl
    async def payments_cancel(self, request: CancelRequest, ctx: CallContext) -> PaymentResult:
        result: PaymentResult = await self.script.play("payments_cancel", request, ctx, paid())
        return result

    @hookimpl
    async def payments_status(self, query: StatusQuery, ctx: CallContext) -> PaymentResult | NoRecord:
        result: PaymentResult = await self.script.play("payments_status", query, ctx, NoRecord(query=query))
        return result


class AskablePayments(Payments):
    """Takes payments, says how a mandate stands, takes it back, and has a book of each day."""

    @hookimpl
    async def payments_statement(self, request: StatementRequest, ctx: CallContext) -> Statement:
        result: Statement = await self.script.play("payments_statement", request, ctx, Statement(lines=()))
        return result

    @hookimpl
    async def payments_mandate_status(self, query: StatusQuery, ctx: CallContext) -> Mandate | NoRecord:
        result: Mandate = await self.script.play("payments_mandate_status", query, ctx, NoRecord(query=query))
        return result

    @hookimpl
    async def payments_revoke_mandate(self, request: RevokeRequest, ctx: CallContext) -> Mandate:
        default = Mandate(mandate_ref=request.mandate_ref, status=MandateStatus.REVOKED)
        result: Mandate = await self.script.play("payments_revoke_mandate", request, ctx, default)
        return result


class Messages(_Provider, MessagingV1):
    """Sends messages, and cannot be asked what became of them."""

    @hookimpl
    async def messaging_send(self, request: MessageRequest, ctx: CallContext) -> MessageReceipt:
        default = MessageReceipt(message_ref="s-1", status=MessageStatus.DELIVERED, cost=Money(5))
        result: MessageReceipt = await self.script.play("messaging_send", request, ctx, default)
        return result


class TracedMessages(Messages):
    """Sends messages, and finds them by whom they went to."""

    @hookimpl
    async def messaging_status(self, query: StatusQuery, ctx: CallContext) -> MessageReceipt | NoRecord:
        result: MessageReceipt = await self.script.play("messaging_status", query, ctx, NoRecord(query=query))
        return result


class Credit(_Provider, CreditV1):
    """Reports on applicants."""

    @hookimpl
    async def credit_pull(self, request: CreditPullRequest, ctx: CallContext) -> CreditReport:
        default = CreditReport(outcome=CreditOutcome.REPORTED, report_ref="r-1", score=700)
        result: CreditReport = await self.script.play("credit_pull", request, ctx, default)
        return result

    @hookimpl
    async def credit_status(self, query: StatusQuery, ctx: CallContext) -> CreditReport | NoRecord:
        result: CreditReport = await self.script.play("credit_status", query, ctx, NoRecord(query=query))
        return result


class Gps(_Provider, GpsV1):
    """Knows where cars are, and stops them."""

    @hookimpl
    async def gps_locate(self, request: LocateRequest, ctx: CallContext) -> Fix | NoRecord:
        default = Fix(latitude=dec("31.2"), longitude=dec("121.5"), datum=Datum.WGS84, fixed_at=ctx.deadline)
        result: Fix = await self.script.play("gps_locate", request, ctx, default)
        return result

    @hookimpl
    async def gps_immobilize(self, request: ImmobilizeRequest, ctx: CallContext) -> CommandReceipt:
        default = CommandReceipt(command_ref="c-1", accepted=True)
        result: CommandReceipt = await self.script.play("gps_immobilize", request, ctx, default)
        return result


def dec(text: str) -> Any:
    from decimal import Decimal

    return Decimal(text)


_PAYMENTS = ("payments_mandate", "payments_collect", "payments_payout", "payments_cancel", "payments_status")
_KINDS: dict[type[_Provider], tuple[Capability, tuple[str, ...]]] = {
    Payments: (Capability.PAYMENTS, _PAYMENTS),
    AskablePayments: (
        Capability.PAYMENTS,
        (*_PAYMENTS, "payments_mandate_status", "payments_revoke_mandate", "payments_statement"),
    ),
    Messages: (Capability.SMS, ("messaging_send",)),
    TracedMessages: (Capability.SMS, ("messaging_send", "messaging_status")),
    Credit: (Capability.CREDIT_BUREAU, ("credit_pull", "credit_status")),
    Gps: (Capability.GPS_TRACKER, ("gps_locate", "gps_immobilize")),
}

# What a vendor of the better sort promises.
PROMISES = OperationFacts(
    idempotent=True, key_lifetime=timedelta(hours=24), settle_window=timedelta(minutes=2), max_timeout_s=5.0
)


def instance(name: str, kind: type[_Provider], script: Script, facts: OperationFacts = PROMISES) -> Instance:
    """An instance bound for real, as the registry does it."""
    capability, operations = _KINDS[kind]
    descriptor = PluginDescriptor(
        name=name,
        version="1",
        capabilities=frozenset({capability}),
        settings=PluginSettings,
        factory=lambda settings, context: None,
        operations={**dict.fromkeys(operations, facts), "provider_health": OperationFacts()},
    )
    bound = bind(contract_manager(), kind(script), descriptor, name)
    return Instance(
        name=name,
        plugin=name,
        distribution=name,
        descriptor=descriptor,
        mode=Mode.SANDBOX,
        state=ProviderState.LOADED,
        capabilities=frozenset({capability}),
        operations=bound.operations,
        receive=bound.receive,
    )


class FakeRegistry:
    """Holds instances in the order of their routes, and keeps what observers would be told."""

    def __init__(self, *instances: Instance) -> None:
        self.told: list[tuple[str, object]] = []
        routes: dict[Capability, Routes] = {}
        for one in instances:
            for capability in one.capabilities:
                before = routes[capability].default if capability in routes else ()
                routes[capability] = Routes(default=(*before, one.name))
        self.current = Generation(number=1, instances={one.name: one for one in instances}, routes=routes)

    @contextmanager
    def using(self) -> Iterator[Generation]:
        yield self.current

    def observe(self, hook: str, event: object) -> None:
        self.told.append((hook, event))

    def change(self, name: str, **changes: Any) -> None:
        """A new generation in which one instance is different."""
        changed = {**self.current.instances, name: replace(self.current.instances[name], **changes)}
        self.current = replace(self.current, number=self.current.number + 1, instances=changed)


class FakeTime:
    """Monotonic seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def timer(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def signed(body: Mapping[str, object] | str, *, secret: bytes = SECRET) -> tuple[bytes, dict[str, str]]:
    """A callback's body and headers, as a vendor sends them."""
    raw = json.dumps(body).encode()
    return raw, {"x-signature": hmac.new(secret, raw, hashlib.sha256).hexdigest()}


@contextmanager
def power_cut(database: Database) -> Iterator[None]:
    """As good as a crash between the send and its end: the answer of no call is written down."""

    def cut(point: str) -> None:
        if point == "call_book.end":
            raise ConnectionError("power cut")

    before, database.fault = database.fault, cut
    try:
        yield
    finally:
        database.fault = before


Play = Callable[[object, CallContext], Step]
