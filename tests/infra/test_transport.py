"""The transport seam against a real server on loopback: every error of both transports is the right one of httpx."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from hub.infra import transport
from hub.infra.transport import make_client

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
TRANSPORTS = pytest.mark.parametrize("kind", ["aiohttp", "plain"])


@dataclass
class Heard:
    """What has reached the server: each request's head, byte for byte, and its body."""

    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    one: asyncio.Event = field(default_factory=asyncio.Event)


async def _read_request(reader: asyncio.StreamReader, heard: Heard) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    heard.heads.append(head)
    heard.bodies.append(await reader.readexactly(length))
    heard.one.set()


def _answer(body: bytes = b"ok", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@asynccontextmanager
async def _server(after_request: Handle) -> AsyncIterator[tuple[str, Heard]]:
    """A server that reads whole requests and then does as it is told."""
    heard = Heard()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while not writer.is_closing():
                await _read_request(reader, heard)
                await after_request(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()


def _send(content: bytes) -> Handle:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()

    return send


async def _close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.close()


async def _half_and_hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    await _hang(reader, writer)


def _client(kind: str | httpx.AsyncBaseTransport, **more: object) -> httpx.AsyncClient:
    return make_client(**{"timeout_s": 20, "transport": kind, **more})  # type: ignore[arg-type]


NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@TRANSPORTS
async def test_an_answer_comes_back_whole(kind: str) -> None:
    async with (
        _server(_send(_answer(b'{"a": 1}', b"X-One: 1", b"X-One: 2"))) as (url, heard),
        _client(kind, base_url=url) as client,
    ):
        answer = await client.post("/collect", json={"b": 2})
        again = await client.get("/status")
    assert (answer.status_code, answer.json(), answer.headers.get_list("x-one")) == (200, {"a": 1}, ["1", "2"])
    assert again.reason_phrase == "OK"
    assert heard.bodies == [b'{"b":2}', b""]
    assert heard.connections == 1


@TRANSPORTS
@pytest.mark.parametrize("after", [_close, _reset], ids=["closed", "reset"])
async def test_a_connection_that_breaks_after_the_request_is_never_called_not_sent(kind: str, after: Handle) -> None:
    async with _server(after) as (url, heard), _client(kind, base_url=url) as client:
        for method in ("POST", "PUT", "DELETE", "GET"):
            with pytest.raises(httpx.TransportError) as caught:
                await client.request(method, "/collect")
            assert not isinstance(caught.value, NOT_SENT)
    assert len(heard.heads) == 4


@TRANSPORTS
async def test_a_connection_kept_alive_that_breaks_is_not_tried_again(kind: str) -> None:
    answers = iter([_send(_answer()), _close])

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next(answers)(reader, writer)

    async with _server(once) as (url, heard), _client(kind, base_url=url) as client:
        await client.get("/first")
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.delete("/envelope/1")
    assert len(heard.heads) == 2


@TRANSPORTS
@pytest.mark.parametrize("after", [_hang, _half_and_hang], ids=["before", "within"])
async def test_silence_is_a_read_timeout(kind: str, after: Handle) -> None:
    async with _server(after) as (url, _), _client(kind, timeout_s=0.2, base_url=url) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/collect")


@TRANSPORTS
async def test_half_an_answer_is_a_broken_read(kind: str) -> None:
    async with _server(_half) as (url, _), _client(kind, base_url=url) as client:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await client.post("/collect")


@TRANSPORTS
@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-OpenSSH_9\r\n\r\n", b"HTTP/1.1 two hundred\r\n\r\n", b"\0\0\0\0\r\n\r\n"]
)
async def test_garbage_is_a_protocol_error(kind: str, garbage: bytes) -> None:
    async with _server(_send(garbage)) as (url, _), _client(kind, base_url=url) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/collect")


@TRANSPORTS
async def test_a_closed_port_and_an_unknown_name_are_connect_errors(kind: str) -> None:
    async with _server(_hang) as (url, _):
        pass
    async with _client(kind, timeout_s=20) as client:
        for address in (url, "http://name.invalid/"):
            with pytest.raises(httpx.ConnectError):
                await client.post(address)


@TRANSPORTS
async def test_a_server_that_does_not_take_the_connection_is_a_connect_timeout(kind: str) -> None:
    full = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, backlog=1)
    port = full.sockets[0].getsockname()[1]
    full.get_loop().remove_reader(full.sockets[0].fileno())  # nobody accepts any more
    waiting = [asyncio.create_task(asyncio.open_connection("127.0.0.1", port)) for _ in range(8)]
    await asyncio.sleep(0.1)
    try:
        async with _client(kind, timeout_s=0.3) as client:
            with pytest.raises(httpx.ConnectTimeout):
                await client.post(f"http://127.0.0.1:{port}/")
    finally:
        for task in waiting:
            task.cancel()
        for done in await asyncio.gather(*waiting, return_exceptions=True):
            if isinstance(done, tuple):
                done[1].close()
        full.close()


@TRANSPORTS
async def test_no_free_connection_is_proven_not_sent(kind: str) -> None:
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    async with _server(_hang) as (url, heard), _client(kind, timeout_s=0.4, base_url=url, limits=limits) as client:
        patient = asyncio.create_task(client.post("/first", timeout=5))
        await heard.one.wait()
        with pytest.raises(NOT_SENT):
            await client.post("/second")
        patient.cancel()
    assert len(heard.heads) == 1


@TRANSPORTS
async def test_what_is_no_tls_is_a_transport_error(kind: str) -> None:
    async def speak_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"this is not TLS\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak_first, "127.0.0.1", 0)
    async with server, _client(kind) as client:
        with pytest.raises(httpx.TransportError):
            await client.post(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")


@TRANSPORTS
async def test_redirects_are_not_followed(kind: str) -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with _server(_send(moved)) as (url, heard), _client(kind, base_url=url) as client:
        answer = await client.post("/collect")
    assert answer.status_code == 307
    assert len(heard.heads) == 1


@TRANSPORTS
@pytest.mark.parametrize("path", ["/a%2Fb/c?x=a%20b&y=a+b&z=%7E~&sig=a%2Bb%3D&e=%e4%b8%ad", "/a/../b?a=1;b=2", "/%41"])
async def test_the_address_goes_out_byte_for_byte(kind: str, path: str) -> None:
    async with _server(_send(_answer())) as (url, heard), _client(kind) as client:
        await client.get(httpx.URL(url + path))
    asked = heard.heads[0].split(b" ")[1].decode()
    assert asked == httpx.URL(url + path).raw_path.decode()


@TRANSPORTS
async def test_only_the_headers_asked_for_are_sent(kind: str) -> None:
    async with _server(_send(_answer())) as (url, heard), _client(kind) as client:
        await client.post(url.replace("http://", "http://user:word@"), content=b"x", headers={"X-Key": "k"})
    lines = heard.heads[0].decode().strip().split("\r\n")
    sent = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:]}
    assert set(sent) == {
        "host", "accept", "accept-encoding", "connection", "user-agent", "x-key", "content-length", "authorization"
    }  # fmt: skip
    assert (sent["accept-encoding"], sent["user-agent"]) == ("identity", "LeaseHub")
    assert sent["authorization"] == "Basic dXNlcjp3b3Jk"


@TRANSPORTS
async def test_no_cookie_is_taken_over_by_the_transport(kind: str) -> None:
    async with _server(_send(_answer(b"", b"Set-Cookie: a=b; Path=/"))) as (url, heard), _client(kind) as client:
        await client.get(url)
        client.cookies.clear()
        await client.get(url)
    assert b"cookie" not in heard.heads[1].lower()


@TRANSPORTS
async def test_a_streamed_body_is_sent(kind: str) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async def read_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"one" in await reader.readuntil(b"0\r\n\r\n")
        await _send(_answer())(reader, writer)

    async with _server(read_chunks) as (url, heard), _client(kind) as client:
        assert (await client.post(url, content=parts())).status_code == 200
    assert heard.heads[0].lower().count(b"transfer-encoding") == 1


@pytest.mark.parametrize("kind", ["aiohttp", "plain", "mock"])
async def test_an_answer_beyond_the_bound_is_not_read(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 1000)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 400

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b"x" * 400)
            await writer.drain()

    chosen = httpx.MockTransport(lambda request: httpx.Response(200, content=endless())) if kind == "mock" else kind
    async with _server(flood) as (url, _), _client(chosen) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="larger than 1000"):
            await client.get(url)


@TRANSPORTS
async def test_a_compressed_answer_is_read_up_to_its_own_bound(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small, bomb = gzip.compress(b"fine"), gzip.compress(b"\0" * 5_000_000)
    monkeypatch.setattr(transport, "MAX_COMPRESSED_BYTES", 1000)
    for content, good in ((small, True), (bomb, False)):
        async with _server(_send(_answer(content, b"Content-Encoding: gzip"))) as (url, _), _client(kind) as client:
            if good:
                assert (await client.get(url)).content == b"fine"
            else:
                with pytest.raises(httpx.RemoteProtocolError):
                    await client.get(url)


async def test_any_other_transport_can_be_put_in() -> None:
    inner = httpx.MockTransport(lambda request: httpx.Response(200, json={"path": request.url.path}))
    async with make_client(timeout_s=20, transport=inner, base_url="http://vendor") as client:
        assert (await client.get("/x")).json() == {"path": "/x"}


async def test_no_error_shows_the_address() -> None:
    async with make_client(timeout_s=20) as client:
        with pytest.raises(httpx.ConnectError) as caught:
            await client.get("http://127.0.0.1:1/pay?token=canary-token&phone=13812345678")
    assert "canary" not in str(caught.value)
    assert "138" not in str(caught.value)


async def test_many_at_once_share_one_client() -> None:
    async with _server(_send(_answer())) as (url, heard), make_client(timeout_s=20, base_url=url) as client:
        answers = await asyncio.gather(*(client.get(f"/{number}") for number in range(200)))
    assert {answer.status_code for answer in answers} == {200}
    assert heard.connections <= 32


def test_authorities_that_are_not_there_are_told_at_once() -> None:
    with pytest.raises(OSError, match="No such file"):
        make_client(timeout_s=20, verify="/nowhere/authorities.pem")
