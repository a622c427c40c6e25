"""Genuine or not: verification of callbacks that are signed over `id.timestamp.body`.

Source: Standard Webhooks 1.0.0 (headers webhook-id, webhook-timestamp, webhook-signature; signatures `v1,<base64>`
separated by spaces). Vendors with a scheme of their own use `hub.sdk.signing` directly.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hub.core.ports.webhooks import WebhookRequest
from hub.sdk.signing import matches, sign, within

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"
TOLERANCE = timedelta(minutes=5)
_VERSION = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Whether a callback is genuine; `event_id` when it is, `reason` for the operator when it is not."""

    event_id: str = ""
    reason: str = ""

    @property
    def verified(self) -> bool:
        """Whether the callback may be believed."""
        return not self.reason


def standard_headers(secret: str, event_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """The three headers that a sender puts on a callback."""
    timestamp = str(int(sent_at.timestamp()))
    signature = base64.b64encode(sign(secret.encode(), _message(event_id, timestamp, body))).decode()
    return {ID: event_id, TIMESTAMP: timestamp, SIGNATURE: f"{_VERSION},{signature}"}


def verify_standard(
    request: WebhookRequest, secrets: Iterable[str], *, tolerance: timedelta = TOLERANCE
) -> Verification:
    """Check a callback against every secret that is valid now; pure, in constant time for each."""
    event_id, timestamp, given = (header(request.headers, name) for name in (ID, TIMESTAMP, SIGNATURE))
    if not (event_id and timestamp and given):
        return Verification(reason="a signature header is missing")
    sent_at = _instant(timestamp)
    if sent_at is None:
        return Verification(reason="the timestamp is not a number of seconds")
    if not within(sent_at, request.received_at, tolerance):
        return Verification(reason="the timestamp is outside the window")
    message = _message(event_id, timestamp, request.body)
    keys = [secret.encode() for secret in secrets]
    signatures = _signatures(given)
    if signatures is None:
        return Verification(reason="the signature header is malformed")
    if not any([matches(keys, message, signature) for signature in signatures]):  # noqa: C419 (no early exit)
        return Verification(reason="no signature matches")
    return Verification(event_id=event_id)


def header(headers: Mapping[str, str], name: str) -> str:
    """A header by its lower-case name, stripped; empty when it is not there."""
    return headers.get(name.lower(), "").strip()


def _message(event_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{event_id}.{timestamp}.".encode() + body


def _instant(timestamp: str) -> datetime | None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        return None
    return datetime.fromtimestamp(int(timestamp), UTC)


def _signatures(given: str) -> list[bytes] | None:
    """The signatures of our version; None when the header is not a list of `version,base64` (a doubled header is not)."""
    found: list[bytes] = []
    for part in given.split(" "):
        version, comma, text = part.partition(",")
        if not comma or not text:
            return None
        try:
            signature = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return None
        if version == _VERSION:
            found.append(signature)
    return found
