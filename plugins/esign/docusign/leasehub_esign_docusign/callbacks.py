"""Callbacks of Connect: one signature for each active key, over the body as it came; which of them is ours does not matter.

Source: DocuSign, "How to validate an HMAC signature" (developers.docusign.com/platform/webhooks/connect/validate).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from hub.core.errors import UnknownOutcome
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookReply, WebhookRequest
from hub.sdk.reading import Fields, json_object
from hub.sdk.signing import sign
from leasehub_esign_docusign.codes import EVENTS

SIGNATURE = "x-docusign-signature-"  # and a number from 1
_REFUSED = WebhookReply(status=401, body=b"not verified")
_NOTHING = WebhookEvent(event_id=None, kind=WebhookKind.UNMAPPED, subject_ref="")


def signature(key: str, body: bytes) -> str:
    """The signature of a body under one key."""
    return base64.b64encode(sign(key.encode(), body)).decode()


def received(request: WebhookRequest, keys: Sequence[str], account_id: str) -> WebhookDelivery:
    """A callback, verified and in the hub's words."""
    if not keys:
        return WebhookDelivery(verified=False, reply=_REFUSED, reason="no hmac_keys are set")
    if not _genuine(request.headers, request.body, keys):
        return WebhookDelivery(verified=False, reply=_REFUSED, reason="no signature matches")
    return WebhookDelivery(verified=True, events=(_event(request.body, account_id),))


def _genuine(headers: Mapping[str, str], body: bytes, keys: Sequence[str]) -> bool:
    """Whether one header is the signature of one key: character by character, for base64 can be written in several ways."""
    given = [
        value.encode()
        for name, value in headers.items()
        if name.startswith(SIGNATURE) and name[len(SIGNATURE) :].isdigit()
    ]
    made = [signature(key, body).encode() for key in keys]
    return any([hmac.compare_digest(one, other) for one in given for other in made])  # noqa: C419 (no early exit)


def _event(body: bytes, account_id: str) -> WebhookEvent:
    try:
        return _mapped(Fields(json_object(body)), account_id)
    except UnknownOutcome:
        return _NOTHING


def _mapped(told: Fields, account_id: str) -> WebhookEvent:
    word, data = told.text("event"), told.inner("data")
    ref, at = data.text("envelopeId"), told.optional_text("generatedDateTime") or ""
    ours = data.text("accountId").lower() == account_id.lower()
    status = EVENTS.get(word) if ours else None
    return WebhookEvent(
        event_id=f"{ref}:{word}:{at}:{data.optional_text('recipientId') or ''}",
        kind=WebhookKind.UNMAPPED if status is None else WebhookKind.ENVELOPE,
        subject_ref=ref,
        subject_key=_key(data),
        status="" if status is None else status.value,
        occurred_at=_instant(told),
    )


def _key(data: Fields) -> str | None:
    """Our key, where the callback carries a summary of the envelope."""
    if data.content.get("envelopeSummary") is None:
        return None
    return data.inner("envelopeSummary").optional_text("transactionId") or None


def _instant(told: Fields) -> datetime | None:
    try:
        return told.optional_instant("generatedDateTime")
    except UnknownOutcome:
        return None
