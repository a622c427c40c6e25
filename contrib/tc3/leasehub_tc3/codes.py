"""From the codes of API 3.0 to the hub's errors: what all its services share; a service adds its own table.

A code has a family before its first point (`AuthFailure.SignatureExpire`); a table names whole codes and families. What
no table knows proves nothing: an effect may have been had, a mere question was refused.

Source: the list of common codes that stands with every service ("Common Error Codes"), and `errorcodes` in
tencentcloud-sdk-python 3.1.
"""

from __future__ import annotations

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


class Meaning(StrEnum):
    """What a code says of the call."""

    RATE_LIMITED = "rate_limited"
    AUTH_FAILED = "auth_failed"
    MISCONFIGURED = "misconfigured"
    REJECTED = "rejected"
    ELSEWHERE = "elsewhere"  # rejected, and another provider may well do it
    UNKNOWN = "unknown"


Codes = Mapping[str, Meaning]

COMMON: Codes = {
    "ActionOffline": Meaning.MISCONFIGURED,
    "AuthFailure": Meaning.AUTH_FAILED,
    "InternalError": Meaning.UNKNOWN,
    "InternalError.RequestTimeException": Meaning.MISCONFIGURED,  # our clock
    "InternalError.RestApiInterfaceNotExist": Meaning.MISCONFIGURED,
    "InvalidAction": Meaning.MISCONFIGURED,
    "InvalidParameter": Meaning.REJECTED,
    "InvalidParameterValue": Meaning.REJECTED,
    "InvalidRequest": Meaning.MISCONFIGURED,
    "IpInBlacklist": Meaning.MISCONFIGURED,
    "IpNotInWhitelist": Meaning.MISCONFIGURED,
    "LimitExceeded": Meaning.RATE_LIMITED,
    "MissingParameter": Meaning.REJECTED,
    "NoSuchProduct": Meaning.MISCONFIGURED,
    "NoSuchVersion": Meaning.MISCONFIGURED,
    "RequestLimitExceeded": Meaning.RATE_LIMITED,
    "RequestSizeLimitExceeded": Meaning.REJECTED,
    "ResourceInUse": Meaning.REJECTED,
    "ResourceInsufficient": Meaning.REJECTED,
    "ResourceNotFound": Meaning.REJECTED,
    "ResourceUnavailable": Meaning.REJECTED,
    "ResponseSizeLimitExceeded": Meaning.UNKNOWN,
    "ServiceUnavailable": Meaning.UNKNOWN,
    "UnauthorizedOperation": Meaning.AUTH_FAILED,
    "UnknownParameter": Meaning.REJECTED,
    "UnsupportedOperation": Meaning.MISCONFIGURED,
    "UnsupportedProtocol": Meaning.MISCONFIGURED,
    "UnsupportedRegion": Meaning.MISCONFIGURED,
}


def meaning_of(code: str, own: Codes) -> Meaning | None:
    """What a code means; the service's own word goes before the common one, a whole code before its family."""
    family = code.partition(".")[0]
    for table in (own, COMMON):
        for name in (code, family):
            if name in table:
                return table[name]
    return None


def error_of(code: str, own: Codes, *, mutates: bool, request_id: str = "") -> ProviderError:
    """The hub's error for a code; `mutates` says whether the call has an effect.

    The vendor's own sentence is left out: it may repeat whom the call was about.
    """
    detail = f"{code} (request {request_id})" if request_id else code
    meaning = meaning_of(code, own)
    if meaning is None:
        return UnknownOutcome(detail) if mutates else Rejected(code, detail)
    match meaning:
        case Meaning.RATE_LIMITED:
            return RateLimited(detail)
        case Meaning.AUTH_FAILED:
            return AuthFailed(detail)
        case Meaning.MISCONFIGURED:
            return Misconfigured(detail)
        case Meaning.REJECTED:
            return Rejected(code, detail)
        case Meaning.ELSEWHERE:
            return Rejected(code, detail, advice=RetryAdvice.OTHER_PROVIDER)
        case Meaning.UNKNOWN:
            return UnknownOutcome(detail)
        case _:
            assert_never(meaning)
