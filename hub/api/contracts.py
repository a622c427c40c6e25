"""Contracts: written, their car ordered and handed over, put into force, closed; signed in `signatures`, paid in `funding`."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from hub.api.deps import AmountText, Body, ThePage, acting
from hub.api.once import OnceRoute
from hub.core.ids import ApplicationId, BankAccountId, ChannelId, ContractId, VehicleId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.channels import service as channels
from hub.leasing.contracts import service
from hub.leasing.contracts.rules import ContractState
from hub.leasing.inventory import service as inventory
from hub.leasing.products.rules import LeaseType, Method

router = APIRouter(prefix="/contracts", tags=["contracts"], route_class=OnceRoute)

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


async def shown(tx: Tx, contract_id: UUID) -> ContractOut:
    """A contract as it now stands."""
    return ContractOut.model_validate(await service.view(tx, ContractId(contract_id)))


@router.post("", status_code=201)
async def draft(body: Draft, tx: Writing) -> ContractOut:
    """Write the contract of an approved application."""
    account = None if body.bank_account_id is None else BankAccountId(body.bank_account_id)
    contract_id = await service.draft(tx, application_id=ApplicationId(body.application_id), bank_account_id=account)
    return await shown(tx, contract_id)


@router.get("")
async def list_contracts(page: ThePage, tx: Reading, state: ContractState | None = None) -> list[ContractOut]:
    """Contracts by state, newest first, a page at a time."""
    found = await service.list_contracts(tx, state=state, after=page.after, limit=page.limit)
    return [ContractOut.model_validate(one) for one in found]


@router.get("/{contract_id}")
async def contract(contract_id: UUID, tx: Reading) -> ContractOut:
    """One contract."""
    return await shown(tx, contract_id)


@router.get("/{contract_id}/timeline")
async def timeline(contract_id: UUID, tx: Reading) -> list[EventOut]:
    """Every change of state, first to last."""
    return [EventOut.model_validate(one) for one in await service.timeline(tx, ContractId(contract_id))]


@router.post("/{contract_id}/cancellation")
async def cancel(contract_id: UUID, body: Reason, tx: Writing) -> ContractOut:
    """The lease does not come about."""
    await service.cancel(tx, ContractId(contract_id), reason=body.reason)
    return await shown(tx, contract_id)


@router.post("/{contract_id}/vehicle", status_code=201)
async def order_vehicle(contract_id: UUID, body: OrderVehicle, tx: Writing) -> ContractOut:
    """Order the car of a signed contract from its dealer."""
    partner = None if body.channel_id is None else await channels.get_partner(tx, ChannelId(body.channel_id))
    await service.order_vehicle(
        tx,
        ContractId(contract_id),
        vin=body.vin,
        cost=body.cost,
        dealer=body.dealer,
        channel_id=None if partner is None else partner.id,
        colour=body.colour,
        engine_number=body.engine_number,
    )
    return await shown(tx, contract_id)


@router.put("/{contract_id}/vehicle")
async def assign_vehicle(contract_id: UUID, body: AssignVehicle, tx: Writing) -> ContractOut:
    """Take a car from stock, or one on order, for a signed contract."""
    vehicle = await inventory.get(tx, VehicleId(body.vehicle_id))
    await service.assign_vehicle(tx, ContractId(contract_id), vehicle.id)
    return await shown(tx, contract_id)


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
    return await shown(tx, contract_id)


@router.post("/{contract_id}/commencement")
async def commence(contract_id: UUID, body: Commence, tx: Writing) -> ContractOut:
    """Put the lease into force."""
    await service.commence(tx, ContractId(contract_id), commenced_on=body.commenced_on)
    return await shown(tx, contract_id)


@router.post("/{contract_id}/closing")
async def close(contract_id: UUID, body: Close, tx: Writing) -> ContractOut:
    """The title passes to the lessee of a settled lease, and the contract is closed."""
    await service.close(tx, ContractId(contract_id), closed_on=body.closed_on, paper_ref=body.paper_ref)
    return await shown(tx, contract_id)
