"""What every test stands on: a real PostgreSQL, one database a worker, emptied before each test that uses it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from hub.core.ids import BranchId
from hub.infra import migrate
from hub.infra.access import Actor, system
from hub.infra.clock import Ids
from hub.infra.database import Database, make_engine
from hub.infra.embedded_postgres import EmbeddedPostgres
from hub.infra.jobs import Pace, ProcrastinateJobs
from hub.infra.keyring import Keyring
from hub.infra.records import Branch
from hub.infra.vault import KeyVault
from hub.sdk.clock import VirtualClock

START = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)  # a Monday, nine in the morning in Shanghai
_TEMPLATE = "leasehub_template"
_HEAD = "head" if "create_table" in (Path(migrate._FOLDER) / "versions/0008_contracts.py").read_text() else "0007"


def _run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The URL of a database by its name, on a server that all workers share and the last one stops.

    `TEST_DATABASE_URL` names a server to use instead; its role must be able to make databases.
    """
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield lambda name: given.rsplit("/", 1)[0] + "/" + name
        return
    note = _run_folder(tmp_path_factory) / "postgres_home"
    with (note.parent / "postgres_lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not note.exists():
            note.write_text(tempfile.mkdtemp(prefix="leasehub-test-"))
            Path(note.read_text()).chmod(0o755)  # noqa: S103 - ours alone; the server's own user must enter it
        server = EmbeddedPostgres(Path(note.read_text()) / "pg", durable=False)
        server.start(_TEMPLATE)
        users = note.parent / "postgres_users"
        users.write_text(str(int(users.read_text()) + 1 if users.exists() else 1))
        fcntl.flock(lock, fcntl.LOCK_UN)
    yield server.url
    with (note.parent / "postgres_lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        left = int(users.read_text()) - 1
        users.write_text(str(left))
        if left == 0:
            server.stop()
            shutil.rmtree(note.read_text(), ignore_errors=True)


@pytest.fixture(scope="session")
def database_url(server_url: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of this worker's own, copied from one that was migrated once."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with (_run_folder(tmp_path_factory) / "template_lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
            if os.environ.get("TEST_DATABASE_URL"):
                connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
                migrate.upgrade(server_url(name), _HEAD)
            else:
                migrate.upgrade(server_url(_TEMPLATE), _HEAD)
                copy = sql.SQL("create database {} template {}")
                connection.execute(copy.format(sql.Identifier(name), sql.Identifier(_TEMPLATE)))
    return server_url(name)


@pytest.fixture(scope="session")
def _empty(database_url: str) -> Callable[[], None]:
    """Empties every table but the ones that a migration has filled for good."""
    kept = {"alembic_version", "account", "vehicle_transition", "procrastinate_periodic_defers"}
    query = "select schemaname, tablename from pg_tables where schemaname in ('public', 'jobs')"
    with psycopg.connect(database_url) as connection:
        rows = [row for row in connection.execute(query).fetchall() if row[1] not in kept]
    names = sql.SQL(", ").join(sql.Identifier(*row) for row in rows)
    statement = sql.SQL("truncate {} restart identity cascade").format(names)

    def empty() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(statement)

    return empty


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that stands at START until a test moves it."""
    return VirtualClock(START)


@pytest.fixture(scope="session")
def vault() -> KeyVault:
    """A vault with keys of its own."""
    return KeyVault(Keyring.fresh())


@pytest.fixture
async def jobs(database_url: str) -> AsyncIterator[ProcrastinateJobs]:
    """The job engine; what a test registers is its own."""
    engine = ProcrastinateJobs(database_url, pace=Pace(poll_s=0.1))
    await engine.open()
    yield engine
    await engine.close()


@pytest.fixture
async def database(
    database_url: str,
    _empty: Callable[[], None],
    clock: VirtualClock,
    vault: KeyVault,
    jobs: ProcrastinateJobs,
) -> AsyncIterator[Database]:
    """The worker's database, emptied."""
    await asyncio.to_thread(_empty)
    engine = make_engine(database_url)
    yield Database(engine=engine, clock=clock, ids=Ids(clock), vault=vault, jobs=jobs)
    await engine.dispose()


@pytest.fixture
def drain(jobs: ProcrastinateJobs) -> Callable[[], Awaitable[None]]:
    """Runs every waiting job to its end."""
    return jobs.drain


@pytest.fixture
def system_actor() -> Actor:
    """The hub itself."""
    return system("test")


@pytest.fixture
async def branch(database: Database, system_actor: Actor) -> BranchId:
    """A branch to put things in."""
    async with database.transaction(system_actor) as tx:
        branch_id = tx.new_id()
        tx.add(Branch(id=branch_id, code="north", name="North", kind="headquarters", parent_id=None))
    return BranchId(branch_id)
