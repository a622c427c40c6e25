"""A cable to a database server that can be cut: a TCP port of the loopback address in front of the server's Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from hub.infra.embedded_postgres import EmbeddedPostgres
from hub.infra.postmaster import SOCKET_NAME


@dataclass
class Cable:
    """Every connection that goes through, and whether any does."""

    socket: Path
    port: int = 0
    plugged: bool = True
    _lines: set[asyncio.StreamWriter] = field(default_factory=set)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it, or nothing when the cable is out."""
        try:
            if not self.plugged:
                return
            far_reader, far_writer = await asyncio.open_unix_connection(str(self.socket))
        except OSError:  # the server is down
            return
        finally:
            if not self.plugged or not self.socket.exists():
                writer.transport.abort()
        self._lines |= {writer, far_writer}
        await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
        self._lines -= {writer, far_writer}

    def cut(self) -> None:
        """Break every connection in the middle of whatever it carries, and let no new one through."""
        self.plugged = False
        for line in self._lines:
            line.transport.abort()

    def mend(self) -> None:
        """Let connections through again."""
        self.plugged = True


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def cable_to(url: str) -> AsyncIterator[tuple[Cable, str]]:
    """A cable to the server of `url`, and the URL of the same database through it."""
    parts = urlsplit(url)
    [folder] = parse_qs(parts.query)["host"]
    cable = Cable(Path(folder) / SOCKET_NAME)
    server = await asyncio.start_server(cable.connected, "127.0.0.1", 0)
    cable.port = server.sockets[0].getsockname()[1]
    try:
        yield cable, f"postgresql://{parts.netloc.rpartition('@')[0]}@127.0.0.1:{cable.port}{parts.path}"
    finally:
        cable.cut()
        server.close()


def kill_server(server: EmbeddedPostgres) -> None:
    """Kill every process of the server at once, as a power cut would."""
    first = server.postmaster.pid()
    assert first is not None
    family = [first, *_children(first)]
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while server.is_running():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
