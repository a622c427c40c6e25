"""Pushes of reports: believed by the token in their address alone, read report by report, answered to the letter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_sms_aliyun.callbacks import received

from hub.core.ports.webhooks import WebhookDelivery, WebhookKind, WebhookRequest

TOKEN, PREVIOUS = "token-made-up-for-the-tests-5f1c", "the-token-of-before-4711-0815"
# Source: SmsReport, sample push (help.aliyun.com, "SmsReport", HTTP batch push).
TEXTS = [
    {
        "phone_number": "1381111****",
        "send_time": "2017-01-01 00:00:00",
        "report_time": "2017-01-01 00:00:00",
        "success": True,
        "err_code": "DELIVERED",
        "err_msg": "用户接收成功",
        "sms_size": "1",
        "biz_id": "12345********",
        "out_id": "67890**",
    }
]
# Source: VoiceReport, table of fields with their samples (document 112505).
CALL = {
    "call_id": "100001616500^100001871490",
    "originate_time": "2020-05-01 10:00:00",
    "start_time": "2017-06-01 10:00:00",
    "end_time": "2017-06-01 10:00:00",
    "caller": "05711111****",
    "callee": "1390000****",
    "duration": "10",
    "status_code": "200010",
    "hangup_direction": "用户",
    "status_msg": "执行完成",
    "out_id": "123456",
    "voice_type": "voice",
}


def take(
    content: object, query: Mapping[str, str] | None = None, tokens: tuple[str, ...] = (TOKEN,)
) -> WebhookDelivery:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    request = WebhookRequest(
        method="POST",
        path="/webhooks/aliyun",
        query={"token": TOKEN} if query is None else query,
        headers={},
        body=body,
        received_at=datetime(2026, 3, 5, tzinfo=UTC),
    )
    return received(request, tokens)


def test_the_published_push_of_a_text() -> None:
    delivery = take(TEXTS)
    assert delivery.verified
    (event,) = delivery.events
    assert (event.kind, event.subject_ref, event.subject_key) == (WebhookKind.MESSAGE, "12345********", "67890**")
    assert (event.status, event.occurred_at) == ("delivered", datetime(2016, 12, 31, 16, 0, tzinfo=UTC))
    assert (delivery.reply.status, delivery.reply.content_type) == (200, "application/json")
    assert delivery.reply.body.decode() == '{"code":0,"msg":"接收成功"}'


def test_the_published_push_of_a_call() -> None:
    (event,) = take([CALL]).events
    assert (event.subject_ref, event.subject_key) == ("call:100001616500^100001871490", None)
    assert (event.kind, event.status, event.detail) == (WebhookKind.MESSAGE, "undeliverable", {"vendor_code": "200010"})


def test_many_reports_in_one_push_are_as_many_events() -> None:
    lost = {**TEXTS[0], "biz_id": "2", "success": False, "err_code": "MOBILE_NOT_ON_SERVICE"}
    events = take([TEXTS[0], lost, CALL, {"strange": 1}, "x"]).events
    assert [event.status for event in events] == ["delivered", "undeliverable", "undeliverable", "", ""]
    assert [event.kind for event in events][3:] == [WebhookKind.UNMAPPED] * 2
    assert len({event.event_id for event in events[:3]}) == 3


def test_no_number_of_a_person_is_passed_on() -> None:
    report = {**TEXTS[0], "phone_number": "13812345678", "err_code": "13812345678 张三"}
    assert "13812345678" not in repr(take([report, {**CALL, "callee": "13812345678"}]).events)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"token": ""},
        {"token": TOKEN[:-1]},
        {"token": TOKEN + "x"},
        {"token": TOKEN[:-1] + "d"},
        {"token": f"{TOKEN}, {TOKEN}"},
        {"token": TOKEN.upper()},
        {"token": "ü" * 30},
        {"Token": TOKEN},
    ],
)
def test_without_the_token_nothing_is_read(query: dict[str, str]) -> None:
    delivery = take(TEXTS, query)
    assert not delivery.verified
    assert delivery.events == ()
    assert delivery.reply.status == 401


def test_while_the_address_is_changed_both_tokens_are_good_and_without_one_none_is() -> None:
    for token in (TOKEN, PREVIOUS):
        assert take(TEXTS, {"token": token}, (TOKEN, PREVIOUS)).verified
    assert not take(TEXTS, {"token": PREVIOUS}).verified
    assert not take(TEXTS, {"token": ""}, ()).verified


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{" * 5000, b"\xff", b"[null]", b'[{"biz_id": 1, "success": true}]']
)
def test_what_cannot_be_read_stays_visible(body: bytes) -> None:
    delivery = take(body)
    assert delivery.verified
    assert [event.kind for event in delivery.events] == [WebhookKind.UNMAPPED]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["biz_id", "success", "call_id", "status_code", "out_id"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_is_pushed_is_answered(content: object) -> None:
    assert take(content).events
