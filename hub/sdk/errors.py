"""From what went wrong on the wire to the hub's errors: the one table that every plugin over HTTP shares.

The question is always the same: is it *proven* that the vendor did nothing? Only then NotSent; whatever was perhaps
sent is UnknownOutcome. Details carry the kind of failure only: no address, no body, no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import aiohttp
import httpx

from hub.core.errors import AuthFailed, Misconfigured, NotSent, ProviderError, RateLimited, UnknownOutcome

_BEFORE_SEND = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_AIOHTTP_BEFORE_SEND = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

# Statuses of the 4xx class that do not prove that nothing was done. Source: RFC 9110, sections 15.5.9 and 15.5.10;
# RFC 8470, section 5.2.
_DOUBTFUL = frozenset({408, 409, 425})


def classify_httpx(failure: Exception) -> ProviderError:
    """The hub's error for an exception of the HTTP client; anything not recognised is an unknown outcome."""
    kind = type(failure).__name__
    if isinstance(failure, ProviderError):
        return failure
    if isinstance(failure, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return Misconfigured(f"the address cannot be used ({kind})")
    if isinstance(failure, _BEFORE_SEND) and _proven(failure):
        return NotSent(f"no connection ({kind})")
    return UnknownOutcome(f"no readable answer ({_cause(failure)})")


def _proven(failure: Exception) -> bool:
    """Whether a failure to connect is one.

    The aiohttp transport reports a connection that was reset *after* the send as a connect time-out too (its table
    maps every ClientConnectionError so); the cause behind it tells them apart.
    """
    cause = failure.__cause__
    return not isinstance(cause, aiohttp.ClientError) or isinstance(cause, _AIOHTTP_BEFORE_SEND)


def _cause(failure: Exception) -> str:
    return type(failure.__cause__ or failure).__name__


def classify_status(status: int, headers: Mapping[str, str]) -> ProviderError | None:
    """The hub's error for a status that carries no word of the vendor's own; None for 2xx.

    A plugin reads the vendor's own refusals first and asks here about the rest. Header names in lower case.
    """
    if 200 <= status < 300:
        return None
    if status in (401, 403):
        return AuthFailed(f"status {status}")
    if status == 429:
        return RateLimited("status 429", retry_after_s=retry_after_s(headers))
    if 400 <= status < 500 and status not in _DOUBTFUL:
        return Misconfigured(f"status {status} without a reason from the vendor")
    return UnknownOutcome(f"status {status}")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by the Retry-After header, given as seconds or as a date. Source: RFC 9110, section 10.2.3."""
    told = headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return float(told)
    try:
        until, sent_at = parsedate_to_datetime(told), parsedate_to_datetime(headers.get("date", ""))
        return max((until - sent_at).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None
