"""The server's words and the hub's, both ways; pure. Speeds come in knots, circles go out with the latitude first."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hub.core.errors import ProviderError, Rejected, RetryAdvice, UnknownOutcome
from hub.core.ports.gps_tracker import Datum, Fix, Geofence
from hub.sdk.errors import classify_status
from hub.sdk.http import HttpAnswer
from hub.sdk.reading import Fields, JsonObject, unreadable

KM_PER_KNOT_HOUR = Decimal("1.852")  # an international nautical mile in kilometres. Source: ISO 80000-3
ON_ENTER = "leasehubOnEnter"
_DEGREE = Decimal("0.000001")
_TENTH = Decimal("0.1")
_STANDING_KNOTS = Decimal(1)  # a receiver that stands still drifts by less
_NAME = 128  # characters of a fence's name
_WENT_WRONG = re.compile(r"\b([A-Z][A-Za-z]{2,60}(?:Exception|Error))\b")
_NOT_SENT = "Failed to send command"


# Asked


def instant_text(instant: datetime) -> str:
    """An instant as the server takes one: ISO 8601, UTC, to the millisecond."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def window(from_at: datetime, to_at: datetime, cursor: str | None, hours: int) -> tuple[datetime, datetime, str | None]:
    """The part of a track that one page tells, and the cursor of the next; raises Rejected for a cursor that is none."""
    begins = from_at if cursor is None else _cursor(cursor)
    ends = min(begins + timedelta(hours=hours), to_at)
    return begins, ends, None if ends >= to_at else instant_text(ends + timedelta(milliseconds=1))


def _cursor(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Rejected("cursor_unknown", "it is none of this provider's") from None
    if found.tzinfo is None:
        raise Rejected("cursor_unknown", "it is none of this provider's")
    return found


def fence_name(fence: str, device: str) -> str:
    """What a fence is called on the server, always the same for a fence and a device."""
    name = f"leasehub {fence} {device}"
    return name if len(name) <= _NAME else f"leasehub {hashlib.sha256(name.encode()).hexdigest()}"


def fence_body(fence: Geofence, name: str, key: str) -> JsonObject:
    """A fence: a circle in well-known text, latitude first as this server has it."""
    latitude, longitude = (f"{degree.quantize(_DEGREE)}" for degree in (fence.latitude, fence.longitude))
    return {
        "name": name,
        "description": "",
        "area": f"CIRCLE ({latitude} {longitude}, {fence.radius_m})",
        "attributes": {ON_ENTER: fence.alarm_on_enter, "leasehubKey": key},
    }


def stop_body(device: int) -> JsonObject:
    """The command that keeps an engine from starting; without `noQueue` it would wait for a car that is off the air."""
    return {"deviceId": device, "type": "engineStop", "attributes": {"noQueue": True}}


def check_datum(fence: Geofence, datum: Datum) -> None:
    """Raise Rejected for a fence on another earth than the devices'."""
    if fence.datum is not datum:
        raise Rejected("datum_not_offered", f"the devices are on {datum.value}")


# Answered


def parsed(content: bytes) -> object:
    """JSON with its numbers exact; raises UnknownOutcome for anything else."""
    try:
        return json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise unreadable("not JSON") from None


def object_of(content: object) -> Fields:
    """One object."""
    if not isinstance(content, dict):
        raise unreadable("not a JSON object")
    return Fields(content)


def objects_of(content: object) -> tuple[Fields, ...]:
    """A list of objects, each with the number that the server gives to everything."""
    if not isinstance(content, list):
        raise unreadable("not a JSON list")
    found = tuple(object_of(one) for one in content)
    for one in found:
        one.whole("id")
    return found


def device_of(found: Sequence[Fields], ref: str) -> Fields:
    """The device of this identifier; raises Rejected when the account sees none."""
    named = [one for one in found if one.text("uniqueId") == ref]
    if not named:
        raise Rejected("device_unknown", "the account sees no such device")
    return named[0]


def usable(position: Fields) -> bool:
    """Whether a position says where something is: one without a fix at zero and zero does not."""
    return position.flag("valid") or bool(_number(position, "latitude") or _number(position, "longitude"))


def fix_of(position: Fields, datum: Datum) -> Fix:
    """One position in the hub's words; `estimated` when the receiver had no fix of its own."""
    attributes = position.inner("attributes")
    accuracy = _number(position, "accuracy") if position.content.get("accuracy") is not None else Decimal(0)
    try:
        return Fix(
            latitude=_number(position, "latitude").quantize(_DEGREE),
            longitude=_number(position, "longitude").quantize(_DEGREE),
            datum=datum,
            fixed_at=position.instant("fixTime"),
            accuracy_m=int(accuracy) or None,
            speed_kmh=(_number(position, "speed") * KM_PER_KNOT_HOUR).quantize(_TENTH),
            heading=int(_number(position, "course")) % 360,
            ignition=attributes.flag("ignition") if attributes.content.get("ignition") is not None else None,
            source="gnss" if position.flag("valid") else "estimated",
        )
    except ValueError:
        raise unreadable("the position is not on the earth") from None


def check_standing(position: Fields, now: datetime, newest: timedelta) -> None:
    """Raise Rejected unless a car is known to stand: by a position that is new, with a fix, and says so itself."""
    if not position.flag("valid") or now - position.instant("fixTime") > newest:
        raise Rejected("position_stale", "nobody knows whether it stands", advice=RetryAdvice.LATER)
    moving = position.inner("attributes").content.get("motion") is True
    if moving or _number(position, "speed") >= _STANDING_KNOTS:
        raise Rejected("vehicle_moving", "it moves", advice=RetryAdvice.LATER)


def _number(fields: Fields, name: str) -> Decimal:
    found = fields.content.get(name)
    if isinstance(found, bool) or not isinstance(found, int | Decimal) or not Decimal(found).is_finite():
        raise unreadable(f"{name} is not a number")
    return Decimal(found)


# Refused


def failure(answer: HttpAnswer) -> ProviderError | None:
    """The error that an answer means; None when it is none.

    The server says 400 for every no, with a trace of its own in the body; only the kind of exception in it is passed on.
    """
    if answer.status != 400:
        return classify_status(answer.status, answer.headers)
    text = answer.body[:4000].decode(errors="replace")
    if text.startswith(_NOT_SENT):
        return Rejected("device_offline", "the device is not there to take a command", advice=RetryAdvice.LATER)
    named = _WENT_WRONG.search(text)
    return Rejected(named.group(1) if named else "bad_request", "the server said no")


def check_command(answer: HttpAnswer, device: int) -> None:
    """Raise UnknownOutcome unless the command has gone out to the device; one that is queued may act at any time."""
    if answer.status == 202:
        raise UnknownOutcome("the command is queued in spite of noQueue, and may act when the car drives")
    sent = object_of(parsed(answer.body))
    if sent.whole("deviceId") != device or sent.text("type") != "engineStop":
        raise UnknownOutcome("the answer is about another command")
