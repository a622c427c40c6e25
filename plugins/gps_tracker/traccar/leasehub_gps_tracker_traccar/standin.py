"""The server as a stand-in: accounts, devices with their positions, fences with their links, commands, and what it forwards."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from hub.core.provider import Clock
from hub.testing.kit.rig import Booking
from hub.testing.wire import Callback, WireVendor

_KNOTS = 0.539957


class Refused(Exception):
    """The server says no, with a trace of its own."""


class TraccarVendor(WireVendor):
    """One server with one administrator's account, by token and by password.

    `offline` are the identifiers of devices that are not connected; `queues`: a server too old to know `noQueue`.
    """

    def __init__(self, clock: Clock, *, token: str, email: str, password: str, forward_to: str = "") -> None:
        super().__init__(clock)
        pair = base64.b64encode(f"{email}:{password}".encode()).decode()
        self.accepted = {f"Bearer {token}", f"Basic {pair}"}
        self.forward_to = forward_to
        self.forward_header: dict[str, str] = {}
        self.offline: set[str] = set()
        self.queues = False
        self.devices: list[dict[str, Any]] = []
        self.positions: list[dict[str, Any]] = []
        self.fences: dict[int, dict[str, Any]] = {}
        self.links: list[tuple[int, int]] = []
        self.commands: list[dict[str, Any]] = []

    def routes(self) -> Sequence[Route]:
        """What of the API is asked for."""
        return (
            Route("/api/server", self._guarded(self._server)),
            Route("/api/notifications/types", self._guarded(self._types)),
            Route("/api/devices", self._guarded(self._devices)),
            Route("/api/positions", self._guarded(self._positions)),
            Route("/api/reports/route", self._guarded(self._route)),
            Route("/api/geofences", self._guarded(self._fences), methods=["GET", "POST"]),
            Route("/api/geofences/{fence:int}", self._guarded(self._fence), methods=["PUT", "DELETE"]),
            Route("/api/permissions", self._guarded(self._link), methods=["POST"]),
            Route("/api/commands/send", self._guarded(self._command), methods=["POST"]),
        )

    async def settle(self) -> None:
        """Nothing waits here for anybody."""

    def add_device(self, unique_id: str) -> dict[str, Any]:
        """A device, which has not reported yet."""
        device = {"id": len(self.devices) + 1, "uniqueId": unique_id, "name": unique_id, "status": "online"}
        self.devices.append(
            device | {"positionId": 0, "groupId": 0, "attributes": {}, "phone": None, "disabled": False}
        )
        return self.devices[-1]

    def report(
        self, device: dict[str, Any], at: datetime, lat: float, lon: float, kmh: float = 0.0, **more: Any
    ) -> None:
        """A device says where it is; that is forwarded."""
        attributes = {"ignition": kmh > 0, "motion": kmh > 0, "totalDistance": 12.5}
        position = {
            "id": len(self.positions) + 1,
            "deviceId": device["id"],
            "protocol": "jt808",
            "serverTime": _time(self.clock.now()),
            "deviceTime": _time(at),
            "fixTime": _time(at),
            "outdated": False,
            "valid": True,
            "latitude": lat,
            "longitude": lon,
            "altitude": 4.0,
            "speed": round(kmh * _KNOTS, 4),
            "course": 359.5,
            "address": None,
            "accuracy": 12.0,
            "network": None,
            "geofenceIds": None,
            "attributes": attributes,
        }
        self.positions.append(position | more)
        device["positionId"] = position["id"]
        self._forward({"position": self.positions[-1], "device": device})

    def happen(self, device: dict[str, Any], kind: str, fence: int | None = None, **attributes: str) -> None:
        """An event of a device; that is forwarded."""
        event = {"id": 25183 + len(self.outbox), "deviceId": device["id"], "type": kind, "attributes": attributes}
        event |= {"eventTime": _time(self.clock.now()), "positionId": device["positionId"], "geofenceId": fence or 0}
        told: dict[str, Any] = {"event": event, "device": device}
        self._forward(told | ({"geofence": self.fences[fence]} if fence else {}))

    def _forward(self, content: dict[str, Any]) -> None:
        if self.forward_to:
            headers = {"content-type": "application/json", **self.forward_header}
            self.outbox.append(Callback(url=self.forward_to, headers=headers, body=json.dumps(content).encode()))

    def _guarded(self, answer: Any) -> Any:
        async def guarded(request: Request) -> Response:
            if request.headers.get("authorization") not in self.accepted:
                return PlainTextResponse("HTTP 401 Unauthorized - WebApplicationException", 401)
            try:
                found = await answer(request)
            except Refused as no:
                return PlainTextResponse(str(no), 400)
            return found if isinstance(found, Response) else JSONResponse(found)

        return guarded

    def _book(self, request: Request) -> None:
        self.bookings.append(Booking(key=request.headers.get("x-request-id", "")))

    async def _server(self, request: Request) -> dict[str, Any]:
        return {"id": 1, "registration": False, "readonly": False, "version": "6.14.5", "attributes": {}}

    async def _types(self, request: Request) -> list[dict[str, str]]:
        return [{"type": "alarm"}, {"type": "geofenceExit"}]

    async def _devices(self, request: Request) -> list[dict[str, Any]]:
        wanted = request.query_params.getlist("uniqueId")
        return [device for device in self.devices if not wanted or device["uniqueId"] in wanted]

    async def _positions(self, request: Request) -> list[dict[str, Any]]:
        if wanted := request.query_params.getlist("id"):
            return [position for position in self.positions if str(position["id"]) in wanted]
        latest = {device["positionId"] for device in self.devices}
        return [position for position in self.positions if position["id"] in latest]

    async def _route(self, request: Request) -> Response:
        if "application/json" not in request.headers.get("accept", ""):
            return Response(
                b"PK\x03\x04", media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
            )
        asked = request.query_params
        begins, ends = (datetime.fromisoformat(asked[name]) for name in ("from", "to"))
        found = [
            position
            for position in self.positions
            if position["deviceId"] == int(asked["deviceId"])
            and begins <= datetime.fromisoformat(position["fixTime"]) <= ends
        ]
        return JSONResponse(found)

    async def _fences(self, request: Request) -> list[dict[str, Any]] | dict[str, Any]:
        if request.method == "GET":
            device = request.query_params.get("deviceId")
            linked = [fence for one, fence in self.links if str(one) == device]
            return [fence for number, fence in self.fences.items() if device is None or number in linked]
        body = await request.json()
        _check_area(body)
        number = len(self.fences) + 1
        self.fences[number] = {**body, "id": number}
        self._book(request)
        return self.fences[number]

    async def _fence(self, request: Request) -> Response:
        number = request.path_params["fence"]
        if request.method == "DELETE":
            self.fences.pop(number, None)  # for an administrator one that is not there is taken away as well
            self.links = [link for link in self.links if link[1] != number]
            self._book(request)
            return Response(status_code=204)
        body = await request.json()
        if number not in self.fences or body.get("id") != number:
            raise Refused("Geofence access denied - SecurityException (PermissionsService:117 < *:95)")
        _check_area(body)
        self.fences[number] = body
        self._book(request)
        return JSONResponse(body)

    async def _link(self, request: Request) -> Response:
        body = await request.json()
        if list(body) != ["deviceId", "geofenceId"] or body["geofenceId"] not in self.fences:
            raise Refused("Invalid permission - IllegalArgumentException (Permission:71 < *:88)")
        self.links.append((body["deviceId"], body["geofenceId"]))
        return Response(status_code=204)

    async def _command(self, request: Request) -> Response:
        body = await request.json()
        device = next((one for one in self.devices if one["id"] == body["deviceId"]), None)
        if device is None:
            raise Refused("Device access denied - SecurityException (PermissionsService:117 < *:95)")
        waits = device["uniqueId"] in self.offline or self.queues
        if waits and body["attributes"].get("noQueue") and not self.queues:
            raise Refused("Failed to send command - RuntimeException (CommandsManager:131 < *:103)")
        self.commands.append(body | {"queued": waits})
        self._book(request)
        return JSONResponse({"id": 0, **body}, 202 if waits else 200)


def _check_area(body: dict[str, Any]) -> None:
    """A circle as the server reads it: the first number is a latitude."""
    area = body["area"]
    latitude, longitude = area.removeprefix("CIRCLE (").partition(",")[0].split()
    if not area.startswith("CIRCLE (") or abs(float(latitude)) > 90 or abs(float(longitude)) > 180:
        raise Refused("Mismatch geometry type - ParseException (GeofenceCircle:77 < *:90)")


def _time(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")


def parked(vendor: TraccarVendor, unique_id: str) -> dict[str, Any]:
    """A device that has driven and stands now."""
    device, now = vendor.add_device(unique_id), vendor.clock.now()
    vendor.report(device, now - timedelta(minutes=50), 31.2304, 121.4737, 42.0)
    vendor.report(device, now - timedelta(minutes=30), 31.231, 121.474, 18.5)
    vendor.report(device, now - timedelta(minutes=2), 31.2399, 121.4998)
    return device
