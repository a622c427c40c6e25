"""Notices: the published example is opened, what is signed with the token is believed, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_esign_tencent.callbacks import decrypted, encrypted, received
from leasehub_esign_tencent.conformance import SETTINGS
from leasehub_esign_tencent.settings import TencentEsignSettings
from leasehub_esign_tencent.standin import notice

from hub.core.ports.webhooks import WebhookDelivery, WebhookKind
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import webhook_request

# Source: Tencent Cloud, document 1323/78890, "回调样例": a request as it is posted, and the key made for that example.
PUBLISHED_KEY = "TencentEssEncryptTestKey12345678"
PUBLISHED = "".join((Path(__file__).parent / "published_notice.txt").read_text().split())

TOKENS = ("the-token-of-today", "the-token-of-before")
KEYS = ("a-key-of-32-characters-for-today", "a-key-of-32-characters-of-before")
CLOCK = VirtualClock(datetime(2026, 3, 5, 2, 0, tzinfo=UTC))
TOLD: dict[str, Any] = {
    "FlowId": "yDwqoUUckp3bkmc7UuPTimaxVoB5m1iD",
    "FlowCallbackStatus": 4,
    "Operate": "finish",
    "UpdatedOn": 1772676000,
    "UserData": base64.b64encode(b"0198-our-key").decode(),
    "Approvers": [{"ApproverName": "张三", "ApproverMobile": "15912345678", "ApproveCallbackStatus": 3}],
}


def signature(body: bytes, token: str = TOKENS[0]) -> str:
    """As the vendor documents it: sha256= and the HMAC of the raw body in lower-case hex."""
    return f"sha256={hmac.new(token.encode(), body, hashlib.sha256).hexdigest()}"


def post(body: bytes, signed: str | None) -> WebhookDelivery:
    headers = {"content-type": "application/json"} | ({"Content-Signature": signed} if signed is not None else {})
    return received(webhook_request(headers, body, CLOCK), TOKENS, KEYS)


def read(told: dict[str, Any], kind: str = "FlowStatusChange", key: str = KEYS[0]) -> WebhookDelivery:
    body = notice(key, "msg-1", kind, told)
    return post(body, signature(body))


def test_the_published_notice_is_opened() -> None:
    told = json.loads(decrypted(PUBLISHED_KEY, PUBLISHED))
    assert (told["FlowId"], told["FlowCallbackStatus"]) == ("yDRtrAAAAAAAAAAAAAAAAAAAAAAAAAAA", 4)
    assert told["Approvers"][0]["ApproverName"] == "张三"
    assert encrypted(PUBLISHED_KEY, decrypted(PUBLISHED_KEY, PUBLISHED)) == PUBLISHED


def test_a_changed_byte_of_it_is_not() -> None:
    raw = bytearray(base64.b64decode(PUBLISHED))
    raw[-20] ^= 1  # in the block before the last: the padding breaks
    with pytest.raises(ValueError):  # noqa: PT011 (whatever the library says)
        decrypted(PUBLISHED_KEY, base64.b64encode(bytes(raw)).decode())


@given(content=st.binary(max_size=80))
def test_what_is_closed_is_opened(content: bytes) -> None:
    assert decrypted(KEYS[0], encrypted(KEYS[0], content)) == content


def test_a_notice_of_an_envelope() -> None:
    delivery = read(TOLD)
    (event,) = delivery.events
    assert (event.event_id, event.kind) == ("msg-1", WebhookKind.ENVELOPE)
    assert (event.subject_ref, event.subject_key) == ("yDwqoUUckp3bkmc7UuPTimaxVoB5m1iD", "0198-our-key")
    assert (event.status, event.occurred_at) == ("completed", datetime.fromtimestamp(1772676000, UTC))
    assert (delivery.reply.status, json.loads(delivery.reply.body)["code"]) == (200, 0)
    assert "15912345678" not in repr(delivery)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (1, "sent"),
        (2, "partly_signed"),
        (3, "declined"),
        (4, "completed"),
        (5, "expired"),
        (6, "voided"),
        (8, "sent"),
        (16, "voided"),
        (21, "voided"),
        (77, ""),
    ],
)
def test_a_status_of_a_notice(status: int, expected: str) -> None:
    assert read({**TOLD, "FlowCallbackStatus": status}).events[0].status == expected


@pytest.mark.parametrize("user_data", ["", "no base64!", base64.b64encode(b"\xff\xfe").decode(), "AAA="])
def test_a_key_that_is_none_is_left_out(user_data: str) -> None:
    assert read({**TOLD, "UserData": user_data}).events[0].subject_key is None


def test_the_keys_of_before_still_open() -> None:
    assert read(TOLD, key=KEYS[1]).events[0].subject_ref
    body = notice(KEYS[0], "msg-1", "FlowStatusChange", TOLD)
    assert post(body, signature(body, TOKENS[1])).verified


def test_without_encryption_a_signed_notice_is_read_too() -> None:
    body = json.dumps({"MsgId": "m", "MsgType": "FlowStatusChange", "MsgData": TOLD}).encode()
    assert post(body, signature(body)).events[0].subject_ref == TOLD["FlowId"]
    assert not post(body, None).verified


def test_the_empty_probe_gets_its_yes_and_says_nothing() -> None:
    for body in (b"{}", b" {}\n"):
        delivery = post(body, None)
        assert (delivery.verified, delivery.events, delivery.reply.status) == (True, (), 200)


@pytest.mark.parametrize(
    "content",
    [
        notice("another-key-of-32-characters-xxx", "m", "FlowStatusChange", TOLD),
        b'{"encrypt": ""}',
        b'{"encrypt": "AAAA"}',
        b'{"encrypt": 7}',
        b"[]",
        b"\xff",
        notice(KEYS[0], "m", "FlowStatusChange", {}),
        notice(KEYS[0], "m", "OperateSeal", {"SealId": "s"}),
    ],
)
def test_what_is_signed_and_cannot_be_read_stays_visible(content: bytes) -> None:
    delivery = post(content, signature(content))
    assert delivery.verified
    assert {event.kind for event in delivery.events} == {WebhookKind.UNMAPPED}


BODY = notice(KEYS[0], "msg-1", "FlowStatusChange", TOLD)
GOOD = signature(BODY)


@pytest.mark.parametrize(
    "signed",
    [
        None,
        "",
        "sha256=",
        GOOD.removeprefix("sha256="),
        GOOD[:-1],
        GOOD + "0",
        GOOD.upper(),
        f"{GOOD}, {GOOD}",
        f"{GOOD},{GOOD}",
        f"sha1={GOOD[7:]}",
        signature(BODY, "another token"),
        signature(BODY, ""),
        signature(BODY + b" "),
        "sha256=" + "\u0661" * 64,
    ],
)
def test_nothing_else_is_believed(signed: str | None) -> None:
    delivery = post(BODY, signed)
    assert not delivery.verified
    assert not delivery.events
    assert delivery.reply.status == 403


@given(place=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_a_changed_bit_is_not_believed(place: int, bit: int) -> None:
    changed = bytearray(BODY)
    changed[place] ^= 1 << bit
    assert not post(bytes(changed), GOOD).verified


def test_the_first_edition_is_not_believed() -> None:
    """It is encrypted and not signed: whoever knows the key is known, and whoever changes a block is not noticed."""
    assert not post(PUBLISHED.encode(), None).verified


def test_credentials_name_what_is_held() -> None:
    both = {"previous_callback_key": KEYS[1], "previous_callback_token": TOKENS[1]}
    settings = TencentEsignSettings.model_validate({**SETTINGS, **both})
    assert {one.name: one.current for one in settings.credentials()} == {
        "secret_key": True,
        "callback_token": True,
        "callback_key": True,
        "previous_callback_token": False,
        "previous_callback_key": False,
    }
    assert not any(secret in repr(settings.credentials()) for secret in (*KEYS, *TOKENS))
