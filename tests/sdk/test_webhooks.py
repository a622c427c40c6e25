"""Only a genuine callback is believed: forged, stale, cut, doubled, changed by one byte, or signed with an old key is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.ports.webhooks import WebhookRequest
from hub.sdk.clock import VirtualClock
from hub.sdk.webhooks import ID, SIGNATURE, TIMESTAMP, Verification, header, standard_headers, verify_standard
from hub.testing.contexts import webhook_request

NOW = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
BODY = b'{"id":"evt_1","type":"charge.settled"}'
SECRET = "the present secret"


def request(
    body: bytes = BODY, *, secret: str = SECRET, sent_at: datetime = NOW, **changed: str | None
) -> WebhookRequest:
    headers = standard_headers(secret, "evt_1", sent_at, BODY)
    for name, value in changed.items():
        full = f"webhook-{name}"
        if value is None:
            del headers[full]
        else:
            headers[full] = value
    return webhook_request(headers, body, VirtualClock(NOW))


def verify(made: WebhookRequest, *secrets: str) -> Verification:
    return verify_standard(made, secrets or (SECRET,))


def test_a_genuine_callback() -> None:
    assert verify(request()) == Verification(event_id="evt_1")


def test_during_a_change_of_keys_both_count_and_afterwards_one() -> None:
    old = request(secret="the last secret")
    assert verify(old, SECRET, "the last secret").verified
    assert not verify(old, SECRET).verified


def test_one_good_signature_among_several_is_enough() -> None:
    good = standard_headers(SECRET, "evt_1", NOW, BODY)[SIGNATURE]
    other = standard_headers("other", "evt_1", NOW, BODY)[SIGNATURE]
    assert verify(request(signature=f"{other} {good}")).verified
    assert verify(request(signature=f"v1a,AAAA {good}")).verified


@pytest.mark.parametrize("seconds", [-300, 300])
def test_the_window_is_five_minutes_either_way(seconds: int) -> None:
    assert verify(request(sent_at=NOW + timedelta(seconds=seconds))).verified
    further = NOW + timedelta(seconds=seconds + (1 if seconds > 0 else -1))
    assert verify(request(sent_at=further)).reason == "the timestamp is outside the window"


GOOD = standard_headers(SECRET, "evt_1", NOW, BODY)[SIGNATURE]


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "evt_2"},
        {"id": "evt_1, evt_1"},
        {"id": None},
        {"timestamp": str(int(NOW.timestamp()) + 1)},
        {"timestamp": "yesterday"},
        {"timestamp": "99999999999999"},
        {"timestamp": "１７７２６７６０００"},
        {"timestamp": None},
        {"signature": None},
        {"signature": ""},
        {"signature": "v1,"},
        {"signature": "v1"},
        {"signature": GOOD[:-4]},
        {"signature": GOOD[:8]},
        {"signature": GOOD.replace("v1,", "v2,")},
        {"signature": GOOD.removeprefix("v1,")},
        {"signature": f"{GOOD}, {GOOD}"},
        {"signature": f"{GOOD}é"},
    ],
)
def test_a_changed_header_is_not_believed(changed: dict[str, str | None]) -> None:
    assert not verify(request(**changed)).verified


def test_an_empty_secret_verifies_nothing() -> None:
    assert not verify(request(secret=""), "").verified


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_one_changed_byte_is_enough(at: int, flip: int) -> None:
    changed = bytearray(BODY)
    changed[at] ^= flip
    assert not verify(request(bytes(changed))).verified


@given(st.dictionaries(st.sampled_from([ID, TIMESTAMP, SIGNATURE]), st.text()), st.binary())
def test_nothing_made_up_is_believed_or_breaks(headers: dict[str, str], body: bytes) -> None:
    assert not verify(webhook_request(headers, body, VirtualClock(NOW))).verified


def test_a_header_is_found_by_its_lower_case_name() -> None:
    assert header({"webhook-id": " evt_1 "}, "Webhook-Id") == "evt_1"
    assert header({}, "webhook-id") == ""
