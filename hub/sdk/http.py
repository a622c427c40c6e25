"""One exchange with a vendor over the client that the hub hands in: bounded in time and size, failures classified.

No retry lives here, nor any redirect that is followed: only the hub's executor repeats a call. Operations with an
effect go out as POST, because a client may silently repeat the methods that HTTP calls idempotent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from hub.core.errors import Misconfigured, NotSent, UnknownOutcome
from hub.core.provider import CallContext, Clock, PluginContext
from hub.sdk.errors import classify_httpx

MAX_ANSWER_BYTES = 2 * 1024 * 1024


class _WithoutQueries(logging.Filter):
    """httpx logs the whole address of every request; in its query are phone numbers, names, or keys (encode/httpx#2760)."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the query out of every address in a line."""
        if isinstance(record.args, tuple):
            record.args = tuple(one.copy_with(query=None) if isinstance(one, httpx.URL) else one for one in record.args)
        return True


logging.getLogger("httpx").addFilter(_WithoutQueries())


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A vendor's answer, read whole; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def client_of(context: PluginContext) -> httpx.AsyncClient:
    """The HTTP client of this instance; raises Misconfigured when the hub handed in something else."""
    if not isinstance(context.http, httpx.AsyncClient):
        raise Misconfigured(f"the client must be an httpx.AsyncClient, not {type(context.http).__name__}")
    return context.http


def seconds_left(ctx: CallContext, clock: Clock, limit_s: float) -> float:
    """Seconds that this call may take: the vendor's limit or what is left until the deadline.

    Raises NotSent when the deadline has passed: nothing has gone out yet.
    """
    left = (ctx.deadline - clock.now()).total_seconds()
    if left <= 0:
        raise NotSent("the deadline had passed before the send")
    return min(limit_s, left)


async def exchange(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    limit_s: float,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    max_bytes: int = MAX_ANSWER_BYTES,
) -> HttpAnswer:
    """Send once and read the answer; raises the ProviderError that the failure means.

    `limit_s` bounds the whole exchange. Waiting for a connection gets half of it, so that a vendor who is not there
    ends as NotSent, which may go to another provider, and not as an unknown outcome.
    """
    waits = httpx.Timeout(limit_s, connect=limit_s / 2, pool=limit_s / 2)
    try:
        async with asyncio.timeout(limit_s):
            asked = client.stream(method, url, headers=headers, content=content, timeout=waits, follow_redirects=False)
            async with asked as response:
                body = await _read(response, max_bytes)
                return HttpAnswer(status=response.status_code, headers=_lowered(response.headers), body=body)
    except Exception as failure:
        raise classify_httpx(failure) from failure


def _lowered(headers: httpx.Headers) -> dict[str, str]:
    """Headers by their names in lower case; what stands several times is one list, as RFC 9110, 5.3 has it."""
    lowered: dict[str, str] = {}
    encoding = headers.encoding
    for raw_name, raw_value in headers.raw:  # httpx's own mapping searches the whole list for each name
        name, value = raw_name.decode(encoding).lower(), raw_value.decode(encoding)
        lowered[name] = f"{lowered[name]}, {value}" if name in lowered else value
    return lowered


async def _read(response: httpx.Response, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > max_bytes:
            raise UnknownOutcome(f"the answer is longer than {max_bytes} bytes")
        parts.append(part)
    return b"".join(parts)
