"""What one stand-in vendor brings: its tables, its operations, what time does to it, and its books to look at."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from hub.core.provider import Capability, Clock
from hub.sdk.reading import Fields, JsonObject
from hub.sdk.sandbox.books import Books
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

    def seconds(self, name: str, default: int) -> int:
        """A whole number of the script."""
        value = self.script().get(name, default)
        return value if isinstance(value, int) else default
