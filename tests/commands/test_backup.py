"""Backups for real: a company is put away, comes back elsewhere, and has the same books, papers and secrets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from hub.commands import backup
from hub.core.errors import Conflict, InvalidInput
from hub.infra import dumping, migrate
from hub.infra.embedded_postgres import EmbeddedPostgres
from hub.infra.keyring import Keyring, load_keyring, rotate_keyring
from hub.infra.postgres_binaries import Binaries, DatabaseServerError, find_binaries
from hub.infra.settings import HubSettings
from hub.infra.vault import KeyVault
from tests.api.rows import Rows, make_rows
from tests.stories.company import company_at_work

ROOT = Path(__file__).parents[2]
_OLDER = Path("/usr/lib/postgresql/15/bin")


def quiet(what: str, done: int, total: int) -> None:
    """Nobody looks on."""


@pytest.fixture(scope="module")
async def company(
    server_url: Callable[[str], str], worker_name: str, tmp_path_factory: pytest.TempPathFactory
) -> HubSettings:
    """A company with a lease that runs, whose hub has stopped; its database is its own, for the others are emptied."""
    name = sql.Identifier(f"company_{worker_name}")
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))
        connection.execute(sql.SQL("create database {}").format(name))
    url = server_url(f"company_{worker_name}")
    migrate.upgrade(url)
    async with company_at_work(url, lambda: None, tmp_path_factory.mktemp("company")) as world:
        rows: Rows = await make_rows(world)
        assert rows
        return world.hub.house.settings


@pytest.fixture
def empty_url(server_url: Callable[[str], str], worker_name: str) -> Iterator[str]:
    """An empty database on the same server."""
    name = f"restored_{worker_name}"
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        for word in ("drop database if exists {}", "create database {}"):
            connection.execute(sql.SQL(word).format(sql.Identifier(name)))  # type: ignore[arg-type]
        yield server_url(name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def vault_of(settings: HubSettings) -> KeyVault:
    return KeyVault(load_keyring(settings.keyring))


def kept(settings: HubSettings, path: Path) -> backup.Manifest:
    """A backup of the company under `path`."""
    assert settings.database_url
    return backup.make(settings, settings.database_url, vault_of(settings), path, with_keyring=False, told=quiet)


def elsewhere(settings: HubSettings, folder: Path) -> HubSettings:
    """The same company's settings with another folder; the keyring has been brought there."""
    folder.mkdir()
    shutil.copy(settings.keyring, folder / "keyring.json")
    return settings.model_copy(update={"data_dir": folder, "keyring": folder / "keyring.json"})


def fingerprint(url: str) -> dict[str, str]:
    """A digest of every table's rows."""
    with psycopg.connect(url) as connection:
        found = {}
        for table in dumping.counts(url):
            schema, _, name = table.partition(".")
            rows = sql.SQL("select coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '') from {} t")
            [digest] = connection.execute(rows.format(sql.Identifier(schema, name))).fetchone() or [""]
            found[table] = digest
        return found


def sealed(settings: HubSettings) -> dict[str, bytes]:
    folder = settings.data_dir / "files"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob("??/*")}


async def test_a_company_comes_back_elsewhere_with_its_books_papers_and_secrets(
    company: HubSettings, empty_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "leasehub.backup"
    manifest = kept(company, path)
    assert path.stat().st_mode & 0o077 == 0
    assert manifest.tables["public.contract"] == 1
    assert manifest.tables["public.line"] > 0
    there = elsewhere(company, tmp_path / "there")
    await backup.bring_back(there, empty_url, vault_of(there), path, told=quiet)
    assert company.database_url
    assert fingerprint(empty_url) == fingerprint(company.database_url)
    assert sealed(there) == sealed(company) != {}


def test_the_commands_do_the_same_and_say_what_is_missing(company: HubSettings, empty_url: str, tmp_path: Path) -> None:
    def hub(settings: HubSettings, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        own = {
            "DATABASE_URL": url,
            "LEASEHUB_DATA_DIR": str(settings.data_dir),
            "LEASEHUB_KEYRING": str(settings.keyring),
            "LEASEHUB_CONFIG": str(company.config),
        }
        command = [sys.executable, "-m", "hub", "db", *arguments]
        return subprocess.run(command, env=os.environ | own, cwd=ROOT, capture_output=True, text=True, check=False)

    path, there = str(tmp_path / "leasehub.backup"), elsewhere(company, tmp_path / "there")
    assert company.database_url
    made = hub(company, company.database_url, "backup", path)
    assert made.returncode == 0, made.stderr
    assert "the keyring is not in it" in made.stdout
    again = hub(company, company.database_url, "backup", path)
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    back = hub(there, empty_url, "restore", path)
    assert back.returncode == 0, back.stderr
    assert "books balance" in back.stdout
    twice = hub(there, empty_url, "restore", path)
    assert (twice.returncode, "an empty one only" in twice.stderr) == (1, True)


def test_the_keyring_goes_in_only_when_it_is_said(company: HubSettings, tmp_path: Path) -> None:
    assert company.database_url
    kept(company, tmp_path / "without")
    vault = vault_of(company)
    backup.make(company, company.database_url, vault, tmp_path / "with", with_keyring=True, told=quiet)
    for name, expected in (("without", False), ("with", True)):
        with tarfile.open(tmp_path / name) as tar:
            assert ("keyring.json" in tar.getnames()) is expected
    assert company.keyring.read_bytes().split(b'"index_key"')[1][:40] not in (tmp_path / "without").read_bytes()


async def test_a_wrong_keyring_is_refused_before_anything_is_touched(
    company: HubSettings, empty_url: str, tmp_path: Path
) -> None:
    kept(company, tmp_path / "a")
    there = elsewhere(company, tmp_path / "there")
    with pytest.raises(InvalidInput, match="keyring: is not the one"):
        await backup.bring_back(there, empty_url, KeyVault(Keyring.fresh()), tmp_path / "a", told=quiet)
    assert (dumping.counts(empty_url), sealed(there)) == ({}, {})


async def test_a_later_keyring_of_the_same_company_opens_it(
    company: HubSettings, empty_url: str, tmp_path: Path
) -> None:
    kept(company, tmp_path / "a")
    there = elsewhere(company, tmp_path / "there")
    rotate_keyring(there.keyring)
    await backup.bring_back(there, empty_url, vault_of(there), tmp_path / "a", told=quiet)


@pytest.mark.parametrize("damage", ["cut", "flipped in the dump", "flipped in a file", "a member more"])
async def test_what_is_damaged_is_refused_before_anything_is_touched(
    company: HubSettings, empty_url: str, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "a"
    kept(company, path)
    content = bytearray(path.read_bytes())
    with tarfile.open(path) as tar:
        entries = {entry.name: entry for entry in tar.getmembers()}
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "a member more":
        with tarfile.open(path, "a") as tar:
            tar.add(__file__, arcname="files/../../outside")
    else:
        name = "database.dump" if "dump" in damage else next(one for one in entries if one.startswith("files/"))
        content[entries[name].offset_data + entries[name].size // 2] ^= 1
        path.write_bytes(content)
    there = elsewhere(company, tmp_path / "there")
    with pytest.raises(InvalidInput, match="file: "):
        await backup.bring_back(there, empty_url, vault_of(there), path, told=quiet)
    assert (dumping.counts(empty_url), sealed(there)) == ({}, {})


async def test_a_database_that_is_not_empty_is_left_alone(company: HubSettings, empty_url: str, tmp_path: Path) -> None:
    kept(company, tmp_path / "a")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("create table somebodys (id int)")
    there = elsewhere(company, tmp_path / "there")
    with pytest.raises(Conflict, match="an empty one only"):
        await backup.bring_back(there, empty_url, vault_of(there), tmp_path / "a", told=quiet)
    assert (dumping.counts(empty_url), sealed(there)) == ({"public.somebodys": 0}, {})


def test_an_older_pg_dump_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 12.3'\n")
    program.chmod(0o755)
    monkeypatch.setenv("LEASEHUB_PG_BIN", str(tmp_path))
    with pytest.raises(DatabaseServerError, match="LEASEHUB_PG_BIN"):
        dumping.client_programs(15)
    assert dumping.client_programs(12) == tmp_path


# Between majors


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that the server's own user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="leasehub-upgrade-"))
    folder.chmod(0o755)
    yield folder / "pg"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(not (_OLDER / "postgres").exists(), reason="no PostgreSQL 15 on this system to upgrade from")
def test_data_of_an_older_major_comes_over_and_the_old_is_kept(root: Path) -> None:
    older, server = Binaries(bin_dir=_OLDER), EmbeddedPostgres(root, binaries=Binaries(bin_dir=_OLDER), durable=False)
    try:
        url = server.start()
        migrate.upgrade(url)
        with psycopg.connect(url) as connection:
            connection.execute("insert into provider_switch values ('psp_main', false, now(), 'x', '变更')")
        before = fingerprint(url)
        with pytest.raises(DatabaseServerError, match="hub db upgrade"):
            EmbeddedPostgres(root).start()
        aside = backup.move_to_major(root, older, find_binaries(), told=quiet)
        url = EmbeddedPostgres(root).start()
        assert (fingerprint(url), aside.is_dir()) == (before, True)
        with psycopg.connect(url) as connection:
            assert connection.info.server_version // 10_000 == find_binaries().major()
        with pytest.raises(DatabaseServerError, match="those binaries are 15"):
            backup.move_to_major(root, older, find_binaries(), told=quiet)
    finally:
        EmbeddedPostgres(root).stop()


@pytest.mark.skipif(not (_OLDER / "postgres").exists(), reason="no PostgreSQL 15 on this system to upgrade from")
def test_an_upgrade_that_fails_leaves_the_data_where_it_was(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = Binaries(bin_dir=_OLDER)
    server = EmbeddedPostgres(root, binaries=older, durable=False)
    migrate.upgrade(server.start())

    def fails(*_: object, **__: object) -> None:
        raise DatabaseServerError("pg_restore failed: no space left")

    monkeypatch.setattr(dumping, "restore", fails)
    try:
        with pytest.raises(DatabaseServerError, match="no space left"):
            backup.move_to_major(root, older, find_binaries(), told=quiet)
        assert server.major == 15
        assert dumping.counts(server.start())["public.alembic_version"] == 1
    finally:
        server.stop()
