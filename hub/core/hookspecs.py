"""The contract on one page: every hook, typed, each with its effect.

A vendor's provider subclasses one or more of these classes and marks what it offers with `@hookimpl`. A required
operation is abstract; an optional one that the vendor lacks is simply not there. Arguments are opt-in by name: an
implementation written before an argument existed still runs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pluggy

from hub.core.effects import Effect
from hub.core.events import (
    BreakerChanged,
    HubStarted,
    LeaseTransition,
    ProviderCallFinished,
    ReconcileEscalated,
    WebhookApplied,
)
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.credit_bureau import CreditPullRequest, CreditReport
from hub.core.ports.esign import Envelope, EnvelopeRequest, FetchRequest, SignedFiles, VoidRequest
from hub.core.ports.gps_tracker import (
    CommandReceipt,
    FenceReceipt,
    Fix,
    Geofence,
    GeofenceDelete,
    ImmobilizeRequest,
    LocateRequest,
    TrackPage,
    TrackRequest,
)
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
from hub.core.ports.sms import MessageReceipt, MessageRequest
from hub.core.ports.webhooks import WebhookDelivery, WebhookRequest
from hub.core.provider import CallContext, Capability, Credential, Health

PROJECT = "leasehub"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSpec:
    """One operation of the contract: its capability (None = every provider), effect, and how an unknown one is asked after."""

    name: str
    capability: Capability | None
    effect: Effect
    required: bool
    status_by: str | None


_SPEC = "leasehub_operation"


def operation(effect: Effect, *, status_by: str | None = None) -> Callable[[_Function], _Function]:
    """Declare an operation with its effect; `status_by` names the operation that settles an unknown outcome of it."""

    def mark(function: _Function) -> _Function:
        setattr(function, _SPEC, (effect, status_by))
        return hookspec(function)

    return mark


class ProviderV1(ABC):
    """What every provider offers, whatever its capability."""

    @operation(Effect.READ)
    @abstractmethod
    async def provider_health(self, ctx: CallContext) -> Health:
        """Is the vendor there and do our credentials work? Without any side effect."""

    @hookspec
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Verify a raw callback and normalise it: synchronous, pure, no input or output."""
        raise NotImplementedError

    @hookspec
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The keys and certificates in use and until when they count: synchronous, pure, from the settings alone."""
        raise NotImplementedError


class CreditV1(ProviderV1):
    """Credit checks."""

    @operation(Effect.REGULATED_READ, status_by="credit_status")
    @abstractmethod
    async def credit_pull(self, request: CreditPullRequest, ctx: CallContext) -> CreditReport:
        """Pull a report on an applicant; a soft inquiry is a plain read, a hard one leaves a mark."""

    @operation(Effect.READ)
    async def credit_status(self, query: StatusQuery, ctx: CallContext) -> CreditReport | NoRecord:
        """What became of an inquiry."""
        raise NotImplementedError


class GpsV1(ProviderV1):
    """Vehicle location."""

    @operation(Effect.READ)
    @abstractmethod
    async def gps_locate(self, request: LocateRequest, ctx: CallContext) -> Fix | NoRecord:
        """The latest position of a device; NoRecord when it has never reported."""

    @operation(Effect.READ)
    async def gps_track(self, request: TrackRequest, ctx: CallContext) -> TrackPage:
        """The positions of a device between two instants, a page at a time."""
        raise NotImplementedError

    @operation(Effect.NOTIFY)
    async def gps_geofence_put(self, request: Geofence, ctx: CallContext) -> FenceReceipt:
        """Put up a fence, or replace the one of the same reference."""
        raise NotImplementedError

    @operation(Effect.NOTIFY)
    async def gps_geofence_delete(self, request: GeofenceDelete, ctx: CallContext) -> FenceReceipt:
        """Take a fence down; one that is not there counts as taken down."""
        raise NotImplementedError

    @operation(Effect.PHYSICAL)
    async def gps_immobilize(self, request: ImmobilizeRequest, ctx: CallContext) -> CommandReceipt:
        """Keep a standing car from starting."""
        raise NotImplementedError


class EsignV1(ProviderV1):
    """E-signature."""

    @operation(Effect.LEGAL, status_by="esign_status")
    @abstractmethod
    async def esign_create(self, request: EnvelopeRequest, ctx: CallContext) -> Envelope:
        """Send documents out for signature."""

    @operation(Effect.LEGAL, status_by="esign_status")
    @abstractmethod
    async def esign_void(self, request: VoidRequest, ctx: CallContext) -> Envelope:
        """Take an envelope back."""

    @operation(Effect.READ)
    @abstractmethod
    async def esign_status(self, query: StatusQuery, ctx: CallContext) -> Envelope | NoRecord:
        """How far an envelope has come."""

    @operation(Effect.READ)
    @abstractmethod
    async def esign_fetch(self, request: FetchRequest, ctx: CallContext) -> SignedFiles:
        """The signed file with its evidence."""


class PaymentsV1(ProviderV1):
    """Payment collection."""

    @operation(Effect.LEGAL, status_by="payments_mandate_status")
    @abstractmethod
    async def payments_mandate(self, request: MandateRequest, ctx: CallContext) -> Mandate:
        """Ask a payer for a direct-debit mandate."""

    @operation(Effect.READ)
    async def payments_mandate_status(self, query: StatusQuery, ctx: CallContext) -> Mandate | NoRecord:
        """Whether a mandate is active by now."""
        raise NotImplementedError

    @operation(Effect.LEGAL, status_by="payments_mandate_status")
    async def payments_revoke_mandate(self, request: RevokeRequest, ctx: CallContext) -> Mandate:
        """Take a mandate back; one that the payer has taken back already counts as taken back."""
        raise NotImplementedError

    @operation(Effect.MONEY, status_by="payments_status")
    @abstractmethod
    async def payments_collect(self, request: CollectRequest, ctx: CallContext) -> PaymentResult:
        """Debit a payer under a mandate."""

    @operation(Effect.MONEY, status_by="payments_status")
    async def payments_payout(self, request: PayoutRequest, ctx: CallContext) -> PaymentResult:
        """Send money out."""
        raise NotImplementedError

    @operation(Effect.MONEY, status_by="payments_status")
    async def payments_refund(self, request: RefundRequest, ctx: CallContext) -> PaymentResult:
        """Give back a payment or part of it."""
        raise NotImplementedError

    @operation(Effect.MONEY, status_by="payments_status")
    async def payments_cancel(self, request: CancelRequest, ctx: CallContext) -> PaymentResult:
        """Stop a payment that is still pending."""
        raise NotImplementedError

    @operation(Effect.READ)
    @abstractmethod
    async def payments_status(self, query: StatusQuery, ctx: CallContext) -> PaymentResult | NoRecord:
        """What became of a payment, by the provider's reference or by our key."""

    @operation(Effect.READ)
    async def payments_statement(self, request: StatementRequest, ctx: CallContext) -> Statement:
        """The provider's own book of one day, a page at a time."""
        raise NotImplementedError


class MessagingV1(ProviderV1):
    """Messaging."""

    @operation(Effect.NOTIFY, status_by="messaging_status")
    @abstractmethod
    async def messaging_send(self, request: MessageRequest, ctx: CallContext) -> MessageReceipt:
        """Send one message to one person."""

    @operation(Effect.READ)
    async def messaging_status(self, query: StatusQuery, ctx: CallContext) -> MessageReceipt | NoRecord:
        """How far a message has come."""
        raise NotImplementedError


class ObserverV1:
    """Watchers: told by broadcast, isolated one by one, never able to block or decide."""

    @hookspec
    def hub_started(self, event: HubStarted) -> None:
        """The hub serves."""

    @hookspec
    def lease_transition(self, event: LeaseTransition) -> None:
        """A contract changed state."""

    @hookspec
    def provider_call_finished(self, event: ProviderCallFinished) -> None:
        """A call to a provider ended."""

    @hookspec
    def webhook_applied(self, event: WebhookApplied) -> None:
        """A callback was applied."""

    @hookspec
    def breaker_changed(self, event: BreakerChanged) -> None:
        """A breaker moved."""

    @hookspec
    def reconcile_escalated(self, event: ReconcileEscalated) -> None:
        """A person must decide."""


class Contract(CreditV1, GpsV1, EsignV1, PaymentsV1, MessagingV1, ObserverV1):
    """Every hook in one namespace: pluggy takes each specification once."""


SPEC_CLASSES: dict[Capability, type] = {
    Capability.CREDIT_BUREAU: CreditV1,
    Capability.GPS_TRACKER: GpsV1,
    Capability.ESIGN: EsignV1,
    Capability.PAYMENTS: PaymentsV1,
    Capability.SMS: MessagingV1,
}


def _operations() -> dict[str, OperationSpec]:
    found: dict[str, OperationSpec] = {}
    owners: list[tuple[Capability | None, type]] = [(None, ProviderV1), *SPEC_CLASSES.items()]
    for capability, owner in owners:
        for name, function in vars(owner).items():
            if marked := getattr(function, _SPEC, None):
                effect, status_by = marked
                required = getattr(function, "__isabstractmethod__", False)
                found[name] = OperationSpec(
                    name=name, capability=capability, effect=effect, required=required, status_by=status_by
                )
    return found


OPERATIONS: dict[str, OperationSpec] = _operations()
