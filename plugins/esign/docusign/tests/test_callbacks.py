"""Callbacks: genuine ones are read, by whichever key; anything else is not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_esign_docusign.callbacks import received, signature
from leasehub_esign_docusign.conformance import ACCOUNT_ID, HMAC_KEY

from hub.core.ports.webhooks import WebhookDelivery, WebhookKind, WebhookRequest
from hub.testing.contexts import webhook_request

PREVIOUS = "key-of-before-made-up-4711"
ENVELOPE = "a70a5ef2-12c4-4aaf-84c5-b84134dce420"


def told(event: str = "envelope-completed", **more: object) -> dict[str, Any]:
    """Source of the shape: a Connect message (JSON SIM) of 2025-05-30 that a developer kept in a public repository."""
    return {
        "event": event,
        "apiVersion": "v2.1",
        "uri": f"/restapi/v2.1/accounts/{ACCOUNT_ID}/envelopes/{ENVELOPE}",
        "retryCount": 3,
        "configurationId": 21752918,
        "generatedDateTime": "2025-05-30T18:03:50.4233752Z",
        "data": {
            "accountId": ACCOUNT_ID,
            "userId": "8c531060-928e-471d-9cac-b829f616b0bf",
            "envelopeId": ENVELOPE,
            **more,
        },
    }


def take(
    content: object, headers: Mapping[str, str] | None = None, keys: tuple[str, ...] = (HMAC_KEY, PREVIOUS)
) -> WebhookDelivery:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    given_ = {"x-docusign-signature-1": signature(HMAC_KEY, body)} if headers is None else headers
    now = datetime(2026, 3, 5, tzinfo=UTC)
    request = WebhookRequest(method="POST", path="/webhooks/d", query={}, headers=given_, body=body, received_at=now)
    return received(request, keys, ACCOUNT_ID)


def test_an_envelope_that_is_complete() -> None:
    delivery = take(told())
    (event,) = delivery.events
    assert (delivery.verified, delivery.reply.status) == (True, 200)
    assert (event.kind, event.subject_ref, event.status) == (WebhookKind.ENVELOPE, ENVELOPE, "completed")
    assert event.occurred_at == datetime(2025, 5, 30, 18, 3, 50, 423375, tzinfo=UTC)
    assert event.event_id == f"{ENVELOPE}:envelope-completed:2025-05-30T18:03:50.4233752Z:"


def test_our_key_is_read_where_the_envelope_is_summed_up() -> None:
    (event,) = take(told(envelopeSummary={"status": "completed", "transactionId": "key-1"})).events
    assert event.subject_key == "key-1"


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("envelope-sent", "sent"),
        ("envelope-delivered", "sent"),
        ("recipient-completed", "partly_signed"),
        ("envelope-declined", "declined"),
        ("envelope-voided", "voided"),
    ],
)
def test_events(event: str, status: str) -> None:
    (found,) = take(told(event)).events
    assert (found.kind, found.status) == (WebhookKind.ENVELOPE, status)


def test_another_account_and_other_events_stay_visible() -> None:
    for content in (told("envelope-purge"), told(accountId="another")):
        delivery = take(content)
        assert delivery.verified
        assert [event.kind for event in delivery.events] == [WebhookKind.UNMAPPED]


def test_the_published_algorithm_makes_the_same_signature() -> None:
    """Source: the vendor's how-to: HMAC with SHA-256 over the raw body under the key as text, in base64."""
    body = json.dumps(told("envelope-sent") | {"note": "租赁合同"}, ensure_ascii=False).encode()
    made = subprocess.run(
        f"openssl dgst -sha256 -hmac '{HMAC_KEY}' -binary | openssl base64 -A",
        shell=True,
        input=body,
        capture_output=True,
        check=True,
    )
    assert take(body, {"x-docusign-signature-1": made.stdout.decode()}).verified


def test_any_header_by_any_key_counts() -> None:
    body = json.dumps(told()).encode()
    strange, good, old = "A" * 43 + "=", signature(HMAC_KEY, body), signature(PREVIOUS, body)
    assert take(body, {"x-docusign-signature-1": strange, "x-docusign-signature-2": good}).verified
    assert take(body, {"x-docusign-signature-17": old}).verified
    assert not take(body, {"x-docusign-signature-1": old}, (HMAC_KEY,)).verified
    assert not take(body, {"x-docusign-signature-1": good}, ()).verified
    assert not take(body, {"x-docusign-signature-": good}).verified
    assert not take(body, {"x-docusign-signature-x": good}).verified
    assert not take(body, {"x-authorization-digest": "HMACSHA256"}).verified


def test_one_changed_byte_is_refused() -> None:
    body = json.dumps(told()).encode()
    good = signature(HMAC_KEY, body)
    for at in range(0, len(body), 7):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert not take(changed, {"x-docusign-signature-1": good}).verified
    for at in range(len(good)):
        other = "B" if good[at] != "B" else "C"
        delivery = take(body, {"x-docusign-signature-1": good[:at] + other + good[at + 1 :]})
        assert (delivery.verified, delivery.events, delivery.reply.status) == (False, (), 401)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{" * 5000, b"\xff", b'{"event": 1}', b'{"event":"x","data":{}}']
)
def test_what_cannot_be_read_stays_visible(body: bytes) -> None:
    delivery = take(body)
    assert delivery.verified
    assert [event.kind for event in delivery.events] == [WebhookKind.UNMAPPED]


_ANYTHING = st.sampled_from(
    [None, "", "envelope-sent", 7, [], {}, {"envelopeId": "e"}, {"envelopeId": 7, "accountId": []}]
)


@given(st.dictionaries(st.sampled_from(["event", "data", "generatedDateTime"]), _ANYTHING, max_size=3))
def test_whatever_is_posted_is_answered(content: dict[str, object]) -> None:
    assert take(content).events


async def test_the_stand_ins_callbacks_are_believed_under_each_of_two_keys(wire: Any) -> None:
    wire.vendor.hmac_keys = [PREVIOUS, HMAC_KEY]
    wire.vendor.connect_to = f"{wire.base_url}/nowhere"
    sent = await wire.plugin().esign_create(wire.envelope(), wire.ctx())
    await wire.vendor.settle()
    posted = list(wire.vendor.outbox)
    assert [one.url for one in posted[::2]] == ["https://hub.example/webhooks/docusign"] * 2
    for keys in ([HMAC_KEY], [PREVIOUS], [HMAC_KEY, PREVIOUS]):
        plugin = wire.plugin(hmac_keys=keys)
        deliveries = [plugin.webhook_receive(webhook_request(one.headers, one.body, wire.clock)) for one in posted]
        assert [one.verified for one in deliveries] == [True] * 4
        assert {one.events[0].subject_ref for one in deliveries} == {sent.envelope_ref}
    answers = await wire.vendor.post_all(
        httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    )
    assert [one.status_code for one in answers] == [200] * 4
