"""What a workload stands on: a PostgreSQL of its own, a migrated database, a folder, and processes that end with it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
from psycopg import sql

from hub.infra import migrate
from hub.infra.embedded_postgres import EmbeddedPostgres
from hub.infra.settings import HubSettings
from hub.wiring import Hub, open_hub

ROOT = Path(__file__).resolve().parents[1]
_START_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A fresh database at `url`, a folder that goes at the end, and chance by `seed`. `small` is for a test of seconds."""

    url: str
    folder: Path
    seed: int
    small: bool

    def size(self, small: int, full: int) -> int:
        """How much of something: little for a test, enough for a measurement."""
        return small if self.small else full

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Rows of the database, on a connection that the hub knows nothing of."""
        with psycopg.connect(self.url, autocommit=True, options="-c search_path=public,jobs") as connection:
            return connection.execute(query.encode()).fetchall()

    def count(self, query: str) -> int:
        """The one number that a query gives."""
        [(number,)] = self.ask(query)
        assert isinstance(number, int)
        return number

    def settings(self, configuration: str, **more: object) -> HubSettings:
        """Settings of a hub whose providers are configured so."""
        config = self.folder / "hub.toml"
        config.write_text(configuration)
        return HubSettings(config=config, data_dir=self.folder, database_url=self.url, **more)  # type: ignore[arg-type]

    @asynccontextmanager
    async def hub(self, configuration: str) -> AsyncIterator[Hub]:
        """A hub in this process."""
        settings = self.settings(configuration)
        async with open_hub(settings, self.url) as hub:
            yield hub

    @contextmanager
    def process(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A Python process, ended with the block; it sees this ground's database, folder and configuration."""
        own = {
            "DATABASE_URL": self.url,
            "LEASEHUB_DATA_DIR": str(self.folder),
            "LEASEHUB_CONFIG": str(self.folder / "hub.toml"),
            "LEASEHUB_LOG_LEVEL": "WARNING",
            "LEASEHUB_CALLBACKS_PER_MINUTE": "0",
            "LEASEHUB_REQUESTS_PER_MINUTE_OF_TOKEN": "0",
            "LEASEHUB_REQUESTS_PER_MINUTE_OF_ADDRESS": "0",
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEASEHUB_")}
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], env=inherited | own | (environment or {}), cwd=ROOT
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def laid(name: str, *, seed: int, small: bool) -> Iterator[Ground]:
    """Lay the ground for one workload. `TEST_DATABASE_URL` names a server to use instead of one of its own, and
    `BENCH_DATABASE` the database there, which is made anew."""
    folder = Path(tempfile.mkdtemp(prefix="leasehub-bench-"))
    folder.chmod(0o755)  # ours alone; the server's own user must enter it
    server, database = None, os.environ.get("BENCH_DATABASE", f"bench_{name}")
    try:
        if given := os.environ.get("TEST_DATABASE_URL"):
            admin, url = given, urlsplit(given)._replace(path=f"/{database}").geturl()
        else:
            server = EmbeddedPostgres(folder / "pg")
            admin = server.start("postgres")
            url = server.url(database)
        _fresh(admin, database)
        migrate.upgrade(url)
        yield Ground(url=url, folder=folder, seed=seed, small=small)
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _fresh(admin: str, name: str) -> None:
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def answering(address: str, process: subprocess.Popen[bytes]) -> float:
    """Wait until a server answers at this address; returns the seconds that it took."""
    started = time.perf_counter()
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        while time.perf_counter() - started < _START_S:
            if process.poll() is not None:
                raise RuntimeError(f"the process that should serve {address} has ended")
            try:
                if (await client.get(address)).status_code < 500:
                    return time.perf_counter() - started
            except httpx.TransportError:
                await asyncio.sleep(0.005)
    raise RuntimeError(f"{address} did not answer within {_START_S:.0f} s")
