"""Typed reading of JSON from the other side: every missing or mistyped field ends in the error that the reader named.

A plugin reads answers with UnknownOutcome as that error: an answer that cannot be read proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from hub.core.errors import UnknownOutcome
from hub.core.money import Money

JsonObject = dict[str, object]
T = TypeVar("T")


def unreadable(reason: str) -> Exception:
    """The error for an answer that cannot be read."""
    return UnknownOutcome(f"the answer cannot be read: {reason}")


def json_object(content: bytes, fail: Callable[[str], Exception] = unreadable) -> JsonObject:
    """The JSON object in these bytes."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise fail("not JSON") from None
    if not isinstance(found, dict):
        raise fail("not a JSON object")
    return found


def json_bytes(content: JsonObject) -> bytes:
    """One canonical form: the same content gives the same bytes, which can be signed or hashed."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a JSON object; `fail` makes the error for one that is missing or of the wrong type."""

    content: JsonObject = field(repr=False)
    fail: Callable[[str], Exception] = unreadable

    def text(self, name: str) -> str:
        """A string that is not empty."""
        value = self._typed(name, str)
        if not value:
            raise self.fail(f"{name} is empty")
        return value

    def optional_text(self, name: str) -> str | None:
        """A string, or None when the field is missing or null."""
        return None if self.content.get(name) is None else self._typed(name, str)

    def whole(self, name: str) -> int:
        """A whole number; a boolean is none."""
        if isinstance(self.content.get(name), bool):
            raise self.fail(f"{name} is not a whole number")
        return self._typed(name, int)

    def decimal(self, name: str) -> Decimal:
        """An exact number written as text."""
        try:
            found = Decimal(self.text(name))
        except InvalidOperation:
            raise self.fail(f"{name} is not a number") from None
        if not found.is_finite():
            raise self.fail(f"{name} is not a finite number")
        return found

    def flag(self, name: str) -> bool:
        """True or false."""
        return self._typed(name, bool)

    def instant(self, name: str) -> datetime:
        """An ISO 8601 instant with a time zone, in UTC."""
        try:
            found = datetime.fromisoformat(self.text(name))
        except ValueError:
            raise self.fail(f"{name} is not an instant") from None
        if found.tzinfo is None:
            raise self.fail(f"{name} carries no time zone")
        return found.astimezone(UTC)

    def optional_instant(self, name: str) -> datetime | None:
        """An instant, or None when the field is missing or null."""
        return None if self.content.get(name) is None else self.instant(name)

    def day(self, name: str) -> date:
        """An ISO 8601 date."""
        try:
            return date.fromisoformat(self.text(name))
        except ValueError:
            raise self.fail(f"{name} is not a date") from None

    def money(self, name: str) -> Money:
        """An object of `minor` (whole minor units) and `currency`."""
        inner = self.inner(name)
        try:
            return Money(inner.whole("minor"), inner.text("currency"))
        except ValueError:
            raise self.fail(f"{name} is not an amount") from None

    def optional_money(self, name: str) -> Money | None:
        """Money, or None when the field is missing or null."""
        return None if self.content.get(name) is None else self.money(name)

    def inner(self, name: str) -> Fields:
        """A nested object."""
        return Fields(self._typed(name, dict), self.fail)

    def each(self, name: str) -> tuple[Fields, ...]:
        """A list of objects."""
        items = self._typed(name, list)
        if not all(isinstance(item, dict) for item in items):
            raise self.fail(f"{name} is not a list of objects")
        return tuple(Fields(item, self.fail) for item in items)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        items = self._typed(name, list)
        if not all(isinstance(item, str) for item in items):
            raise self.fail(f"{name} is not a list of strings")
        return tuple(items)

    def _typed(self, name: str, kind: type[T]) -> T:
        value = self.content.get(name)
        if not isinstance(value, kind):
            raise self.fail(f"{name} is missing" if value is None else f"{name} has the wrong type")
        return value


def money_json(money: Money | None) -> JsonObject | None:
    """Money as it is written in JSON: whole minor units and the currency."""
    return None if money is None else {"minor": money.minor, "currency": money.currency}
