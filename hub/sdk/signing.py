"""HMAC-SHA256 over bytes, with several keys valid at once so that a secret can be changed without a lost callback.

Source: RFC 2104; FIPS 180-4. Comparison takes the same time whatever the difference.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta


def sign(key: bytes, message: bytes) -> bytes:
    """The 32-byte HMAC-SHA256 of a message."""
    return hmac.digest(key, message, hashlib.sha256)


def matches(keys: Iterable[bytes], message: bytes, signature: bytes) -> bool:
    """Whether one of the keys made this signature. Every key is tried, and an empty key never counts."""
    found = False
    for key in keys:
        found |= bool(key) and hmac.compare_digest(sign(key, message), signature)
    return found


def within(claimed_at: datetime, now: datetime, window: timedelta) -> bool:
    """Whether a claimed instant lies at most `window` before or after now."""
    return abs(now - claimed_at) <= window
