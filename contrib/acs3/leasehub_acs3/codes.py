"""What the vendor's refusals mean: the gateway's own codes, and the way in which a plugin adds those of its product.

Source: Alibaba Cloud, "Public error codes of the OpenAPI gateway" (api.aliyun.com/document/public-error-code).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)

_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class Meaning(StrEnum):
    """What may follow a refusal."""

    LIMITED = "limited"
    CREDENTIALS = "credentials"
    SETTINGS = "settings"
    BUSINESS = "business"
    DOUBT = "doubt"


Codes = Mapping[str, Meaning]

# The gateway answers these before a product has seen the request; a name that ends in a star is a beginning.
GATEWAY: Codes = {
    "Throttling*": Meaning.LIMITED,
    "SignatureDoesNotMatch": Meaning.CREDENTIALS,
    "IncompleteSignature": Meaning.CREDENTIALS,
    "InvalidAccessKeyId*": Meaning.CREDENTIALS,
    "InvalidAccessKeySecret*": Meaning.CREDENTIALS,
    "InactiveAccessKey*": Meaning.CREDENTIALS,
    "InvalidSecurityToken*": Meaning.CREDENTIALS,
    "MissingSecurityToken*": Meaning.CREDENTIALS,
    "SecurityTokenExpired*": Meaning.CREDENTIALS,
    "InvalidTimeStamp*": Meaning.CREDENTIALS,
    "MissingAccessKeyId": Meaning.CREDENTIALS,
    "Forbidden*": Meaning.CREDENTIALS,
    "NoPermission*": Meaning.CREDENTIALS,
    "UnauthorizedOperation*": Meaning.CREDENTIALS,
    "InvalidAction*": Meaning.SETTINGS,
    "InvalidVersion": Meaning.SETTINGS,
    "InvalidProtocol*": Meaning.SETTINGS,
    "UnsupportedHTTPMethod": Meaning.SETTINGS,
    "UnsupportedOperation": Meaning.SETTINGS,
    "Missing*": Meaning.SETTINGS,
    "SignatureNonceUsed": Meaning.DOUBT,
    "InternalError*": Meaning.DOUBT,
    "ServiceUnavailable*": Meaning.DOUBT,
}


def meaning(code: str, known: Codes) -> Meaning | None:
    """What a code means: by its whole name first, then by the longest beginning that is known; None when nobody knows."""
    if code in known:
        return known[code]
    beginnings = [name for name in known if name.endswith("*") and code.startswith(name[:-1])]
    return known[max(beginnings, key=len)] if beginnings else None


def readable(code: object) -> str | None:
    """A code as far as it is one: what has another shape may carry anything, and is not passed on."""
    text = str(code) if isinstance(code, str | int) and not isinstance(code, bool) else ""
    return text if _SHAPE.fullmatch(text) else None


def failure(
    code: str, known: Codes, *, unmapped: Meaning, advice: RetryAdvice = RetryAdvice.NEVER, wait_s: float | None = None
) -> ProviderError:
    """The hub's error for a code; `unmapped` says what one means that nobody knows."""
    match meaning(code, known) or unmapped:
        case Meaning.LIMITED:
            return RateLimited(code, retry_after_s=wait_s)
        case Meaning.CREDENTIALS:
            return AuthFailed(code)
        case Meaning.SETTINGS:
            return Misconfigured(code)
        case Meaning.BUSINESS:
            return Rejected(code, advice=advice)
        case Meaning.DOUBT:
            return UnknownOutcome(code)
        case never:
            assert_never(never)
