"""Writing a file so that it is there whole or not at all, and on disk when the call returns; readable by its owner alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` under `path`, in place of whatever was there."""
    with _draft(path, content) as draft:
        os.replace(draft, path)
    _sync_folder(path.parent)


def create_whole(path: Path, content: bytes) -> None:
    """Put `content` under `path` unless something is there already; of several that race, the first one's stays."""
    with _draft(path, content) as draft, suppress(FileExistsError):
        os.link(draft, path)  # unlike a rename, a link never replaces
    _sync_folder(path.parent)


@contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """The content in a file of its own beside `path`, on disk; gone afterwards unless it was renamed."""
    _make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make the folder and those above it; each new one is on disk in its parent."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
