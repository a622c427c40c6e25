"""PostgreSQL's own programs for taking a database out and putting it back, and what a database must be for either.

Which rows there are is counted in the very snapshot that is dumped, so that what comes back can be compared.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hub.core.errors import Conflict
from hub.infra.archive import Told
from hub.infra.postgres_binaries import DatabaseServerError, client_programs

SCHEMAS = ("public", "jobs")
_CHUNK_BYTES = 1024 * 1024
_NO_LIMITS = "-c idle_in_transaction_session_timeout=0 -c statement_timeout=0 -c lock_timeout=0"


@contextmanager
def snapshot(url: str) -> Iterator[tuple[str, dict[str, int], str]]:
    """A moment of the database that is held still: its name for `dump`, the rows of every table, the server's version."""
    with psycopg.connect(url, options=_NO_LIMITS) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        if connection.info.server_version >= 170000:
            connection.execute("set transaction_timeout = 0")
        [name] = connection.execute("select pg_export_snapshot()").fetchone() or [""]
        version = connection.info.parameter_status("server_version") or ""
        yield name, _counts(connection), version


def counts(url: str) -> dict[str, int]:
    """How many rows each table has now."""
    with psycopg.connect(url) as connection:
        return _counts(connection)


def _counts(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, int]:
    query = "select schemaname, tablename from pg_tables where schemaname = any(%s) order by 1, 2"
    found = {}
    for schema, table in connection.execute(query, [list(SCHEMAS)]).fetchall():
        count = sql.SQL("select count(*) from {}").format(sql.Identifier(str(schema), str(table)))
        [number] = connection.execute(count).fetchone() or [0]
        found[f"{schema}.{table}"] = int(str(number))
    return found


def require_empty(url: str) -> None:
    """Raise Conflict unless the database has no table of anybody's."""
    with psycopg.connect(url) as connection:
        query = "select count(*) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
        [tables] = connection.execute(query).fetchone() or [0]
    if tables:
        raise Conflict(f"the database has {tables} tables: a backup comes back into an empty one only")


def dump(url: str, to: Path, *, snapshot: str, told: Told, bin_dir: Path | None = None) -> str:
    """Write the database as it was at the snapshot to a file of `pg_dump`'s custom format; returns the program's version."""
    programs = bin_dir or client_programs(_server_major(url))
    arguments = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    command, environment = _command(programs / "pg_dump", url, arguments)
    with to.open("xb") as file:
        to.chmod(0o600)
        _run(command, environment, told, output=file)
    return version_of(programs / "pg_dump")


def restore(url: str, content: IO[bytes], *, told: Told, bin_dir: Path | None = None) -> None:
    """Put a dump into the database, whole or not at all."""
    programs = bin_dir or client_programs(_server_major(url))
    arguments = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    command, environment = _command(programs / "pg_restore", url, arguments)
    _run(command, environment, told, given=content)


def version_of(program: Path) -> str:
    """What a program says of its version."""
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"\d+(?:\.\d+)*", shown.stdout)
    if found is None:
        raise DatabaseServerError(f"{program} does not run: {(shown.stdout + shown.stderr).strip()}")
    return found[0]


def _server_major(url: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.info.server_version // 10_000


def _command(program: Path, url: str, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The command and its environment: the password is in the latter, for everybody may read the former."""
    parts = conninfo_to_dict(url)
    password = str(parts.pop("password", "") or "")
    connect = make_conninfo(**{name: str(value) for name, value in parts.items()})
    environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/")}
    environment |= {name: value for name, value in os.environ.items() if name.startswith("PG")}
    if password:
        environment["PGPASSWORD"] = password
    return [str(program), *arguments, f"--dbname={connect}"], environment


def _run(
    command: Sequence[str],
    environment: Mapping[str, str],
    told: Told,
    *,
    output: IO[bytes] | None = None,
    given: IO[bytes] | None = None,
) -> None:
    """Run a program, passing bytes from it or to it; raises DatabaseServerError with the last that it said."""
    name = Path(command[0]).name
    process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program, no shell
        command,
        env=dict(environment),
        stdin=subprocess.PIPE if given else subprocess.DEVNULL,
        stdout=subprocess.PIPE if output else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with process:
        source, target = (process.stdout, output) if output else (given, process.stdin)
        assert source is not None
        assert target is not None
        try:
            _pass_on(source, target, lambda passed: told(name, passed, 0))
            if given:
                target.close()
        except BrokenPipeError:
            pass  # it has ended early, and says why
        said = (process.stderr.read() if process.stderr else b"").decode(errors="replace").strip()
    if process.returncode:
        raise DatabaseServerError(f"{name} failed: {said[-2000:]}")


def _pass_on(source: IO[bytes], target: IO[bytes], passing: Callable[[int], None]) -> None:
    passed = 0
    while chunk := source.read(_CHUNK_BYTES):
        target.write(chunk)
        passed += len(chunk)
        passing(passed)
