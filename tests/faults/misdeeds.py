"""Plugins that misbehave, one kind of misdeed each, in every hook of the contract; and what is asked of them.

Each is bound as any other plugin is. A new operation of the contract needs its answer here, and nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from hub.core.hookspecs import OPERATIONS, SPEC_CLASSES, hookimpl
from hub.core.money import Money
from hub.core.ports.credit_bureau import CreditOutcome, CreditReport
from hub.core.ports.esign import Envelope, EnvelopeStatus, SignedFiles
from hub.core.ports.gps_tracker import CommandReceipt, Datum, FenceReceipt, Fix, TrackPage
from hub.core.ports.payments import Mandate, MandateStatus, PaymentOutcome, PaymentResult, Statement
from hub.core.ports.sms import MessageReceipt, MessageStatus
from hub.core.ports.webhooks import WebhookDelivery
from hub.core.provider import Capability, Clock, Health, Mode, OperationFacts, PluginDescriptor, PluginSettings
from hub.integrations.generation import Instance
from hub.integrations.plugins import OBSERVER_HOOKS, WEBHOOK, ProviderState, bind, contract_manager
from hub.testing.kit.samples import samples

LIMIT_S = 0.4  # what a plugin is given that never comes back
BLOCK_S = 0.3  # longer than a single step may take
_MEMORY = 64 * 1024 * 1024
LEAKED = threading.Event()  # lets the threads go that were left behind


def answers(clock: Clock) -> Mapping[str, object]:
    """A good answer to every operation."""
    fix = Fix(latitude=Decimal("31.2"), longitude=Decimal("121.5"), datum=Datum.WGS84, fixed_at=clock.now())
    paid = PaymentResult(outcome=PaymentOutcome.SUCCEEDED, payment_ref="p-1", money=Money(328055))
    report = CreditReport(outcome=CreditOutcome.REPORTED, report_ref="r-1", score=700)
    sent = MessageReceipt(message_ref="s-1", status=MessageStatus.DELIVERED)
    mandate = Mandate(mandate_ref="m-1", status=MandateStatus.ACTIVE)
    signed = Envelope(envelope_ref="e-1", status=EnvelopeStatus.COMPLETED)
    sha256 = hashlib.sha256(b"x").hexdigest()
    return {
        "provider_health": Health(healthy=True),
        "credit_pull": report,
        "credit_status": report,
        "gps_locate": fix,
        "gps_track": TrackPage(fixes=(fix,)),
        "gps_geofence_put": FenceReceipt(fence_ref="yard", active=True),
        "gps_geofence_delete": FenceReceipt(fence_ref="yard", active=False),
        "gps_immobilize": CommandReceipt(command_ref="c-1", accepted=True),
        "esign_create": signed,
        "esign_void": signed,
        "esign_status": signed,
        "esign_fetch": SignedFiles(envelope_ref="e-1", content=b"x", content_type="text/plain", sha256=sha256),
        "payments_mandate": mandate,
        "payments_mandate_status": mandate,
        "payments_revoke_mandate": Mandate(mandate_ref="m-1", status=MandateStatus.REVOKED),
        "payments_collect": paid,
        "payments_payout": paid,
        "payments_refund": paid,
        "payments_cancel": paid,
        "payments_status": paid,
        "payments_statement": Statement(lines=()),
        "messaging_send": sent,
        "messaging_status": sent,
    }


class _Stage:
    """Arranges requests with good answers alone."""

    def __init__(self, clock: Clock) -> None:
        self._answers = answers(clock)

    async def call(self, operation: str, request: object) -> object:
        return self._answers[operation]

    async def pass_time(self) -> None:
        """Nothing waits."""


async def requests(clock: Clock) -> Mapping[str, object]:
    """A request for every operation."""
    found = samples(clock)
    return {name: await one(_Stage(clock)) if callable(one) else one for name, one in found.items()}


class Own(BaseException):
    """What no `except Exception` catches."""


def _raise(error: BaseException) -> Callable[[], object]:
    def misdeed() -> object:
        raise error

    return misdeed


def _block() -> None:
    time.sleep(BLOCK_S)


def _leak() -> None:
    threading.Thread(target=LEAKED.wait, name="left behind", daemon=True).start()


def _eat() -> None:
    bytearray(_MEMORY)


async def _hang() -> object:
    return await asyncio.Event().wait()


async def _hang_on() -> object:
    """Listens to nobody who calls it off."""
    while True:
        try:
            await asyncio.Event().wait()
        except BaseException:
            continue


class _Odd:
    """Not what anybody asked for, and not willing to say what it is."""

    def __repr__(self) -> str:
        raise SystemExit("not even my name")


# What is done in place of an answer.
INSTEAD: Mapping[str, Callable[[], object]] = {
    "raises": _raise(ValueError("13800138000 is out of range")),
    "raises_system_exit": _raise(SystemExit(3)),
    "raises_keyboard_interrupt": _raise(KeyboardInterrupt()),
    "raises_its_own": _raise(Own("odd")),
    "cancels_itself": _raise(asyncio.CancelledError()),
    "runs_out_of_memory": _raise(MemoryError()),
    "recurses": _raise(RecursionError()),
    "returns_another_type": _Odd,
    "returns_nothing": lambda: None,
    "hangs": _hang,
    "hangs_on": _hang_on,
}
# What is done beside it.
BESIDE: Mapping[str, Callable[[], None]] = {"blocks_the_loop": _block, "leaks_a_thread": _leak, "eats_memory": _eat}
MISDEEDS = (*INSTEAD, *BESIDE)
GOOD = "good"


def instance(kind: str, capability: Capability, clock: Clock) -> Instance:
    """A provider of a capability whose every hook does its misdeed."""
    operations = [spec.name for spec in OPERATIONS.values() if spec.capability in (None, capability)]
    hooks = {name: _operation(kind, answers(clock)[name]) for name in operations}
    hooks[WEBHOOK] = _synchronous(kind, WebhookDelivery(verified=True))
    provider = type("Provider", (SPEC_CLASSES[capability],), {name: hookimpl(hook) for name, hook in hooks.items()})
    facts = OperationFacts(max_timeout_s=LIMIT_S if kind.startswith("hangs") else 60.0)
    descriptor = PluginDescriptor(
        name=kind,
        version="1",
        capabilities=frozenset({capability}),
        settings=PluginSettings,
        factory=lambda settings, context: None,
        operations=dict.fromkeys(operations, facts),
    )
    bound = bind(contract_manager(), provider(), descriptor, f"{capability.value}.{kind}")
    return Instance(
        name=f"{capability.value}.{kind}",
        plugin=kind,
        distribution=kind,
        descriptor=descriptor,
        mode=Mode.SANDBOX,
        state=ProviderState.LOADED,
        capabilities=descriptor.capabilities,
        operations=bound.operations,
        receive=bound.receive,
    )


def observer_hooks(kind: str) -> Mapping[str, Callable[[object], object]]:
    """Every hook of an observer, misbehaving."""
    misdeed = _synchronous(kind, None)
    return {hook: lambda event: misdeed() for hook in OBSERVER_HOOKS}


def _operation(kind: str, answer: object) -> Callable[..., Awaitable[object]]:
    async def operation(self: object, **given: Any) -> object:
        if kind in BESIDE:
            BESIDE[kind]()
        if kind in INSTEAD:
            said = INSTEAD[kind]()
            return await said if inspect.iscoroutine(said) else said
        await asyncio.sleep(0)
        return answer

    return operation


def _synchronous(kind: str, answer: object) -> Callable[..., object]:
    def hook(*_: object, **given: Any) -> object:
        if kind in BESIDE:
            BESIDE[kind]()
        return INSTEAD[kind]() if kind in INSTEAD else answer

    return hook
