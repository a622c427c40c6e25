"""Notices of the vendor: signed with a token over the raw body, encrypted with a key; pure.

Source: Tencent E-Sign, "回调通知说明" (qian.tencent.com/developers/company/callback_types_v2) and tencentess/ess-java-kit
(CallbackVerify, CallbackAes). The first edition of notices is encrypted and not signed: it is not believed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from hub.core.errors import UnknownOutcome
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookReply, WebhookRequest
from hub.sdk.reading import Fields, json_object
from hub.sdk.signing import matches
from hub.sdk.webhooks import header
from leasehub_esign_tencent.mapping import STATUS

SIGNATURE = "content-signature"
_SIGNED = re.compile(r"sha256=([0-9a-f]{64})")
_BLOCK = 16  # bytes
_TAKEN = WebhookReply(content_type="application/json", body=b'{"code":0,"message":"success"}')
_NOT_TAKEN = WebhookReply(status=403, content_type="application/json", body=b'{"code":403,"message":"not verified"}')
_PROBE = b"{}"


def received(request: WebhookRequest, tokens: Iterable[str], keys: Iterable[str]) -> WebhookDelivery:
    """A notice, verified and in the hub's words; what is genuine and cannot be read stays visible.

    The empty probe, with which the vendor tries the address, says nothing and is answered with yes.
    """
    if request.body.strip() == _PROBE:
        return WebhookDelivery(verified=True, reply=_TAKEN)
    hit = _SIGNED.fullmatch(header(request.headers, SIGNATURE))
    if hit is None:
        return WebhookDelivery(verified=False, reply=_NOT_TAKEN, reason="the signature is missing or malformed")
    if not matches([token.encode() for token in tokens], request.body, bytes.fromhex(hit[1])):
        return WebhookDelivery(verified=False, reply=_NOT_TAKEN, reason="the signature does not match")
    try:
        event = _event(_opened(Fields(json_object(request.body)), keys))
    except UnknownOutcome as unreadable:
        event = WebhookEvent(event_id=None, kind=WebhookKind.UNMAPPED, subject_ref="")
        return WebhookDelivery(verified=True, events=(event,), reply=_TAKEN, reason=unreadable.detail)
    return WebhookDelivery(verified=True, events=(event,), reply=_TAKEN)


def _opened(content: Fields, keys: Iterable[str]) -> Fields:
    """The message inside; it comes as it is where the operator has set no key at the vendor."""
    if "encrypt" not in content.content:
        return content
    sealed = content.text("encrypt")
    for key in keys:
        try:
            return Fields(json_object(decrypted(key, sealed)))
        except (ValueError, UnknownOutcome):
            continue
    raise content.fail("no key opens it")


def decrypted(key: str, sealed: str) -> bytes:
    """AES-256-CBC as the vendor uses it: the key's own characters, of which the first sixteen are the start.

    Raises ValueError for what was not encrypted with this key.
    """
    try:
        content = base64.b64decode(sealed, validate=True)
    except binascii.Error as wrong:
        raise ValueError("not base64") from wrong
    raw = key.encode()
    opener = Cipher(algorithms.AES256(raw), modes.CBC(raw[:_BLOCK])).decryptor()
    padded = opener.update(content) + opener.finalize()
    unpadder = PKCS7(_BLOCK * 8).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def encrypted(key: str, content: bytes) -> str:
    """What `decrypted` opens."""
    raw = key.encode()
    padder = PKCS7(_BLOCK * 8).padder()
    closer = Cipher(algorithms.AES256(raw), modes.CBC(raw[:_BLOCK])).encryptor()
    padded = padder.update(content) + padder.finalize()
    return base64.b64encode(closer.update(padded) + closer.finalize()).decode()


def _event(message: Fields) -> WebhookEvent:
    event_id = message.text("MsgId")
    if message.text("MsgType") != "FlowStatusChange":
        return WebhookEvent(event_id=event_id, kind=WebhookKind.UNMAPPED, subject_ref="")
    told = message.inner("MsgData")
    status = STATUS.get(told.whole("FlowCallbackStatus"))
    return WebhookEvent(
        event_id=event_id,
        kind=WebhookKind.ENVELOPE,
        subject_ref=told.text("FlowId"),
        subject_key=_key(told.optional_text("UserData") or ""),
        status=status.value if status else "",
        occurred_at=_instant(told),
    )


def _key(user_data: str) -> str | None:
    """Our key, which went out as base64; None for what is not one."""
    try:
        key = base64.b64decode(user_data, validate=True).decode()
    except ValueError:
        return None
    return key if key and key.isprintable() else None


def _instant(told: Fields) -> datetime | None:
    seconds = told.content.get("UpdatedOn")
    known = isinstance(seconds, int) and 0 < seconds < 10**11
    return datetime.fromtimestamp(int(str(seconds)), UTC) if known else None
