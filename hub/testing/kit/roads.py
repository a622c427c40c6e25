"""The roads on which a plugin reaches the line: inside the process, or over a real socket and a transport of the hub.

The hub names its transports by entry points of the group `leasehub.transports`, so that nothing here has to know the
hub. On a socket every request is led to a small server on the loopback address, whatever host it names.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from importlib.metadata import entry_points

import httpx

from hub.testing.kit.line import OPERATION, TRIED, Cut, Line, Trouble

IN_PROCESS = "in_process"
TRANSPORTS = "leasehub.transports"
_ORIGIN = "x-kit-origin"

MakeTransport = Callable[[], httpx.AsyncBaseTransport]
Road = Callable[[Line], AbstractAsyncContextManager[httpx.AsyncClient]]


def roads() -> Mapping[str, Road]:
    """Every road by its name; the one inside the process comes first."""
    over = {point.name: partial(_over_socket, point.load()) for point in entry_points(group=TRANSPORTS)}
    return {IN_PROCESS: _in_process, **{name: over[name] for name in sorted(over)}}


@asynccontextmanager
async def _in_process(line: Line) -> AsyncIterator[httpx.AsyncClient]:
    async with _client(_Straight(line)) as client:
        yield client


@asynccontextmanager
async def _over_socket(make: MakeTransport, line: Line) -> AsyncIterator[httpx.AsyncClient]:
    server = await asyncio.start_server(partial(_serve, line), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with _closed_port() as nobody:
        async with _client(_Rerouted(make(), line, port, nobody)) as client:
            try:
                yield client
            finally:
                server.close()


def _client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False, timeout=30.0)


@contextmanager
def _closed_port() -> Iterator[int]:
    """A port that is ours, so that nobody else can listen there, and on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


class _Straight(httpx.AsyncBaseTransport):
    """The line without a network; its cuts are raised as the client's own errors."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        request.headers[OPERATION] = TRIED.get()
        match answer := await self._line.pass_on(request):
            case Cut.REFUSE:
                raise httpx.ConnectError("connection refused", request=request)
            case Cut.DROP:
                raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
            case Cut.HANG:
                raise httpx.ReadTimeout("the vendor is silent", request=request)
            case httpx.Response():
                return httpx.Response(answer.status_code, headers=_plain(answer), content=answer.content)


class _Rerouted(httpx.AsyncBaseTransport):
    """A real transport whose requests all go to our server; it is told whither they were meant to go."""

    def __init__(self, inner: httpx.AsyncBaseTransport, line: Line, port: int, nobody: int) -> None:
        self._inner = inner
        self._line = line
        self._port = port
        self._nobody = nobody

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        request.headers[OPERATION] = TRIED.get()
        refused = self._line.trouble is Trouble.REFUSED and self._line.rig.carries(request)
        if refused:
            self._line.note(request)
        origin = f"{url.scheme}://{url.netloc.decode()}"
        led = httpx.Request(
            request.method,
            url.copy_with(scheme="http", host="127.0.0.1", port=self._nobody if refused else self._port),
            headers=[*request.headers.multi_items(), (_ORIGIN, origin)],
            stream=request.stream,
            extensions=request.extensions,
        )
        return await self._inner.handle_async_request(led)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _serve(line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, one exchange."""
    try:
        answer = await line.pass_on(await _read(reader))
        if isinstance(answer, Cut):
            if answer is Cut.HANG:
                await reader.read()  # until the caller leaves
            writer.transport.abort()
            return
        headers = [*_plain(answer), ("content-length", str(len(answer.content))), ("connection", "close")]
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        writer.write(f"HTTP/1.1 {answer.status_code} X\r\n{head}\r\n".encode("latin-1") + answer.content)
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass  # the caller has left
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> httpx.Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = httpx.Headers([(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)])
    chunked = "chunked" in headers.get("transfer-encoding", "")
    body = await _chunks(reader) if chunked else await reader.readexactly(int(headers.get("content-length", "0")))
    origin = headers.pop(_ORIGIN)
    headers.pop("transfer-encoding", None)
    return httpx.Request(method, f"{origin}{target}", headers=headers, content=body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(parts)


def _plain(answer: httpx.Response) -> list[tuple[str, str]]:
    """The headers of an answer whose body has been read: how it was framed and packed is over."""
    framing = {"content-length", "transfer-encoding", "content-encoding", "connection"}
    return [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in framing]
