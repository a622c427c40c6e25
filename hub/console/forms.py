"""Fields of forms: declared once, read strictly, drawn by one template. What was typed comes back with what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from starlette.datastructures import FormData, UploadFile

from hub.console.i18n import N_
from hub.console.labels import label
from hub.core.money import Money

Values = Mapping[str, Any]


class Kind(StrEnum):
    """What a field takes."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    MONEY = "money"
    DAY = "day"
    NUMBER = "number"
    SHARE = "share"  # a percentage as typed, a fraction as read
    CHOICE = "choice"
    CHOICES = "choices"
    YES = "yes"
    PASSWORD = "password"  # noqa: S105 - the kind of a field
    FILE = "file"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing that may be chosen; `label` is a text to translate unless it is a name."""

    value: str
    label: str
    is_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form. `reads` is the name by which a rule complains of it, where that is another.

    It begins with `start`; a field of several choices with `start_with`.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    help: str = ""
    required: bool = True
    options: Sequence[Option] = ()
    longest: int = 400
    start: str = ""
    start_with: Sequence[str] = ()
    reads: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form as it was sent: what was typed, the values it means, and what is wrong, by field. `""` is the whole form."""

    typed: Mapping[str, Any] = field(default_factory=dict)
    values: Values = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


_MISSING = N_("is needed")
_TOO_LONG = N_("is too long")
_NO_MONEY = N_("is not an amount like 12,800.00")
_NO_DAY = N_("is not a date like 2026-01-31")
_NO_NUMBER = N_("is not a whole number")
_NO_SHARE = N_("is not a percentage like 12.5")
_NO_CHOICE = N_("is not one of the choices")
_NUL = N_("must not contain the character NUL")
_MONEY = re.compile(r"\d{1,3}(,\d{3})+(\.\d{1,2})?|\d{1,15}(\.\d{1,2})?")
_WHOLE = re.compile(r"-?\d{1,9}", re.ASCII)


def read(fields: Sequence[Field], form: FormData) -> Filled:
    """What a form says; a field that is wrong is named with the reason, and the others are read all the same."""
    typed: dict[str, Any] = {}
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for one in fields:
        given = form.getlist(one.name)
        typed[one.name] = given if one.kind is Kind.CHOICES else (given[0] if given else "")
        try:
            values[one.name] = _value(one, typed[one.name])
        except _Wrong as wrong:
            errors[one.name] = wrong.reason
    return Filled(typed=typed, values=values, errors=errors)


def blank(fields: Sequence[Field], given: Mapping[str, str] | None = None) -> Filled:
    """A form as it is first shown, with what is known already."""
    return Filled(typed={one.name: (given or {}).get(one.name, one.start_with or one.start) for one in fields})


class _Wrong(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _value(one: Field, given: Any) -> Any:
    if one.kind is Kind.YES:
        return given == "yes"
    if one.kind is Kind.CHOICES:
        return _among(one, [str(value) for value in given])
    if one.kind is Kind.FILE:
        return _upload(one, given)
    text = str(given).strip() if one.kind is not Kind.PASSWORD else str(given)
    if "\0" in text:
        raise _Wrong(_NUL)
    if len(text) > one.longest:
        raise _Wrong(_TOO_LONG)
    if not text:
        if one.required:
            raise _Wrong(_MISSING)
        return None if one.kind not in {Kind.TEXT, Kind.LONG_TEXT} else ""
    return _parsed(one, text)


def _parsed(one: Field, text: str) -> Any:
    match one.kind:
        case Kind.MONEY:
            if not _MONEY.fullmatch(text.removeprefix("¥").strip()):
                raise _Wrong(_NO_MONEY)
            return Money.of(text.removeprefix("¥").strip().replace(",", ""))
        case Kind.DAY:
            return _day(text)
        case Kind.NUMBER:
            if not _WHOLE.fullmatch(text):
                raise _Wrong(_NO_NUMBER)
            return int(text)
        case Kind.SHARE:
            return _share(text)
        case Kind.CHOICE | Kind.HIDDEN if one.options:
            return _among(one, [text])[0]
        case _:
            return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _Wrong(_NO_DAY) from None


def _share(text: str) -> Decimal:
    try:
        share = Decimal(text.removesuffix("%").strip())
    except InvalidOperation:
        raise _Wrong(_NO_SHARE) from None
    if not share.is_finite() or abs(share) > 1000:
        raise _Wrong(_NO_SHARE)
    return share / 100


def _among(one: Field, given: list[str]) -> list[str]:
    known = {option.value for option in one.options}
    if not known.issuperset(given):
        raise _Wrong(_NO_CHOICE)
    if one.required and not given:
        raise _Wrong(_MISSING)
    return given


def _upload(one: Field, given: Any) -> UploadFile | None:
    if isinstance(given, UploadFile) and given.filename:
        return given
    if one.required:
        raise _Wrong(_MISSING)
    return None


def choices(words: type[StrEnum], *, only: Sequence[StrEnum] | None = None) -> tuple[Option, ...]:
    """The words of an enumeration to choose from, by their labels."""
    return tuple(Option(value=word.value, label=label(word)) for word in (only or tuple(words)))
