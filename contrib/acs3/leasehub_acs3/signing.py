"""The signature of a request, ACS3-HMAC-SHA256: pure, from what is sent to the value of `Authorization`.

Source: Alibaba Cloud, "V3 request structure and signature" (help.aliyun.com, document 2593177).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from hub.sdk.signing import sign

ALGORITHM = "ACS3-HMAC-SHA256"


def encoded(text: str) -> str:
    """Percent-encoded by RFC 3986: only letters, digits, `-`, `_`, `.` and `~` stay as they are."""
    return quote(text, safe="~")


def canonical_pairs(params: Mapping[str, str]) -> str:
    """Names and values encoded, sorted by name; an empty value keeps its `=`."""
    return "&".join(f"{encoded(name)}={encoded(params[name])}" for name in sorted(params))


def form_bytes(params: Mapping[str, str]) -> bytes:
    """A form body, sorted by name. It is signed by its hash, so that its own rule counts: a space is a plus."""
    return urlencode(sorted(params.items())).encode()


def payload_hash(body: bytes) -> str:
    """The value of `x-acs-content-sha256`; that of no body is the hash of nothing."""
    return hashlib.sha256(body).hexdigest()


def canonical_request(
    *, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body_hash: str
) -> str:
    """What is hashed and signed; `headers` are those that count, by their names in lower case."""
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    return f"{method}\n{path}\n{canonical_pairs(query)}\n{lines}\n{';'.join(names)}\n{body_hash}"


def signature(secret: str, request: str) -> str:
    """The signature of a canonical request, in hex."""
    return sign(secret.encode(), f"{ALGORITHM}\n{payload_hash(request.encode())}".encode()).hex()


def authorization(key_id: str, secret: str, headers: Mapping[str, str], request: str) -> str:
    """The value of `Authorization` for a canonical request in which these headers count."""
    signed = ";".join(sorted(headers))
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={signed},Signature={signature(secret, request)}"
