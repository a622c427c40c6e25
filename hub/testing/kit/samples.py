"""A request for every operation of the contract, made of made-up people; what needs a mandate or an envelope gets one first.

Each is a little story told through the plugin itself: to collect, a payer agrees to a mandate; to refund, money comes in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from hub.core.identity import DocumentKind
from hub.core.money import Money
from hub.core.ports import StatusQuery
from hub.core.ports.credit_bureau import Applicant, CreditPullRequest, CreditReport, Inquiry
from hub.core.ports.esign import (
    Envelope,
    EnvelopeRequest,
    EsignDocument,
    FetchRequest,
    Signer,
    SignerRole,
    VoidRequest,
)
from hub.core.ports.gps_tracker import (
    Datum,
    Geofence,
    GeofenceDelete,
    ImmobilizeRequest,
    LocateRequest,
    TrackRequest,
)
from hub.core.ports.payments import (
    BankAccount,
    CancelRequest,
    CollectRequest,
    Mandate,
    MandateRequest,
    PaymentResult,
    PayoutRequest,
    RefundRequest,
    RevokeRequest,
    StatementRequest,
)
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageReceipt, MessageRequest
from hub.core.provider import Clock
from hub.testing.kit.rig import Arrange, Stage

RENT = Money.of("3280.55")
DEVICE = "JT-000001"
NAME = "张三丰"
NUMBER = "6222020200112233445"
IDENTITY = "110101199003078515"
PHONE = "+8613812345678"
# What must never stand in an error or a log line.
PERSONAL = (NAME, NUMBER, IDENTITY, PHONE.removeprefix("+86"))
T = TypeVar("T")
_PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


def samples(clock: Clock) -> Mapping[str, object | Arrange]:
    """The request for each operation, or how it is arranged."""
    now = clock.now()
    return {
        "credit_pull": _inquiry(),
        "credit_status": _status_of_inquiry,
        "gps_locate": LocateRequest(device_ref=DEVICE),
        "gps_track": TrackRequest(device_ref=DEVICE, from_at=now - timedelta(hours=1), to_at=now),
        "gps_geofence_put": _fence(),
        "gps_geofence_delete": _fence_to_take_down,
        "gps_immobilize": ImmobilizeRequest(device_ref=DEVICE, approval_token="approved-by-two", reason="stolen"),  # noqa: S106
        "esign_create": _envelope(clock),
        "esign_void": lambda stage: _envelope_to_void(stage, clock),
        "esign_status": lambda stage: _status_of_envelope(stage, clock),
        "esign_fetch": lambda stage: _envelope_to_fetch(stage, clock),
        "payments_mandate": mandate_request(),
        "payments_mandate_status": _status_of_mandate,
        "payments_revoke_mandate": _revocation,
        "payments_collect": collect_request,
        "payments_payout": PayoutRequest(money=RENT, account=_account(), purpose="deposit"),
        "payments_refund": _refund,
        "payments_cancel": _cancellation,
        "payments_status": _status_of_payment,
        "payments_statement": StatementRequest(day_on=now.date()),
        "messaging_send": _message(),
        "messaging_status": lambda stage: _status_of_message(stage, clock),
    }


def _inquiry() -> CreditPullRequest:
    applicant = Applicant(name=NAME, document_kind=DocumentKind.CN_IDENTITY_CARD, document_number=IDENTITY, phone=PHONE)
    return CreditPullRequest(
        applicant=applicant, inquiry=Inquiry.HARD, purpose="lease application", consent_ref="consent-1"
    )


async def _status_of_inquiry(stage: Stage) -> StatusQuery:
    report = _expected(await stage.call("credit_pull", _inquiry()), CreditReport)
    await stage.pass_time()
    return StatusQuery(provider_ref=report.report_ref)


def _fence() -> Geofence:
    return Geofence(
        fence_ref="yard",
        device_ref=DEVICE,
        latitude=Decimal("31.230000"),
        longitude=Decimal("121.470000"),
        datum=Datum.WGS84,
        radius_m=500,
    )


async def _fence_to_take_down(stage: Stage) -> GeofenceDelete:
    await stage.call("gps_geofence_put", _fence())
    return GeofenceDelete(fence_ref="yard", device_ref=DEVICE)


def _envelope(clock: Clock) -> EnvelopeRequest:
    document = EsignDocument(name="contract.pdf", content=_PDF, sha256=hashlib.sha256(_PDF).hexdigest())
    return EnvelopeRequest(
        subject="Contract C-1",
        documents=(document,),
        signers=(
            Signer(role=SignerRole.LESSEE, order=1, name=NAME, phone=PHONE, document_number=IDENTITY),
            Signer(role=SignerRole.LESSOR, order=2, name="The lessor", phone="+8613900000000"),
        ),
        expires_at=clock.now() + timedelta(days=7),
    )


async def _sent_out(stage: Stage, clock: Clock) -> Envelope:
    return _expected(await stage.call("esign_create", _envelope(clock)), Envelope)


async def _envelope_to_void(stage: Stage, clock: Clock) -> VoidRequest:
    return VoidRequest(envelope_ref=(await _sent_out(stage, clock)).envelope_ref, reason="the customer withdrew")


async def _status_of_envelope(stage: Stage, clock: Clock) -> StatusQuery:
    return StatusQuery(provider_ref=(await _sent_out(stage, clock)).envelope_ref)


async def _envelope_to_fetch(stage: Stage, clock: Clock) -> FetchRequest:
    envelope = await _sent_out(stage, clock)
    await stage.pass_time()
    return FetchRequest(envelope_ref=envelope.envelope_ref)


def _account() -> BankAccount:
    return BankAccount(holder=NAME, number=NUMBER, bank_code="ICBC", phone=PHONE, document_number=IDENTITY)


def mandate_request() -> MandateRequest:
    """A payer is asked to let us debit them."""
    return MandateRequest(
        payer_ref="party-1",
        account=_account(),
        limit=Money.of("50000.00"),
        contract_number="C-1",
        return_url="https://hub.example/back",
    )


async def _agreed(stage: Stage) -> Mandate:
    mandate = _expected(await stage.call("payments_mandate", mandate_request()), Mandate)
    await stage.pass_time()
    return mandate


async def collect_request(stage: Stage) -> CollectRequest:
    """A rent falls due under a mandate that the payer has agreed to."""
    mandate = await _agreed(stage)
    return CollectRequest(
        money=RENT, mandate_ref=mandate.mandate_ref, due_on=date(2026, 3, 5), purpose="rent", contract_number="C-1"
    )


async def _paid(stage: Stage) -> str:
    result = _expected(await stage.call("payments_collect", await collect_request(stage)), PaymentResult)
    return str(result.payment_ref)


async def _revocation(stage: Stage) -> RevokeRequest:
    return RevokeRequest(mandate_ref=(await _agreed(stage)).mandate_ref, reason="the lease has ended")


async def _status_of_mandate(stage: Stage) -> StatusQuery:
    return StatusQuery(provider_ref=(await _agreed(stage)).mandate_ref)


async def _refund(stage: Stage) -> RefundRequest:
    paid = await _paid(stage)
    await stage.pass_time()
    return RefundRequest(payment_ref=paid, money=Money.of("100.00"), reason="overpaid")


async def _cancellation(stage: Stage) -> CancelRequest:
    return CancelRequest(payment_ref=await _paid(stage), reason="paid in cash")


async def _status_of_payment(stage: Stage) -> StatusQuery:
    return StatusQuery(provider_ref=await _paid(stage))


def _message() -> MessageRequest:
    return MessageRequest(
        channel=MessageChannel.SMS,
        to=PHONE,
        category=MessageCategory.TRANSACTIONAL,
        template_id="rent_due",
        params={"amount": "3280.55", "due_on": "2026-03-05"},
    )


async def _status_of_message(stage: Stage, clock: Clock) -> StatusQuery:
    receipt = _expected(await stage.call("messaging_send", _message()), MessageReceipt)
    return StatusQuery(provider_ref=receipt.message_ref, to=PHONE, sent_at=clock.now())


def by_key(status: str, key: str, clock: Clock) -> StatusQuery:
    """The question after a call that had no answer; after a message with its receiver, as the hub asks."""
    if status != "messaging_status":
        return StatusQuery(idempotency_key=key)
    return StatusQuery(idempotency_key=key, to=PHONE, sent_at=clock.now())


def _expected(found: object, kind: type[T]) -> T:
    if not isinstance(found, kind):
        raise AssertionError(f"arranging a request needs a {kind.__name__}, and got a {type(found).__name__}")
    return found
