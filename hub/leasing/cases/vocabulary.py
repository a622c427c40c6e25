"""The words in which a case says what is known: every key with its type and its meaning, read once and typed from then on.

A word that is not here is refused by its name; so is a value that its word cannot have, and one that nothing asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Generic, NamedTuple, TypeVar

from hub.core.errors import InvalidInput
from hub.leasing.schedules.rules import Unit

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
MOST_ITEMS = 2400
_LARGEST = Decimal("1e18")
_LONGEST_TEXT = 2000


class Every(NamedTuple):
    """A period: so many days, half months or months."""

    number: int
    of: str  # "day", "half_month", "month"

    @property
    def unit(self) -> Unit:
        """What a schedule counts it in."""
        return Unit.DAY if self.of == "day" else Unit.MONTH

    @property
    def a_year(self) -> Decimal:
        """How many of them a year has."""
        if self.of == "day":
            return Decimal(364 if self.number % 7 == 0 else 365) / self.number
        return Decimal(12 if self.of == "month" else 24) / self.number


class Paid(NamedTuple):
    """Money that was paid, on a day or at the end of a month counted from the start."""

    on: date | None
    month: int | None
    amount: Decimal


class Run(NamedTuple):
    """So many equal amounts, one every period."""

    number: int
    amount: Decimal
    every: Every | None
    mode: str


class Changed(NamedTuple):
    """Something that is otherwise from a day on: a rate, a due date or an amount."""

    on: date
    value: Decimal | None
    to: date | None


class Fee(NamedTuple):
    """A fee by its name."""

    name: str
    amount: Decimal


class PenaltyWords(NamedTuple):
    """A penalty in words: per cent or a fixed amount, of what, how often."""

    pct: Decimal
    fixed: Decimal
    base: str
    frequency: str


def refuse(where: str, reason: str) -> InvalidInput:
    """The refusal of a value."""
    return InvalidInput(where, reason)


def amount(value: object, where: str) -> Decimal:
    """A number, as text or as a number of JSON, exact as it is written."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refuse(where, 'must be a number such as "12800.00"')
    try:
        read = Decimal(str(value).strip().replace(",", ""))
    except InvalidOperation:
        raise refuse(where, 'must be a number such as "12800.00"') from None
    if not read.is_finite() or abs(read) > _LARGEST or -int(read.as_tuple().exponent) > 30:
        raise refuse(where, f"must be a number below {_LARGEST:e} with at most 30 decimals")
    return read


def count(value: object, where: str) -> int:
    """A whole number from 0."""
    read = amount(value, where)
    if read != read.to_integral_value() or not 0 <= read <= 10**6:
        raise refuse(where, "must be a whole number from 0")
    return int(read)


def day(value: object, where: str) -> date:
    """A date as YYYY-MM-DD."""
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise refuse(where, 'must be a date such as "2026-01-31"') from None


def text(value: object, where: str) -> str:
    """A text."""
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise refuse(where, f"must be a text of at most {_LONGEST_TEXT} characters")
    return value


def flag(value: object, where: str) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise refuse(where, "must be true or false")
    return value


_WORDS_OF_PERIODS = {
    "daily": Every(1, "day"),
    "week": Every(7, "day"),
    "weekly": Every(7, "day"),
    "fortnight": Every(14, "day"),
    "fortnightly": Every(14, "day"),
    "biweekly": Every(14, "day"),
    "bi-weekly": Every(14, "day"),
    "four-weekly": Every(28, "day"),
    "half month": Every(1, "half_month"),
    "semimonthly": Every(1, "half_month"),
    "semi-monthly": Every(1, "half_month"),
    "twice a month": Every(1, "half_month"),
    "month": Every(1, "month"),
    "monthly": Every(1, "month"),
    "bimonthly": Every(2, "month"),
    "quarter": Every(3, "month"),
    "quarterly": Every(3, "month"),
    "half year": Every(6, "month"),
    "half-yearly": Every(6, "month"),
    "semiannual": Every(6, "month"),
    "semiannually": Every(6, "month"),
    "semi-annual": Every(6, "month"),
    "semi-annually": Every(6, "month"),
    "year": Every(12, "month"),
    "yearly": Every(12, "month"),
    "annual": Every(12, "month"),
    "annually": Every(12, "month"),
}
_UNITS = {"day": (1, "day"), "week": (7, "day"), "month": (1, "month"), "quarter": (3, "month"), "year": (12, "month")}
_EVERY = re.compile(r"(?:every )?(\d{1,4}) (day|week|month|quarter|year)s?")


def period(value: object, where: str) -> Every:
    """A period: "monthly", "quarterly", "weekly", "every 7 days", "2 months" …"""
    said = text(value, where).strip().lower().removeprefix("every ").removeprefix("per ")
    if said in _WORDS_OF_PERIODS:
        return _WORDS_OF_PERIODS[said]
    if said == "day":
        return Every(1, "day")
    if (match := _EVERY.fullmatch(said)) and 1 <= int(match[1]) <= 1200:
        days, of = _UNITS[match[2]]
        return Every(int(match[1]) * days, of)
    raise refuse(where, 'must be a period such as "monthly", "quarterly", "every 2 weeks" or "every 10 days"')


def many(read: Callable[[object, str], T]) -> Callable[[object, str], tuple[T, ...]]:
    """A list of values of one kind."""

    def each(value: object, where: str) -> tuple[T, ...]:
        if not isinstance(value, list) or len(value) > MOST_ITEMS:
            raise refuse(where, f"must be a list of at most {MOST_ITEMS}")
        return tuple(read(one, f"{where}.{number}") for number, one in enumerate(value))

    return each


def one_or_many(read: Callable[[object, str], T]) -> Callable[[object, str], tuple[T, ...]]:
    """A value, or a list of them."""
    every = many(read)
    return lambda value, where: every(value if isinstance(value, list) else [value], where)


def maybe(read: Callable[[object, str], T]) -> Callable[[object, str], T | None]:
    """A value, or nothing."""
    return lambda value, where: None if value is None else read(value, where)


def parts(value: object, where: str, allowed: Sequence[str], needed: Sequence[str] = ()) -> Mapping[str, object]:
    """An object with these keys and no others."""
    if not isinstance(value, dict):
        raise refuse(where, "must be an object")
    for name in value:
        if name not in allowed:
            raise refuse(f"{where}.{name}", f"is not known here; known are {', '.join(allowed)}")
    for name in needed:
        if name not in value:
            raise refuse(f"{where}.{name}", "is needed")
    return value


def paid(value: object, where: str) -> Paid:
    """{"date" or "month", "amount"}."""
    said = parts(value, where, ("date", "month", "amount"), ("amount",))
    on = day(said["date"], f"{where}.date") if "date" in said else None
    month = count(said["month"], f"{where}.month") if "month" in said else None
    if (on is None) == (month is None):
        raise refuse(where, "needs either date or month")
    return Paid(on, month, amount(said["amount"], f"{where}.amount"))


def run(value: object, where: str) -> Run:
    """{"count", "amount", "every", "mode"}."""
    said = parts(value, where, ("count", "amount", "every", "mode"), ("amount",))
    return Run(
        count(said.get("count", 1), f"{where}.count"),
        amount(said["amount"], f"{where}.amount"),
        period(said["every"], f"{where}.every") if "every" in said else None,
        text(said.get("mode", ""), f"{where}.mode"),
    )


def paid_or_run(value: object, where: str) -> Paid | Run:
    """One payment of a date or month, or so many equal ones."""
    single = isinstance(value, dict) and ("date" in value or "month" in value)
    return paid(value, where) if single else run(value, where)


def count_or_run(value: object, where: str) -> Run:
    """How many instalments there are, or how many of which amount."""
    return run(value, where) if isinstance(value, dict) else Run(count(value, where), Decimal(0), None, "")


def changed(*names: str) -> Callable[[object, str], Changed]:
    """{a day, and what is otherwise from it on}: the first name is the day's, the others the values'."""

    def read(value: object, where: str) -> Changed:
        said = parts(value, where, (*names, "rule"), names)
        other = said[names[1]]
        to_day = names[1].endswith("date")
        return Changed(
            day(said[names[0]], f"{where}.{names[0]}"),
            None if to_day else amount(other, f"{where}.{names[1]}"),
            day(other, f"{where}.{names[1]}") if to_day else None,
        )

    return read


def fee(value: object, where: str) -> Fee:
    """{"name", "amount"}, or an amount alone."""
    if not isinstance(value, dict):
        return Fee("", amount(value, where))
    said = parts(value, where, ("name", "amount"), ("amount",))
    return Fee(text(said.get("name", ""), f"{where}.name"), amount(said["amount"], f"{where}.amount"))


def penalty(value: object, where: str) -> PenaltyWords:
    """{"pct" or "fixed" or both, "base", "frequency"}."""
    said = parts(value, where, ("pct", "fixed", "base", "frequency"))
    return PenaltyWords(
        amount(said.get("pct", 0), f"{where}.pct"),
        amount(said.get("fixed", 0), f"{where}.fixed"),
        text(said.get("base", "principal + interest"), f"{where}.base"),
        text(said.get("frequency", "once"), f"{where}.frequency"),
    )


def part_of(value: object, where: str) -> tuple[int, int]:
    """{"days", "of"}: a part of a period."""
    said = parts(value, where, ("days", "of"), ("days", "of"))
    whole = count(said["of"], f"{where}.of")
    if not whole:
        raise refuse(f"{where}.of", "must be at least 1")
    return count(said["days"], f"{where}.days"), whole


def due(value: object, where: str) -> Paid:
    """{"due_date", "amount"}."""
    said = parts(value, where, ("due_date", "amount"), ("due_date", "amount"))
    return Paid(day(said["due_date"], f"{where}.due_date"), None, amount(said["amount"], f"{where}.amount"))


def bucket(value: object, where: str) -> tuple[int, int]:
    """[from, to] in days."""
    if not isinstance(value, list) or len(value) != 2:
        raise refuse(where, "must be two numbers of days")
    low, high = (count(one, where) for one in value)
    if low > high:
        raise refuse(where, "must not end before it begins")
    return low, high


@dataclass(frozen=True, slots=True)
class Word(Generic[T_co]):
    """One key: its name, how its value is read, and what it means."""

    name: str
    read: Callable[[object, str], T_co]
    means: str


@dataclass(slots=True)
class Known:
    """What a case says, typed; remembers what was asked for."""

    values: Mapping[str, object]
    asked: set[str] = field(default_factory=set)

    def get(self, word: Word[T]) -> T | None:
        """The value of a word, None when the case does not say it."""
        self.asked.add(word.name)
        value = self.values.get(word.name)
        return None if value is None else word.read(value, f"inputs.{word.name}")

    def need(self, word: Word[T]) -> T:
        """The value of a word that the case must say."""
        value = self.get(word)
        if value is None:
            raise refuse(f"inputs.{word.name}", f"is needed: {word.means}")
        return value

    def one_of(self, *words: Word[T]) -> tuple[Word[T], T] | None:
        """The word that the case says of several that mean the same; refused when it says two of them."""
        said = [(word, value) for word in words if (value := self.get(word)) is not None]
        if len(said) > 1:
            raise refuse(f"inputs.{said[1][0].name}", f"says the same as {said[0][0].name}: give one of them")
        return said[0] if said else None

    def says(self, *words: Word[T]) -> bool:
        """Whether the case says any of these words."""
        return any(self.values.get(word.name) is not None for word in words)
