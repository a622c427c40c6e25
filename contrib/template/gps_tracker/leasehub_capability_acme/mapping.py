"""Acme's words and the hub's, both ways; pure. An alarm that is not listed is `other`."""

from __future__ import annotations

from hub.core.errors import RetryAdvice
from hub.core.ports.gps_tracker import (
    CommandReceipt,
    Datum,
    FenceReceipt,
    Fix,
    Geofence,
    ImmobilizeRequest,
    TrackPage,
)
from hub.core.ports.webhooks import WebhookKind
from hub.sdk.reading import Fields, JsonObject

KINDS = {"alarm": WebhookKind.DEVICE_ALARM, "position": WebhookKind.POSITION}
STATUSES = {
    "fence_exit": "fence_left",
    "fence_enter": "fence_entered",
    "power_cut": "power_cut",
    "tamper": "tamper",
    "silent": "offline",
    "towed": "towed",
    "speeding": "speeding",
}
REFUSAL_ADVICE = {"vehicle_moving": RetryAdvice.LATER}
_DATUM = {"wgs84": Datum.WGS84, "gcj02": Datum.GCJ02, "bd09": Datum.BD09}


def fence_body(fence: Geofence) -> JsonObject:
    """A fence in Acme's words."""
    return {
        "fence": fence.fence_ref,
        "lat": str(fence.latitude),
        "lon": str(fence.longitude),
        "datum": fence.datum.value,
        "radius_m": fence.radius_m,
        "alarm_on_enter": fence.alarm_on_enter,
    }


def immobilize_body(request: ImmobilizeRequest) -> JsonObject:
    """A command in Acme's words."""
    return {"approval": request.approval_token, "reason": request.reason}


def fix_of(answer: Fields) -> Fix:
    """One position in the hub's words."""
    datum = _DATUM.get(answer.text("datum"))
    if datum is None:
        raise answer.fail("the datum is not known")
    try:
        return Fix(
            latitude=answer.decimal("lat"),
            longitude=answer.decimal("lon"),
            datum=datum,
            fixed_at=answer.instant("fixed_at"),
            accuracy_m=answer.whole("accuracy_m"),
            speed_kmh=answer.decimal("speed_kmh"),
            heading=answer.whole("heading"),
            ignition=answer.flag("ignition"),
            source=answer.text("source"),
        )
    except ValueError:
        raise answer.fail("the position is not on the earth") from None


def track_of(answer: Fields) -> TrackPage:
    """One page of a track in the hub's words."""
    fixes = tuple(fix_of(fix) for fix in answer.each("fixes"))
    return TrackPage(fixes=fixes, next_cursor=answer.optional_text("next"))


def fence_of(answer: Fields) -> FenceReceipt:
    """Acme's word on a fence."""
    return FenceReceipt(fence_ref=answer.text("fence"), active=answer.flag("active"))


def command_of(answer: Fields) -> CommandReceipt:
    """Acme's word on a command."""
    return CommandReceipt(command_ref=answer.text("ref"), accepted=answer.flag("accepted"))
