"""The keyring: the data keys by id, which of them seals, and the key of the blind index; and the file they live in.

The file is JSON, readable by its owner alone, and is always replaced whole. Losing it loses every sealed field, so it
is backed up apart from the database. How keys are used is the vault's business.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from hub.core.errors import Conflict, InvalidInput
from hub.infra.durable import create_whole, write_whole

KEY_BYTES = 32  # AES-256 and HMAC-SHA256 alike
_FORMAT = 1
_FIELD = "keyring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Data keys by id (from 1 up); `active` is the one that seals, all of them open."""

    data_keys: Mapping[int, bytes] = field(repr=False)
    active: int
    index_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.active not in self.data_keys:
            raise InvalidInput(_FIELD, f"the active key {self.active} is not among the data keys")
        if any(len(key) != KEY_BYTES for key in (*self.data_keys.values(), self.index_key)):
            raise InvalidInput(_FIELD, f"every key must be {KEY_BYTES} bytes")
        if any(not 0 < key_id < 1 << 32 for key_id in self.data_keys):
            raise InvalidInput(_FIELD, "key ids run from 1 to 4294967295")

    @classmethod
    def fresh(cls, random_bytes: Callable[[int], bytes] = os.urandom) -> Keyring:
        """One new data key and a new index key."""
        return cls(data_keys={1: random_bytes(KEY_BYTES)}, active=1, index_key=random_bytes(KEY_BYTES))

    def rotated(self, random_bytes: Callable[[int], bytes] = os.urandom) -> Keyring:
        """The same ring with one more data key, which seals from now on."""
        newest = max(self.data_keys) + 1
        return replace(self, data_keys={**self.data_keys, newest: random_bytes(KEY_BYTES)}, active=newest)

    def without(self, key_id: int) -> Keyring:
        """The same ring without a data key that seals nothing any more; raises Conflict for the active one."""
        if key_id not in self.data_keys:
            raise InvalidInput(
                "key", f"{key_id} is not in the keyring, which holds {', '.join(map(str, self.data_keys))}"
            )
        if key_id == self.active:
            raise Conflict(f"key {key_id} is the active one")
        return replace(self, data_keys={known: key for known, key in self.data_keys.items() if known != key_id})


def load_keyring(path: Path) -> Keyring:
    """Read the keyring; raises InvalidInput when it is missing, unreadable, or open to anybody but its owner."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise InvalidInput(_FIELD, f"{path} has mode {mode:04o}; only its owner may read it: chmod 600")
            return _parsed(file.read())
    except OSError as error:
        raise InvalidInput(_FIELD, f"{path}: {error.strerror}") from None


def load_or_create_keyring(path: Path, random_bytes: Callable[[int], bytes] = os.urandom) -> Keyring:
    """Read the keyring, or make it on the first start; of several processes that race, one makes it and all read it."""
    if not path.exists():
        create_whole(path, _written(Keyring.fresh(random_bytes)))
    return load_keyring(path)


def rotate_keyring(path: Path, random_bytes: Callable[[int], bytes] = os.urandom) -> Keyring:
    """Add a data key to the file and make it the active one; several at once each add theirs."""
    return _change(path, lambda ring: ring.rotated(random_bytes))


def retire_key(path: Path, key_id: int) -> Keyring:
    """Take a data key out of the file, once nothing is sealed with it any more."""
    return _change(path, lambda ring: ring.without(key_id))


def _change(path: Path, change: Callable[[Keyring], Keyring]) -> Keyring:
    with _locked(path):
        ring = change(load_keyring(path))
        write_whole(path, _written(ring))
    return ring


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the folder of the keyring against other processes that would change it; a lock dies with its process."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _written(ring: Keyring) -> bytes:
    page = {
        "format": _FORMAT,
        "active": ring.active,
        "data_keys": {str(key_id): base64.b64encode(key).decode() for key_id, key in ring.data_keys.items()},
        "index_key": base64.b64encode(ring.index_key).decode(),
    }
    return json.dumps(page, indent=2).encode() + b"\n"


def _parsed(content: bytes) -> Keyring:
    """The ring in the file; no part of its content goes into an error."""
    try:
        page = json.loads(content)
        if page["format"] != _FORMAT:
            raise InvalidInput(_FIELD, f"format {page['format']!r} is not known to this version")
        return Keyring(
            data_keys={int(key_id): _key(text) for key_id, text in page["data_keys"].items()},
            active=int(page["active"]),
            index_key=_key(page["index_key"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidInput(_FIELD, "the file is not a keyring") from None


def _key(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
