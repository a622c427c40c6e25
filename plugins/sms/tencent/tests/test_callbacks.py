"""Receipts: believed when their address carries the word, and read as the vendor documents them."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_sms_tencent.callbacks import received
from leasehub_sms_tencent.settings import TencentSmsSettings

from hub.core.ports.webhooks import WebhookDelivery, WebhookKind, WebhookRequest
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import webhook_request

TOKENS = ("the-word-of-today-4711", "the-word-of-before-42")
CLOCK = VirtualClock(datetime(2026, 3, 5, 2, 0, tzinfo=UTC))

# Published examples: Tencent Cloud, documents 382/43547, 1128/37725, 1128/37727 and 1128/37726.
MESSAGE: dict[str, Any] = {
    "user_receive_time": "2015-10-17 08:03:04",
    "nationcode": "86",
    "mobile": "13xxxxxxxxx",
    "report_status": "SUCCESS",
    "errmsg": "DELIVRD",
    "description": "用户短信送达成功",
    "sid": "xxxxxxx",
}
CALL = {
    "voiceprompt_callback": {
        "result": "0",
        "accept_time": "1470197211",
        "call_from": "",
        "callid": "xxxxxx",
        "end_calltime": "1470197221",
        "fee": "1",
        "mobile": "13xxxxxxxxx",
        "nationcode": "86",
        "start_calltime": "1470197196",
    }
}
FAILED_CALL = {
    "voice_failure_callback": {
        "call_from": "075583763333",
        "callid": "xxxxxx",
        "failure_code": 8,
        "failure_reason": "空号",
        "mobile": "13xxxxxxxxx",
        "nationcode": "86",
    }
}
KEYPRESS = {"voicekey_callback": {"call_from": "", "callid": "xxxxxx", "keypress": "2", "mobile": "13xxxxxxxxx"}}


def posted(content: object, token: str = TOKENS[0]) -> WebhookRequest:
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    return webhook_request({"content-type": "application/json"}, body, CLOCK, query={"token": token})


def read(content: object, token: str = TOKENS[0]) -> WebhookDelivery:
    return received(posted(content, token), TOKENS)


def test_the_recorded_receipt_of_a_message() -> None:
    delivery = read([MESSAGE])
    (event,) = delivery.events
    assert (event.event_id, event.kind, event.subject_ref) == ("xxxxxxx", WebhookKind.MESSAGE, "xxxxxxx")
    assert (event.status, event.detail) == ("delivered", {"report": "DELIVRD"})
    assert event.occurred_at == datetime(2015, 10, 17, 0, 3, 4, tzinfo=UTC)
    assert (delivery.reply.status, delivery.reply.content_type) == (200, "application/json")
    assert json.loads(delivery.reply.body) == {"result": 0, "errmsg": "OK"}


def test_several_receipts_come_at_once() -> None:
    failed = {**MESSAGE, "sid": "yyy", "report_status": "FAIL", "errmsg": "UNDELIV"}
    events = read([MESSAGE, failed]).events
    assert [(event.event_id, event.status) for event in events] == [("xxxxxxx", "delivered"), ("yyy", "undeliverable")]
    assert events[1].detail == {"report": "UNDELIV", "failure": "unreachable"}


def test_the_recorded_receipts_of_calls() -> None:
    (answered,) = read(CALL).events
    assert (answered.subject_ref, answered.status) == ("voice:xxxxxx", "delivered")
    assert answered.occurred_at == datetime.fromtimestamp(1470197211, UTC)
    (failed,) = read(FAILED_CALL).events
    assert (failed.subject_ref, failed.status) == ("voice:xxxxxx", "undeliverable")
    assert answered.event_id != failed.event_id
    (missed,) = read({"voiceprompt_callback": {**CALL["voiceprompt_callback"], "result": "1"}}).events
    assert (missed.status, missed.detail, missed.occurred_at) == ("undeliverable", {"failure": "not_answered"}, None)


@pytest.mark.parametrize(
    "content", [KEYPRESS, {"other": 1}, [{"text": "TD", "mobile": "13xxxxxxxxx"}], [], {}, b"{", b"\xff"]
)
def test_what_nobody_knows_is_taken_and_stays_visible(content: object) -> None:
    delivery = read(content)
    assert delivery.verified
    assert {event.kind for event in delivery.events} == {WebhookKind.UNMAPPED}
    assert delivery.reply.status == 200


def test_nothing_personal_stands_in_an_event() -> None:
    told = json.dumps(
        [dataclasses.asdict(event) for event in (*read([MESSAGE]).events, *read(FAILED_CALL).events)], default=str
    )
    assert "13xxxxxxxxx" not in told
    assert "空号" not in told


@pytest.mark.parametrize("token", [*TOKENS])
def test_either_word_is_good_while_it_is_changed(token: str) -> None:
    assert read([MESSAGE], token).verified


@pytest.mark.parametrize(
    "token",
    [
        "",
        " ",
        "another-word-4711",
        TOKENS[0][:-1],
        TOKENS[0] + "x",
        f"{TOKENS[0]}, {TOKENS[0]}",
        TOKENS[0].upper(),
        "\ud800",
    ],
)
def test_no_other_word_is(token: str) -> None:
    delivery = read([MESSAGE], token)
    assert not delivery.verified
    assert not delivery.events
    assert delivery.reply.status == 401
    assert json.loads(delivery.reply.body)["result"] != 0


def test_a_word_in_a_header_does_not_count() -> None:
    request = webhook_request({"token": TOKENS[0]}, json.dumps([MESSAGE]).encode(), CLOCK)
    assert not received(request, TOKENS).verified


@given(body=st.binary(max_size=60))
def test_no_body_breaks_it(body: bytes) -> None:
    assert read(body).verified
    assert not read(body, "wrong").verified


def test_credentials_name_both_words(settings: TencentSmsSettings) -> None:
    both = settings.model_copy(update={"previous_receipt_token": settings.receipt_token})
    shown = {one.name: one.current for one in both.credentials()}
    assert shown == {"secret_key": True, "receipt_token": True, "previous_receipt_token": False}
    assert settings.receipt_token.get_secret_value() not in repr(both.credentials())
