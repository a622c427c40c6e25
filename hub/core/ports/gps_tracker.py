"""Vehicle location: fixes, tracks, fences and the immobiliser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from hub.core.ports import require


class Datum(StrEnum):
    """Which earth the numbers are on; WGS-84 is stored, the others are converted at the edges."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One position. Degrees as decimals, `accuracy_m` in metres, `heading` in degrees from north."""

    latitude: Decimal
    longitude: Decimal
    datum: Datum
    fixed_at: datetime
    accuracy_m: int | None = None
    speed_kmh: Decimal | None = None
    heading: int | None = None
    ignition: bool | None = None
    source: str = "gnss"

    def __post_init__(self) -> None:
        require(-90 <= self.latitude <= 90, "latitude", "must be within -90 and 90")
        require(-180 <= self.longitude <= 180, "longitude", "must be within -180 and 180")
        require(self.fixed_at.tzinfo is not None, "fixed_at", "must carry a time zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocateRequest:
    """Where is this device now?"""

    device_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRequest:
    """Where was this device between two instants?"""

    device_ref: str
    from_at: datetime
    to_at: datetime
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPage:
    """One page of a track, oldest first; `next_cursor` is None on the last."""

    fixes: tuple[Fix, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Geofence:
    """A circle that raises an alarm when a device leaves (or enters, `alarm_on_enter`) it. Radius in metres."""

    fence_ref: str
    device_ref: str
    latitude: Decimal
    longitude: Decimal
    datum: Datum
    radius_m: int
    alarm_on_enter: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GeofenceDelete:
    """Take a fence away."""

    fence_ref: str
    device_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceReceipt:
    """The provider's word that a fence stands, or stands no longer."""

    fence_ref: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmobilizeRequest:
    """Keep a standing car from starting. Needs the approval token of two people; never repeated by machine."""

    device_ref: str
    approval_token: str
    reason: str

    def __post_init__(self) -> None:
        require(bool(self.approval_token), "approval_token", "two people must have approved")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReceipt:
    """The device's answer to a command: accepted means that it was taken, not that it has acted."""

    command_ref: str
    accepted: bool
