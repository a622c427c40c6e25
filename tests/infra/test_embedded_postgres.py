"""The embedded server on this machine: first start, attach, race, kill, other users, closed folders, odd names."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from hub.infra.embedded_postgres import EmbeddedPostgres
from hub.infra.postgres_binaries import Binaries, DatabaseServerError, find_binaries

Open = Callable[[Path], EmbeddedPostgres]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers for others")
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can enter."""
    made = Path(tempfile.mkdtemp(prefix="leasehub-place-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def cluster() -> Iterator[Open]:
    """Makes clusters, and leaves nothing of them behind."""
    made: list[EmbeddedPostgres] = []

    def at(root: Path) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(root, shared_buffers="16MB", durable=False))
        return made[-1]

    yield at
    for server in made:
        server.stop()
        if (home := server.root / "home").exists():
            shutil.rmtree(home.read_text())
        if (socket_dir := server.root / "socket_dir").exists():
            shutil.rmtree(socket_dir.read_text())


@pytest.fixture(scope="module")
def settled() -> Iterator[EmbeddedPostgres]:
    """One cluster for all tests that leave it as it was."""
    place = Path(tempfile.mkdtemp(prefix="leasehub-place-"))
    place.chmod(0o755)
    server = EmbeddedPostgres(place / "pg", shared_buffers="16MB", durable=False)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(place)


def _pid(server: EmbeddedPostgres) -> int:
    pid = server.postmaster.pid()
    assert pid is not None
    return pid


def _one(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def _elsewhere(code: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Run this code in a process of its own, with `server` at the first argument."""
    begin = (
        "import os, pwd, signal, sys\nfrom pathlib import Path\nfrom hub.infra.embedded_postgres import *\n"
        "server = EmbeddedPostgres(Path(sys.argv[1]), shared_buffers='16MB', durable=False)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", begin + code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def test_committed_rows_survive_a_killed_server(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "pg", shared_buffers="16MB")
    url = server.start()
    with psycopg.connect(url) as connection:
        connection.execute("create table kept as select generate_series(1, 1000)")
    with psycopg.connect(url):
        os.kill(_pid(server), signal.SIGKILL)
        assert server.start() == url
    assert _one(url, "select count(*) from kept") == 1000
    assert _one(url, "show fsync") == "on"
    assert _one(url, "show data_checksums") == "on"
    assert _one(url, "select datcollate from pg_database where datname = current_database()") == "C.UTF-8"
    server.stop()
    assert not server.is_running()


def test_a_server_outlives_its_process_and_the_next_attaches(folder: Path, cluster: Open) -> None:
    first = _elsewhere("server.start(); os.kill(os.getpid(), signal.SIGKILL)", folder / "pg")
    assert first.wait() == -signal.SIGKILL
    server = cluster(folder / "pg")
    assert server.is_running()
    pid = _pid(server)
    server.start()
    assert _pid(server) == pid


def test_processes_that_race_for_the_first_start_get_one_server(folder: Path, cluster: Open) -> None:
    racers = [_elsewhere("print(server.start())", folder / "pg") for _ in range(3)]
    answers = {racer.communicate()[0] for racer in racers}
    assert answers == {cluster(folder / "pg").start() + "\n"}


def test_what_an_unfinished_first_start_left_is_cleared(folder: Path, cluster: Open) -> None:
    half = folder / "pg" / "data.new-x"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    assert _one(cluster(folder / "pg").start(), "select 1") == 1
    assert not half.exists()


def test_a_long_folder_with_an_odd_name(folder: Path, cluster: Open) -> None:
    server = cluster(folder / 'o\'dd, $HOME "name"' / ("x" * 100))
    url = server.start()
    assert _one(url, "select 1") == 1
    socket_dir = Path((server.root / "socket_dir").read_text())
    assert socket_dir.stat().st_mode & 0o777 == 0o700
    assert server.start() == url


def test_a_password_is_asked_for_on_a_private_socket_and_no_port(settled: EmbeddedPostgres) -> None:
    url = settled.start()
    password = settled.root / "password"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(password.read_text(), "guess"))
    with pytest.raises(psycopg.OperationalError, match="no password"):
        psycopg.connect(url.replace(f":{password.read_text()}@", "@"))
    rules = [line.split() for line in (settled.root / "data/pg_hba.conf").read_text().splitlines()]
    assert {rule[-1] for rule in rules if rule and not rule[0].startswith("#")} == {"scram-sha-256"}
    assert password.stat().st_mode & 0o777 == 0o600
    assert _one(url, "show listen_addresses") == ""
    assert (settled.root / "run").stat().st_mode & 0o777 == 0o700
    assert (settled.root / "run" / ".s.PGSQL.5432").stat().st_mode & 0o777 == 0o700


def test_settings_that_keep_the_horizon_moving(settled: EmbeddedPostgres) -> None:
    url = settled.start("another")
    assert _one(url, "select current_database()") == "another"
    assert _one(url, "show idle_in_transaction_session_timeout") == "10s"
    if find_binaries().major() >= 17:
        assert _one(url, "show transaction_timeout") == "1min"
    assert _one(url, "show max_connections") == "100"


def test_another_major_is_refused(settled: EmbeddedPostgres) -> None:
    version = settled.root / "data" / "PG_VERSION"
    ours = version.read_text()
    version.write_text("14\n")
    with pytest.raises(DatabaseServerError, match="made by PostgreSQL 14"):
        settled.start()
    version.write_text(ours)


def test_binaries_that_are_named_must_be_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEASEHUB_PG_BIN", str(folder))
    with pytest.raises(DatabaseServerError, match="LEASEHUB_PG_BIN"):
        EmbeddedPostgres(folder / "pg").start()


def test_a_number_that_another_program_has_now_is_no_server(settled: EmbeddedPostgres) -> None:
    server = settled
    server.start()
    os.kill(_pid(server), signal.SIGKILL)
    server.postmaster.clear_away()
    who = NOBODY.pw_uid if os.geteuid() == 0 else os.geteuid()
    other = subprocess.Popen(["sleep", "60"], user=who, cwd="/")
    for claim in (server.root / "data/postmaster.pid", server.root / "run/.s.PGSQL.5432.lock"):
        lines = claim.read_text().split("\n")
        claim.write_text("\n".join([str(other.pid), *lines[1:]]))
    assert not server.is_running()
    assert _one(server.start(), "select 1") == 1
    other.kill()
    other.wait()


_NEVER_REAPS = """
import ctypes, hub.infra.postmaster as postmaster
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: the server becomes our child, and we never wait for it
postmaster._LEAVE_LIMIT_S = 0.3
server.start()
os.kill(server.postmaster.pid(), signal.SIGKILL)
server.start()
"""


def test_a_dead_server_that_nobody_reaps_is_named_as_the_reason(folder: Path, cluster: Open) -> None:
    child = _elsewhere(_NEVER_REAPS, folder / "pg")
    assert "nobody reaps it: run with an init" in child.communicate()[1]
    assert _one(cluster(folder / "pg").start(), "select 1") == 1


_AS_NOBODY = """
who = pwd.getpwnam("nobody")
os.setgroups([]); os.setgid(who.pw_gid); os.setuid(who.pw_uid)
try:
    print(server.start())
    if sys.argv[2] == "stop":
        server.stop()
except DatabaseServerError as error:
    print(error)
"""


@as_root
def test_somebody_who_is_not_root_has_a_server_too(folder: Path) -> None:
    os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
    programs = find_binaries().reachable_by(NOBODY, folder)
    child = _elsewhere(_AS_NOBODY, folder / "pg", "keep", LEASEHUB_PG_BIN=str(programs.bin_dir))
    url, said = child.communicate()
    assert _one(url.strip(), "select current_user") == "leasehub", said
    server = EmbeddedPostgres(folder / "pg")
    assert server.start() == url.strip()  # root runs it on as its owner
    assert Path(f"/proc/{_pid(server)}").stat().st_uid == NOBODY.pw_uid
    server.stop()


@as_root
def test_a_cluster_of_another_user_is_refused_with_a_sentence(folder: Path, cluster: Open) -> None:
    cluster(folder / "pg").start()
    assert "belongs to another user" in _elsewhere(_AS_NOBODY, folder / "pg", "keep").communicate()[0]


@as_root
def test_closed_folders_stay_closed_and_the_data_stays_where_it_is(
    folder: Path, cluster: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.infra.embedded_postgres._ELSEWHERE", folder / "elsewhere")
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = cluster(closed / "pg")
    with psycopg.connect(server.start()) as connection:
        connection.execute("create table kept as select 7 as seven")
    assert closed.stat().st_mode & 0o777 == 0o700
    server.stop()
    closed.chmod(0o755)
    assert _one(server.start(), "select seven from kept") == 7


@as_root
def test_binaries_in_a_closed_folder_are_copied_and_opened(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    bundle = (closed / "pginstall", closed / "libraries")
    for part in bundle:
        (part / "bin").mkdir(parents=True)
    program = bundle[0] / "bin" / "postgres"
    program.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.6'\n")
    program.chmod(0o700)
    hidden = Binaries(bin_dir=program.parent, bundle=bundle, version="1")
    copied = hidden.reachable_by(NOBODY, folder)
    shown = subprocess.run([copied.bin_dir / "postgres"], user="nobody", capture_output=True, text=True, check=True)
    assert "18.6" in shown.stdout
    assert copied.major() == 18
    assert closed.stat().st_mode & 0o777 == 0o700
    assert program.stat().st_mode & 0o777 == 0o700
