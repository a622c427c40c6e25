"""Contracts: written, signed, paid at signing, their car ordered and handed over, put into force, closed; and their papers."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from hub.api.deps import AmountText, Body, TheHouse, ThePage, acting
from hub.core.ids import ApplicationId, BankAccountId, ChannelId, ContractId, VehicleId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.contracts import service, signature
from hub.leasing.contracts.rules import (
    ContractState,
    DocumentKind,
    EnvelopeState,
    Language,
    SigningPaymentState,
)
from hub.leasing.inventory import service as inventory
from hub.leasing.products.rules import LeaseType, Method
from hub.ledger.postings import SigningPurpose

router = APIRouter(prefix="/contracts", tags=["contracts"])

_ARCHIVE = b"PK\x03\x04"  # Source: PKWARE APPNOTE 6.3.10, 4.3.7

Reading = Annotated[Tx, acting(P.CONTRACTS_READ)]
Writing = Annotated[Tx, acting(P.CONTRACTS_WRITE)]


class Draft(Body):
    """The approved application, and the account that is debited (the lessee's newest when it is left out)."""

    application_id: UUID
    bank_account_id: UUID | None = None


class Reason(Body):
    """Why."""

    reason: str


class AssignVehicle(Body):
    """A car that is in stock or on order."""

    vehicle_id: UUID


class OrderVehicle(Body):
    """The car to order from a dealer, and what it costs us."""

    vin: str
    cost: AmountText
    dealer: str
    channel_id: UUID | None = None
    colour: str | None = None
    engine_number: str | None = None


class Deliver(Body):
    """The delivery note: day, mileage in km, reference of the paper."""

    delivered_on: date
    mileage_km: int
    paper_ref: str


class Commence(Body):
    """The day from which rents run."""

    commenced_on: date


class Close(Body):
    """The day of the transfer of title, and its paper."""

    closed_on: date
    paper_ref: str | None = None


class ContractOut(BaseModel):
    """A contract with its terms and amounts; `annual_rate` as a fraction."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    branch_id: UUID
    application_id: UUID
    party_id: UUID
    bank_account_id: UUID | None
    product_version_id: UUID
    quote_id: UUID
    lease_type: LeaseType
    state: ContractState
    vehicle_id: UUID | None
    car_model: str
    car_price: AmountText
    financed_amount: AmountText
    down_payment_amount: AmountText
    deposit_amount: AmountText
    service_fee_amount: AmountText
    third_party_fees_amount: AmountText
    balloon_amount: AmountText
    purchase_option_amount: AmountText
    total_rent_amount: AmountText
    instalment_count: int
    term_months: int
    annual_rate: Decimal
    method: Method
    in_advance: bool
    drafted_at: datetime
    signed_at: datetime | None
    funded_at: datetime | None
    commenced_on: date | None
    settled_on: date | None
    closed_on: date | None
    cancelled_reason: str | None


class EventOut(BaseModel):
    """One change of state."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    actor: str
    before: ContractState | None
    after: ContractState
    note: str


class DocumentOut(BaseModel):
    """A paper, by the digests of the file sent out, of the signed file and of its evidence."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: DocumentKind
    language: Language
    template_version: str
    sha256: str
    signed_sha256: str | None
    evidence_sha256: str | None


class EnvelopeOut(BaseModel):
    """One try to have the contract signed."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    state: EnvelopeState
    instance: str | None
    requested_at: datetime
    completed_at: datetime | None
    reason: str | None
    signing_urls: list[str]


class SigningPaymentOut(BaseModel):
    """One payment due at signing."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    purpose: SigningPurpose
    money: AmountText
    state: SigningPaymentState
    charge_id: UUID | None
    received_on: date | None


async def _shown(tx: Tx, contract_id: UUID) -> ContractOut:
    return ContractOut.model_validate(await service.view(tx, ContractId(contract_id)))


@router.post("", status_code=201)
async def draft(body: Draft, tx: Writing) -> ContractOut:
    """Write the contract of an approved application."""
    account = None if body.bank_account_id is None else BankAccountId(body.bank_account_id)
    contract_id = await service.draft(tx, application_id=ApplicationId(body.application_id), bank_account_id=account)
    return await _shown(tx, contract_id)


@router.get("")
async def list_contracts(page: ThePage, tx: Reading, state: ContractState | None = None) -> list[ContractOut]:
    """Contracts by state, newest first, a page at a time."""
    found = await service.list_contracts(tx, state=state, after=page.after, limit=page.limit)
    return [ContractOut.model_validate(one) for one in found]


@router.get("/{contract_id}")
async def contract(contract_id: UUID, tx: Reading) -> ContractOut:
    """One contract."""
    return await _shown(tx, contract_id)


@router.get("/{contract_id}/timeline")
async def timeline(contract_id: UUID, tx: Reading) -> list[EventOut]:
    """Every change of state, first to last."""
    return [EventOut.model_validate(one) for one in await service.timeline(tx, ContractId(contract_id))]


@router.get("/{contract_id}/envelopes")
async def envelopes(contract_id: UUID, tx: Reading) -> list[EnvelopeOut]:
    """Every try to have the contract signed, newest first."""
    return [EnvelopeOut.model_validate(one) for one in await service.envelopes(tx, ContractId(contract_id))]


@router.get("/{contract_id}/documents")
async def documents(contract_id: UUID, tx: Reading) -> list[DocumentOut]:
    """The papers of a contract, newest envelope first."""
    return [DocumentOut.model_validate(one) for one in await service.documents(tx, ContractId(contract_id))]


@router.get("/{contract_id}/documents/{language}.pdf", response_class=Response)
async def paper(contract_id: UUID, language: Language, house: TheHouse, tx: Reading, signed: bool = False) -> Response:
    """The newest paper in a language, as it was sent out, or as it came back signed."""
    found = await service.paper(tx, ContractId(contract_id), language, signed=signed)
    content = await asyncio.to_thread(house.files.get, found.sha256)
    return _file(content, found.name)


def _file(content: bytes, name: str) -> Response:
    """A paper as it is kept: some e-signature providers give all that was signed back in one archive."""
    media_type = "application/pdf"
    if content.startswith(_ARCHIVE):
        media_type, name = "application/zip", name.removesuffix(".pdf") + ".zip"
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@router.post("/{contract_id}/signature", status_code=202)
async def request_signature(contract_id: UUID, tx: Writing) -> ContractOut:
    """Send a drafted contract out for signature."""
    await signature.request_signature(tx, ContractId(contract_id))
    return await _shown(tx, contract_id)


@router.post("/{contract_id}/signature/withdrawal", status_code=202)
async def withdraw_signature(contract_id: UUID, body: Reason, tx: Writing) -> ContractOut:
    """Have the envelope that is out taken back."""
    await signature.withdraw_signature(tx, ContractId(contract_id), reason=body.reason)
    return await _shown(tx, contract_id)


@router.post("/{contract_id}/cancellation")
async def cancel(contract_id: UUID, body: Reason, tx: Writing) -> ContractOut:
    """The lease does not come about."""
    await service.cancel(tx, ContractId(contract_id), reason=body.reason)
    return await _shown(tx, contract_id)


@router.post("/{contract_id}/signing-payments", status_code=202)
async def request_signing_payments(contract_id: UUID, tx: Writing) -> list[SigningPaymentOut]:
    """Ask for what is due at signing; what is under way or received is left alone."""
    await service.request_signing_payments(tx, ContractId(contract_id))
    found = await service.signing_payments_of(tx, ContractId(contract_id))
    return [SigningPaymentOut.model_validate(one) for one in found]


@router.get("/{contract_id}/signing-payments")
async def signing_payments(contract_id: UUID, tx: Reading) -> list[SigningPaymentOut]:
    """What is due at signing, and how far each payment has come."""
    found = await service.signing_payments_of(tx, ContractId(contract_id))
    return [SigningPaymentOut.model_validate(one) for one in found]


@router.post("/{contract_id}/vehicle", status_code=201)
async def order_vehicle(contract_id: UUID, body: OrderVehicle, tx: Writing) -> ContractOut:
    """Order the car of a signed contract from its dealer."""
    await service.order_vehicle(
        tx,
        ContractId(contract_id),
        vin=body.vin,
        cost=body.cost,
        dealer=body.dealer,
        channel_id=None if body.channel_id is None else ChannelId(body.channel_id),
        colour=body.colour,
        engine_number=body.engine_number,
    )
    return await _shown(tx, contract_id)


@router.put("/{contract_id}/vehicle")
async def assign_vehicle(contract_id: UUID, body: AssignVehicle, tx: Writing) -> ContractOut:
    """Take a car from stock, or one on order, for a signed contract."""
    vehicle = await inventory.get(tx, VehicleId(body.vehicle_id))
    await service.assign_vehicle(tx, ContractId(contract_id), vehicle.id)
    return await _shown(tx, contract_id)


@router.post("/{contract_id}/delivery")
async def deliver(contract_id: UUID, body: Deliver, tx: Writing) -> ContractOut:
    """Hand the car to the lessee of a funded contract."""
    await service.deliver(
        tx,
        ContractId(contract_id),
        delivered_on=body.delivered_on,
        mileage_km=body.mileage_km,
        paper_ref=body.paper_ref,
    )
    return await _shown(tx, contract_id)


@router.post("/{contract_id}/commencement")
async def commence(contract_id: UUID, body: Commence, tx: Writing) -> ContractOut:
    """Put the lease into force."""
    await service.commence(tx, ContractId(contract_id), commenced_on=body.commenced_on)
    return await _shown(tx, contract_id)


@router.post("/{contract_id}/closing")
async def close(contract_id: UUID, body: Close, tx: Writing) -> ContractOut:
    """The title passes to the lessee of a settled lease, and the contract is closed."""
    await service.close(tx, ContractId(contract_id), closed_on=body.closed_on, paper_ref=body.paper_ref)
    return await _shown(tx, contract_id)
