"""Callbacks: a form, signed over the address it was sent to and every field; HMAC-SHA1, or SHA-256 with a shared key.

Source: twilio.com/docs/usage/webhooks/webhooks-security, and `request_validator` of twilio-python 9.13.0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookReply, WebhookRequest
from hub.sdk.webhooks import header
from leasehub_sms_twilio.mapping import KEY, status_of

SIGNATURE = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"
BODY_HASH = "bodySHA256"
_PORTS = {"https": 443, "http": 80}
_SID = re.compile(r"[A-Z]{2}[0-9a-zA-Z]{1,62}")
_TAKEN = WebhookReply(status=204, content_type="text/plain", body=b"")
_REFUSED = WebhookReply(status=403, content_type="text/plain", body=b"not verified")
Algorithm = Literal["sha1", "sha256"]
Form = Sequence[tuple[str, str]]


def received(request: WebhookRequest, url: str, tokens: Sequence[str], shared: Mapping[str, str]) -> WebhookDelivery:
    """A callback, verified and in the hub's words; `url` is the address that Twilio was given, without its query."""
    form = _form(request)
    reason = "the body cannot be read" if form is None else _doubt(request, url, form, tokens, shared)
    if form is None or reason:
        return WebhookDelivery(verified=False, reply=_REFUSED, reason=reason)
    return WebhookDelivery(verified=True, events=(_event(request, dict(form)),), reply=_TAKEN)


def _form(request: WebhookRequest) -> Form | None:
    """The fields that are signed: none of a JSON body, whose hash stands in the address instead."""
    if BODY_HASH in request.query and "json" in header(request.headers, "content-type"):
        made = hashlib.sha256(request.body).hexdigest()
        return [] if hmac.compare_digest(made.encode(), request.query[BODY_HASH].encode()) else None
    try:
        return parse_qsl(request.body.decode(), keep_blank_values=True)
    except ValueError:
        return None


def _doubt(request: WebhookRequest, url: str, form: Form, tokens: Sequence[str], shared: Mapping[str, str]) -> str:
    """Why a callback is not believed; empty when it is."""
    chosen = _keys(header(request.headers, SETTINGS), tokens, shared)
    if chosen is None:
        return "the signature's settings name no key or algorithm of ours"
    keys, algorithm = chosen
    given = header(request.headers, SIGNATURE).encode()
    whole = f"{url}?{urlencode(dict(request.query))}" if request.query else url
    found = [
        bool(key) and hmac.compare_digest(signed(key, one, form, algorithm).encode(), given)
        for key in keys
        for one in addresses(whole)
    ]  # each is tried, whatever the first says
    return "" if any(found) else "no signature matches"


def _keys(told: str, tokens: Sequence[str], shared: Mapping[str, str]) -> tuple[Sequence[str], Algorithm] | None:
    """The keys to try and the algorithm; None when the header names what we do not know, or anything twice."""
    if not told:
        return tokens, "sha1"
    parts = [part.strip().partition("=") for part in told.split(",")]
    named = {name: value for name, _, value in parts}
    if len(named) != len(parts) or named.get("algorithm", "").upper() != "HMAC_SHA256":
        return None
    key = shared.get(named.get("key", ""))
    return None if key is None else ([key], "sha256")


def addresses(url: str) -> tuple[str, str]:
    """An address with and without its port: Twilio signs either."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    port = parts.port or _PORTS.get(parts.scheme, 443)
    return urlunsplit(parts._replace(netloc=f"{host}:{port}")), urlunsplit(parts._replace(netloc=host))


def signed(key: str, url: str, form: Form, algorithm: Algorithm = "sha1") -> str:
    """The signature: over the address, then name and value of each field, sorted, each pair once."""
    message = url + "".join(f"{name}{value}" for name, value in sorted(set(form)))
    return base64.b64encode(hmac.new(key.encode(), message.encode(), algorithm).digest()).decode()


def _event(request: WebhookRequest, form: Mapping[str, str]) -> WebhookEvent:
    for sid, state in (("MessageSid", "MessageStatus"), ("CallSid", "CallStatus")):
        ref, told = form.get(sid, ""), form.get(state, "")
        if _SID.fullmatch(ref) and told:
            return WebhookEvent(
                event_id=f"{ref}:{told[:40]}",
                kind=WebhookKind.MESSAGE,
                subject_ref=ref,
                subject_key=request.query.get(KEY) or None,
                status=status_of(ref, told).value,
                detail=_detail(form.get("ErrorCode", "")),
            )
    return WebhookEvent(event_id=None, kind=WebhookKind.UNMAPPED, subject_ref="")


def _detail(code: str) -> dict[str, str]:
    return {"vendor_code": code} if code.isascii() and code.isdigit() and len(code) < 8 else {}
