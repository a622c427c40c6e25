"""Signatures, held against the standard's own example and against an implementation that is not ours."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime

import pytest

from hub.outgoing import signing

# Source: Standard Webhooks, specification and reference libraries: their common test vector.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, TIMESTAMP, PAYLOAD = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_standards_own_example() -> None:
    assert signing.signature(SECRET, message_id=ID, timestamp=TIMESTAMP, payload=PAYLOAD) == SIGNATURE


def test_every_secret_that_holds_signs() -> None:
    at = datetime.fromtimestamp(TIMESTAMP, UTC)
    made = signing.headers((SECRET, signing.secret_text(b"x" * 32)), message_id=ID, at=at, payload=PAYLOAD)
    first, second = made["webhook-signature"].split(" ")
    assert (first, made["webhook-id"], made["webhook-timestamp"]) == (SIGNATURE, ID, str(TIMESTAMP))
    assert second.startswith("v1,")
    assert second != first


def test_a_secret_has_the_length_that_the_standard_asks_for() -> None:
    made = signing.secret_text(os.urandom(signing.SECRET_BYTES))
    assert made.startswith("whsec_")
    assert 24 <= len(base64.b64decode(made.removeprefix("whsec_"))) <= 64


def test_another_implementation_verifies_them_and_refuses_what_was_changed() -> None:
    other = pytest.importorskip("standardwebhooks")
    now = datetime.now(UTC)
    made = signing.headers((SECRET,), message_id=ID, at=now, payload=PAYLOAD)
    receiver = other.Webhook(SECRET)
    assert receiver.verify(PAYLOAD, made) == {"test": 2432232314}
    broken = [
        made | {"webhook-id": "msg_other"},
        made | {"webhook-timestamp": str(int(now.timestamp()) + 1)},
        made | {"webhook-signature": "v1,"},
        made | {"webhook-signature": made["webhook-signature"][:-4]},
        made | {"webhook-signature": ""},
    ]
    for headers in broken:
        with pytest.raises(other.WebhookVerificationError):
            receiver.verify(PAYLOAD, headers)
    with pytest.raises(other.WebhookVerificationError):
        receiver.verify(PAYLOAD + " ", made)
