"""From the earths that Chinese maps use to WGS-84, the only one that is stored: pure.

GCJ-02 shifts every place by some hundred metres, BD-09 shifts GCJ-02 once more. Both are given as functions away from
WGS-84; the way back is found by steps, to far below a millimetre. A place is shifted only when its source says that it
is: the box below is where the usual function does anything, and holds Seoul and Hanoi as well, so it never decides alone.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import atan2, cos, hypot, pi, sin, sqrt
from typing import assert_never

from hub.core.ports.gps_tracker import Datum

_Place = tuple[float, float]  # latitude and longitude in degrees

# The ellipsoid of Krasovsky, 1940: half the long axis in metres, and the square of the eccentricity.
_LONG_AXIS_M = 6_378_245.0
_ECCENTRICITY_2 = 0.006_693_421_622_965_943_23
# Outside of this the function is the identity. Source: the public implementations of GCJ-02, all alike.
_SOUTH, _NORTH, _WEST, _EAST = 0.8293, 55.8271, 72.004, 137.8347
_BD_TURN = pi * 3000 / 180
_STEPS = 6  # the shift changes so little from place to place that each step gains two digits


def to_wgs84(latitude: Decimal, longitude: Decimal, datum: Datum) -> tuple[Decimal, Decimal]:
    """A place that its source gives on some datum, on WGS-84; in degrees."""
    place = (float(latitude), float(longitude))
    match datum:
        case Datum.WGS84:
            return latitude, longitude
        case Datum.GCJ02:
            found = _back(_gcj02_of, place)
        case Datum.BD09:
            found = _back(_gcj02_of, _back(_bd09_of, place))
        case _:
            assert_never(datum)
    return Decimal(repr(found[0])), Decimal(repr(found[1]))


def _back(shift: Callable[[_Place], _Place], shifted: _Place) -> _Place:
    """Where a shifted place was: what the shift of a guess misses by is taken off the guess, again and again."""
    guess = shifted
    for _ in range(_STEPS):
        there = shift(guess)
        guess = (guess[0] - (there[0] - shifted[0]), guess[1] - (there[1] - shifted[1]))
    return guess


def _gcj02_of(place: _Place) -> _Place:
    latitude, longitude = place
    if not (_SOUTH <= latitude <= _NORTH and _WEST <= longitude <= _EAST):
        return place
    north_m, east_m = _shift_m(longitude - 105, latitude - 35)
    angle = latitude / 180 * pi
    magic = 1 - _ECCENTRICITY_2 * sin(angle) ** 2
    meridian_m = _LONG_AXIS_M * (1 - _ECCENTRICITY_2) / (magic * sqrt(magic))
    parallel_m = _LONG_AXIS_M / sqrt(magic) * cos(angle)
    return latitude + north_m * 180 / (meridian_m * pi), longitude + east_m * 180 / (parallel_m * pi)


def _shift_m(x: float, y: float) -> tuple[float, float]:
    """How far a place is moved to the north and to the east, in metres; `x`, `y` in degrees from 105° E, 35° N."""
    both = (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + both
    north += (20 * sin(y * pi) + 40 * sin(y / 3 * pi)) * 2 / 3 + (
        160 * sin(y / 12 * pi) + 320 * sin(y / 30 * pi)
    ) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + both
    east += (20 * sin(x * pi) + 40 * sin(x / 3 * pi)) * 2 / 3 + (
        150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)
    ) * 2 / 3
    return north, east


def _bd09_of(place: _Place) -> _Place:
    latitude, longitude = place
    far = hypot(longitude, latitude) + 0.000_02 * sin(latitude * _BD_TURN)
    turned = atan2(latitude, longitude) + 0.000_003 * cos(longitude * _BD_TURN)
    return far * sin(turned) + 0.006, far * cos(turned) + 0.0065
