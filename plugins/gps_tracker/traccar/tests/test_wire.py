"""A client that others wrote is accepted by the stand-in and reads it; what the plugin asks for is what the API's description has."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from leasehub_gps_tracker_traccar.conformance import TOKEN

from hub.core.errors import AuthFailed, Rejected, RetryAdvice, UnknownOutcome
from hub.core.ports import NoRecord
from hub.core.ports.gps_tracker import (
    Datum,
    Fix,
    Geofence,
    GeofenceDelete,
    ImmobilizeRequest,
    LocateRequest,
    TrackRequest,
)
from hub.testing.kit.samples import DEVICE
from hub.testing.wire import Received

STOP = ImmobilizeRequest(device_ref=DEVICE, approval_token="approved-by-two", reason="stolen")


def fence(ref: str = "yard", radius_m: int = 500, **more: Any) -> Geofence:
    where = {"latitude": Decimal("31.23"), "longitude": Decimal("121.4737049"), "datum": Datum.WGS84}
    return Geofence(fence_ref=ref, device_ref=DEVICE, radius_m=radius_m, **{**where, **more})


def said(request: Received) -> tuple[str, str, object]:
    return request.method, request.target, json.loads(request.body) if request.body else None


async def test_the_other_client_reads_the_stand_in_and_asks_as_we_do(wire: Any) -> None:
    (theirs,) = await wire.seen(wire.theirs.get_devices())
    ours = (await wire.seen(wire.plugin().gps_locate(LocateRequest(device_ref=DEVICE), wire.ctx())))[0]
    for name in ("authorization", "accept", "content-type"):
        assert ours.headers[name] == theirs.headers[name]
    assert ours.target == f"{theirs.target}?uniqueId={DEVICE}"
    assert [one["uniqueId"] for one in await wire.theirs.get_devices()] == [DEVICE]
    positions = await wire.theirs.get_positions()
    assert [one["latitude"] for one in positions] == [31.2399]
    assert (await wire.theirs.get_server())["version"] == "6.14.5"
    assert await wire.theirs.get_geofences() == []


async def test_where_a_car_is(wire: Any) -> None:
    plugin, request = wire.plugin(token=TOKEN, datum="wgs84"), LocateRequest(device_ref=DEVICE)
    seen = [said(one) for one in await wire.seen(plugin.gps_locate(request, wire.ctx()))]
    assert seen == [("GET", f"/api/devices?uniqueId={DEVICE}", None), ("GET", "/api/positions?id=3", None)]
    wire.vendor.report(wire.device, wire.clock.now(), 31.230416, 121.473701, 100.0)
    assert await plugin.gps_locate(request, wire.ctx()) == Fix(
        latitude=Decimal("31.230416"),
        longitude=Decimal("121.473701"),
        datum=Datum.WGS84,
        fixed_at=wire.clock.now(),
        accuracy_m=12,
        speed_kmh=Decimal("100.0"),
        heading=359,
        ignition=True,
    )


async def test_a_car_that_nobody_has_seen(wire: Any) -> None:
    plugin = wire.plugin()
    device = wire.vendor.add_device("设备 1&2")
    request = LocateRequest(device_ref="设备 1&2")
    assert isinstance(await plugin.gps_locate(request, wire.ctx()), NoRecord)
    wire.vendor.report(device, wire.clock.now(), 0.0, 0.0, valid=False)
    assert isinstance(await plugin.gps_locate(request, wire.ctx()), NoRecord)
    wire.vendor.report(device, wire.clock.now(), 31.2, 121.4, valid=False)
    assert (await plugin.gps_locate(request, wire.ctx())).source == "estimated"
    with pytest.raises(Rejected, match="no such device"):
        await plugin.gps_locate(LocateRequest(device_ref="another"), wire.ctx())


async def test_a_track_comes_in_pages_without_a_position_twice(wire: Any) -> None:
    plugin, now = wire.plugin(track_hours=1), wire.clock.now()
    begins = now - timedelta(hours=3)
    for minutes in (180, 120, 60):
        wire.vendor.report(wire.device, now - timedelta(minutes=minutes), 31.0, 121.0)
    wire.vendor.report(wire.device, begins - timedelta(seconds=1), 31.0, 121.0)
    request, found, pages = TrackRequest(device_ref=DEVICE, from_at=begins, to_at=now), [], 0
    while True:
        page = await plugin.gps_track(request, wire.ctx())
        found, pages = [*found, *page.fixes], pages + 1
        if page.next_cursor is None:
            break
        request = TrackRequest(device_ref=DEVICE, from_at=begins, to_at=now, cursor=page.next_cursor)
    minutes = [int((now - fix.fixed_at).total_seconds() // 60) for fix in found]
    assert (minutes, pages) == ([180, 120, 60, 50, 30, 2], 3)
    with pytest.raises(Rejected, match="none of this provider's"):
        await plugin.gps_track(TrackRequest(device_ref=DEVICE, from_at=begins, to_at=now, cursor="7"), wire.ctx())


async def test_a_track_asks_for_json_and_for_whole_milliseconds(wire: Any) -> None:
    now = wire.clock.now() + timedelta(microseconds=1999)
    request = TrackRequest(device_ref=DEVICE, from_at=now - timedelta(hours=1), to_at=now)
    seen = await wire.seen(wire.plugin().gps_track(request, wire.ctx()))
    route = "/api/reports/route?deviceId=1&from=2026-03-05T01%3A00%3A00.001Z&to=2026-03-05T02%3A00%3A00.001Z"
    assert said(seen[1])[1] == route
    assert seen[1].headers["accept"] == "application/json"


async def test_a_fence_goes_up_is_changed_and_comes_down(wire: Any) -> None:
    plugin = wire.plugin()
    seen = [said(one) for one in await wire.seen(plugin.gps_geofence_put(fence(), wire.ctx("key-1")))]
    name = f"leasehub yard {DEVICE}"
    body = {
        "name": name,
        "description": "",
        "area": "CIRCLE (31.230000 121.473705, 500)",
        "attributes": {"leasehubOnEnter": False, "leasehubKey": "key-1"},
    }
    assert seen[-2:] == [
        ("POST", "/api/geofences", body),
        ("POST", "/api/permissions", {"deviceId": 1, "geofenceId": 1}),
    ]
    assert await wire.theirs.get_geofences() == [{**body, "id": 1}]
    seen = [said(one) for one in await wire.seen(plugin.gps_geofence_put(fence(radius_m=80), wire.ctx("key-2")))]
    assert [(one[0], one[1]) for one in seen[2:]] == [("PUT", "/api/geofences/1")]
    assert [one["area"] for one in wire.vendor.fences.values()] == ["CIRCLE (31.230000 121.473705, 80)"]
    for active in range(2):
        gone = await plugin.gps_geofence_delete(GeofenceDelete(fence_ref="yard", device_ref=DEVICE), wire.ctx())
        assert (gone.fence_ref, gone.active, wire.vendor.fences) == ("yard", False, {}), active


async def test_a_fence_whose_link_was_lost_is_linked_and_never_stands_twice(wire: Any) -> None:
    plugin = wire.plugin()
    await asyncio.gather(*(plugin.gps_geofence_put(fence(), wire.ctx(f"key-{n}")) for n in range(8)))
    assert len(wire.vendor.fences) == 1
    wire.vendor.links.clear()
    await plugin.gps_geofence_put(fence(alarm_on_enter=True), wire.ctx("key-9"))
    assert wire.vendor.links == [(1, 1)]
    assert wire.vendor.fences[1]["attributes"]["leasehubOnEnter"] is True


async def test_a_fence_on_another_earth_is_refused(wire: Any) -> None:
    with pytest.raises(Rejected, match="devices are on wgs84"):
        await wire.plugin().gps_geofence_put(fence(datum=Datum.GCJ02), wire.ctx())
    assert wire.vendor.received == []


async def test_a_standing_car_is_kept_from_starting(wire: Any) -> None:
    seen = [said(one) for one in await wire.seen(wire.plugin().gps_immobilize(STOP, wire.ctx("key-7")))]
    body = {"deviceId": 1, "type": "engineStop", "attributes": {"noQueue": True}}
    assert seen[-1] == ("POST", "/api/commands/send", body)
    assert [(one["type"], one["queued"]) for one in wire.vendor.commands] == [("engineStop", False)]


@pytest.mark.parametrize(
    ("report", "code"),
    [
        ({"kmh": 40.0}, "vehicle_moving"),
        ({"kmh": 0.0, "attributes": {"motion": True}}, "vehicle_moving"),
        ({"kmh": 0.0, "valid": False}, "position_stale"),
        ({"kmh": 0.0, "minutes": 16}, "position_stale"),
    ],
)
async def test_a_car_that_may_be_moving_is_left_alone(wire: Any, report: dict[str, Any], code: str) -> None:
    at = wire.clock.now() - timedelta(minutes=report.pop("minutes", 0))
    wire.vendor.report(wire.device, at, 31.2, 121.4, **report)
    with pytest.raises(Rejected) as refused:
        await wire.plugin().gps_immobilize(STOP, wire.ctx())
    assert (refused.value.vendor_code, refused.value.advice) == (code, RetryAdvice.LATER)
    assert wire.vendor.commands == []


async def test_a_command_never_waits_for_a_car(wire: Any) -> None:
    wire.vendor.offline.add(DEVICE)
    with pytest.raises(Rejected) as refused:
        await wire.plugin().gps_immobilize(STOP, wire.ctx())
    assert (refused.value.vendor_code, refused.value.advice) == ("device_offline", RetryAdvice.LATER)
    wire.vendor.queues = True
    with pytest.raises(UnknownOutcome, match="may act when the car drives"):
        await wire.plugin().gps_immobilize(STOP, wire.ctx())


async def test_a_car_that_has_never_reported_is_left_alone(wire: Any) -> None:
    wire.vendor.add_device("new")
    request = ImmobilizeRequest(device_ref="new", approval_token="approved-by-two", reason="stolen")
    with pytest.raises(Rejected, match="never reported"):
        await wire.plugin().gps_immobilize(request, wire.ctx())


@pytest.mark.parametrize("more", [{"token": TOKEN + "x"}, {"password": "wrong"}, {"email": "other@lessor.example"}])
async def test_strangers_are_refused(wire: Any, more: dict[str, str]) -> None:
    with pytest.raises(AuthFailed):
        await wire.plugin(**more).provider_health(wire.ctx())


async def test_two_servers_do_not_meet(wire: Any) -> None:
    good, bad = wire.plugin(), wire.plugin(password="wrong")
    assert (await good.provider_health(wire.ctx())).healthy
    with pytest.raises(AuthFailed):
        await bad.provider_health(wire.ctx())
    assert (await good.provider_health(wire.ctx())).healthy
