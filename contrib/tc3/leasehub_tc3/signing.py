"""The signature of API 3.0, TC3-HMAC-SHA256: pure, over the very bytes that are sent.

Source: Tencent Cloud, "Signature Method v3" (document 1021/34193), whose two worked examples are the tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hub.sdk.signing import sign

ALGORITHM = "TC3-HMAC-SHA256"
_ENDING = "tc3_request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A key pair of an account, with the token that temporary ones come with."""

    secret_id: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


def authorization(account: Account, *, service: str, at: datetime, headers: Mapping[str, str], body: bytes) -> str:
    """The Authorization header of a POST to `/`.

    `headers` are those that are signed, by their names in lower case: content-type and host at least.
    """
    signature = signature_of(account.secret_key, service=service, at=at, headers=headers, body=body)
    return (
        f"{ALGORITHM} Credential={account.secret_id}/{scope(service, at)}, "
        f"SignedHeaders={';'.join(sorted(headers))}, Signature={signature}"
    )


def signature_of(secret_key: str, *, service: str, at: datetime, headers: Mapping[str, str], body: bytes) -> str:
    """The signature in lower-case hex."""
    key = f"TC3{secret_key}".encode()
    for part in scope(service, at).split("/"):
        key = sign(key, part.encode())
    return sign(key, _string_to_sign(service, at, headers, body).encode()).hex()


def scope(service: str, at: datetime) -> str:
    """What a signature is good for: one service on one day, by UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d}/{service}/{_ENDING}"


def _string_to_sign(service: str, at: datetime, headers: Mapping[str, str], body: bytes) -> str:
    request = _sha256(_canonical(headers, body).encode())
    return f"{ALGORITHM}\n{int(at.timestamp())}\n{scope(service, at)}\n{request}"


def _canonical(headers: Mapping[str, str], body: bytes) -> str:
    lines = "".join(f"{name}:{headers[name].strip().lower()}\n" for name in sorted(headers))
    return f"POST\n/\n\n{lines}\n{';'.join(sorted(headers))}\n{_sha256(body)}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
