"""A real HTTP server on the loopback address, inside the test's own loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from hub.sdk.sandbox.serve import SandboxProtocol


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the tests."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def loopback(app: ASGIApp, bound: socket.socket | None = None) -> AsyncIterator[str]:
    """Serve `app` on a free port, or at a socket that is bound already; gives its address, without a slash at the end."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=SandboxProtocol,
        interface="asgi3",  # a bound method would be guessed to be of the older kind
        lifespan="off",
        log_level="critical",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    bound = bound or config.bind_socket()
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        await server.ready.wait()
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        bound.close()
