"""What the server forwards: believed with the secret, and only then; positions, alarms, and what is neither."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_gps_tracker_traccar.callbacks import SECRET, received
from leasehub_gps_tracker_traccar.conformance import CALLBACK_SECRET
from leasehub_gps_tracker_traccar.words import ALARMS, EVENTS

from hub.core.ports.gps_tracker import Datum
from hub.core.ports.webhooks import WebhookDelivery, WebhookKind, WebhookRequest
from hub.testing.contexts import webhook_request
from hub.testing.kit.samples import DEVICE

PREVIOUS = "secret-of-before-made-up-4711"
WHO = {"id": 3, "uniqueId": DEVICE, "name": "沪A12345", "phone": "13812345678", "attributes": {}}
# Source: a forwarded event as its receiver posted it to the server's own forum, January 2022.
LEFT = {
    "id": 25183,
    "attributes": {},
    "deviceId": 3,
    "type": "geofenceExit",
    "eventTime": "2022-01-03T15:10:55.000+00:00",
    "positionId": 394607,
    "geofenceId": 2,
    "maintenanceId": 0,
}


def take(
    content: object, headers: Mapping[str, str] | None = None, secrets: tuple[str, ...] = (CALLBACK_SECRET,)
) -> WebhookDelivery:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    given_ = {SECRET: CALLBACK_SECRET} if headers is None else headers
    now = datetime(2026, 3, 5, tzinfo=UTC)
    request = WebhookRequest(method="POST", path="/webhooks/t", query={}, headers=given_, body=body, received_at=now)
    return received(request, secrets, Datum.WGS84)


def position(**more: object) -> dict[str, Any]:
    told = {"id": 9, "deviceId": 3, "fixTime": "2026-03-05T01:59:00.000+00:00", "valid": True, "outdated": False}
    where = {"latitude": 31.230416, "longitude": 121.473701, "speed": 0.0, "course": 0.0, "attributes": {}}
    return {"position": told | where | more, "device": WHO}


def test_the_published_event() -> None:
    delivery = take({"event": LEFT, "device": WHO})
    (event,) = delivery.events
    assert (delivery.verified, delivery.reply.status) == (True, 200)
    assert (event.kind, event.subject_ref, event.status) == (WebhookKind.DEVICE_ALARM, DEVICE, "fence_left")
    assert (event.event_id, event.occurred_at) == ("event:25183", datetime(2022, 1, 3, 15, 10, 55, tzinfo=UTC))
    assert "13812345678" not in repr(delivery)


def test_a_position() -> None:
    (event,) = take(position()).events
    assert (event.kind, event.subject_ref) == (WebhookKind.POSITION, DEVICE)
    assert event.detail == {"latitude": "31.230416", "longitude": "121.473701", "datum": "wgs84"}
    assert event.occurred_at == datetime(2026, 3, 5, 1, 59, tzinfo=UTC)


@pytest.mark.parametrize("more", [{"valid": False}, {"outdated": True}, {"latitude": 91}, {"fixTime": None}])
def test_a_position_without_a_fix_moves_no_car(more: dict[str, object]) -> None:
    assert [event.kind for event in take(position(**more)).events] == [WebhookKind.UNMAPPED]


@pytest.mark.parametrize(("kind", "status"), EVENTS.items())
def test_events(kind: str, status: str) -> None:
    (event,) = take({"event": LEFT | {"type": kind}, "device": WHO}).events
    assert (event.kind, event.status) == (WebhookKind.DEVICE_ALARM, status)


@pytest.mark.parametrize(("word", "status"), [*ALARMS.items(), ("aNewOne", "other")])
def test_alarms(word: str, status: str) -> None:
    (event,) = take({"event": LEFT | {"type": "alarm", "attributes": {"alarm": word}}, "device": WHO}).events
    assert (event.kind, event.status, event.detail) == (WebhookKind.DEVICE_ALARM, status, {"vendor_alarm": word})


def test_several_alarms_of_one_event() -> None:
    told = LEFT | {"type": "alarm", "id": 0, "attributes": {"alarm": "powerCut,tampering"}}
    events = take({"event": told, "device": WHO}).events
    assert [event.status for event in events] == ["power_cut", "tamper"]
    assert len({event.event_id for event in events}) == 2


@pytest.mark.parametrize("kind", ["deviceOnline", "ignitionOn", "deviceMoving", "queuedCommandSent", "somethingNew"])
def test_what_is_no_alarm_stays_visible(kind: str) -> None:
    (event,) = take({"event": LEFT | {"type": kind}, "device": WHO}).events
    assert (event.kind, event.detail) == (WebhookKind.UNMAPPED, {"vendor_event": kind})


@pytest.mark.parametrize(("on_enter", "wanted"), [(False, False), (True, True), (None, True)])
def test_entering_one_of_our_fences_counts_where_it_was_asked_for(on_enter: bool | None, wanted: bool) -> None:
    attributes = {} if on_enter is None else {"leasehubOnEnter": on_enter}
    told = {"event": LEFT | {"type": "geofenceEnter"}, "device": WHO, "geofence": {"id": 2, "attributes": attributes}}
    (event,) = take(told).events
    assert (event.kind is WebhookKind.DEVICE_ALARM) is wanted


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {SECRET: ""},
        {SECRET: CALLBACK_SECRET[:-1]},
        {SECRET: CALLBACK_SECRET + "x"},
        {SECRET: CALLBACK_SECRET[:-1] + "d"},
        {SECRET: f"{CALLBACK_SECRET}, {CALLBACK_SECRET}"},
        {SECRET: "密" * 20},
        {"authorization": CALLBACK_SECRET},
    ],
)
def test_without_the_secret_nothing_is_read(headers: dict[str, str]) -> None:
    delivery = take(position(), headers)
    assert (delivery.verified, delivery.events, delivery.reply.status) == (False, (), 401)


def test_while_the_secret_is_changed_both_are_good_and_without_one_none_is() -> None:
    for secret in (CALLBACK_SECRET, PREVIOUS):
        assert take(position(), {SECRET: secret}, (CALLBACK_SECRET, PREVIOUS)).verified
    assert not take(position(), {SECRET: PREVIOUS}).verified
    assert not take(position(), {SECRET: ""}, ()).verified


_ANYTHING = st.sampled_from([None, "", 7, [], {}, {"uniqueId": "x"}, {"type": "alarm", "id": 1}, LEFT, WHO])


@given(st.dictionaries(st.sampled_from(["event", "device", "position", "geofence"]), _ANYTHING, max_size=4))
def test_whatever_is_posted_is_answered(content: dict[str, object]) -> None:
    assert take(content).events


async def test_the_stand_ins_callbacks_are_believed(wire: Any) -> None:
    wire.vendor.forward_to, wire.vendor.forward_header = "https://hub.example/webhooks/t", {SECRET: CALLBACK_SECRET}
    wire.vendor.report(wire.device, wire.clock.now(), 31.2, 121.4, 30.0)
    wire.vendor.happen(wire.device, "alarm", alarm="powerCut")
    plugin = wire.plugin()
    taken = [plugin.webhook_receive(webhook_request(one.headers, one.body, wire.clock)) for one in wire.vendor.outbox]
    assert [one.verified for one in taken] == [True, True]
    assert [event.kind for one in taken for event in one.events] == [WebhookKind.POSITION, WebhookKind.DEVICE_ALARM]
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503))) as down:
        await wire.vendor.post_all(down)
    assert len(wire.vendor.outbox) == 2
