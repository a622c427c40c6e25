"""Order cars, receive them, hold them for contracts, hand them over, and show the stock with its history.

Every change of status goes through `_move`: the rules decide, the movement is written, and the car follows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.ids import BranchId, ChannelId, ContractId, VehicleId
from hub.core.money import Money
from hub.infra import audit, staff
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.leasing.inventory.records import ORDER_NUMBERS, HoldRecord, MovementRecord, OrderRecord, VehicleRecord
from hub.leasing.inventory.rules import (
    HAVE_THEIR_OWN_VERB,
    HOLDABLE,
    STILL_TO_COME,
    CarToOrder,
    Inspection,
    MovementKind,
    MovementView,
    OrderState,
    OrderView,
    TitleHolder,
    TitleTransferred,
    VehicleDelivered,
    VehicleOrdered,
    VehicleReceived,
    VehicleStatus,
    VehicleView,
    moved,
    order_moved,
)
from hub.leasing.inventory.vin import read_vin, vin_warning
from hub.ledger import postings
from hub.ledger import service as ledger

# Buying


async def order_for_contract(
    tx: Tx,
    *,
    contract_id: ContractId,
    vin: str,
    model: str,
    cost: Money,
    branch_id: BranchId,
    dealer: str,
    channel_id: ChannelId | None = None,
    colour: str | None = None,
    engine_number: str | None = None,
) -> VehicleId:
    """Order the car that a contract is about, and hold it for that contract from the start.

    Raises InvalidInput for what cannot be a car, Conflict when the VIN is on the books already.
    """
    car = CarToOrder(vin=vin, model=model, cost=cost, branch_id=branch_id, colour=colour, engine_number=engine_number)
    vehicle = await _new_vehicle(tx, car, contract_id)
    await _hold(tx, vehicle, contract_id)
    await _order(tx, vehicle, dealer=dealer, channel_id=channel_id, contract_id=contract_id)
    return VehicleId(vehicle.id)


async def order_for_stock(tx: Tx, car: CarToOrder, *, dealer: str, channel_id: ChannelId | None = None) -> VehicleId:
    """Order a car that nobody has asked for yet; raises as `order_for_contract` does."""
    vehicle = await _new_vehicle(tx, car, None)
    await _order(tx, vehicle, dealer=dealer, channel_id=channel_id, contract_id=None)
    return VehicleId(vehicle.id)


async def _new_vehicle(tx: Tx, car: CarToOrder, contract_id: ContractId | None) -> VehicleRecord:
    if car.cost.minor <= 0:
        raise InvalidInput("cost", "must be more than nothing")
    await staff.check_branch(tx, car.branch_id)
    vehicle = VehicleRecord(
        id=tx.new_id(),
        branch_id=car.branch_id,
        vin=read_vin(car.vin),
        model=_word("model", car.model, 120),
        colour=_optional("colour", car.colour),
        engine_number=_optional("engine_number", car.engine_number),
        cost_amount=car.cost,
        status=moved(None, MovementKind.ORDERED),
        movement_count=1,
        title_holder=TitleHolder.DEALER,
    )
    if await tx.scalar(select(VehicleRecord.id).where(VehicleRecord.vin == vehicle.vin)):
        raise Conflict("vehicle_known")
    tx.add(vehicle)
    await _flush(tx, "vehicle_known")
    tx.add(_movement(tx, vehicle, MovementKind.ORDERED, before=None, reason="ordered", contract_id=contract_id))
    return vehicle


async def _order(
    tx: Tx, vehicle: VehicleRecord, *, dealer: str, channel_id: ChannelId | None, contract_id: ContractId | None
) -> None:
    serial = await tx.scalar(select(ORDER_NUMBERS.next_value()))
    order = OrderRecord(
        id=tx.new_id(),
        number=f"PO{tx.today:%Y}-{serial:06d}",
        branch_id=vehicle.branch_id,
        vehicle_id=vehicle.id,
        contract_id=contract_id,
        dealer=_word("dealer", dealer, 120),
        channel_id=channel_id,
        price_amount=vehicle.cost_amount,
        state=OrderState.ORDERED,
        ordered_at=tx.now,
    )
    tx.add(order)
    await tx.flush()
    await audit.record(
        tx, action="vehicle.ordered", subject="vehicle", subject_id=vehicle.id, detail={"order": order.number}
    )
    tx.emit(
        VehicleOrdered(
            vehicle_id=VehicleId(vehicle.id), order_id=order.id, contract_id=contract_id, price=order.price_amount
        )
    )


async def confirm(tx: Tx, vehicle_id: VehicleId, *, paper_ref: str | None = None) -> None:
    """The dealer has confirmed the order and sent the car on its way."""
    vehicle = await _locked(tx, vehicle_id)
    order = await _live_order(tx, vehicle_id)
    order.state, order.confirmed_at = order_moved(OrderState(order.state), OrderState.CONFIRMED), tx.now
    await _move(tx, vehicle, MovementKind.SHIPPED_BY_DEALER, reason="confirmed by the dealer", paper_ref=paper_ref)


async def receive(
    tx: Tx,
    vehicle_id: VehicleId,
    *,
    inspection: Inspection,
    paper_ref: str | None = None,
    mileage_km: int | None = None,
) -> None:
    """A bought car has arrived: it is the company's, and reserved at once for the contract that holds it."""
    vehicle = await _locked(tx, vehicle_id)
    order = await _live_order(tx, vehicle_id)
    order.state, order.received_at = order_moved(OrderState(order.state), OrderState.RECEIVED), tx.now
    good = inspection is Inspection.OK
    vehicle.title_holder = TitleHolder.LESSOR
    await _move(
        tx,
        vehicle,
        MovementKind.RECEIVED if good else MovementKind.FOUND_ABNORMAL,
        reason=f"inspection on receipt: {inspection}",
        paper_ref=paper_ref,
        mileage_km=mileage_km,
        location_id=vehicle.branch_id,
    )
    holder = await _holder(tx, vehicle.id)
    if good and holder:
        await _move(tx, vehicle, MovementKind.RESERVED, reason="held since the order", contract_id=holder)
    await ledger.post(
        tx,
        postings.vehicle_purchased(
            vehicle_id=vehicle.id, contract_id=holder, value_on=tx.today, cost=vehicle.cost_amount
        ),
    )
    tx.emit(
        VehicleReceived(
            vehicle_id=vehicle_id,
            order_id=order.id,
            contract_id=holder,
            inspection=inspection,
            cost=vehicle.cost_amount,
        )
    )


async def clear(tx: Tx, vehicle_id: VehicleId, *, reason: str, paper_ref: str | None = None) -> None:
    """What was wrong with a car has been put right: it is available, or reserved again for whoever holds it."""
    vehicle = await _locked(tx, vehicle_id)
    await _move(tx, vehicle, MovementKind.CLEARED, reason=reason, paper_ref=paper_ref)
    if holder := await _holder(tx, vehicle.id):
        await _move(tx, vehicle, MovementKind.RESERVED, reason="held meanwhile", contract_id=holder)


# Holding


async def reserve(tx: Tx, vehicle_id: VehicleId, *, contract_id: ContractId) -> None:
    """Hold a car for a contract; one on order is reserved when it arrives. Raises Conflict when another contract holds it."""
    vehicle = await _locked(tx, vehicle_id)
    status = VehicleStatus(vehicle.status)
    if await _holder(tx, vehicle.id):
        raise Conflict("vehicle_held")
    if status not in HOLDABLE:
        raise RuleBroken("vehicle_not_available", status=status)
    await _hold(tx, vehicle, contract_id)
    if status is VehicleStatus.IN_STOCK:
        await _move(tx, vehicle, MovementKind.RESERVED, reason="reserved", contract_id=contract_id)


async def release(tx: Tx, vehicle_id: VehicleId, *, contract_id: ContractId, reason: str) -> None:
    """Let go of a car that a contract will not take after all."""
    vehicle = await _locked(tx, vehicle_id)
    await _let_go(tx, vehicle, contract_id, reason)
    if vehicle.status == VehicleStatus.RESERVED:
        await _move(tx, vehicle, MovementKind.RELEASED, reason=reason, contract_id=contract_id)


async def _hold(tx: Tx, vehicle: VehicleRecord, contract_id: ContractId) -> None:
    tx.add(HoldRecord(id=tx.new_id(), vehicle_id=vehicle.id, contract_id=contract_id, held_at=tx.now))
    await _flush(tx, "vehicle_held")
    await _audit_hold(tx, vehicle, "held", contract_id)


async def _audit_hold(tx: Tx, vehicle: VehicleRecord, verb: str, contract_id: ContractId) -> None:
    await audit.record(
        tx,
        action=f"vehicle.{verb}",
        subject="vehicle",
        subject_id=vehicle.id,
        detail={"contract_id": contract_id},
        branch_id=vehicle.branch_id,
    )


async def _let_go(tx: Tx, vehicle: VehicleRecord, contract_id: ContractId, reason: str) -> None:
    hold = await tx.scalar(
        select(HoldRecord).where(HoldRecord.vehicle_id == vehicle.id, HoldRecord.released_at.is_(None))
    )
    _require_holder(ContractId(hold.contract_id) if hold else None, contract_id)
    assert hold is not None
    hold.released_at, hold.reason = tx.now, reason
    await _audit_hold(tx, vehicle, "let_go", contract_id)


async def _holder(tx: Tx, vehicle_id: UUID) -> ContractId | None:
    holder = await tx.scalar(
        select(HoldRecord.contract_id).where(HoldRecord.vehicle_id == vehicle_id, HoldRecord.released_at.is_(None))
    )
    return None if holder is None else ContractId(holder)


def _require_holder(holder: ContractId | None, contract_id: ContractId) -> None:
    if holder != contract_id:
        raise RuleBroken("vehicle_not_held_for_contract", holder=holder or "nobody")


# Handing over


async def deliver(
    tx: Tx,
    vehicle_id: VehicleId,
    *,
    contract_id: ContractId,
    delivered_on: date,
    mileage_km: int,
    paper_ref: str,
) -> None:
    """Hand a reserved car to the lessee of the contract that holds it, against the delivery note `paper_ref`."""
    if delivered_on > tx.today:
        raise InvalidInput("delivered_on", "lies in the future")
    if mileage_km < 0:
        raise InvalidInput("mileage_km", "must not be negative")
    vehicle = await _locked(tx, vehicle_id)
    _require_holder(await _holder(tx, vehicle.id), contract_id)
    await _move(
        tx,
        vehicle,
        MovementKind.DELIVERED,
        reason=f"delivered on {delivered_on}",
        paper_ref=_word("paper_ref", paper_ref, 120),
        mileage_km=mileage_km,
        contract_id=contract_id,
    )
    tx.emit(
        VehicleDelivered(
            vehicle_id=vehicle_id, contract_id=contract_id, delivered_on=delivered_on, mileage_km=mileage_km
        )
    )


async def transfer_title(
    tx: Tx, vehicle_id: VehicleId, *, contract_id: ContractId, transferred_on: date, paper_ref: str
) -> None:
    """The title has passed to the lessee: the car leaves the company's hands for good."""
    vehicle = await _locked(tx, vehicle_id)
    await _let_go(tx, vehicle, contract_id, "title transferred")
    vehicle.title_holder = TitleHolder.LESSEE
    await _move(
        tx,
        vehicle,
        MovementKind.TITLE_TRANSFERRED,
        reason=f"title transferred on {transferred_on}",
        paper_ref=_word("paper_ref", paper_ref, 120),
        contract_id=contract_id,
    )
    tx.emit(TitleTransferred(vehicle_id=vehicle_id, contract_id=contract_id, transferred_on=transferred_on))


async def register_plate(tx: Tx, vehicle_id: VehicleId, plate: str) -> None:
    """Write down the plate that a car has been registered under."""
    vehicle = await _locked(tx, vehicle_id)
    vehicle.plate = _word("plate", plate, 16)
    await audit.record(tx, action="vehicle.plated", subject="vehicle", subject_id=vehicle.id, detail={"plate": plate})


async def move(
    tx: Tx, vehicle_id: VehicleId, kind: MovementKind, *, reason: str, paper_ref: str | None = None
) -> VehicleStatus:
    """Move a car off the straight road: transfers between branches, repossession, disposal. Returns its new status.

    Raises RuleBroken for a move that has its own verb here, or that the car cannot make.
    """
    vehicle = await _locked(tx, vehicle_id)
    if kind in HAVE_THEIR_OWN_VERB or vehicle.status in STILL_TO_COME:
        raise RuleBroken("movement_has_its_own_verb", movement=kind, status=vehicle.status)
    if kind in _NEED_NO_HOLD and await _holder(tx, vehicle.id):
        raise Conflict("vehicle_held")
    await _move(tx, vehicle, kind, reason=_word("reason", reason, 300), paper_ref=paper_ref)
    return VehicleStatus(vehicle.status)


_NEED_NO_HOLD = frozenset({MovementKind.PUT_UP_FOR_DISPOSAL, MovementKind.RESTOCKED})


# Moving


async def _move(
    tx: Tx,
    vehicle: VehicleRecord,
    kind: MovementKind,
    *,
    reason: str,
    paper_ref: str | None = None,
    mileage_km: int | None = None,
    contract_id: ContractId | None = None,
    location_id: UUID | None = None,
) -> None:
    """The one way in which a status changes."""
    before = VehicleStatus(vehicle.status)
    vehicle.status = moved(before, kind)
    vehicle.movement_count += 1
    vehicle.location_id = location_id or _place_after(vehicle)
    movement = _movement(tx, vehicle, kind, before=before, reason=reason, contract_id=contract_id)
    movement.paper_ref, movement.mileage_km = paper_ref, mileage_km
    tx.add(movement)
    await tx.flush()
    await audit.record(
        tx,
        action=f"vehicle.{kind.value}",
        subject="vehicle",
        subject_id=vehicle.id,
        detail={"before": before, "after": vehicle.status, "reason": reason},
    )


def _place_after(vehicle: VehicleRecord) -> UUID | None:
    """A car that is at a place of ours keeps it; one on the road or with a customer is at none."""
    standing = {VehicleStatus.IN_STOCK, VehicleStatus.RESERVED, VehicleStatus.ABNORMAL, VehicleStatus.IN_DISPOSAL}
    return vehicle.location_id if VehicleStatus(vehicle.status) in standing else None


def _movement(
    tx: Tx,
    vehicle: VehicleRecord,
    kind: MovementKind,
    *,
    before: VehicleStatus | None,
    reason: str,
    contract_id: ContractId | None,
) -> MovementRecord:
    return MovementRecord(
        id=tx.new_id(),
        vehicle_id=vehicle.id,
        number=vehicle.movement_count,
        kind=kind,
        from_status=before,
        to_status=vehicle.status,
        location_id=vehicle.location_id,
        at=tx.now,
        actor=tx.actor.name,
        reason=reason,
        contract_id=contract_id,
    )


async def _flush(tx: Tx, reason: str) -> None:
    """Write now; somebody who was first is a Conflict of that reason."""
    try:
        await tx.flush()
    except IntegrityError as error:
        raise Conflict(reason) from error


def _word(field: str, text: str, longest: int) -> str:
    text = " ".join(text.split())
    if not 0 < len(text) <= longest:
        raise InvalidInput(field, f"must have 1 to {longest} characters")
    return text


def _optional(field: str, text: str | None) -> str | None:
    return None if text is None else _word(field, text, 40)


async def _locked(tx: Tx, vehicle_id: VehicleId) -> VehicleRecord:
    query = visible(select(VehicleRecord), VehicleRecord.branch_id, tx.actor).where(VehicleRecord.id == vehicle_id)
    vehicle = await tx.scalar(query.with_for_update().execution_options(populate_existing=True))
    if vehicle is None:
        raise NotFound("vehicle", vehicle_id)
    return vehicle


async def _live_order(tx: Tx, vehicle_id: VehicleId) -> OrderRecord:
    order = await tx.scalar(
        select(OrderRecord).where(OrderRecord.vehicle_id == vehicle_id, OrderRecord.state != OrderState.CANCELLED)
    )
    if order is None:
        raise NotFound("purchase_order", vehicle_id)
    return order


# Looking


async def get(tx: Tx, vehicle_id: VehicleId) -> VehicleView:
    """A car that the actor may see; raises NotFound."""
    query = visible(select(VehicleRecord), VehicleRecord.branch_id, tx.actor).where(VehicleRecord.id == vehicle_id)
    vehicle = await tx.scalar(query)
    if vehicle is None:
        raise NotFound("vehicle", vehicle_id)
    return (await _views(tx, [vehicle]))[0]


async def list_vehicles(
    tx: Tx, *, status: VehicleStatus | None = None, after: UUID | None = None, limit: int = 50
) -> tuple[VehicleView, ...]:
    """A page of cars by key, newest first."""
    query = visible(select(VehicleRecord), VehicleRecord.branch_id, tx.actor).order_by(VehicleRecord.id.desc())
    if status is not None:
        query = query.where(VehicleRecord.status == status)
    if after is not None:
        query = query.where(VehicleRecord.id < after)
    return await _views(tx, (await tx.scalars(query.limit(limit))).all())


async def find(tx: Tx, text: str, *, limit: int = 20) -> tuple[VehicleView, ...]:
    """The cars whose VIN or plate is this text, as far as the actor may see them."""
    sought = "".join(text.split()).upper()
    query = visible(select(VehicleRecord), VehicleRecord.branch_id, tx.actor)
    found = query.where(or_(VehicleRecord.vin == sought, VehicleRecord.plate == sought))
    return await _views(tx, (await tx.scalars(found.order_by(VehicleRecord.id.desc()).limit(limit))).all())


async def status_counts(tx: Tx) -> dict[VehicleStatus, int]:
    """How many cars there are in each status, every status named."""
    query = visible(select(VehicleRecord.status, func.count()), VehicleRecord.branch_id, tx.actor)
    counted = {VehicleStatus(status): count for status, count in await tx.execute(query.group_by(VehicleRecord.status))}
    return {status: counted.get(status, 0) for status in VehicleStatus}


async def history(tx: Tx, vehicle_id: VehicleId) -> tuple[MovementView, ...]:
    """Every move of a car, first to last."""
    await get(tx, vehicle_id)
    moves = await tx.scalars(
        select(MovementRecord).where(MovementRecord.vehicle_id == vehicle_id).order_by(MovementRecord.number)
    )
    return tuple(_movement_view(movement) for movement in moves)


async def orders_of(tx: Tx, vehicle_id: VehicleId) -> tuple[OrderView, ...]:
    """Every purchase order for a car, first to last."""
    await get(tx, vehicle_id)
    orders = await tx.scalars(select(OrderRecord).where(OrderRecord.vehicle_id == vehicle_id).order_by(OrderRecord.id))
    return tuple(_order_view(order) for order in orders)


async def _views(tx: Tx, vehicles: Sequence[VehicleRecord]) -> tuple[VehicleView, ...]:
    holds = await tx.execute(
        select(HoldRecord.vehicle_id, HoldRecord.contract_id).where(
            HoldRecord.vehicle_id.in_([vehicle.id for vehicle in vehicles]), HoldRecord.released_at.is_(None)
        )
    )
    holders = {vehicle_id: ContractId(contract_id) for vehicle_id, contract_id in holds}
    return tuple(_view(vehicle, holders.get(vehicle.id)) for vehicle in vehicles)


def _view(vehicle: VehicleRecord, held_for: ContractId | None) -> VehicleView:
    return VehicleView(
        id=VehicleId(vehicle.id),
        branch_id=BranchId(vehicle.branch_id),
        location_id=BranchId(vehicle.location_id) if vehicle.location_id else None,
        vin=vehicle.vin,
        vin_warning=vin_warning(vehicle.vin),
        model=vehicle.model,
        colour=vehicle.colour,
        engine_number=vehicle.engine_number,
        cost=vehicle.cost_amount,
        status=VehicleStatus(vehicle.status),
        plate=vehicle.plate,
        title_holder=TitleHolder(vehicle.title_holder),
        held_for=held_for,
    )


def _movement_view(row: MovementRecord) -> MovementView:
    return MovementView(
        number=row.number,
        kind=MovementKind(row.kind),
        before=VehicleStatus(row.from_status) if row.from_status else None,
        after=VehicleStatus(row.to_status),
        at=row.at,
        actor=row.actor,
        reason=row.reason,
        paper_ref=row.paper_ref,
        mileage_km=row.mileage_km,
        contract_id=ContractId(row.contract_id) if row.contract_id else None,
    )


def _order_view(row: OrderRecord) -> OrderView:
    return OrderView(
        id=row.id,
        number=row.number,
        branch_id=BranchId(row.branch_id),
        vehicle_id=VehicleId(row.vehicle_id),
        contract_id=ContractId(row.contract_id) if row.contract_id else None,
        dealer=row.dealer,
        channel_id=ChannelId(row.channel_id) if row.channel_id else None,
        price=row.price_amount,
        state=OrderState(row.state),
    )
