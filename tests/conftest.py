"""What every test stands on: a real PostgreSQL, one database a worker, emptied before each test that uses it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine

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
from tests.turns import long_first

START = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)  # a Monday, nine in the morning in Shanghai
_TEMPLATE = "leasehub_template"
# What a migration has filled for good, and what the job engine keeps of its workers.
_KEPT = {"alembic_version", "account", "vehicle_transition", "procrastinate_periodic_defers"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long tests, so that no worker is left alone with one at the end."""
    is_long = [item.get_closest_marker("long") is not None for item in items]
    items[:] = long_first(items, [item.nodeid.partition("::")[0] for item in items], is_long)


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores: a good part of what a test does is wait for a server, which needs a core, too."""
    return 1 + (os.cpu_count() or 1)


def _run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def worker_name() -> str:
    """What tells this worker's databases from the others'."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The URL of a database by its name, on a server that all workers share and the last one stops.

    `TEST_DATABASE_URL` names a server to use instead; its role must be a superuser.
    """
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield lambda name: urlsplit(given)._replace(path=f"/{name}").geturl()
        return
    folder = _run_folder(tmp_path_factory)
    note, users = folder / "postgres_home", folder / "postgres_users"
    with _locked(folder / "postgres_lock"):
        if not note.exists():
            note.write_text(tempfile.mkdtemp(prefix="leasehub-test-"))
            Path(note.read_text()).chmod(0o755)  # ours alone; the server's own user must enter it
        server = EmbeddedPostgres(Path(note.read_text()) / "pg", durable=False)
        server.start("postgres")
        users.write_text(str(int(users.read_text()) + 1 if users.exists() else 1))
    yield server.url
    with _locked(folder / "postgres_lock"):
        left = int(users.read_text()) - 1
        users.write_text(str(left))
        if left == 0:
            server.stop()
            shutil.rmtree(note.read_text(), ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One worker at a time."""
    with path.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def database_url(server_url: Callable[[str], str], worker_name: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of this worker's own, copied from one that was migrated once."""
    name, template = sql.Identifier(f"test_{worker_name}"), sql.Identifier(_TEMPLATE)
    migrated = _run_folder(tmp_path_factory) / "migrated"
    with (
        _locked(migrated.with_suffix(".lock")),
        psycopg.connect(server_url("postgres"), autocommit=True) as connection,
    ):
        if not migrated.exists():
            connection.execute(sql.SQL("drop database if exists {}").format(template))
            connection.execute(sql.SQL("create database {}").format(template))
            migrate.upgrade(server_url(_TEMPLATE))
            migrated.touch()
        connection.execute(sql.SQL("drop database if exists {}").format(name))
        connection.execute(sql.SQL("create database {} template {}").format(name, template))
    return server_url(f"test_{worker_name}")


@pytest.fixture(scope="session")
def _empty(database_url: str) -> Iterator[Callable[[], None]]:
    """Empties every table that has rows: two quick statements, where truncating all of them takes a third of a second."""
    with psycopg.connect(database_url, autocommit=True, application_name="tests") as connection:
        query = "select schemaname, tablename from pg_tables where schemaname in ('public', 'jobs')"
        tables = [sql.Identifier(*row) for row in connection.execute(query).fetchall() if row[1] not in _KEPT]
        has_rows = sql.SQL("select {} where exists (select from {})")
        ask = sql.SQL(" union all ").join(has_rows.format(str(number), table) for number, table in enumerate(tables))
        connection.execute("set session_replication_role = replica")  # no triggers, no foreign keys

        def empty() -> None:
            full = [tables[int(number)] for (number,) in connection.execute(ask).fetchall()]
            if full:
                connection.execute(sql.SQL("; ").join(sql.SQL("delete from {}").format(table) for table in full))

        yield empty


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


@pytest.fixture(scope="session")
async def _engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def database(
    _engine: AsyncEngine,
    _empty: Callable[[], None],
    clock: VirtualClock,
    vault: KeyVault,
    jobs: ProcrastinateJobs,
) -> Database:
    """The worker's database, emptied."""
    _empty()
    return Database(engine=_engine, clock=clock, ids=Ids(clock), vault=vault, jobs=jobs)


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
