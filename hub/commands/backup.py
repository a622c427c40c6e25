"""`hub db`: a backup of everything in one file, coming back from one, and the move to another major of PostgreSQL."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

import hub
from hub.core.errors import Conflict, InvalidInput
from hub.infra import archive, dumping, logs, migrate
from hub.infra.access import system
from hub.infra.archive import DUMP, KEYRING, Manifest, Told
from hub.infra.clock import SystemClock
from hub.infra.durable import create_whole
from hub.infra.embedded_postgres import EmbeddedPostgres
from hub.infra.files import Files
from hub.infra.keyring import load_keyring
from hub.infra.postgres_binaries import Binaries, DatabaseServerError, find_binaries
from hub.infra.rotation import require_keys
from hub.infra.settings import HubSettings, load_settings
from hub.infra.vault import KeyVault
from hub.ledger import service as ledger
from hub.wiring import database_url, embedded, open_database

_MEGABYTE = 1024 * 1024


def backup(path: Path, *, with_keyring: bool) -> int:
    """Write the database, the sealed files and, only when it is said, the keyring to one file."""
    settings = _settings()
    vault = KeyVault(load_keyring(settings.keyring))
    with _progress() as told:
        manifest = make(settings, database_url(settings), vault, path, with_keyring=with_keyring, told=told)
    files = sum(name.startswith(archive.FILES) for name in manifest.members)
    print(f"{path}: {sum(manifest.tables.values())} rows at revision {manifest.revision}, {files} files")
    if with_keyring:
        print("hub: WARNING: this file holds the keyring, so whoever has it reads everything", file=sys.stderr)
    else:
        print(f"the keyring is not in it: keep {settings.keyring} elsewhere, without it this backup is worth nothing")
    return 0


def make(settings: HubSettings, url: str, vault: KeyVault, path: Path, *, with_keyring: bool, told: Told) -> Manifest:
    """Make a backup under `path`; the dump first, for a file is there before any row speaks of it."""
    revision = migrate.current(url)
    if revision is None:
        raise Conflict("the database has not been migrated: there is nothing to back up")
    with archive.writing(path, told) as writer, tempfile.TemporaryDirectory(dir=path.parent) as folder:
        dumped = Path(folder) / DUMP
        with dumping.snapshot(url) as (name, tables, server):
            dumped_with = dumping.dump(url, dumped, snapshot=name, told=told)
        writer.add(DUMP, dumped)
        writer.add_files(settings.data_dir / "files")
        if with_keyring:
            writer.add(KEYRING, settings.keyring)
        manifest = Manifest(
            made_at=archive.stamp(SystemClock().now()),
            hub=hub.__version__,
            revision=revision,
            server=server,
            dumped_with=dumped_with,
            tables=tables,
            members=writer.members,
        )
        writer.seal(manifest, vault)
    return manifest


async def restore(path: Path) -> int:
    """Bring a backup back into an empty database, and prove that it is whole."""
    settings = _settings()
    if not settings.keyring.exists():
        raise InvalidInput(
            "keyring", f"{settings.keyring} is not there: bring back the one of that time or a later one"
        )
    vault = KeyVault(load_keyring(settings.keyring))
    with _progress() as told:
        manifest = await bring_back(settings, database_url(settings), vault, path, told=told)
    files = sum(name.startswith(archive.FILES) for name in manifest.members)
    print(f"{sum(manifest.tables.values())} rows and {files} files are back as of {manifest.made_at}: books balance")
    return 0


async def bring_back(settings: HubSettings, url: str, vault: KeyVault, path: Path, *, told: Told) -> Manifest:
    """Prove the backup, put everything back, prove what has come back; raises before anything is touched if it can."""
    with archive.reading(path, vault, told) as reader:
        manifest = reader.manifest
        if manifest.revision not in migrate.revisions():
            raise InvalidInput("file", f"made by a newer version, {manifest.hub}: use that one or a newer")
        dumping.require_empty(url)
        dumping.restore(url, reader.content(DUMP), told=told)
        for name, content in reader.files():
            _put(settings.data_dir / "files" / name, content)
    found = dumping.counts(url)
    if found != dict(manifest.tables):
        raise DatabaseServerError(f"not every row has come back: {_differences(manifest.tables, found)}")
    migrate.upgrade(url)
    await _prove(settings, url, vault)
    return manifest


def _put(path: Path, content: bytes) -> None:
    """A file that is there already holds the same content, under whichever key: it is named by it."""
    if not path.exists():
        create_whole(path, content)


def _differences(wanted: Mapping[str, int], found: Mapping[str, int]) -> str:
    return "; ".join(
        f"{table} has {found.get(table)} of {wanted.get(table)}"
        for table in sorted(set(wanted) | set(found))
        if wanted.get(table) != found.get(table)
    )


async def _prove(settings: HubSettings, url: str, vault: KeyVault) -> None:
    """A sealed value of each column and a file open, and the books balance; raises the error that says what does not."""
    files = Files(settings.data_dir / "files", vault)
    name = next(files.names(), None)
    if name is not None:
        files.get(name)
    async with open_database(url, vault) as database:
        await require_keys(database, vault)
        async with database.transaction(system("restore")) as tx:
            findings = await ledger.check(tx)
    if findings:
        raise Conflict("; ".join(f"{one.kind}: {one.subject}: {one.detail}" for one in findings[:5]))


def upgrade(from_bin: Path) -> int:
    """Take our own server's data to the major version that is installed now."""
    settings = _settings()
    if settings.database_url is not None:
        raise InvalidInput("DATABASE_URL", "names a server of yours: upgrade it with your system's own means")
    if not (from_bin / "postgres").exists():
        raise InvalidInput("from-bin", f"no postgres in {from_bin}")
    with _progress() as told:
        aside = move_to_major(embedded(settings).root, Binaries(bin_dir=from_bin), find_binaries(), told=told)
    print(
        f"the data is now PostgreSQL {find_binaries().major()}'s; what it was lies in {aside}, remove it when all is well"
    )
    return 0


def move_to_major(root: Path, old: Binaries, new: Binaries, *, told: Told) -> Path:
    """Dump with the old programs, restore with the new, compare every table; returns where the old data lies.

    Whatever goes wrong, the old data is put back in its place.
    """
    before, after = EmbeddedPostgres(root, binaries=old), EmbeddedPostgres(root, binaries=new)
    if before.major != old.major():
        raise DatabaseServerError(f"the data was made by PostgreSQL {before.major}, those binaries are {old.major()}")
    if new.major() <= old.major():
        raise DatabaseServerError(
            f"the data is PostgreSQL {old.major()}'s already, and {new.major()} is what is installed"
        )
    with tempfile.TemporaryDirectory(dir=root) as folder:
        dumped = Path(folder) / DUMP
        url = before.start()
        with dumping.snapshot(url) as (name, tables, _):
            dumping.dump(url, dumped, snapshot=name, told=told, bin_dir=old.bin_dir)
        before.stop()
        aside = before.set_aside()
        try:
            url = after.start()
            with dumped.open("rb") as content:
                dumping.restore(url, content, told=told, bin_dir=new.bin_dir)
            if (found := dumping.counts(url)) != tables:
                raise DatabaseServerError(f"not every row has come over: {_differences(tables, found)}")
        except BaseException:
            after.bring_back(aside)
            raise
    return aside


def _settings() -> HubSettings:
    settings = load_settings()
    logs.configure(level="WARNING", form=settings.log_format)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return settings


@contextmanager
def _progress() -> Iterator[Told]:
    """A bar for each thing that is done, at a terminal; elsewhere a line when it begins."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[much]}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total or None, much="")
                if not console.is_terminal:
                    console.print(f"{what} …")
            much = f"{done} of {total}" if total else f"{done / _MEGABYTE:.1f} MB"
            bars.update(tasks[what], completed=done, much=much)

        yield told
