"""A stand-in vendor's books: one SQLite file, one connection, one lock; what is committed survives a killed process."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hub.sdk.reading import JsonObject

Value = str | int | bytes | None

_KIT_SCHEMA = """
create table if not exists setting (name text primary key, value text not null) strict;
create table if not exists kept_answer (
    operation text not null, key text not null, body_hash text not null, answer text not null, kept_at text not null,
    primary key (operation, key)
) strict, without rowid;
create table if not exists callback (
    seq integer primary key, event_id text not null unique, type text not null, subject text not null,
    url text not null, body blob not null, due_at text not null, place integer not null, flaw text not null default '',
    state text not null check (state in ('waiting', 'delivered', 'given_up', 'dropped')), attempts integer not null default 0
) strict;
create index if not exists callback_waiting on callback (place) where state = 'waiting';
"""


def stamp(instant: datetime) -> str:
    """An instant as the books keep it: UTC, microseconds, so that text sorts as time."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def instant_of(text: str) -> datetime:
    """The instant that `stamp` wrote."""
    return datetime.fromisoformat(text)


class Books:
    """The tables of one vendor. Every statement outside `transaction` is a transaction of its own.

    Write-ahead log with synchronous=NORMAL: a kill -9 loses nothing that was committed, a power cut may.
    """

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._settings: dict[str, JsonObject] = {}
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode = wal", "synchronous = normal", "busy_timeout = 5000", "foreign_keys = on"):
            self._connection.execute(f"pragma {pragma}")
        self._connection.executescript(_KIT_SCHEMA + schema)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; one inside another joins it."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._connection.execute("rollback")
                self._settings.clear()
                raise
            self._connection.execute("commit")

    def run(self, sql: str, **values: Value) -> int:
        """Execute a statement; returns the number of rows that it changed."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def one(self, sql: str, **values: Value) -> sqlite3.Row | None:
        """The first row, or None."""
        with self._lock:
            row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def all(self, sql: str, **values: Value) -> list[sqlite3.Row]:
        """Every row."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def dump(self, sql: str, **values: Value) -> list[JsonObject]:
        """Every row as JSON; leave blobs out of the select."""
        return [dict(row) for row in self.all(sql, **values)]

    def setting(self, name: str) -> JsonObject:
        """A remembered setting, empty when it was never set."""
        if name not in self._settings:
            row = self.one("select value from setting where name = :name", name=name)
            self._settings[name] = json.loads(row["value"]) if row else {}
        return self._settings[name]

    def remember(self, name: str, value: Mapping[str, object]) -> None:
        """Keep a setting across restarts."""
        self.run(
            "insert into setting values (:name, :value) on conflict (name) do update set value = excluded.value",
            name=name,
            value=json.dumps(value),
        )
        self._settings.pop(name, None)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
