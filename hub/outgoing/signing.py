"""Signatures of the open standard for webhooks: pure. Source: Standard Webhooks 1.0, "Signature scheme" (symmetric)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32  # the standard asks for 24 to 64


def secret_text(random: bytes) -> str:
    """A secret as it is shown and stored."""
    return PREFIX + base64.b64encode(random).decode()


def signature(secret: str, *, message_id: str, timestamp: int, payload: str) -> str:
    """One signature, of version 1."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.{payload}".encode()
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def headers(secrets: Sequence[str], *, message_id: str, at: datetime, payload: str) -> dict[str, str]:
    """The three headers of a message, with one signature for each secret that holds now."""
    timestamp = int(at.timestamp())
    signed = (signature(one, message_id=message_id, timestamp=timestamp, payload=payload) for one in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signed),
    }
