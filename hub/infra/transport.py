"""The transport seam: how an HTTP request leaves the house, one client for each provider instance.

httpx's own transport collapses under concurrency (encode/httpx#3215), so by default requests go through aiohttp, in an
adapter of our own. The one at hand, `httpx-aiohttp`, reports a connection that broke *after* the request was sent as a
connect time-out; for a debit that is the difference between "not sent" and "nobody knows". Here only a failed connect
is a connect error, nothing is sent twice, and an address goes out byte for byte as it was signed.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal

import aiohttp
import httpx
import yarl
from aiohttp.abc import ResolveResult
from aiohttp.client_exceptions import ConnectionTimeoutError
from multidict import CIMultiDict

from hub.infra.destinations import Destinations

MAX_ANSWER_BYTES = 10 * 1024 * 1024
# We ask for plain answers; one that is compressed all the same may grow a thousandfold, so less of it is read.
MAX_COMPRESSED_BYTES = 256 * 1024
# Shorter than the five seconds after which common servers close an idle connection under us.
LIMITS = httpx.Limits(max_connections=32, max_keepalive_connections=32, keepalive_expiry=4.0)
_CHUNK_BYTES = 16 * 1024

Verify = ssl.SSLContext | bool | str


def make_client(
    *,
    timeout_s: float,
    transport: Literal["aiohttp", "plain"] | httpx.AsyncBaseTransport = "aiohttp",
    base_url: str = "",
    verify: Verify = True,
    limits: httpx.Limits = LIMITS,
    destinations: Destinations | None = None,
) -> httpx.AsyncClient:
    """A client for one instance: no redirects, no proxy or credentials from the environment, bounded answers.

    `timeout_s` in seconds holds for each of connecting, waiting for a free connection, and the next bytes; `verify` is
    a context or the path of a file of authorities. `transport` is the seam: aiohttp, httpx's own, or any other. With
    `destinations` nothing else is connected to, over aiohttp alone; raises InvalidInput for a `base_url` outside them.
    """
    if destinations is not None:
        assert transport == "aiohttp", "only there is the address that was judged the one that is connected to"
        if base_url:
            destinations.check(base_url, "base_url")
    if isinstance(transport, httpx.AsyncBaseTransport):
        bounded: httpx.AsyncBaseTransport = Bounded(transport)
    elif transport == "plain":
        bounded = plain(verify=verify, limits=limits)
    else:
        bounded = over_aiohttp(verify=verify, limits=limits, destinations=destinations)
    client = httpx.AsyncClient(
        transport=bounded,
        base_url=base_url,
        timeout=httpx.Timeout(timeout_s),
        headers={"Accept-Encoding": "identity", "User-Agent": "LeaseHub"},
        follow_redirects=False,
        trust_env=False,
    )
    client._cookies = _Forgetful()  # httpx copies whatever jar it is handed into one of its own kind
    return client


class _Forgetful(httpx.Cookies):
    """Keeps no cookie: what one answer sets must not travel with another call, and looking for one costs each call."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Take nothing."""


def over_aiohttp(
    *, verify: Verify = True, limits: httpx.Limits = LIMITS, destinations: Destinations | None = None
) -> httpx.AsyncBaseTransport:
    """The transport that clients are given; the conformance kit finds it by its entry point."""
    return Bounded(AiohttpTransport(verify=_context(verify), limits=limits, destinations=destinations))


def plain(*, verify: Verify = True, limits: httpx.Limits = LIMITS) -> httpx.AsyncBaseTransport:
    """httpx's own transport; the conformance kit finds it by its entry point."""
    return Bounded(httpx.AsyncHTTPTransport(verify=_context(verify), limits=limits, trust_env=False))


def _context(verify: Verify) -> ssl.SSLContext:
    if isinstance(verify, str):
        return ssl.create_default_context(cafile=verify)
    return _trusting() if verify is True else httpx.create_ssl_context(verify=verify, trust_env=False)


@cache
def _trusting() -> ssl.SSLContext:
    """The context that all share who trust the public authorities: reading those takes longer than the rest of a client."""
    return httpx.create_ssl_context(trust_env=False)


class AiohttpTransport(httpx.AsyncBaseTransport):
    """httpx's requests over aiohttp's connections; opened at the first request, in the loop that makes it."""

    def __init__(
        self, *, verify: ssl.SSLContext, limits: httpx.Limits, destinations: Destinations | None = None
    ) -> None:
        self._verify = verify
        self._limits = limits
        self._destinations = destinations
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._limits.max_connections or 0,
                keepalive_timeout=self._limits.keepalive_expiry,
                ssl=self._verify,
                resolver=_Judged(self._destinations) if self._destinations is not None else None,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            )
            # aiohttp would send a PUT or DELETE again on a fresh connection; only the executor repeats anything.
            self._session._retry_connection = False
        return self._session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request once and hand back the answer, its body still to be read."""
        if self._destinations is not None and (reason := self._destinations.refusal(request.url)):
            raise httpx.ConnectError(f"not connected: the address {reason}")
        wait: dict[str, float | None] = request.extensions.get("timeout", {})
        with _translated():
            answer = await self._opened().request(
                request.method,
                _address(request.url),
                headers=CIMultiDict(_headers(request)),
                data=_body(request),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    connect=wait.get("pool"), sock_connect=wait.get("connect"), sock_read=wait.get("read")
                ),
                server_hostname=request.extensions.get("sni_hostname"),
            )
        return httpx.Response(
            answer.status,
            headers=list(answer.raw_headers),
            stream=_Answer(answer),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": (answer.reason or "").encode()},
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class _Judged(aiohttp.ThreadedResolver):
    """Looks a name up once and gives its addresses on only when all may be connected to: those, and no later ones.

    An address that stands in the URL itself is not looked up; the transport has judged it by then.
    """

    def __init__(self, destinations: Destinations) -> None:
        super().__init__()
        self._destinations = destinations

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host; raises OSError when one of them leads inwards."""
        found = await super().resolve(host, port, family)
        if not self._destinations.may_connect(host, port, [one["host"] for one in found]):
            raise OSError("the name leads to an address that is not public")
        return found


def _address(url: httpx.URL) -> yarl.URL:
    """The address exactly as it stands: requoting would break a signature over it. Credentials are in a header."""
    return yarl.URL(str(url.copy_with(userinfo=b"") if url.userinfo else url), encoded=True)


def _headers(request: httpx.Request) -> Iterator[tuple[str, str]]:
    """The request's headers; how a streamed body is framed is aiohttp's business."""
    encoding = request.headers.encoding
    for name, value in request.headers.raw:
        if name.lower() != b"transfer-encoding":
            yield name.decode(encoding), value.decode(encoding)


def _body(request: httpx.Request) -> bytes | AsyncIterable[bytes] | None:
    try:
        return request.content or None
    except httpx.RequestNotRead:
        assert isinstance(request.stream, AsyncIterable)
        return request.stream


class _Answer(httpx.AsyncByteStream):
    """The body of an answer, read as it comes."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for chunk in self._answer.content.iter_chunked(_CHUNK_BYTES):
                yield chunk

    async def aclose(self) -> None:
        """Give the connection back, or drop it when the body was not read to its end."""
        self._answer.release()


@contextmanager
def _translated() -> Iterator[None]:
    """aiohttp's errors as httpx's. A connect error is one only when no byte of the request can have left."""
    try:
        yield
    except ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout(_said(error)) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(_said(error)) from error
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise httpx.UnsupportedProtocol("the address cannot be asked over HTTP") from error
    except TimeoutError as error:
        raise httpx.ReadTimeout(_said(error)) from error
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientResponseError) as error:
        raise httpx.RemoteProtocolError(_said(error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx.ReadError(_said(error)) from error


def _said(error: Exception) -> str:
    """The kind of the error, without the address that aiohttp writes into its message."""
    number = getattr(error, "os_error", error)
    reason = number.strerror if isinstance(number, OSError) and number.strerror else ""
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__


class Bounded(httpx.AsyncBaseTransport):
    """Any transport, with answers of a bounded size: what comes after the bound is not read."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on; the answer's body raises RemoteProtocolError when it grows beyond the bound."""
        response = await self._inner.handle_async_request(request)
        plain = response.headers.get("content-encoding", "identity").strip().lower() in {"", "identity"}
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _UpTo(response.stream, MAX_ANSWER_BYTES if plain else MAX_COMPRESSED_BYTES)
        return response

    async def aclose(self) -> None:
        """Close the transport inside."""
        await self._inner.aclose()


class _UpTo(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, most: int) -> None:
        self._stream = stream
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for chunk in self._stream:
            read += len(chunk)
            if read > self._most:
                raise httpx.RemoteProtocolError(f"the answer is larger than {self._most} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
