"""A PostgreSQL server of our own when no other is configured: initialised, started, attached to, stopped.

The server listens on a Unix socket alone, asks for a password, never runs as root, and changes nothing outside its
own folder. It outlives the process that started it: the next one attaches. Where its programs come from is in
`hub.infra.postgres_binaries`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import secrets
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import pq, sql

from hub.infra.durable import write_whole
from hub.infra.postgres_binaries import Binaries, DatabaseServerError, find_binaries, reachable
from hub.infra.postmaster import SOCKET_NAME, Postmaster

OLDEST_MAJOR = 15  # what Debian 12 ships; newer SQL is not used
_ROLE = "leasehub"
_SOCKET_PATH_LIMIT = 107  # bytes of sun_path less the final zero; Source: unix(7)
_LISTS = set(",\"'\\")  # what reads as more than one folder, or as quoting, in PostgreSQL's settings and libpq's URLs
_START_LIMIT_S = 300  # a long crash recovery is not a failure
_ELSEWHERE = Path("/var/lib/leasehub")  # for root, whose own folders the server's user cannot enter


class EmbeddedPostgres:
    """One cluster in one folder. `durable=False` gives up crash safety for speed, in tests only.

    `binaries` are those to run it with, if not the ones that are found.
    """

    def __init__(
        self,
        root: Path,
        *,
        shared_buffers: str = "256MB",
        durable: bool = True,
        binaries: Binaries | None = None,
    ) -> None:
        self.root = root.resolve()
        self._binaries = binaries
        self._shared_buffers = shared_buffers
        self._durable = durable

    def start(self, database: str = "leasehub") -> str:
        """Start the server unless it runs, make the database unless it is there; returns its URL."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self._alone():
            binaries = self._runnable(self._binaries or find_binaries())
            if not (self._data / "PG_VERSION").exists():
                self._initialise(binaries)
            self._refuse_other_major(binaries)
            while not self._comes_up():
                self.postmaster.clear_away()
                self._launch(binaries)
            self._create(database)
        return self.url(database)

    def stop(self) -> None:
        """Stop the server as a clean shutdown; nothing to do when it does not run."""
        if not self.root.exists():
            return
        with self._alone():
            if self.is_running():
                self._run(
                    self._runnable(self._binaries or find_binaries()),
                    "pg_ctl",
                    "stop",
                    "-D",
                    self._data,
                    "-m",
                    "fast",
                    "-w",
                )

    @property
    def major(self) -> int | None:
        """The major version that made the data; None when there is none yet."""
        made_by = self._data / "PG_VERSION"
        return int(made_by.read_text()) if made_by.exists() else None

    def set_aside(self) -> Path:
        """Move the data of a server that is stopped out of the way, for one of another major; returns where to."""
        assert not self.is_running()
        aside = self._data.with_name(f"data.{self.major}")
        if aside.exists():
            raise DatabaseServerError(f"{aside} is there already: the data of an earlier upgrade; remove it first")
        self._data.rename(aside)
        return aside

    def bring_back(self, aside: Path) -> None:
        """Put data that was set aside back in its place, away with what is there."""
        self.stop()
        shutil.rmtree(self._data, ignore_errors=True)
        aside.rename(self._data)

    @property
    def postmaster(self) -> Postmaster:
        """The server's first process."""
        return Postmaster(data=self._data, socket_dir=self._socket_dir())

    def is_running(self) -> bool:
        """Whether the server lives."""
        return self._data.exists() and self.postmaster.lives()

    def url(self, database: str = "leasehub") -> str:
        """How to connect, as a libpq URL."""
        password = (self.root / "password").read_text()
        return (
            f"postgresql://{_ROLE}:{quote(password)}@/{quote(database)}?host={quote(str(self._socket_dir()), safe='')}"
        )

    # Places

    @property
    def _user(self) -> pwd.struct_passwd | None:
        """Who runs the server when we are root: the owner of its data, at first `nobody`."""
        if os.geteuid() != 0:
            return None
        if not self._data.exists():
            return pwd.getpwnam("nobody")
        owner = self._data.stat()
        return pwd.struct_passwd((f"#{owner.st_uid}", "", owner.st_uid, owner.st_gid, "", "", ""))

    @property
    def _home(self) -> Path:
        """Where the server's own files are: in the root folder, or where its user can reach them.

        Decided once: when somebody opens or closes a folder later, the data stays where it is.
        """
        note = self.root / "home"
        if (self.root / "data").exists():
            return self.root
        if note.exists():
            return Path(note.read_text())
        if os.geteuid() != 0 or reachable(self.root, pwd.getpwnam("nobody")):
            return self.root
        return _ELSEWHERE / hashlib.sha256(str(self.root).encode()).hexdigest()[:16]

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _socket_dir(self) -> Path:
        near = self._home / "run"
        fits = len(os.fsencode(near / SOCKET_NAME)) <= _SOCKET_PATH_LIMIT
        if fits and not _LISTS & set(str(near)):
            return self._own(near)
        note = self.root / "socket_dir"
        if not note.exists() or not self._is_ours(Path(note.read_text())):
            note.write_text(tempfile.mkdtemp(prefix="leasehub-"))
        return self._own(Path(note.read_text()))

    def _is_ours(self, folder: Path) -> bool:
        """Whether a folder among everybody's is still the one we made, and not somebody else's of the same name."""
        if not folder.is_dir() or folder.is_symlink():
            return False
        status = folder.stat()
        return status.st_mode & 0o077 == 0 and status.st_uid in (self._user.pw_uid if self._user else os.geteuid(), 0)

    def _own(self, folder: Path) -> Path:
        """A folder that the server's user owns and nobody else may enter."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        user = self._user
        if user is not None and folder.stat().st_uid != user.pw_uid:
            os.chown(folder, user.pw_uid, user.pw_gid)
        return folder

    def _runnable(self, binaries: Binaries) -> Binaries:
        user = self._user
        return binaries if user is None else binaries.reachable_by(user, self._home)

    # Steps

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time starts or stops this cluster."""
        try:
            lock = (self.root / "lock").open("w")
        except PermissionError:
            raise DatabaseServerError(f"{self.root} belongs to another user: run as that user") from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _initialise(self, binaries: Binaries) -> None:
        home = self._home
        if home != self.root:
            home.mkdir(parents=True, exist_ok=True)
            for folder in (_ELSEWHERE, home):
                folder.chmod(0o755)  # whatever our umask: the server's user must enter
            write_whole(self.root / "home", os.fsencode(home))
        for abandoned in home.glob("data.new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        # A name of its own: the initdb of a process that was killed may still be writing into an older one.
        fresh = self._own(Path(tempfile.mkdtemp(prefix="data.new-", dir=home)))
        known = self.root / "password"
        # Data that was set aside for another major may have to come back, with the password that it knows.
        password = known.read_text() if known.exists() else secrets.token_urlsafe(24)
        write_whole(known, password.encode())
        with self._handed_over(password) as password_file:
            self._run(
                binaries,
                *("initdb", "-D", fresh, "-U", _ROLE, "--pwfile", password_file, "--data-checksums", "--encoding=UTF8"),
                *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--no-instructions"),
                # The same order of text on every system, without ICU.
                *(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.major() >= 17 else []),
                *(["--locale=C.UTF-8"] if binaries.major() < 17 else []),
                *([] if self._durable else ["--no-sync"]),
            )
        fresh.rename(self._data)

    @contextmanager
    def _handed_over(self, password: str) -> Iterator[Path]:
        """The password in a file that the server's user can read, for as long as initdb runs."""
        given, user = self._home / "password.new", self._user
        write_whole(given, password.encode())
        if user is not None:
            os.chown(given, user.pw_uid, user.pw_gid)
        try:
            yield given
        finally:
            given.unlink()

    def _refuse_other_major(self, binaries: Binaries) -> None:
        has, found = int((self._data / "PG_VERSION").read_text()), binaries.major()
        if found < OLDEST_MAJOR:
            raise DatabaseServerError(f"PostgreSQL {found} is too old: {OLDEST_MAJOR} or newer is needed")
        if has != found:
            raise DatabaseServerError(
                f"{self._data} was made by PostgreSQL {has}, the binaries are {found}: `hub db upgrade --from-bin`"
                f" with the binaries of {has} dumps it and restores it with {found}, or point LEASEHUB_PG_BIN at binaries of {has}"
            )

    def _launch(self, binaries: Binaries) -> None:
        user = self._user
        if user is not None and not reachable(self._home, user):
            raise DatabaseServerError(f"user {user.pw_name}, who runs the server, can no longer enter {self._home}")
        self._own(self._home / "log")
        # pg_ctl hands all of this to a shell, and quotes paths badly: so they are short ones, from our home.
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in self._options(binaries).items())
        limit = ("-w", "-t", str(_START_LIMIT_S))
        self._run(binaries, "pg_ctl", "start", "-D", "data", "-l", "log/server.log", *limit, "-s", "-o", options)

    def _options(self, binaries: Binaries) -> dict[str, str]:
        options = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self._socket_dir()}"',
            "unix_socket_permissions": "0700",
            "shared_buffers": self._shared_buffers,
            "max_connections": "100",
            # Whoever forgets a transaction holds up every cursor below the snapshot horizon.
            "idle_in_transaction_session_timeout": "10s",
        }
        if binaries.major() >= 17:
            options["transaction_timeout"] = "60s"
        if not self._durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return options

    def _comes_up(self) -> bool:
        """Whether the server answers; one that lives is waited for, and one that dies meanwhile does not.

        Whoever launched it may have died while it was still recovering from a crash; and one that was killed a moment
        ago seems to live until the kernel has taken it down.
        """
        url = self.url("postgres").encode()
        deadline = time.monotonic() + _START_LIMIT_S
        while self.is_running():
            if pq.PGconn.ping(url) == pq.Ping.OK:
                return True
            if time.monotonic() > deadline:
                raise DatabaseServerError(f"the PostgreSQL in {self._data} lives and does not answer")
            time.sleep(0.02)
        return False

    def _create(self, database: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))

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
