"""A backup as one file: PostgreSQL's own dump, the sealed files as they lie, and a manifest that proves them whole.

The file is a tar: `database.dump`, `files/ab/cdef…`, on request `keyring.json`, and last `manifest.json`, without which
it is not a backup. The manifest holds the digest of every other member and is itself signed with the index key, so that
a wrong keyring and a changed archive are refused before anything is touched. What is done to a database is `dumping`.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from hub.core.errors import InvalidInput
from hub.infra.vault import Vault

FORMAT = 1
DUMP, KEYRING, MANIFEST, FILES = "database.dump", "keyring.json", "manifest.json", "files/"
_SIGNATURE = "backup.manifest"
_CHUNK_BYTES = 1024 * 1024

Told = Callable[[str, int, int], None]  # what is done, how much of it, of how much (0: nobody knows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is in a backup: versions, counts of rows by table, and for each member its bytes and SHA-256."""

    format: int = FORMAT
    made_at: str
    hub: str
    revision: str
    server: str
    dumped_with: str
    tables: Mapping[str, int]
    members: Mapping[str, tuple[int, str]] = field(repr=False)

    def to_bytes(self, vault: Vault) -> bytes:
        """The manifest as it is stored, signed."""
        content = asdict(self)
        return json.dumps(content | {"signature": _signed(vault, content)}, indent=1).encode()


def _signed(vault: Vault, content: Mapping[str, object]) -> str:
    return vault.blind_index(_SIGNATURE, json.dumps(content, sort_keys=True)).hex()


def _read(text: bytes, vault: Vault) -> Manifest:
    try:
        content = json.loads(text)
        signature = content.pop("signature")
        manifest = Manifest(**content | {"members": {name: tuple(one) for name, one in content["members"].items()}})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidInput("file", "its manifest cannot be read") from None
    if manifest.format != FORMAT:
        raise InvalidInput("file", f"its format {manifest.format!r} is not known to this version")
    if signature != _signed(vault, content):
        raise InvalidInput("keyring", "is not the one that this backup was made with, or its manifest was changed")
    return manifest


class Writer:
    """A backup that is being written; nobody takes it for one before `seal`."""

    def __init__(self, tar: tarfile.TarFile, told: Told) -> None:
        self._tar = tar
        self._told = told
        self.members: dict[str, tuple[int, str]] = {}

    def add(self, name: str, path: Path) -> None:
        """Put a file in."""
        content = _Digesting(path.open("rb"))
        entry = _entry(name, path.stat().st_size)
        with content.file:
            self._tar.addfile(entry, content)
        self.members[name] = (entry.size, content.digest.hexdigest())

    def add_files(self, folder: Path) -> int:
        """Put every sealed file below a folder in; returns how many."""
        paths = [path for path in sorted(folder.glob("??/*")) if not path.name.startswith(".")]
        for number, path in enumerate(paths, start=1):
            self.add(FILES + path.relative_to(folder).as_posix(), path)
            self._told("files", number, len(paths))
        return len(paths)

    def seal(self, manifest: Manifest, vault: Vault) -> None:
        """Write the manifest, which makes it a backup."""
        text = manifest.to_bytes(vault)
        with _buffer(text) as content:
            self._tar.addfile(_entry(MANIFEST, len(text)), content)


@contextmanager
def writing(path: Path, told: Told) -> Iterator[Writer]:
    """Write a backup under `path`, there whole or not at all; raises InvalidInput when something is there already."""
    if path.exists():
        raise InvalidInput("file", f"{path} is there already")
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writer(tar, told)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename, a link never replaces
    except FileExistsError:
        raise InvalidInput("file", f"{path} is there already") from None
    finally:
        draft.unlink(missing_ok=True)


class Reader:
    """A backup that was found whole."""

    def __init__(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self._tar = tar
        self.manifest = manifest

    def content(self, name: str) -> IO[bytes]:
        """One member, to be read."""
        found = self._tar.extractfile(name)
        assert found is not None, name
        return found

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every sealed file: its path below the folder of files, and its content."""
        for name in self.manifest.members:
            if name.startswith(FILES):
                yield name.removeprefix(FILES), self.content(name).read()


@contextmanager
def reading(path: Path, vault: Vault, told: Told) -> Iterator[Reader]:
    """Open a backup whose every byte is as it was written; raises InvalidInput that says what is wrong with it."""
    try:
        tar = tarfile.open(path)  # noqa: SIM115 - closed below, when it could be opened at all
    except OSError as error:
        raise InvalidInput("file", f"{path}: {error.strerror}") from None
    except tarfile.TarError:
        raise InvalidInput("file", f"{path} is not a backup, or was cut off") from None
    with tar:
        yield Reader(tar, _proved(tar, vault, told))


def _proved(tar: tarfile.TarFile, vault: Vault, told: Told) -> Manifest:
    try:
        entries = {entry.name: entry for entry in tar.getmembers()}
    except tarfile.TarError:
        raise InvalidInput("file", "was cut off") from None
    if MANIFEST not in entries:
        raise InvalidInput("file", "has no manifest: it was cut off, or is not a backup")
    found = tar.extractfile(entries[MANIFEST])
    assert found is not None
    manifest = _read(found.read(), vault)
    if set(manifest.members) != set(entries) - {MANIFEST}:
        raise InvalidInput("file", "does not hold what its manifest says")
    for number, (name, (size, digest)) in enumerate(manifest.members.items(), start=1):
        told("verifying", number, len(manifest.members))
        if (entries[name].size, _digest(tar.extractfile(entries[name]))) != (size, digest):
            raise InvalidInput("file", f"{name} is damaged")
    return manifest


def _digest(file: IO[bytes] | None) -> str:
    if file is None:
        return "no file"
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def stamp(moment: datetime) -> str:
    """An instant as a manifest has it."""
    return moment.isoformat(timespec="seconds")


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


class _Digesting:
    """A file that is digested as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = _CHUNK_BYTES) -> bytes:
        """The next bytes."""
        chunk = self.file.read(size)
        self.digest.update(chunk)
        return chunk


@contextmanager
def _buffer(content: bytes) -> Iterator[IO[bytes]]:
    with io.BytesIO(content) as file:
        yield file
