"""What a device may do, which positions are taken, what an alarm is: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from hub.core.errors import InvalidInput, RuleBroken
from hub.core.events import Fact
from hub.core.ids import BranchId, DeviceId, VehicleId
from hub.core.ports.gps_tracker import Fix


class DeviceState(StrEnum):
    """Where a device is."""

    IN_STOCK = "in_stock"
    INSTALLED = "installed"
    REMOVED = "removed"
    FAULTY = "faulty"


class DeviceKind(StrEnum):
    """The wired device that everybody sees, or the hidden one that stays when the first is torn out."""

    MAIN = "main"
    HIDDEN = "hidden"


class LocateState(StrEnum):
    """How far a question for a position has come; silent: the device has never reported."""

    REQUESTED = "requested"
    SENT = "sent"
    ANSWERED = "answered"
    SILENT = "silent"
    FAILED = "failed"


class AlarmKind(StrEnum):
    """What a device cries about."""

    POWER_CUT = "power_cut"
    TAMPER = "tamper"
    FENCE_LEFT = "fence_left"
    FENCE_ENTERED = "fence_entered"
    OFFLINE = "offline"
    TOWED = "towed"
    SPEEDING = "speeding"
    OTHER = "other"


DEVICE_MOVES: dict[DeviceState, frozenset[DeviceState]] = {
    DeviceState.IN_STOCK: frozenset({DeviceState.INSTALLED, DeviceState.FAULTY}),
    DeviceState.INSTALLED: frozenset({DeviceState.REMOVED, DeviceState.FAULTY}),
    DeviceState.REMOVED: frozenset({DeviceState.INSTALLED, DeviceState.IN_STOCK, DeviceState.FAULTY}),
    DeviceState.FAULTY: frozenset({DeviceState.IN_STOCK}),
}

LOCATE_MOVES: dict[LocateState, frozenset[LocateState]] = {
    LocateState.REQUESTED: frozenset({LocateState.SENT}),
    LocateState.SENT: frozenset({LocateState.ANSWERED, LocateState.SILENT, LocateState.FAILED}),
    LocateState.ANSWERED: frozenset(),
    LocateState.SILENT: frozenset(),
    LocateState.FAILED: frozenset(),
}

# A terminal's clock may run ahead of ours by this much; a fix further in the future would hide all that follow it.
CLOCK_SKEW = timedelta(minutes=5)

_DEGREE = Decimal("0.000001")  # about 11 cm on the ground


def device_moved(before: DeviceState, after: DeviceState) -> DeviceState:
    """The device's new state; raises RuleBroken when it cannot go there."""
    if after not in DEVICE_MOVES[before]:
        raise RuleBroken("device_state", before=before, after=after)
    return after


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place on the WGS-84 earth, in degrees to six digits, with the instant it was fixed; `speed_kmh` in km/h."""

    latitude: Decimal
    longitude: Decimal
    fixed_at: datetime
    speed_kmh: Decimal | None
    source: str


def position_of(fix: Fix, now: datetime) -> Position:
    """A fix as it is stored, whose place is on WGS-84 already; raises InvalidInput for an instant in the future."""
    if fix.fixed_at > now + CLOCK_SKEW:
        raise InvalidInput("fixed_at", "lies in the future")
    return Position(
        latitude=fix.latitude.quantize(_DEGREE),
        longitude=fix.longitude.quantize(_DEGREE),
        fixed_at=fix.fixed_at,
        speed_kmh=None if fix.speed_kmh is None else fix.speed_kmh.quantize(Decimal("0.1")),
        source=fix.source,
    )


def alarm_kind(word: str) -> AlarmKind:
    """The alarm that a provider's event names; one that we do not know is kept as another one, never dropped."""
    return AlarmKind(word) if word in set(AlarmKind) else AlarmKind.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """A device as other rooms see it; `vehicle_id` is the car it sits in."""

    id: DeviceId
    branch_id: BranchId
    terminal_id: str
    instance: str
    kind: DeviceKind
    state: DeviceState
    vehicle_id: VehicleId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """A position of a car, and the device that reported it."""

    vehicle_id: VehicleId | None
    device_id: DeviceId
    latitude: Decimal
    longitude: Decimal
    fixed_at: datetime
    speed_kmh: Decimal | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmView:
    """An alarm as other rooms see it."""

    id: UUID
    device_id: DeviceId
    vehicle_id: VehicleId | None
    kind: AlarmKind
    raised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBound(Fact):
    """A device has been installed in a car."""

    device_id: DeviceId
    vehicle_id: VehicleId
    kind: DeviceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUnbound(Fact):
    """A device has been taken out of a car."""

    device_id: DeviceId
    vehicle_id: VehicleId


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRecorded(Fact):
    """A device has reported a position that was not known yet."""

    device_id: DeviceId
    vehicle_id: VehicleId | None
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAlarmRaised(Fact):
    """A device has raised an alarm."""

    alarm_id: UUID
    device_id: DeviceId
    vehicle_id: VehicleId | None
    kind: AlarmKind
    raised_at: datetime
