"""Where a made-up car is at an instant: a loop around its home by day, parked there by night. Pure, WGS-84.

Positions are drawn in floating point, for nothing is ever added up from them.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

_ZONE = ZoneInfo("Asia/Shanghai")
_EARTH_M = 6_371_008.8  # mean radius. Source: IUGG 1980, R1
_LOOP_M = 3_000.0
_LOOP_S = 3_600.0
_DAY_HOURS = range(7, 22)
# Six cities that the cars live in: Beijing, Shanghai, Guangzhou, Chengdu, Wuhan, Xi'an.
_CITIES = ((39.90, 116.40), (31.23, 121.47), (23.13, 113.26), (30.57, 104.07), (30.59, 114.31), (34.34, 108.94))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A point and how the car stands there. Degrees, km/h, degrees from north."""

    latitude: float
    longitude: float
    speed_kmh: float = 0.0
    heading: int = 0

    @property
    def moving(self) -> bool:
        """Whether the car drives."""
        return self.speed_kmh > 0


def place_of(device: str, at: datetime) -> Place:
    """Where the car of this device is; the same for ever for the same device and instant."""
    chance = hashlib.sha256(device.encode()).digest()
    city = _CITIES[chance[0] % len(_CITIES)]
    home = (city[0] + (chance[1] - 128) / 1500, city[1] + (chance[2] - 128) / 1500)
    if at.astimezone(_ZONE).hour not in _DAY_HOURS:
        return Place(latitude=home[0], longitude=home[1])
    turn = (at.timestamp() / _LOOP_S + chance[3] / 256) % 1
    angle = 2 * math.pi * turn
    north_m, east_m = _LOOP_M * (1 - math.cos(angle)), _LOOP_M * math.sin(angle)
    return Place(
        latitude=home[0] + math.degrees(north_m / _EARTH_M),
        longitude=home[1] + math.degrees(east_m / (_EARTH_M * math.cos(math.radians(home[0])))),
        speed_kmh=2 * math.pi * _LOOP_M / _LOOP_S * 3.6,
        heading=int(math.degrees(math.atan2(math.cos(angle), math.sin(angle)))) % 360,
    )


def distance_m(first: Place, second: Place) -> float:
    """Metres between two points on a sphere. Source: R. W. Sinnott, Virtues of the Haversine, 1984."""
    lat_1, lat_2 = math.radians(first.latitude), math.radians(second.latitude)
    half_lat, half_lon = (lat_2 - lat_1) / 2, math.radians(second.longitude - first.longitude) / 2
    root = math.sin(half_lat) ** 2 + math.cos(lat_1) * math.cos(lat_2) * math.sin(half_lon) ** 2
    return 2 * _EARTH_M * math.asin(math.sqrt(root))
