"""The tracker vendor: devices that drive a loop, fences that cry when they are crossed, and an immobiliser.

Any device reference is a device, unless the script says that it has never reported. A device can be put somewhere,
and then stays there.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.core.provider import Capability
from hub.sdk.reading import Fields, JsonObject
from hub.sdk.sandbox.app import app_factory
from hub.sdk.sandbox.books import stamp
from hub.sdk.sandbox.outbox import Occurrence
from hub.sdk.sandbox.vendor import Call, Operation, Refusal, Vendor, controls, effects, not_found, reads, unusable
from leasehub_gps_tracker_sandbox.route import Place, distance_m, place_of

_EVERY_S = 60  # a device reports once a minute
_PAGE = 500

_SCHEMA = """
create table if not exists device (
    ref text primary key, webhook_url text not null, latitude text, longitude text, immobilized_at text
) strict;
create table if not exists fence (
    device text not null references device, ref text not null, latitude text not null, longitude text not null,
    radius_m integer not null check (radius_m > 0), alarm_on_enter integer not null, inside integer not null,
    primary key (device, ref)
) strict;
create table if not exists command (
    ref text primary key, key text not null unique, device text not null references device, approval text not null,
    reason text not null, given_at text not null
) strict;
create table if not exists alarm (
    seq integer primary key, device text not null, type text not null, fence text not null, raised_at text not null
) strict;
"""
_PUT_FENCE = """
insert into fence values (:device, :ref, :latitude, :longitude, :radius_m, :alarm_on_enter, :inside)
on conflict (device, ref) do update set latitude = excluded.latitude, longitude = excluded.longitude,
    radius_m = excluded.radius_m, alarm_on_enter = excluded.alarm_on_enter, inside = excluded.inside
"""


class GpsTrackerVendor(Vendor):
    """The tracker stand-in. Script: `silent_devices`: those that have never reported."""

    capability = Capability.GPS_TRACKER
    schema = _SCHEMA

    def operations(self) -> tuple[Operation, ...]:
        """Devices for the plugin; their place and their alarms for whoever tests."""
        return (
            *reads(
                ("locate", "/v1/positions/{ref}", self._locate),
                ("track", "/v1/devices/{ref}/track", self._track),
            ),
            *effects(
                ("geofence_put", "/v1/devices/{ref}/fences", self._put_fence),
                ("geofence_delete", "/v1/devices/{ref}/fences/delete", self._delete_fence),
                ("immobilize", "/v1/devices/{ref}/immobilize", self._immobilize),
            ),
            *controls(
                ("place", "/devices/{ref}/place", self._put_somewhere),
                ("alarm", "/devices/{ref}/alarm", self._cry),
            ),
        )

    def advance(self, now: datetime) -> None:
        """Cars cross fences."""
        for fence in self.books.all("select * from fence order by device, ref"):
            centre = Place(latitude=float(fence["latitude"]), longitude=float(fence["longitude"]))
            inside = distance_m(centre, self._place(fence["device"], now)) <= fence["radius_m"]
            if inside == bool(fence["inside"]):
                continue
            self.books.run(
                "update fence set inside = :inside where device = :device and ref = :ref",
                inside=int(inside),
                device=fence["device"],
                ref=fence["ref"],
            )
            if inside == bool(fence["alarm_on_enter"]):
                self._alarm(fence["device"], "fence_enter" if inside else "fence_exit", now, fence=fence["ref"])

    def ledger(self) -> JsonObject:
        """Devices, fences, commands and alarms."""
        return {
            "devices": self.books.dump("select ref, latitude, longitude, immobilized_at from device order by ref"),
            "fences": self.books.dump("select device, ref, radius_m, alarm_on_enter, inside from fence order by 1, 2"),
            "commands": self.books.dump(
                "select ref, key, device, reason, given_at from command order by given_at, ref"
            ),
            "alarms": self.books.dump("select device, type, fence, raised_at from alarm order by seq"),
        }

    def _locate(self, call: Call) -> JsonObject:
        device = self._known(call)
        return _fix(self._place(device, _report_before(call.now)), _report_before(call.now))

    def _track(self, call: Call) -> JsonObject:
        device, asked = self._known(call), Fields(dict(call.query), unusable)
        first = _report_after(asked.instant("cursor") if call.query.get("cursor") else asked.instant("from"))
        last = min(_report_before(asked.instant("to")), _report_before(call.now))
        count = max(int((last - first).total_seconds()) // _EVERY_S + 1, 0)
        reports = [first + timedelta(seconds=_EVERY_S * number) for number in range(min(count, _PAGE))]
        rest = stamp(first + timedelta(seconds=_EVERY_S * _PAGE)) if count > _PAGE else None
        return {"fixes": [_fix(self._place(device, at), at) for at in reports], "next": rest}

    def _put_fence(self, call: Call) -> JsonObject:
        device, body = self._known(call), call.body
        if body.text("datum") != "wgs84":
            raise Refusal(422, "datum_unsupported", "fences are taken in WGS-84 only")
        latitude, longitude, radius_m = body.decimal("lat"), body.decimal("lon"), body.whole("radius_m")
        if radius_m <= 0:
            raise unusable("radius_m is not positive")
        centre = Place(latitude=float(latitude), longitude=float(longitude))
        self.books.run(
            _PUT_FENCE,
            device=device,
            ref=body.text("fence"),
            latitude=str(latitude),
            longitude=str(longitude),
            radius_m=radius_m,
            alarm_on_enter=int(body.flag("alarm_on_enter")),
            inside=int(distance_m(centre, self._place(device, call.now)) <= radius_m),
        )
        return {"fence": body.text("fence"), "active": True}

    def _delete_fence(self, call: Call) -> JsonObject:
        fence = call.body.text("fence")
        self.books.run("delete from fence where device = :device and ref = :ref", device=call.path["ref"], ref=fence)
        return {"fence": fence, "active": False}

    def _immobilize(self, call: Call) -> JsonObject:
        device = self._known(call)
        if self._place(device, call.now).moving:
            raise Refusal(422, "vehicle_moving", "only a standing car is kept from starting")
        ref = call.new_ref("cmd")
        self.books.run(
            "insert into command values (:ref, :key, :device, :approval, :reason, :now)",
            ref=ref,
            key=call.key,
            device=device,
            approval=call.body.text("approval"),
            reason=call.body.text("reason"),
            now=stamp(call.now),
        )
        self.books.run("update device set immobilized_at = :now where ref = :ref", now=stamp(call.now), ref=device)
        return {"ref": ref, "accepted": True}

    def _put_somewhere(self, call: Call) -> JsonObject:
        """Park a device at a place; without one it drives its loop again."""
        device = self._known(call)
        self.books.run(
            "update device set latitude = :latitude, longitude = :longitude where ref = :ref",
            latitude=call.body.optional_text("latitude"),
            longitude=call.body.optional_text("longitude"),
            ref=device,
        )
        self.advance(call.now)
        return _fix(self._place(device, call.now), call.now)

    def _cry(self, call: Call) -> JsonObject:
        device = self._known(call)
        self._alarm(device, call.body.text("type"), call.now)
        return {"device": device}

    def _alarm(self, device: str, kind: str, now: datetime, fence: str = "") -> None:
        self.books.run(
            "insert into alarm (device, type, fence, raised_at) values (:device, :type, :fence, :now)",
            device=device,
            type=kind,
            fence=fence,
            now=stamp(now),
        )
        row = self.books.one("select webhook_url from device where ref = :ref", ref=device)
        detail = {"fence_ref": fence} if fence else {}
        url = row["webhook_url"] if row else ""
        self.outbox.tell(Occurrence(type=f"alarm.{kind}", url=url, ref=device, key="", status=kind, detail=detail))

    def _known(self, call: Call) -> str:
        """The device that a call is about; the first call about it makes it known, and says where its alarms go."""
        ref = call.path["ref"]
        if ref in self.scripted_list("silent_devices"):
            raise not_found("device")
        self.books.run(
            "insert into device (ref, webhook_url) values (:ref, :url) on conflict (ref) do update"
            " set webhook_url = excluded.webhook_url where excluded.webhook_url not in ('', webhook_url)",
            ref=ref,
            url=call.webhook_url,
        )
        return ref

    def _place(self, device: str, at: datetime) -> Place:
        row = self.books.one("select latitude, longitude, immobilized_at from device where ref = :ref", ref=device)
        if row is not None and row["latitude"] is not None:
            return Place(latitude=float(row["latitude"]), longitude=float(row["longitude"]))
        if row is not None and row["immobilized_at"] is not None and row["immobilized_at"] <= stamp(at):
            at = datetime.fromisoformat(row["immobilized_at"])
        return place_of(device, at)


create_app = app_factory(GpsTrackerVendor)


def _report_before(at: datetime) -> datetime:
    """The latest full minute of reporting at or before an instant."""
    return at - timedelta(seconds=at.timestamp() % _EVERY_S)


def _report_after(at: datetime) -> datetime:
    return _report_before(at + timedelta(seconds=_EVERY_S) - timedelta(microseconds=1))


def _fix(place: Place, at: datetime) -> JsonObject:
    return {
        "lat": f"{place.latitude:.6f}",
        "lon": f"{place.longitude:.6f}",
        "datum": "wgs84",
        "fixed_at": stamp(at),
        "accuracy_m": 8,
        "speed_kmh": f"{place.speed_kmh:.1f}",
        "heading": place.heading,
        "ignition": place.moving,
        "source": "gnss",
    }
