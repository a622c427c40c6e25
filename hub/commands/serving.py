"""The long-running commands of a company: serve and work. What one of them does without is imported by the other alone."""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import uvicorn

from hub.commands.premises import migrated
from hub.infra import logs, tracing
from hub.infra.settings import HubSettings, load_settings
from hub.wiring import Hub, open_doors, open_hub

if TYPE_CHECKING:
    from fastapi import FastAPI

    from hub.api.app import Lifespan


def prepared() -> tuple[HubSettings, str]:
    """Settings, logs and a migrated database: what every command of this page begins with."""
    settings = load_settings()
    logs.configure(level=settings.log_level, form=settings.log_format)
    tracing.start(os.environ)
    atexit.register(tracing.stop)
    return settings, migrated(settings)


def at_rest() -> None:
    """Leave what a process has once it has started out of the collection of garbage: it stays until the end.

    There is so much of it that looking through it would stop every request for a tenth of a second, again and again.
    """
    gc.freeze()
    gc.enable()


async def serve(*, worker: bool) -> int:
    """Serve the API until the process is told to stop, working on jobs meanwhile unless others do."""
    settings, url = prepared()
    await serve_at(settings, url, worker=worker)
    return 0


async def serve_at(settings: HubSettings, url: str, *, worker: bool) -> None:
    """Serve on this migrated database until the process is told to stop."""
    async with open_hub(settings, url) as hub:
        app = open_doors(hub.house, lifespan=_working(hub) if worker else None)
        at_rest()
        config = uvicorn.Config(app, host=settings.host, port=settings.port, log_config=None, access_log=False)
        await uvicorn.Server(config).serve()


def _working(hub: Hub) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with hub.working():
            yield

    return lifespan


async def work() -> int:
    """Work on jobs until the process is told to stop."""
    settings, url = prepared()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_hub(settings, url) as hub, hub.working(), _watched(hub):
        at_rest()
        await stop.wait()
    return 0


@asynccontextmanager
async def _watched(hub: Hub) -> AsyncIterator[None]:
    """Health and metrics of a worker, at its own port if it has one."""
    settings = hub.house.settings
    if settings.worker_port is None:
        yield
        return
    from hub.api.watch import create_watch

    config = uvicorn.Config(
        create_watch(hub.house), host=settings.host, port=settings.worker_port, log_config=None, access_log=False
    )
    server = _Quiet(config)
    serving = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await serving


class _Quiet(uvicorn.Server):
    """A server that leaves the signals to whoever started it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield
