"""What the tracker stand-in does, seen through its plugin."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from leasehub_gps_tracker_sandbox import mapping
from leasehub_gps_tracker_sandbox.route import Place, distance_m, place_of

from hub.core.errors import Rejected, RetryAdvice, UnknownOutcome
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
from hub.core.ports.webhooks import WebhookKind
from hub.sdk.reading import Fields, JsonObject
from hub.testing.fixtures import START_AT
from hub.testing.sandboxes import Rig

DEVICE = "JT-000001"


async def locate(rig: Rig, device: str = DEVICE) -> Fix:
    fix = await rig.provider.gps_locate(LocateRequest(device_ref=device), rig.ctx())
    assert isinstance(fix, Fix)
    return fix


def fence(datum: Datum = Datum.WGS84, *, on_enter: bool = False) -> Geofence:
    return Geofence(
        fence_ref="yard",
        device_ref=DEVICE,
        latitude=Decimal("31.230000"),
        longitude=Decimal("121.470000"),
        datum=datum,
        radius_m=500,
        alarm_on_enter=on_enter,
    )


async def test_a_device_drives_by_day_and_rests_by_night(any_rig: Rig) -> None:
    driving = await locate(any_rig)
    assert (driving.datum, driving.ignition) == (Datum.WGS84, True)
    assert await locate(any_rig) == driving
    any_rig.clock.advance(timedelta(minutes=1))
    assert (await locate(any_rig)).latitude != driving.latitude
    any_rig.clock.advance(timedelta(hours=13))
    parked = await locate(any_rig)
    assert (parked.ignition, parked.speed_kmh) == (False, Decimal("0.0"))


async def test_a_track_comes_in_pages_without_gap_or_repeat(rig: Rig) -> None:
    to_at = rig.clock.now()
    from_at = to_at - timedelta(hours=20)
    fixes: list[Fix] = []
    cursor = None
    while True:
        request = TrackRequest(device_ref=DEVICE, from_at=from_at, to_at=to_at, cursor=cursor)
        page = await rig.provider.gps_track(request, rig.ctx())
        fixes.extend(page.fixes)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [fix.fixed_at for fix in fixes] == [from_at + timedelta(minutes=number) for number in range(1201)]


async def test_a_track_never_reaches_into_the_future(rig: Rig) -> None:
    now = rig.clock.now()
    request = TrackRequest(device_ref=DEVICE, from_at=now + timedelta(hours=1), to_at=now + timedelta(hours=2))
    assert (await rig.provider.gps_track(request, rig.ctx())).fixes == ()


async def test_a_silent_device_has_no_record(rig: Rig) -> None:
    await rig.control("script", silent_devices=[DEVICE])
    assert isinstance(await rig.provider.gps_locate(LocateRequest(device_ref=DEVICE), rig.ctx()), NoRecord)


@pytest.mark.parametrize("on_enter", [False, True])
async def test_a_fence_cries_when_it_is_crossed_its_way(rig: Rig, on_enter: bool) -> None:
    await rig.control(f"devices/{DEVICE}/place", latitude="31.23", longitude="121.47")
    assert (await rig.provider.gps_geofence_put(fence(on_enter=on_enter), rig.ctx("fence-1"))).active
    await rig.control(f"devices/{DEVICE}/place", latitude="31.24", longitude="121.47")
    left = await rig.flush()
    await rig.control(f"devices/{DEVICE}/place", latitude="31.2301", longitude="121.47")
    entered = await rig.flush()
    ((event,),) = [delivery.events for delivery in (*left, *entered)]
    assert event.kind is WebhookKind.DEVICE_ALARM
    assert event.status == ("fence_entered" if on_enter else "fence_left")
    assert (event.subject_ref, event.detail) == (DEVICE, {"fence_ref": "yard"})
    assert bool(entered) == on_enter


async def test_a_fence_that_is_down_stays_silent_and_may_be_taken_down_twice(rig: Rig) -> None:
    await rig.control(f"devices/{DEVICE}/place", latitude="31.23", longitude="121.47")
    await rig.provider.gps_geofence_put(fence(), rig.ctx("fence-1"))
    delete = GeofenceDelete(fence_ref="yard", device_ref=DEVICE)
    for key in ("delete-1", "delete-2"):
        assert not (await rig.provider.gps_geofence_delete(delete, rig.ctx(key))).active
    await rig.control(f"devices/{DEVICE}/place", latitude="31.24", longitude="121.47")
    assert await rig.flush() == []


async def test_a_fence_on_another_datum_is_refused(rig: Rig) -> None:
    with pytest.raises(Rejected, match="datum_unsupported"):
        await rig.provider.gps_geofence_put(fence(Datum.GCJ02), rig.ctx("fence-1"))


async def test_only_a_standing_car_is_immobilized_and_then_stays(rig: Rig) -> None:
    request = ImmobilizeRequest(device_ref=DEVICE, approval_token="approved-by-two", reason="unpaid")
    with pytest.raises(Rejected, match="vehicle_moving") as raised:
        await rig.provider.gps_immobilize(request, rig.ctx("command-1"))
    assert raised.value.advice is RetryAdvice.LATER
    rig.clock.advance(timedelta(hours=13))
    assert (await rig.provider.gps_immobilize(request, rig.ctx("command-2"))).accepted
    parked = await locate(rig)
    rig.clock.advance(timedelta(hours=12))
    assert (await locate(rig)).latitude == parked.latitude


async def test_a_command_that_timed_out_was_given_once(any_rig: Rig) -> None:
    any_rig.clock.advance(timedelta(hours=13))
    request = ImmobilizeRequest(device_ref=DEVICE, approval_token="approved-by-two", reason="unpaid")
    await any_rig.fault("immobilize", "timeout_after_effect")
    with pytest.raises(UnknownOutcome):
        await any_rig.provider.gps_immobilize(request, any_rig.ctx("command-1"))
    await any_rig.provider.gps_immobilize(request, any_rig.ctx("command-1"))
    assert len((await any_rig.books())["commands"]) == 1


async def test_alarms_can_be_told_to_come(rig: Rig) -> None:
    await locate(rig)
    for kind in ("power_cut", "unheard_of"):
        await rig.control(f"devices/{DEVICE}/alarm", type=kind)
    told = [event.status for delivery in await rig.flush() for event in delivery.events]
    assert told == ["power_cut", ""]


def test_routes_are_continuous_by_day() -> None:
    places = [place_of(DEVICE, START_AT + timedelta(seconds=number)) for number in range(120)]
    steps = [distance_m(first, second) for first, second in pairwise(places)]
    assert all(4 < step < 7 for step in steps)


def test_a_degree_of_latitude_is_111_kilometres() -> None:
    assert distance_m(Place(latitude=0, longitude=0), Place(latitude=1, longitude=0)) == pytest.approx(111195, abs=1)


@pytest.mark.parametrize(
    "broken", [{"lat": "91"}, {"lat": "NaN"}, {"lat": 31.2}, {"datum": "mars"}, {"fixed_at": "now"}]
)
def test_a_position_that_cannot_be_read_is_none(broken: JsonObject) -> None:
    good: JsonObject = {"lat": "31.2", "lon": "121.4", "datum": "wgs84", "fixed_at": "2026-03-05T02:00:00+00:00"}
    more: JsonObject = {"accuracy_m": 8, "speed_kmh": "0", "heading": 0, "ignition": False, "source": "gnss"}
    assert mapping.fix_of(Fields({**good, **more})).longitude == Decimal("121.4")
    with pytest.raises(UnknownOutcome):
        mapping.fix_of(Fields({**good, **more, **broken}))
