"""What the server forwards: positions and events as JSON, unsigned. What proves the server is a header that it was given."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from hub.core.errors import UnknownOutcome
from hub.core.ports.gps_tracker import Datum
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookReply, WebhookRequest
from hub.sdk.reading import Fields
from hub.sdk.refusals import shown_code
from hub.sdk.webhooks import header
from leasehub_gps_tracker_traccar import mapping
from leasehub_gps_tracker_traccar.words import ALARMS, EVENTS, OTHER

SECRET = "x-leasehub-secret"  # noqa: S105 (the name of a header)
_REFUSED = WebhookReply(status=401, body=b"not verified")
_NOTHING = WebhookEvent(event_id=None, kind=WebhookKind.UNMAPPED, subject_ref="")


def received(request: WebhookRequest, secrets: Sequence[str], datum: Datum) -> WebhookDelivery:
    """A forwarded position or event, verified and in the hub's words."""
    if not secrets:
        return WebhookDelivery(verified=False, reply=_REFUSED, reason="no callback_secret is set")
    given = header(request.headers, SECRET).encode()
    if not any([hmac.compare_digest(secret.encode(), given) for secret in secrets]):  # noqa: C419 (no early exit)
        return WebhookDelivery(verified=False, reply=_REFUSED, reason=f"{SECRET} is not ours")
    return WebhookDelivery(verified=True, events=_events(request.body, datum))


def _events(body: bytes, datum: Datum) -> tuple[WebhookEvent, ...]:
    try:
        told = mapping.object_of(mapping.parsed(body))
        device = told.inner("device").text("uniqueId")
        if told.content.get("event") is not None:
            return _of_event(told, told.inner("event"), device)
        return (_of_position(told.inner("position"), device, datum),)
    except UnknownOutcome:
        return (_NOTHING,)


def _of_position(position: Fields, device: str, datum: Datum) -> WebhookEvent:
    """A position. One without a fix moves no car: it stays visible, and that is all."""
    fix = mapping.fix_of(position, datum)
    outdated = position.content.get("outdated") is True
    detail = {"latitude": f"{fix.latitude}", "longitude": f"{fix.longitude}", "datum": fix.datum.value}
    if not position.flag("valid") or outdated:
        return WebhookEvent(event_id=None, kind=WebhookKind.UNMAPPED, subject_ref=device)
    return WebhookEvent(
        event_id=f"position:{device}:{fix.fixed_at.isoformat()}",
        kind=WebhookKind.POSITION,
        subject_ref=device,
        occurred_at=fix.fixed_at,
        detail=detail,
    )


def _of_event(told: Fields, event: Fields, device: str) -> tuple[WebhookEvent, ...]:
    kind, at, number = event.text("type"), _at(event), event.whole("id")
    return tuple(
        WebhookEvent(
            event_id=_id(number, device, kind, at, part),
            kind=WebhookKind.UNMAPPED if status is None else WebhookKind.DEVICE_ALARM,
            subject_ref=device,
            status=status or "",
            occurred_at=at,
            detail=detail,
        )
        for part, (status, detail) in enumerate(_alarms(told, event, kind))
    )


def _alarms(told: Fields, event: Fields, kind: str) -> list[tuple[str | None, Mapping[str, str]]]:
    """The alarms of an event, each with the server's own word; None for what is no alarm."""
    if kind == "geofenceEnter" and not _wanted(told):
        return [(None, {})]
    if kind != "alarm":
        return [(EVENTS.get(kind), {"vendor_event": shown_code(kind)})]
    words = (event.inner("attributes").optional_text("alarm") or "").split(",")
    return [(ALARMS.get(word.strip(), OTHER), {"vendor_alarm": shown_code(word.strip())}) for word in words]


def _wanted(told: Fields) -> bool:
    """Whether somebody wants to know that a fence was entered: of ours only where it was asked for."""
    if told.content.get("geofence") is None:
        return True
    attributes = told.inner("geofence").content.get("attributes")
    return not isinstance(attributes, dict) or attributes.get(mapping.ON_ENTER) is not False


def _at(event: Fields) -> datetime:
    """When it happened; older servers call it `serverTime`."""
    return event.instant("eventTime" if event.content.get("eventTime") is not None else "serverTime")


def _id(number: int, device: str, kind: str, at: datetime, part: int) -> str:
    """An event's own number where it was stored, else what it consists of; several alarms of one event are told apart."""
    whole = f"event:{number}" if number else f"event:{device}:{kind}:{at.isoformat()}"
    return f"{whole}:{part}" if part else whole
