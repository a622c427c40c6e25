"""What is proven not sent, and what is not: on every transport that the hub can choose."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import aiohttp
import httpx
import pytest
from httpx_aiohttp import AiohttpTransport
from starlette.requests import Request
from starlette.responses import Response

from hub.core.errors import AuthFailed, Misconfigured, NotSent, ProviderError, RateLimited, Rejected, UnknownOutcome
from hub.infra.transport import make_client
from hub.sdk.errors import classify_httpx, classify_status
from hub.sdk.http import exchange
from hub.sdk.sandbox.answers import Cut, CutKind
from hub.testing.loopback import loopback

CLIENTS: dict[str, Callable[[], httpx.AsyncClient]] = {
    "plain": lambda: httpx.AsyncClient(transport=httpx.AsyncHTTPTransport()),
    "httpx_aiohttp": lambda: httpx.AsyncClient(transport=AiohttpTransport()),
    "hub": lambda: make_client(timeout_s=5),
}


@pytest.fixture(params=CLIENTS)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    async with CLIENTS[request.param]() as made:
        yield made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_refused_connection_is_not_sent(client: httpx.AsyncClient) -> None:
    with pytest.raises(NotSent):
        await exchange(client, "POST", f"http://127.0.0.1:{free_port()}/v1/charges", limit_s=2, content=b"{}")


async def test_a_name_that_does_not_resolve_is_not_sent(client: httpx.AsyncClient) -> None:
    with pytest.raises(NotSent):
        await exchange(client, "POST", "http://vendor.invalid/v1/charges", limit_s=5, content=b"{}")


async def test_an_address_that_is_none_is_misconfigured(client: httpx.AsyncClient) -> None:
    with pytest.raises(Misconfigured):
        await exchange(client, "POST", "ftp://vendor.invalid/", limit_s=2)


async def vendor(scope: dict[str, object], receive: object, send: object) -> None:
    """Answers as its path says."""
    request = Request(scope, receive)  # type: ignore[arg-type]
    await request.body()

    answers: dict[str, Callable[[], Response]] = {
        "/drop": lambda: Cut(CutKind.DROP),
        "/hang": lambda: Cut(CutKind.HANG),
        "/huge": lambda: Response(b"x" * 10_000_000),
        "/ok": lambda: Response(b"{}"),
    }
    await answers[request.url.path]()(scope, receive, send)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/drop", "/hang", "/huge"])
async def test_whatever_was_perhaps_sent_is_unknown(client: httpx.AsyncClient, path: str) -> None:
    async with loopback(vendor) as base_url:
        with pytest.raises(UnknownOutcome):
            await exchange(client, "POST", base_url + path, limit_s=0.3, content=b"{}")
        # A connection that was kept open and is then lost looks like a failure to connect to some transports.
        assert (await exchange(client, "POST", f"{base_url}/ok", limit_s=2, content=b"{}")).status == 200
        with pytest.raises(UnknownOutcome):
            await exchange(client, "POST", base_url + path, limit_s=0.3, content=b"{}")


async def test_a_reset_after_the_send_is_unknown(client: httpx.AsyncClient) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UnknownOutcome):
            await exchange(client, "POST", f"http://127.0.0.1:{port}/", limit_s=2, content=b"{}")


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (httpx.ConnectError(""), NotSent),
        (httpx.ConnectTimeout(""), NotSent),
        (httpx.PoolTimeout(""), NotSent),
        (httpx.ReadTimeout(""), UnknownOutcome),
        (httpx.WriteTimeout(""), UnknownOutcome),
        (httpx.ReadError(""), UnknownOutcome),
        (httpx.WriteError(""), UnknownOutcome),
        (httpx.RemoteProtocolError(""), UnknownOutcome),
        (httpx.ProxyError(""), UnknownOutcome),
        (httpx.DecodingError(""), UnknownOutcome),
        (TimeoutError(), UnknownOutcome),
        (ValueError("secret"), UnknownOutcome),
        (httpx.InvalidURL(""), Misconfigured),
        (Rejected("no"), Rejected),
    ],
)
def test_each_exception_has_its_error(failure: Exception, error: type[ProviderError]) -> None:
    classified = classify_httpx(failure)
    assert type(classified) is error
    assert "secret" not in str(classified)


def test_a_lost_connection_that_the_transport_calls_a_connect_timeout_is_unknown() -> None:
    failure = httpx.ConnectTimeout("")
    failure.__cause__ = aiohttp.ServerDisconnectedError()
    assert type(classify_httpx(failure)) is UnknownOutcome
    failure.__cause__ = aiohttp.ConnectionTimeoutError()
    assert type(classify_httpx(failure)) is NotSent


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None),
        (204, None),
        (302, UnknownOutcome),
        (400, Misconfigured),
        (401, AuthFailed),
        (403, AuthFailed),
        (404, Misconfigured),
        (408, UnknownOutcome),
        (409, UnknownOutcome),
        (425, UnknownOutcome),
        (429, RateLimited),
        (500, UnknownOutcome),
        (503, UnknownOutcome),
    ],
)
def test_each_status_has_its_error(status: int, error: type[ProviderError] | None) -> None:
    found = classify_status(status, {})
    assert (type(found) if found else None) is error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        (
            {"retry-after": "Thu, 05 Mar 2026 02:00:30 GMT", "date": "Thu, 05 Mar 2026 02:00:00 GMT"},
            30.0,
        ),
        (
            {"retry-after": "Thu, 05 Mar 2026 01:00:00 GMT", "date": "Thu, 05 Mar 2026 02:00:00 GMT"},
            0.0,
        ),
        ({"retry-after": "Thu, 05 Mar 2026 02:00:30 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    limited = classify_status(429, headers)
    assert isinstance(limited, RateLimited)
    assert limited.retry_after_s == seconds
