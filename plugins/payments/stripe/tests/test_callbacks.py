"""Events: believed when signed over time and body with a secret that is valid now, and answered to the letter."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from leasehub_payments_stripe.callbacks import SIGNATURE, received
from leasehub_payments_stripe.standin import signature

from hub.core.ports.webhooks import WebhookDelivery, WebhookKind, WebhookRequest

SECRET, PREVIOUS = "whsec_made-up-for-tests", "whsec_made-up-before"
NOW = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
INTENT = {"id": "pi_1", "object": "payment_intent", "status": "succeeded", "metadata": {"leasehub_key": "key-1"}}


def event(subject: object = None, **more: object) -> bytes:
    told = {"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": 1772676000}
    return json.dumps({**told, "data": {"object": subject or INTENT}, **more}).encode()


def take(body: bytes, signed: str | None, *secrets: str, at: datetime = NOW) -> WebhookDelivery:
    headers = {} if signed is None else {SIGNATURE: signed}
    request = WebhookRequest(
        method="POST", path="/webhooks/stripe", query={}, headers=headers, body=body, received_at=at
    )
    return received(request, secrets or (SECRET,))


def theirs(body: bytes, secret: str = SECRET, at: datetime = NOW) -> str:
    """The header as the vendor's own library would have it."""
    seconds = int(at.timestamp())
    made = stripe.WebhookSignature._compute_signature(f"{seconds}.{body.decode()}", secret)
    return f"t={seconds},v1={made}"


def test_what_the_library_signs_is_believed_and_what_the_stand_in_signs_the_library_believes() -> None:
    body, now = event({**INTENT, "description": "租金"}), datetime.now(UTC)
    delivery = take(body, theirs(body))
    (told,) = delivery.events
    assert (told.event_id, told.kind, told.subject_ref, told.subject_key) == (
        "evt_1",
        WebhookKind.PAYMENT,
        "pi_1",
        "key-1",
    )
    assert (told.status, told.occurred_at) == ("succeeded", datetime(2026, 3, 5, 2, 0, tzinfo=UTC))
    assert (delivery.reply.status, delivery.reply.body) == (200, b'{"received":true}')
    assert stripe.Webhook.construct_event(body, signature(SECRET, body, now), SECRET).id == "evt_1"


@pytest.mark.parametrize(
    ("subject", "kind", "status"),
    [
        ({**INTENT, "status": "processing"}, WebhookKind.PAYMENT, "pending"),
        ({**INTENT, "status": "requires_payment_method"}, WebhookKind.PAYMENT, "rejected"),
        ({**INTENT, "status": "canceled"}, WebhookKind.PAYMENT, "rejected"),
        ({**INTENT, "status": "a_new_one"}, WebhookKind.PAYMENT, "pending"),
        ({"id": "re_1", "object": "refund", "status": "failed"}, WebhookKind.REFUND, "rejected"),
        ({"id": "re_1", "object": "refund", "status": "succeeded"}, WebhookKind.REFUND, "succeeded"),
        ({"id": "seti_1", "object": "setup_intent", "status": "succeeded"}, WebhookKind.MANDATE, "active"),
        (
            {"id": "cs_1", "object": "checkout.session", "mode": "setup", "status": "expired"},
            WebhookKind.MANDATE,
            "rejected",
        ),
        (
            {"id": "cs_1", "object": "checkout.session", "mode": "setup", "status": "complete"},
            WebhookKind.MANDATE,
            "pending",
        ),
        ({"id": "cs_1", "object": "checkout.session", "mode": "payment", "status": "complete"}, "unmapped", ""),
        ({"id": "dp_1", "object": "dispute", "status": "needs_response"}, "unmapped", ""),
        ({"id": "mandate_1", "object": "mandate", "status": "inactive"}, "unmapped", ""),
    ],
)
def test_what_events_say(subject: dict[str, object], kind: str, status: str) -> None:
    body = event(subject)
    (told,) = take(body, theirs(body)).events
    assert (told.kind, told.status) == (kind, status)
    assert told.subject_ref == ("" if kind == "unmapped" else subject["id"])


def test_while_a_secret_is_rolled_either_is_good_on_either_side() -> None:
    body = event()
    both = f"{theirs(body, 'another')},v1={theirs(body).partition('v1=')[2]}"
    assert take(body, both).verified
    for secret in (SECRET, PREVIOUS):
        assert take(body, theirs(body, secret), SECRET, PREVIOUS).verified
    assert not take(body, theirs(body, PREVIOUS)).verified


@pytest.mark.parametrize("change", ["body", "time", "signature", "v0", "secret", "no time", "twice", "spaces", "none"])
def test_what_is_not_believed(change: str) -> None:
    body = event()
    good = theirs(body)
    seconds, made = good.removeprefix("t=").split(",v1=")
    wrong = {
        "body": good,
        "time": f"t={int(seconds) + 1},v1={made}",
        "signature": good[:-1] + ("0" if good[-1] != "0" else "1"),
        "v0": f"t={seconds},v0={made}",
        "secret": theirs(body, SECRET + "x"),
        "no time": f"v1={made}",
        "twice": f"{good}, {good}",
        "spaces": f"t={seconds} ,v1= {made}",
        "none": None,
    }[change]
    delivery = take(body + b" " if change == "body" else body, wrong)
    assert (delivery.verified, delivery.events, delivery.reply.status) == (False, (), 400)


@pytest.mark.parametrize(
    ("age", "good"), [(0, True), (299, True), (300, True), (301, False), (-300, True), (-301, False)]
)
def test_the_window(age: int, good: bool) -> None:
    body = event()
    assert take(body, theirs(body), at=NOW + timedelta(seconds=age)).verified is good


def test_without_a_secret_nothing_is_believed() -> None:
    body = event()
    request = WebhookRequest(
        method="POST", path="/", query={}, headers={SIGNATURE: theirs(body, "x")}, body=body, received_at=NOW
    )
    assert not received(request, ()).verified
    assert not received(request, ("",)).verified


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["id", "type", "created", "data", "object", "status", "metadata"]), inner, max_size=6
            )
        ),
        max_leaves=14,
    )
)
def test_whatever_is_signed_is_answered(content: object) -> None:
    body = json.dumps(content).encode()
    delivery = take(body, signature(SECRET, body, NOW))
    assert delivery.verified
    assert len(delivery.events) == 1
