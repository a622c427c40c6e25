"""Where a car may be, how it may move, who may hold it: pure. The database holds the same table of moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from hub.core.errors import RuleBroken
from hub.core.events import Fact
from hub.core.ids import BranchId, ChannelId, ContractId, VehicleId
from hub.core.money import Money


class VehicleStatus(StrEnum):
    """Where a car is in its life with the company."""

    ORDERED = "ordered"
    PURCHASE_IN_TRANSIT = "purchase_in_transit"
    IN_STOCK = "in_stock"
    RESERVED = "reserved"
    ABNORMAL = "abnormal"
    TRANSFER_IN_TRANSIT = "transfer_in_transit"
    TRANSSHIPMENT_IN_TRANSIT = "transshipment_in_transit"
    LEASED = "leased"
    REPOSSESSED = "repossessed"
    IN_DISPOSAL = "in_disposal"
    SOLD = "sold"
    TITLE_TRANSFERRED = "title_transferred"


class MovementKind(StrEnum):
    """What happened to a car."""

    ORDERED = "ordered"
    SHIPPED_BY_DEALER = "shipped_by_dealer"
    RECEIVED = "received"
    FOUND_ABNORMAL = "found_abnormal"
    CLEARED = "cleared"
    RESERVED = "reserved"
    RELEASED = "released"
    DELIVERED = "delivered"
    TRANSFER_SHIPPED = "transfer_shipped"
    TRANSSHIPPED = "transshipped"
    FORWARDED = "forwarded"
    REPOSSESSED = "repossessed"
    REDEEMED = "redeemed"
    PUT_UP_FOR_DISPOSAL = "put_up_for_disposal"
    RESTOCKED = "restocked"
    SOLD = "sold"
    TITLE_TRANSFERRED = "title_transferred"


_S = VehicleStatus
_IN_TRANSIT = (_S.ORDERED, _S.PURCHASE_IN_TRANSIT, _S.TRANSFER_IN_TRANSIT, _S.TRANSSHIPMENT_IN_TRANSIT)

# The one table of moves: kind → the statuses it may start from (None: the car is new to us) and the one it leads to.
MOVES: dict[MovementKind, tuple[tuple[VehicleStatus | None, ...], VehicleStatus]] = {
    MovementKind.ORDERED: ((None,), _S.ORDERED),
    MovementKind.SHIPPED_BY_DEALER: ((_S.ORDERED,), _S.PURCHASE_IN_TRANSIT),
    MovementKind.RECEIVED: (_IN_TRANSIT, _S.IN_STOCK),
    MovementKind.FOUND_ABNORMAL: ((*_IN_TRANSIT, _S.IN_STOCK, _S.RESERVED), _S.ABNORMAL),
    MovementKind.CLEARED: ((_S.ABNORMAL,), _S.IN_STOCK),
    MovementKind.RESERVED: ((_S.IN_STOCK,), _S.RESERVED),
    MovementKind.RELEASED: ((_S.RESERVED,), _S.IN_STOCK),
    MovementKind.DELIVERED: ((_S.RESERVED,), _S.LEASED),
    MovementKind.TRANSFER_SHIPPED: ((_S.IN_STOCK,), _S.TRANSFER_IN_TRANSIT),
    MovementKind.TRANSSHIPPED: ((_S.TRANSFER_IN_TRANSIT,), _S.TRANSSHIPMENT_IN_TRANSIT),
    MovementKind.FORWARDED: ((_S.TRANSSHIPMENT_IN_TRANSIT,), _S.TRANSFER_IN_TRANSIT),
    MovementKind.REPOSSESSED: ((_S.LEASED,), _S.REPOSSESSED),
    MovementKind.REDEEMED: ((_S.REPOSSESSED,), _S.LEASED),
    MovementKind.PUT_UP_FOR_DISPOSAL: ((_S.IN_STOCK, _S.ABNORMAL, _S.REPOSSESSED), _S.IN_DISPOSAL),
    MovementKind.RESTOCKED: ((_S.REPOSSESSED, _S.IN_DISPOSAL), _S.IN_STOCK),
    MovementKind.SOLD: ((_S.IN_DISPOSAL,), _S.SOLD),
    MovementKind.TITLE_TRANSFERRED: ((_S.LEASED,), _S.TITLE_TRANSFERRED),
}

# Statuses in which somebody may put a hold on a car: it is coming, or it is there.
HOLDABLE = frozenset({_S.ORDERED, _S.PURCHASE_IN_TRANSIT, _S.IN_STOCK})


# Moves that do more than move the car.
HAVE_THEIR_OWN_VERB = frozenset(
    {
        MovementKind.ORDERED,
        MovementKind.SHIPPED_BY_DEALER,
        MovementKind.CLEARED,
        MovementKind.RESERVED,
        MovementKind.RELEASED,
        MovementKind.DELIVERED,
        MovementKind.TITLE_TRANSFERRED,
    }
)
# A car on order comes in by `receive`, which also puts it on the books.
STILL_TO_COME = frozenset({VehicleStatus.ORDERED, VehicleStatus.PURCHASE_IN_TRANSIT})


def plain_moves(status: VehicleStatus) -> tuple[MovementKind, ...]:
    """The moves that a car can make from where it is, and that are nothing but moves."""
    if status in STILL_TO_COME:
        return ()
    return tuple(kind for kind, (starts, _) in MOVES.items() if status in starts and kind not in HAVE_THEIR_OWN_VERB)


def moved(status: VehicleStatus | None, kind: MovementKind) -> VehicleStatus:
    """The status that a movement leads to; raises RuleBroken when the car cannot move so from where it is."""
    starts, after = MOVES[kind]
    if status not in starts:
        raise RuleBroken("vehicle_movement", status=status or "unknown to us", movement=kind)
    return after


def transitions() -> list[tuple[str, str | None, str]]:
    """Every allowed (kind, from, to), as the database holds them."""
    return [
        (kind.value, start.value if start else None, after.value)
        for kind, (starts, after) in MOVES.items()
        for start in starts
    ]


class OrderState(StrEnum):
    """How far a purchase order has come."""

    REQUESTED = "requested"
    ORDERED = "ordered"
    CONFIRMED = "confirmed"
    RECEIVED = "received"
    CANCELLED = "cancelled"


_CANCELLABLE = frozenset({OrderState.CANCELLED})
ORDER_MOVES: dict[OrderState, frozenset[OrderState]] = {
    OrderState.REQUESTED: frozenset({OrderState.ORDERED}) | _CANCELLABLE,
    OrderState.ORDERED: frozenset({OrderState.CONFIRMED, OrderState.RECEIVED}) | _CANCELLABLE,
    OrderState.CONFIRMED: frozenset({OrderState.RECEIVED}) | _CANCELLABLE,
    OrderState.RECEIVED: frozenset(),
    OrderState.CANCELLED: frozenset(),
}


def order_moved(before: OrderState, after: OrderState) -> OrderState:
    """The order's new state; raises RuleBroken when it cannot go there."""
    if after not in ORDER_MOVES[before]:
        raise RuleBroken("purchase_order_state", before=before, after=after)
    return after


class Inspection(StrEnum):
    """What the inspection on receipt found."""

    OK = "ok"
    ABNORMAL = "abnormal"


class TitleHolder(StrEnum):
    """Whose the car is."""

    DEALER = "dealer"
    LESSOR = "lessor"
    LESSEE = "lessee"
    BUYER = "buyer"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarToOrder:
    """A car as a dealer offers it; `cost` is what the dealer is owed."""

    vin: str
    model: str
    cost: Money
    branch_id: BranchId
    colour: str | None = None
    engine_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleView:
    """A car as other rooms see it; `held_for` is the contract that holds it, `vin_warning` what is odd about its VIN."""

    id: VehicleId
    branch_id: BranchId
    location_id: BranchId | None
    vin: str
    vin_warning: str | None
    model: str
    colour: str | None
    engine_number: str | None
    cost: Money
    status: VehicleStatus
    plate: str | None
    title_holder: TitleHolder
    held_for: ContractId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementView:
    """One move in a car's life."""

    number: int
    kind: MovementKind
    before: VehicleStatus | None
    after: VehicleStatus
    at: datetime
    actor: str
    reason: str
    paper_ref: str | None
    mileage_km: int | None
    contract_id: ContractId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """A purchase order as other rooms see it."""

    id: UUID
    number: str
    branch_id: BranchId
    vehicle_id: VehicleId
    contract_id: ContractId | None
    dealer: str
    channel_id: ChannelId | None
    price: Money
    state: OrderState


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleOrdered(Fact):
    """The company has ordered a car from a dealer."""

    vehicle_id: VehicleId
    order_id: UUID
    contract_id: ContractId | None
    price: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleReceived(Fact):
    """A car has arrived and been inspected; from now on it is the company's."""

    vehicle_id: VehicleId
    order_id: UUID
    contract_id: ContractId | None
    inspection: Inspection
    cost: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleDelivered(Fact):
    """A car has been handed to its lessee."""

    vehicle_id: VehicleId
    contract_id: ContractId
    delivered_on: date
    mileage_km: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleTransferred(Fact):
    """The title has passed to the lessee (过户)."""

    vehicle_id: VehicleId
    contract_id: ContractId
    transferred_on: date
