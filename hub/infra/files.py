"""Files by content: papers and photographs, each under the SHA-256 of its clear content, sealed on disk.

A file never changes and never has a name of its own; who it belongs to is in the rooms' records. What is read is
checked against its name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from hub.core.errors import InvalidInput, NotFound
from hub.infra.durable import write_whole
from hub.infra.vault import HEADER_BYTES, KeyVault, Vault, key_header

_NAME = re.compile(r"[0-9a-f]{64}")


class Files:
    """The store under `root`: `ab/cdef…` for the content whose SHA-256 is `abcdef…`."""

    def __init__(self, root: Path, vault: Vault) -> None:
        self._root = root
        self._vault = vault

    def put(self, content: bytes) -> str:
        """Store a file and return the SHA-256 of its content in hex; the same content again changes nothing."""
        name = hashlib.sha256(content).hexdigest()
        path = self._path(name)
        if not path.exists():
            write_whole(path, self._vault.seal_bytes(content, context=_context(name)))
        return name

    def get(self, name: str) -> bytes:
        """The content under this SHA-256.

        Raises NotFound when there is none, ValueError when what is on disk is not what was stored.
        """
        try:
            sealed = self._path(name).read_bytes()
        except FileNotFoundError:
            raise NotFound("file", name) from None
        content = self._vault.open_bytes(sealed, context=_context(name))
        if hashlib.sha256(content).hexdigest() != name:
            raise ValueError(f"file {name} is damaged")
        return content

    def has(self, name: str) -> bool:
        """Whether there is a file under this SHA-256."""
        return self._path(name).exists()

    def names(self) -> Iterator[str]:
        """Every file there is."""
        for path in sorted(self._root.glob("??/*")):
            if _NAME.fullmatch(name := path.parent.name + path.name):
                yield name

    def under(self, key_id: int) -> int:
        """How many files are sealed with this key."""
        return sum(self._header(name) == key_header(key_id) for name in self.names())

    def _header(self, name: str) -> bytes:
        with self._path(name).open("rb") as file:
            return file.read(HEADER_BYTES)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise InvalidInput("file", "a file is named by 64 hexadecimal digits in lower case")
        return self._root / name[:2] / name[2:]

    def reseal(self, vault: KeyVault) -> int:
        """Put every file under the vault's active key; returns how many were under another."""
        changed = 0
        for name in self.names():
            fresh = vault.reseal_bytes(self._path(name).read_bytes(), context=_context(name))
            if fresh is not None:
                write_whole(self._path(name), fresh)
                changed += 1
        return changed


def _context(name: str) -> bytes:
    return b"file\0" + bytes.fromhex(name)
