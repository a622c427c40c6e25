"""What can be done with a car: bought for the stock, received, taken by a contract, moved, plated, put right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from starlette.responses import Response

from hub.console.actions import Action
from hub.console.creation import Creation, branch_field
from hub.console.forms import Field, Kind, Values, choices
from hub.console.i18n import N_
from hub.console.page import Fact, Look
from hub.console.visit import Visit
from hub.core.errors import InvalidInput
from hub.core.ids import BranchId, VehicleId
from hub.infra.access import Permission as P
from hub.infra.clock import BUSINESS_ZONE
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractView
from hub.leasing.inventory import service as inventory
from hub.leasing.inventory.rules import (
    HOLDABLE,
    STILL_TO_COME,
    CarToOrder,
    Inspection,
    MovementKind,
    OrderState,
    OrderView,
    VehicleStatus,
    VehicleView,
    plain_moves,
)
from hub.leasing.parties.rules import RevealPurpose
from hub.leasing.tracking import service as tracking

_REASON = Field(name="reason", label=N_("Reason"), kind=Kind.LONG_TEXT, longest=300)
_PAPER = Field(name="paper_ref", label=N_("Paper"), required=False, longest=120)
_NO_CONTRACT = N_("is the number of no contract that you see")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A car with its orders and with the contract that it is the car of."""

    car: VehicleView
    orders: Sequence[OrderView]
    contract: ContractView | None

    @property
    def id(self) -> VehicleId:
        """The car's id."""
        return self.car.id

    @property
    def status(self) -> VehicleStatus:
        """Where the car is in its life."""
        return self.car.status

    @property
    def order(self) -> OrderView | None:
        """The order that it came by, or will come by."""
        return next((one for one in reversed(self.orders) if one.state is not OrderState.CANCELLED), None)


async def load(visit: Visit, subject_id: UUID) -> Parked:
    """A car that the visitor may see; raises NotFound."""
    car = await inventory.get(visit.tx, VehicleId(subject_id))
    return Parked(
        car=car,
        orders=await inventory.orders_of(visit.tx, car.id),
        contract=await contracts.of_vehicle(visit.tx, car.id),
    )


# Buying


async def _new_fields(visit: Visit) -> Sequence[Field]:
    return (
        await branch_field(visit),
        Field(name="vin", label=N_("VIN"), longest=17),
        Field(name="model", label=N_("Model"), longest=120),
        Field(name="cost", label=N_("Cost"), kind=Kind.MONEY, help=N_("What the dealer is owed for the car.")),
        Field(name="dealer", label=N_("Dealer"), longest=120),
        Field(name="colour", label=N_("Colour"), required=False, longest=40),
        Field(name="engine_number", label=N_("Engine number"), required=False, longest=40),
    )


async def _order(visit: Visit, values: Values) -> str:
    car = CarToOrder(
        vin=values["vin"],
        model=values["model"],
        cost=values["cost"],
        branch_id=BranchId(UUID(values["branch_id"])),
        colour=values["colour"] or None,
        engine_number=values["engine_number"] or None,
    )
    return f"/vehicles/{await inventory.order_for_stock(visit.tx, car, dealer=values['dealer'])}"


NEW_VEHICLE = Creation(
    path="/vehicles/new",
    title=N_("Order for the stock"),
    plural=N_("Vehicles"),
    list_path="/vehicles",
    permission=P.INVENTORY_WRITE,
    button=N_("Order the car"),
    fields=_new_fields,
    perform=_order,
    explain=N_("A car that nobody has asked for yet. Its price is owed to the dealer once it has arrived."),
)


async def _confirm(visit: Visit, parked: Parked, values: Values) -> None:
    await inventory.confirm(visit.tx, parked.id, paper_ref=values["paper_ref"] or None)


async def _receive(visit: Visit, parked: Parked, values: Values) -> None:
    await inventory.receive(
        visit.tx,
        parked.id,
        inspection=Inspection(values["inspection"]),
        paper_ref=values["paper_ref"] or None,
        mileage_km=values["mileage_km"],
    )


async def _receive_preview(visit: Visit, parked: Parked, values: Values) -> Sequence[Fact]:
    order = parked.order
    return (
        Fact(label=N_("Car"), value=parked.car.model, look=Look.NAME),
        Fact(label=N_("VIN"), value=parked.car.vin, look=Look.CODE),
        Fact(label=N_("Inspection"), value=Inspection(values["inspection"]), look=Look.WORD),
        Fact(label=N_("Owed to the dealer from now on"), value=parked.car.cost, look=Look.MONEY),
        Fact(label=N_("Dealer"), value=order.dealer if order else None, look=Look.NAME),
        Fact(label=N_("Held for"), value=parked.contract.number if parked.contract else None, look=Look.CODE),
    )


async def _clear(visit: Visit, parked: Parked, values: Values) -> None:
    await inventory.clear(visit.tx, parked.id, reason=values["reason"], paper_ref=values["paper_ref"] or None)


# Holding and moving


async def _assign(visit: Visit, parked: Parked, values: Values) -> str:
    found = await contracts.find(visit.tx, values["number"])
    contract = next((one for one in found if one.number == values["number"].upper()), None)
    if contract is None:
        raise InvalidInput("number", _NO_CONTRACT)
    await contracts.assign_vehicle(visit.tx, contract.id, parked.id)
    return f"/contracts/{contract.id}"


def _not_free(parked: Parked) -> str | None:
    if parked.car.held_for is not None or parked.contract is not None:
        return N_("Another contract holds this car.")
    return None if parked.status in HOLDABLE else N_("The car is not free.")


async def _release(visit: Visit, parked: Parked, values: Values) -> None:
    assert parked.car.held_for is not None, "only a car that is held is let go"
    await inventory.release(visit.tx, parked.id, contract_id=parked.car.held_for, reason=values["reason"])


def _not_releasable(parked: Parked) -> str | None:
    if parked.contract is None:
        return None
    return N_("It is the car of its contract. It is free again when the contract is cancelled.")


async def _move_fields(visit: Visit, parked: Parked) -> Sequence[Field]:
    kinds = plain_moves(parked.status)
    what = Field(name="kind", label=N_("Move"), kind=Kind.CHOICE, options=choices(MovementKind, only=kinds))
    return (what, _REASON, _PAPER)


async def _move(visit: Visit, parked: Parked, values: Values) -> None:
    kind, paper = MovementKind(values["kind"]), values["paper_ref"] or None
    await inventory.move(visit.tx, parked.id, kind, reason=values["reason"], paper_ref=paper)


async def _track(visit: Visit, parked: Parked, values: Values) -> Response:
    """The way of the car over some days, drawn this once: that somebody has looked, and what for, is kept."""
    first, last = (datetime.combine(values[name], time(0), BUSINESS_ZONE) for name in ("since", "until"))
    found = await tracking.track(
        visit.tx, parked.id, since=first, until=last + timedelta(days=1), purpose=values["purpose"]
    )
    return visit.page(
        "track.html",
        title=N_("The way of the car"),
        back=f"/vehicles/{parked.id}/map",
        vin=parked.car.vin,
        track=found,
        line=";".join(f"{one.latitude},{one.longitude}" for one in found),
    )


async def _track_fields(visit: Visit, parked: Parked) -> Sequence[Field]:
    today = visit.tx.today.isoformat()
    return (
        Field(name="purpose", label=N_("What for"), kind=Kind.CHOICE, options=choices(RevealPurpose)),
        Field(name="since", label=N_("From the day"), kind=Kind.DAY, start=today),
        Field(name="until", label=N_("To the day"), kind=Kind.DAY, start=today, help=N_("At most a month.")),
    )


async def _plate(visit: Visit, parked: Parked, values: Values) -> None:
    await inventory.register_plate(visit.tx, parked.id, values["plate"])


async def _plate_fields(visit: Visit, parked: Parked) -> Sequence[Field]:
    return (Field(name="plate", label=N_("Plate"), longest=16, start=parked.car.plate or ""),)


ACTIONS: tuple[Action[Parked], ...] = (
    Action(
        key="confirm",
        label=N_("The dealer has sent it"),
        permission=P.INVENTORY_WRITE,
        perform=_confirm,
        done=N_("The car is on its way."),
        fields=(_PAPER,),
        fits=lambda parked: parked.status is VehicleStatus.ORDERED,
    ),
    Action(
        key="receive",
        label=N_("It has arrived"),
        permission=P.INVENTORY_WRITE,
        perform=_receive,
        done=N_("The car is in the warehouse, and its price is owed to the dealer."),
        fields=(
            Field(
                name="inspection",
                label=N_("Inspection"),
                kind=Kind.CHOICE,
                options=choices(Inspection),
                start=Inspection.OK.value,
            ),
            Field(name="mileage_km", label=N_("Mileage in km"), kind=Kind.NUMBER, required=False),
            _PAPER,
        ),
        fits=lambda parked: parked.status in STILL_TO_COME,
        preview=_receive_preview,
        is_main=True,
    ),
    Action(
        key="clear",
        label=N_("Put right"),
        permission=P.INVENTORY_WRITE,
        perform=_clear,
        done=N_("The car is in order again."),
        fields=(_REASON, _PAPER),
        fits=lambda parked: parked.status is VehicleStatus.ABNORMAL,
        is_main=True,
    ),
    Action(
        key="assign",
        label=N_("Take for a contract"),
        permission=P.CONTRACTS_WRITE,
        perform=_assign,
        done=N_("The car is kept for the contract."),
        fields=(Field(name="number", label=N_("Contract number"), longest=40),),
        off=_not_free,
        fits=lambda parked: parked.status in HOLDABLE,
        explain=N_("The contract is signed and has no car yet."),
    ),
    Action(
        key="release",
        label=N_("Let go"),
        permission=P.INVENTORY_WRITE,
        perform=_release,
        done=N_("Nobody holds the car any more."),
        fields=(_REASON,),
        off=_not_releasable,
        fits=lambda parked: parked.car.held_for is not None and parked.status in {*HOLDABLE, VehicleStatus.RESERVED},
    ),
    Action(
        key="move",
        label=N_("Move"),
        permission=P.INVENTORY_WRITE,
        perform=_move,
        done=N_("The move is written down."),
        fields_for=_move_fields,
        fits=lambda parked: bool(plain_moves(parked.status)),
        explain=N_("Transfers between branches, what an inspection finds, repossession and disposal."),
    ),
    Action(
        key="track",
        label=N_("Show the way"),
        permission=P.TRACKING_READ,
        perform=_track,
        done="",
        fields_for=_track_fields,
        explain=N_("Where a car was says where a person was. That you have looked, and what for, is kept."),
    ),
    Action(
        key="plate",
        label=N_("Register the plate"),
        permission=P.INVENTORY_WRITE,
        perform=_plate,
        done=N_("The plate is written down."),
        fields_for=_plate_fields,
    ),
)
