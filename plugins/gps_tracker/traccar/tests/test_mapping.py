"""The server's words and the hub's: positions, fences, refusals, settings."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_gps_tracker_traccar import mapping
from leasehub_gps_tracker_traccar.settings import TraccarSettings
from pydantic import ValidationError

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)
from hub.core.ports.gps_tracker import Datum, Geofence
from hub.sdk.http import HttpAnswer
from hub.sdk.reading import Fields

# Source: answers of a real server (GET /api/positions) as another project keeps them in its tests, protocol osmand.
STANDING = (
    '{"id":1,"attributes":{"odometer":5.0E7,"fuel":62.5,"ignition":false,"distance":0.0,"totalDistance":0.0,'
    '"motion":false},"deviceId":1,"protocol":"osmand","serverTime":"2026-09-24T15:10:44.693+00:00",'
    '"deviceTime":"2026-09-24T08:00:00.000+00:00","fixTime":"2026-09-24T08:00:00.000+00:00","valid":true,'
    '"latitude":36.8065,"longitude":10.1815,"altitude":0.0,"speed":0.0,"course":0.0,"address":null,"accuracy":0.0,'
    '"network":null,"geofenceIds":null}'
)
DRIVING = (
    '{"id":2,"attributes":{"odometer":5.0012345E7,"fuel":60.0,"ignition":true,"distance":1426.010135470461,'
    '"totalDistance":1426.010135470461,"motion":true},"deviceId":1,"protocol":"osmand",'
    '"serverTime":"2026-09-24T15:10:44.721+00:00","deviceTime":"2026-09-24T08:10:00.000+00:00",'
    '"fixTime":"2026-09-24T08:10:00.000+00:00","valid":true,"latitude":36.8165,"longitude":10.1915,"altitude":0.0,'
    '"speed":20.0,"course":0.0,"address":null,"accuracy":0.0,"network":null,"geofenceIds":null}'
)


def position(text: str = STANDING, **more: object) -> Fields:
    return mapping.object_of(mapping.parsed(json.dumps(json.loads(text) | more).encode()))


def test_recorded_positions() -> None:
    standing, driving = (
        mapping.fix_of(mapping.object_of(mapping.parsed(t.encode())), Datum.WGS84) for t in (STANDING, DRIVING)
    )
    assert (standing.latitude, standing.longitude) == (Decimal("36.806500"), Decimal("10.181500"))
    assert (standing.speed_kmh, standing.ignition, standing.accuracy_m) == (Decimal("0.0"), False, None)
    assert standing.fixed_at == datetime(2026, 9, 24, 8, 0, tzinfo=UTC)
    assert (driving.speed_kmh, driving.ignition, driving.source) == (Decimal("37.0"), True, "gnss")


@pytest.mark.parametrize(("knots", "kmh"), [("1", "1.9"), ("53.995680", "100.0"), ("0.539957", "1.0"), ("0", "0.0")])
def test_knots(knots: str, kmh: str) -> None:
    told = mapping.object_of(mapping.parsed(STANDING.replace('"speed":0.0', f'"speed":{knots}').encode()))
    assert mapping.fix_of(told, Datum.WGS84).speed_kmh == Decimal(kmh)


@pytest.mark.parametrize(
    "wrong",
    [
        {"latitude": 91},
        {"longitude": "10"},
        {"latitude": None},
        {"speed": True},
        {"fixTime": "yesterday"},
        {"fixTime": "2026-09-24T08:00:00"},
        {"valid": "true"},
        {"attributes": None},
        {"attributes": {"ignition": "on"}},
    ],
)
def test_what_is_no_position_is_unreadable(wrong: dict[str, object]) -> None:
    with pytest.raises(UnknownOutcome):
        mapping.fix_of(position(**wrong), Datum.WGS84)


@pytest.mark.parametrize("text", [b"NaN", b'{"latitude": NaN}', b"", b"\xff", b"[1]", b'[{"x": 1}]', b"{}", b"null"])
def test_what_is_no_list_is_unreadable(text: bytes) -> None:
    with pytest.raises(UnknownOutcome):
        mapping.objects_of(mapping.parsed(text))


def test_not_a_number_is_none() -> None:
    with pytest.raises(UnknownOutcome):
        mapping.fix_of(mapping.object_of(mapping.parsed(STANDING.replace("36.8065", "NaN").encode())), Datum.WGS84)


@given(
    st.decimals(-90, 90, allow_nan=False, places=9),
    st.decimals(-180, 180, allow_nan=False, places=9),
    st.integers(1, 10**6),
)
def test_a_circle_has_its_latitude_first_and_no_exponent(latitude: Decimal, longitude: Decimal, radius_m: int) -> None:
    fence = Geofence(
        fence_ref="f", device_ref="d", latitude=latitude, longitude=longitude, datum=Datum.WGS84, radius_m=radius_m
    )
    area = str(mapping.fence_body(fence, "name", "key")["area"])
    first, second, radius = area.removeprefix("CIRCLE (").removesuffix(")").replace(",", "").split()
    assert abs(Decimal(first) - latitude) <= Decimal("0.0000005")
    assert abs(Decimal(second) - longitude) <= Decimal("0.0000005")
    assert (int(radius), "E" in area[8:]) == (radius_m, False)


@pytest.mark.parametrize(("fence", "device"), [("a", "b"), ("a" * 200, "b"), ("场地", "设备" * 100)])
def test_names_fit_and_are_told_apart(fence: str, device: str) -> None:
    name = mapping.fence_name(fence, device)
    assert len(name) <= 128
    assert name == mapping.fence_name(fence, device)
    assert name != mapping.fence_name(fence, device + "1")


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (
            400,
            "Device access denied - SecurityException (PermissionsService:117 < *:95)",
            Rejected,
            "SecurityException",
        ),
        (400, "Failed to send command - RuntimeException (CommandsManager:131)", Rejected, "device_offline"),
        (400, "java.lang.NullPointerException", Rejected, "NullPointerException"),
        (400, "", Rejected, "bad_request"),
        (400, "张三 13812345678", Rejected, "bad_request"),
        (401, "HTTP 401 Unauthorized - WebApplicationException", AuthFailed, None),
        (404, "HTTP 404 Not Found - NotFoundException", Misconfigured, None),
        (429, "", RateLimited, None),
        (500, "SecurityException", UnknownOutcome, None),
        (302, "", UnknownOutcome, None),
    ],
)
def test_refusals(status: int, body: str, kind: type[ProviderError], code: str | None) -> None:
    found = mapping.failure(HttpAnswer(status=status, headers={}, body=body.encode()))
    assert type(found) is kind
    assert getattr(found, "vendor_code", None) == code
    assert "13812345678" not in str(found)
    if code == "device_offline":
        assert isinstance(found, Rejected)
        assert found.advice is RetryAdvice.LATER


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (202, '{"deviceId": 1, "type": "engineStop"}'),
        (200, '{"deviceId": 2, "type": "engineStop"}'),
        (200, '{"deviceId": 1, "type": "engineResume"}'),
        (200, ""),
        (204, ""),
    ],
)
def test_a_command_that_may_not_have_gone_out_is_in_doubt(status: int, body: str) -> None:
    with pytest.raises(UnknownOutcome):
        mapping.check_command(HttpAnswer(status=status, headers={}, body=body.encode()), 1)


def test_windows_do_not_overlap_and_end() -> None:
    begins = datetime(2026, 3, 5, tzinfo=UTC)
    ends = begins + timedelta(hours=7)
    first = mapping.window(begins, ends, None, 6)
    assert first == (begins, begins + timedelta(hours=6), "2026-03-05T06:00:00.001Z")
    assert mapping.window(begins, ends, first[2], 6) == (begins + timedelta(hours=6, milliseconds=1), ends, None)


GOOD: dict[str, object] = {"base_url": "https://gps.lessor.example/api/", "token": "t"}


def test_the_address_is_the_servers() -> None:
    assert TraccarSettings(**GOOD).base_url == "https://gps.lessor.example"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "gps.lessor.example"},
        {"base_url": "https://user:pw@gps.lessor.example"},
        {"token": None},
        {"token": ""},
        {"email": "a@b.example"},
        {"password": "p"},
        {"email": "a@b.example", "password": "p"},
        {"token": None, "password": "p"},
        {"callback_secret": "short"},
        {"datum": "mars"},
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TraccarSettings(**{**GOOD, **wrong})  # type: ignore[arg-type]
