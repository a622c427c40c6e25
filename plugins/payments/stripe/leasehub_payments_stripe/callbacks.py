"""Callbacks: signed over time and body, several signatures while a secret is being rolled.

Source: docs.stripe.com/webhooks (manual verification) and stripe-python 16.1.0. `v0` is for test events and not believed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hub.core.ports.payments import MandateStatus
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookReply, WebhookRequest
from hub.sdk.reading import Fields, json_object
from hub.sdk.signing import matches, within
from hub.sdk.webhooks import header
from leasehub_payments_stripe.mapping import KEY, OUTCOME, REFUND_OUTCOME

SIGNATURE = "stripe-signature"
TOLERANCE = timedelta(seconds=300)
_REFUSED = WebhookReply(status=400, content_type="application/json", body=b'{"error":"signature"}')
_TAKEN = WebhookReply(content_type="application/json", body=b'{"received":true}')
_TIME = re.compile(r"[0-9]{1,11}")
_HEX = re.compile(r"[0-9a-f]{64}")
_KINDS = {
    "payment_intent": WebhookKind.PAYMENT,
    "refund": WebhookKind.REFUND,
    "checkout.session": WebhookKind.MANDATE,
    "setup_intent": WebhookKind.MANDATE,
}
_STATUSES = {
    WebhookKind.PAYMENT: {word: outcome.value for word, outcome in OUTCOME.items()},
    WebhookKind.REFUND: {word: outcome.value for word, outcome in REFUND_OUTCOME.items()},
    WebhookKind.MANDATE: {"expired": MandateStatus.REJECTED.value, "succeeded": MandateStatus.ACTIVE.value},
}


def received(request: WebhookRequest, secrets: Sequence[str]) -> WebhookDelivery:
    """A callback, verified and in the hub's words."""
    if reason := _doubt(request, secrets):
        return WebhookDelivery(verified=False, reply=_REFUSED, reason=reason)
    return WebhookDelivery(verified=True, events=(_event(request.body),), reply=_TAKEN)


def _doubt(request: WebhookRequest, secrets: Sequence[str]) -> str:
    """Why a callback is not believed; empty when it is."""
    if not secrets:
        return "no webhook_secret is set"
    told = _parts(header(request.headers, SIGNATURE))
    if told is None:
        return "the signature header is malformed"
    timestamp, signatures = told
    if not within(datetime.fromtimestamp(int(timestamp), UTC), request.received_at, TOLERANCE):
        return "the timestamp is outside the window"
    message = f"{timestamp}.".encode() + request.body
    keys = [secret.encode() for secret in secrets]
    found = [matches(keys, message, signature) for signature in signatures]  # each is tried, whatever the first says
    return "" if any(found) else "no signature matches"


def _parts(given: str) -> tuple[str, list[bytes]] | None:
    """The time and the v1 signatures; None when there is not exactly one time (a header that came twice has two)."""
    times: list[str] = []
    signatures: list[bytes] = []
    for part in given.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals:
            return None
        if name == "t":
            times.append(value)
        elif name == "v1" and _HEX.fullmatch(value):
            signatures.append(bytes.fromhex(value))
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not signatures:
        return None
    return times[0], signatures


def _event(body: bytes) -> WebhookEvent:
    try:
        event = Fields(json_object(body, ValueError), ValueError)
        return _about(event, event.inner("data").inner("object"))
    except ValueError:
        return WebhookEvent(event_id=None, kind=WebhookKind.UNMAPPED, subject_ref="")


def _about(event: Fields, subject: Fields) -> WebhookEvent:
    event_id, type_ = event.text("id"), event.text("type")
    kind = _KINDS.get(subject.optional_text("object") or "", WebhookKind.UNMAPPED)
    # A page of another mode sells something; a mandate is agreed to in setup mode alone.
    if subject.optional_text("object") == "checkout.session" and subject.content.get("mode") != "setup":
        kind = WebhookKind.UNMAPPED
    if kind is WebhookKind.UNMAPPED:
        return WebhookEvent(event_id=event_id, kind=kind, subject_ref="", detail={"type": type_})
    metadata = subject.content.get("metadata")
    key = Fields(metadata, ValueError).optional_text(KEY) if isinstance(metadata, dict) else None
    return WebhookEvent(
        event_id=event_id,
        kind=kind,
        subject_ref=subject.text("id"),
        subject_key=key or None,
        status=_STATUSES[kind].get(subject.optional_text("status") or "", "pending"),
        occurred_at=datetime.fromtimestamp(_seconds(event.whole("created")), UTC),
        detail={"type": type_},
    )


def _seconds(told: int) -> int:
    if not 0 <= told < 2**35:
        raise ValueError("created is no time")
    return told
