"""The warehouse: cars by status, one car with its history, orders for stock, receipt and the moves in between."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from hub.api.deps import AmountText, Body, ThePage, acting
from hub.api.once import OnceRoute
from hub.core.ids import BranchId, ChannelId, ContractId, VehicleId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.channels import service as channels
from hub.leasing.contracts import service as contracts
from hub.leasing.inventory import service
from hub.leasing.inventory.rules import CarToOrder, Inspection, MovementKind, OrderState, TitleHolder, VehicleStatus

router = APIRouter(prefix="/vehicles", tags=["inventory"], route_class=OnceRoute)

Reading = Annotated[Tx, acting(P.INVENTORY_READ)]
Writing = Annotated[Tx, acting(P.INVENTORY_WRITE)]


class OrderForStock(Body):
    """A car to order for a branch, and from whom."""

    branch_id: UUID
    vin: str
    model: str
    cost: AmountText
    dealer: str
    channel_id: UUID | None = None
    colour: str | None = None
    engine_number: str | None = None


class Confirm(Body):
    """The dealer's confirmation."""

    paper_ref: str | None = None


class Receive(Body):
    """What the inspection on receipt found."""

    inspection: Inspection
    paper_ref: str | None = None
    mileage_km: int | None = None


class Reserve(Body):
    """The contract that takes the car."""

    contract_id: UUID


class Release(Body):
    """The contract that lets go of the car, and why."""

    contract_id: UUID
    reason: str


class Move(Body):
    """A move off the straight road, with its reason and paper."""

    kind: MovementKind
    reason: str
    paper_ref: str | None = None


class Clear(Body):
    """What has been put right."""

    reason: str
    paper_ref: str | None = None


class Plate(Body):
    """The plate that a car has been registered under."""

    plate: str


class VehicleOut(BaseModel):
    """A car."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    branch_id: UUID
    location_id: UUID | None
    vin: str
    vin_warning: str | None
    model: str
    colour: str | None
    engine_number: str | None
    cost: AmountText
    status: VehicleStatus
    plate: str | None
    title_holder: TitleHolder
    held_for: UUID | None


class MovementOut(BaseModel):
    """One move of a car."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    kind: MovementKind
    before: VehicleStatus | None
    after: VehicleStatus
    at: datetime
    actor: str
    reason: str
    paper_ref: str | None
    mileage_km: int | None
    contract_id: UUID | None


class OrderOut(BaseModel):
    """A purchase order."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    vehicle_id: UUID
    contract_id: UUID | None
    dealer: str
    channel_id: UUID | None
    price: AmountText
    state: OrderState


async def _shown(tx: Tx, vehicle_id: UUID) -> VehicleOut:
    return VehicleOut.model_validate(await service.get(tx, VehicleId(vehicle_id)))


@router.post("", status_code=201)
async def order_for_stock(body: OrderForStock, tx: Writing) -> VehicleOut:
    """Order a car that nobody has asked for yet."""
    car = CarToOrder(
        vin=body.vin,
        model=body.model,
        cost=body.cost,
        branch_id=BranchId(body.branch_id),
        colour=body.colour,
        engine_number=body.engine_number,
    )
    partner = None if body.channel_id is None else await channels.get_partner(tx, ChannelId(body.channel_id))
    channel_id = None if partner is None else partner.id
    return await _shown(tx, await service.order_for_stock(tx, car, dealer=body.dealer, channel_id=channel_id))


@router.get("")
async def list_vehicles(page: ThePage, tx: Reading, status: VehicleStatus | None = None) -> list[VehicleOut]:
    """Cars by status, newest first, a page at a time."""
    found = await service.list_vehicles(tx, status=status, after=page.after, limit=page.limit)
    return [VehicleOut.model_validate(one) for one in found]


@router.get("/status-counts")
async def status_counts(tx: Reading) -> dict[VehicleStatus, int]:
    """How many cars there are in each status."""
    return await service.status_counts(tx)


@router.get("/{vehicle_id}")
async def vehicle(vehicle_id: UUID, tx: Reading) -> VehicleOut:
    """One car."""
    return await _shown(tx, vehicle_id)


@router.get("/{vehicle_id}/movements")
async def movements(vehicle_id: UUID, tx: Reading) -> list[MovementOut]:
    """Every move of a car, first to last."""
    return [MovementOut.model_validate(one) for one in await service.history(tx, VehicleId(vehicle_id))]


@router.get("/{vehicle_id}/orders")
async def orders(vehicle_id: UUID, tx: Reading) -> list[OrderOut]:
    """Every purchase order for a car, first to last."""
    return [OrderOut.model_validate(one) for one in await service.orders_of(tx, VehicleId(vehicle_id))]


@router.post("/{vehicle_id}/confirmation")
async def confirm(vehicle_id: UUID, body: Confirm, tx: Writing) -> VehicleOut:
    """The dealer has confirmed the order and sent the car."""
    await service.confirm(tx, VehicleId(vehicle_id), paper_ref=body.paper_ref)
    return await _shown(tx, vehicle_id)


@router.post("/{vehicle_id}/receipt")
async def receive(vehicle_id: UUID, body: Receive, tx: Writing) -> VehicleOut:
    """A bought car has arrived and been inspected."""
    await service.receive(
        tx,
        VehicleId(vehicle_id),
        inspection=body.inspection,
        paper_ref=body.paper_ref,
        mileage_km=body.mileage_km,
    )
    return await _shown(tx, vehicle_id)


@router.post("/{vehicle_id}/clearance")
async def clear(vehicle_id: UUID, body: Clear, tx: Writing) -> VehicleOut:
    """What was wrong with a car has been put right."""
    await service.clear(tx, VehicleId(vehicle_id), reason=body.reason, paper_ref=body.paper_ref)
    return await _shown(tx, vehicle_id)


@router.post("/{vehicle_id}/reservation")
async def reserve(vehicle_id: UUID, body: Reserve, tx: Writing) -> VehicleOut:
    """Hold a car for a contract."""
    contract = await contracts.view(tx, ContractId(body.contract_id))
    await service.reserve(tx, VehicleId(vehicle_id), contract_id=contract.id)
    return await _shown(tx, vehicle_id)


@router.post("/{vehicle_id}/release")
async def release(vehicle_id: UUID, body: Release, tx: Writing) -> VehicleOut:
    """Let go of a car that a contract will not take."""
    contract = await contracts.view(tx, ContractId(body.contract_id))
    await service.release(tx, VehicleId(vehicle_id), contract_id=contract.id, reason=body.reason)
    return await _shown(tx, vehicle_id)


@router.post("/{vehicle_id}/movements")
async def move(vehicle_id: UUID, body: Move, tx: Writing) -> VehicleOut:
    """Transfers, repossession, disposal: the moves that have no verb of their own."""
    await service.move(tx, VehicleId(vehicle_id), body.kind, reason=body.reason, paper_ref=body.paper_ref)
    return await _shown(tx, vehicle_id)


@router.put("/{vehicle_id}/plate")
async def plate(vehicle_id: UUID, body: Plate, tx: Writing) -> VehicleOut:
    """Write down a car's plate."""
    await service.register_plate(tx, VehicleId(vehicle_id), body.plate)
    return await _shown(tx, vehicle_id)
