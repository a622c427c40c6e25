"""The vault: personal data sealed at rest with key ids, opened by purpose, found by blind index.

A sealed value is bound to where it stands. The convention, which rotation relies on: the column `phone_sealed` of the
table `party` is sealed with `column="party.phone"` and `row=` the row's primary key `id`. Moved to another column or
row, a value no longer opens. Keys and their file are in `hub.infra.keyring`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.infra.keyring import Keyring, load_keyring, load_or_create_keyring, retire_key, rotate_keyring

# A sealed value: version (1 byte), key id (4, big-endian), nonce (12), ciphertext with tag (16 more than the clear text).
_VERSION = 1
HEADER_BYTES = 5
_NONCE_BYTES = 12  # Source: NIST SP 800-38D, section 8.2.2; at most 2**32 values under one key (8.3)
_TAG_BYTES = 16


class Vault:
    """Seals and opens single fields and whole files. A sealed value is bound to its table, column and row."""

    def seal(self, text: str, *, column: str, row: UUID) -> bytes:
        """Encrypt `text` for `column` ("party.phone") of `row`."""
        raise NotImplementedError

    def open(self, sealed: bytes, *, column: str, row: UUID) -> str:
        """Decrypt; raises ValueError when the value was not sealed for that column and row."""
        raise NotImplementedError

    def blind_index(self, kind: str, value: str) -> bytes:
        """A keyed digest of a normalised value, for equality look-ups without opening anything."""
        raise NotImplementedError

    def seal_bytes(self, content: bytes, *, context: bytes) -> bytes:
        """Encrypt bytes that stand in no column, bound to `context`."""
        raise NotImplementedError

    def open_bytes(self, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt; raises ValueError when the value was not sealed for that context."""
        raise NotImplementedError


def key_header(key_id: int) -> bytes:
    """What every value sealed with this key begins with."""
    return bytes([_VERSION]) + key_id.to_bytes(4, "big")


def key_id_of(sealed: bytes) -> int:
    """The id of the key that a value was sealed with; raises ValueError when it is no sealed value."""
    if len(sealed) < HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES or sealed[0] != _VERSION:
        raise ValueError("not a sealed value")
    return int.from_bytes(sealed[1:HEADER_BYTES], "big")


def _place(column: str, row: UUID) -> bytes:
    """The context of a field: its column, and its row in a fixed length, so that no two places look alike."""
    return column.encode() + b"\0" + row.bytes


class KeyVault(Vault):
    """The vault over a keyring: AES-256-GCM for values, HMAC-SHA256 with a key of its own for the blind index.

    With a `path`, the file is read again when it has changed, so every process follows a rotation at once.
    """

    def __init__(
        self, keyring: Keyring, *, path: Path | None = None, random_bytes: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._path = path
        self._random = random_bytes
        self._read_at = self._changed_at()
        self._take(keyring)

    @classmethod
    def at(cls, path: Path) -> KeyVault:
        """The vault over the keyring in this file, which is made on the first start."""
        return cls(load_or_create_keyring(path), path=path)

    def _take(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keyring.data_keys.items()}
        self._index_keys: dict[str, bytes] = {}  # one for each kind that was asked for

    def _changed_at(self) -> tuple[int, int]:
        """What tells one state of the file from the next: it is always replaced, never written over."""
        found = self._path.stat() if self._path is not None else None
        return (found.st_ino, found.st_mtime_ns) if found else (0, 0)

    def _follow(self) -> None:
        """Take the keyring again when its file has changed."""
        if self._path is not None and (changed_at := self._changed_at()) != self._read_at:
            self._take(load_keyring(self._path))
            self._read_at = changed_at

    @property
    def active_key_id(self) -> int:
        """The id of the key that seals now."""
        self._follow()
        return self._keyring.active

    def seal(self, text: str, *, column: str, row: UUID) -> bytes:
        """Encrypt `text` for `column` ("party.phone") of `row`."""
        return self.seal_bytes(text.encode(), context=_place(column, row))

    def open(self, sealed: bytes, *, column: str, row: UUID) -> str:
        """Decrypt; raises ValueError when the value was not sealed for that column and row."""
        return self.open_bytes(sealed, context=_place(column, row)).decode()

    def blind_index(self, kind: str, value: str) -> bytes:
        """A keyed digest of a normalised value; each kind ("phone") has a key of its own, so kinds never match."""
        if kind not in self._index_keys:
            seed = b"blind index:" + kind.encode()
            self._index_keys[kind] = hmac.digest(self._keyring.index_key, seed, hashlib.sha256)
        return hmac.digest(self._index_keys[kind], value.encode(), hashlib.sha256)

    def seal_bytes(self, content: bytes, *, context: bytes) -> bytes:
        """Encrypt bytes that stand in no column, bound to `context`."""
        key_id, nonce = self.active_key_id, self._random(_NONCE_BYTES)
        header = key_header(key_id)
        return header + nonce + self._ciphers[key_id].encrypt(nonce, content, header + context)

    def open_bytes(self, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt; raises ValueError when the value was not sealed for that context."""
        cipher = self._cipher(key_id_of(sealed))
        header, body = sealed[:HEADER_BYTES], sealed[HEADER_BYTES:]
        try:
            return cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], header + context)
        except InvalidTag:
            raise ValueError("changed, or sealed for another place") from None

    def _cipher(self, key_id: int) -> AESGCM:
        if key_id not in self._ciphers:
            self._follow()
        if key_id not in self._ciphers:
            raise ValueError(f"sealed with key {key_id}, which the keyring does not hold")
        return self._ciphers[key_id]

    def rotate(self) -> int:
        """Add a data key and seal with it from now on; returns its id. What was sealed before still opens."""
        if self._path is None:
            self._take(self._keyring.rotated(self._random))
        else:
            self._take(rotate_keyring(self._path, self._random))
        return self.active_key_id

    def check_retirable(self, key_id: int) -> None:
        """Raise InvalidInput for a key that the ring does not hold, Conflict for the one that seals."""
        self._follow()
        self._keyring.without(key_id)

    def retire(self, key_id: int) -> None:
        """Take a data key out of the ring and its file; whoever calls has made sure that it seals nothing any more."""
        if self._path is None:
            self._take(self._keyring.without(key_id))
        else:
            self._take(retire_key(self._path, key_id))

    def reseal(self, sealed: bytes, *, column: str, row: UUID) -> bytes | None:
        """The same field under the active key; None when it is under it already."""
        return self.reseal_bytes(sealed, context=_place(column, row))

    def reseal_bytes(self, sealed: bytes, *, context: bytes) -> bytes | None:
        """The same bytes under the active key; None when they are under it already."""
        if key_id_of(sealed) == self.active_key_id:
            return None
        return self.seal_bytes(self.open_bytes(sealed, context=context), context=context)
