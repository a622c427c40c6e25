"""Addresses, headers and settings: what may stand there, and what may not."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_sms_smtp import mapping
from leasehub_sms_smtp.plugin import descriptor
from leasehub_sms_smtp.settings import SmtpSettings
from pydantic import ValidationError

from hub.core.errors import Rejected
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageRequest

FROM = "rent@lessor.example"


def mail(key: str = "key-1", **more: Any) -> bytes:
    given_: dict[str, Any] = {
        "channel": MessageChannel.EMAIL,
        "to": "a@customer.example",
        "category": MessageCategory.TRANSACTIONAL,
        "subject": "s",
        "body": "b",
    }
    request = MessageRequest(**(given_ | more))
    sent_at = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
    made = mapping.mail_of(request, key=key, sent_at=sent_at, from_address=FROM, from_name="", reply_to="")
    return made.as_bytes()


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("a@customer.example", "a@customer.example"),
        ("a.b+c@customer.example", "a.b+c@customer.example"),
        ("a@租车.example", "a@xn--4kq4as35n.example"),
        ("a@localhost", "a@localhost"),
    ],
)
def test_addresses(text: str, wire: str) -> None:
    found = mapping.address(text)
    assert found.isascii()
    assert found.partition("@")[0] == wire.partition("@")[0]
    if text.isascii():
        assert found == wire
    else:
        assert found.partition("@")[2].encode().decode("idna") == text.partition("@")[2]


@given(st.text(max_size=40))
def test_whatever_is_no_address_is_rejected_and_never_repeated(text: str) -> None:
    try:
        found = mapping.address(text)
    except Rejected as refused:
        shown = refused.detail
        outcome = shown == "the address is none, or has a name outside ASCII"
    else:
        outcome = found.isascii() and not set(found) & set(" \r\n\t<>,;:\"'\x00") - {"'"}
    assert outcome


@given(st.text(min_size=1, max_size=200).filter(mapping.clean).filter(str.strip))
def test_a_subject_comes_through_and_adds_no_header(subject: str) -> None:
    read = message_from_bytes(mail(subject=subject), policy=default)
    assert "".join(str(read["Subject"]).split()) == "".join(subject.split())
    assert set(read.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "Content-Language",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }


@given(st.text(min_size=1, max_size=300))
def test_a_key_makes_one_message_id(key: str) -> None:
    found = mapping.message_id(key, FROM)
    assert found == mapping.message_id(key, FROM)
    assert len(found) < 120
    assert found.startswith("<leasehub.")
    assert found.endswith("@lessor.example>")
    assert found.isascii()
    assert not set(found[1:-1]) & set("<> \r\n")


@pytest.mark.parametrize(
    "wrong",
    [
        {"from_address": ""},
        {"from_address": "nobody"},
        {"from_address": "a@b.example\r\nX: y"},
        {"from_name": "a\r\nBcc: x"},
        {"reply_to": "a b"},
        {"username": "me"},
        {"password": "made-up"},
        {"security": "plain"},
        {"security": "none"},
        {"port": 0},
        {"hots": "x"},
    ],
)
def test_settings_that_are_refused(wrong: dict[str, object]) -> None:
    good = {"host": "mx.lessor.example", "from_address": FROM}
    SmtpSettings(**good)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        SmtpSettings(**{**good, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_without_encryption_only_to_this_machine(host: str) -> None:
    assert SmtpSettings(host=host, security="plain", from_address=FROM).used_port == 25  # type: ignore[arg-type]
    for other in (f"{host}.example", "10.0.0.1", "0.0.0.0"):
        with pytest.raises(ValidationError, match="loopback"):
            SmtpSettings(host=other, security="plain", from_address=FROM)  # type: ignore[arg-type]


def test_the_usual_ports() -> None:
    assert SmtpSettings(host="mx", from_address=FROM).used_port == 587
    assert SmtpSettings(host="mx", security="tls", from_address=FROM).used_port == 465  # type: ignore[arg-type]
    assert SmtpSettings(host="mx", port=2525, from_address=FROM).used_port == 2525


def test_the_card_promises_no_more_than_there_is() -> None:
    assert set(descriptor.operations) == {"provider_health", "messaging_send"}
    send = descriptor.operations["messaging_send"]
    assert (send.idempotent, send.settle_window, send.key_lifetime) == (False, None, None)
