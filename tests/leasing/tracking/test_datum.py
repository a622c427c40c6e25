"""From the earths of Chinese maps back to WGS-84, against places that another implementation has shifted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hub.core.ports.gps_tracker import Datum
from hub.leasing.tracking.datum import to_wgs84

# Latitude and longitude on WGS-84, GCJ-02 and BD-09. Source: prcoords 1.0.2 (CC0), `wgs_gcj` and `wgs_bd`.
PLACES = [
    ("39.9087 116.3975", "39.91010349934476 116.40374357265176", "39.91644274963076 116.4101165864734"),
    ("31.2304 121.4737", "31.22845773757727 121.47822305927693", "31.234310593689997 121.484781468503"),
    ("43.8256 87.6168", "43.82680539311119 87.61964994946926", "43.83294979479328 87.62609977081571"),
    ("18.2528 109.5119", "18.25109479173564 109.51598429482667", "18.256876553759117 109.52253179173881"),
    ("45.8038 126.535", "45.80578152514843 126.54104035015793", "45.81139582294028 126.54765921413988"),
]
_MILLIMETRE = Decimal("0.00000001")  # of a degree on the ground


def _read(text: str) -> tuple[Decimal, Decimal]:
    latitude, longitude = text.split()
    return Decimal(latitude), Decimal(longitude)


@pytest.mark.parametrize(("wgs84", "gcj02", "bd09"), PLACES)
def test_a_shifted_place_is_brought_back_to_the_millimetre(wgs84: str, gcj02: str, bd09: str) -> None:
    for datum, text in ((Datum.WGS84, wgs84), (Datum.GCJ02, gcj02), (Datum.BD09, bd09)):
        found = to_wgs84(*_read(text), datum)
        for is_, should_be in zip(found, _read(wgs84), strict=True):
            assert abs(is_ - should_be) <= _MILLIMETRE, (datum, found)


@pytest.mark.parametrize("place", ["48.2082 16.3738", "-33.8688 151.2093", "37.7749 -122.4194"])
def test_what_lies_where_the_shift_does_nothing_stays(place: str) -> None:
    assert to_wgs84(*_read(place), Datum.GCJ02) == _read(place)


@pytest.mark.parametrize("place", ["37.5665 126.978", "21.0278 105.8342"])
def test_seoul_and_hanoi_are_not_shifted_unless_their_source_says_so(place: str) -> None:
    assert to_wgs84(*_read(place), Datum.WGS84) == _read(place)
