"""What one stand-in vendor brings: its tables, its operations, what time does to it, and its books to look at."""

from __future__ import annotations

import hashlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from hub.core.provider import Capability, Clock
from hub.sdk.reading import Fields, JsonObject
from hub.sdk.sandbox.books import Books, stamp
from hub.sdk.sandbox.outbox import Outbox


class Refusal(Exception):
    """The vendor says no: a status, its own code, and a sentence. Nothing is booked."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.status = status
        self.code = code
        self.message = message or code


def unusable(reason: str) -> Refusal:
    """The refusal of a request whose fields cannot be used."""
    return Refusal(422, "invalid_request", reason)


def not_found(what: str) -> Refusal:
    """The vendor's own word for not knowing something; a bare 404 of a proxy does not carry it."""
    return Refusal(404, "not_found", f"no such {what}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to the vendor: its fields, the caller's key and callback address, and the vendor's present."""

    body: Fields
    path: Mapping[str, str]
    query: Mapping[str, str]
    key: str
    webhook_url: str
    now: datetime

    def new_ref(self, prefix: str) -> str:
        """A reference that follows from the key, so that fresh books never give an old reference away again."""
        return reference(prefix, self.key)


def reference(prefix: str, *parts: str) -> str:
    """A reference of 24 hex digits made of the parts."""
    return f"{prefix}_{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:24]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route of a vendor. `effect`: it needs a key and its answer is kept; `control`: for tests, no credentials, no faults."""

    name: str
    method: str
    path: str
    run: Callable[[Call], JsonObject] = field(repr=False)
    effect: bool = False
    control: bool = False


Route = tuple[str, str, Callable[[Call], JsonObject]]


def effects(*routes: Route) -> tuple[Operation, ...]:
    """Operations with an effect, each as name, path and function: posted under a key."""
    return tuple(Operation(name=name, method="POST", path=path, run=run, effect=True) for name, path, run in routes)


def reads(*routes: Route) -> tuple[Operation, ...]:
    """Operations that only look."""
    return tuple(Operation(name=name, method="GET", path=path, run=run) for name, path, run in routes)


def controls(*routes: Route) -> tuple[Operation, ...]:
    """What whoever tests may do; the paths stand under `/_sandbox`."""
    return tuple(
        Operation(name=name, method="POST", path=f"/_sandbox{path}", run=run, control=True)
        for name, path, run in routes
    )


class Vendor(ABC):
    """A stand-in vendor. Its operations run one at a time, each in one transaction of the books."""

    capability: ClassVar[Capability]
    schema: ClassVar[str]

    def __init__(self, books: Books, outbox: Outbox, clock: Clock) -> None:
        self.books = books
        self.outbox = outbox
        self.clock = clock

    @abstractmethod
    def operations(self) -> tuple[Operation, ...]:
        """Every route that the vendor serves."""

    @abstractmethod
    def ledger(self) -> JsonObject:
        """The vendor's own books, to compare the hub's with."""

    @abstractmethod
    def advance(self, now: datetime) -> None:
        """Do what has fallen due by now: settle, deliver, expire."""

    def script(self) -> JsonObject:
        """How the vendor has been told to behave; kept across restarts."""
        return self.books.setting("script")

    def scripted_number(self, name: str, default: int) -> int:
        """A whole number of the script, or the default."""
        value = self.script().get(name, default)
        return value if isinstance(value, int) else default

    def scripted_list(self, name: str) -> tuple[str, ...]:
        """A list of texts of the script, or none."""
        script = self.script()
        return Fields(script, unusable).texts(name) if name in script else ()

    def later(self, now: datetime, name: str, default_s: int) -> str:
        """The stamp of the instant that lies a scripted number of seconds after now."""
        return stamp(now + timedelta(seconds=self.scripted_number(name, default_s)))

    def find(self, sql: str, call: Call, what: str) -> sqlite3.Row:
        """The row that a call asks for by `ref` in its path or `key` in its query; refuses with the vendor's not_found."""
        row = self.books.one(sql, ref=call.path.get("ref"), key=call.query.get("key"))
        if row is None:
            raise not_found(what)
        return row
