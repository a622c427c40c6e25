"""The console's two languages: texts from the catalogues in `locale/`, and how each language writes money, dates and times.

English is the language of the code; a text is marked with `N_` where it is declared and translated where it is drawn.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from babel.dates import get_month_names
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.support import Translations

from hub.core.money import Money
from hub.infra.clock import BUSINESS_ZONE
from hub.infra.paging import Count

_FOLDER = Path(__file__).parent / "locale"
NOTHING = "–"
_SIGNS = {"CNY": "¥"}


class Language(StrEnum):
    """The languages that the console speaks."""

    EN = "en"
    ZH = "zh"

    @property
    def locale(self) -> str:
        """The language's name at Babel."""
        return {Language.EN: "en", Language.ZH: "zh_Hans_CN"}[self]

    @property
    def tag(self) -> str:
        """The language's name in HTML."""
        return {Language.EN: "en", Language.ZH: "zh-CN"}[self]


def N_(text: str) -> str:
    """Mark a text to be translated where it is drawn."""
    return text


def chosen(cookie: str | None, accepted: str) -> Language:
    """The language of a visitor: what they chose, else what their browser asks for first."""
    if cookie in set(Language):
        return Language(cookie)
    first = accepted.split(",")[0].strip().lower()
    return Language.ZH if first.startswith("zh") else Language.EN


def catalogues(language: Language) -> Sequence[Path]:
    """The catalogue files of a language, one a desk."""
    return sorted((_FOLDER / language.locale).glob("*.po"))


@cache
def translations(language: Language) -> Translations:
    """Every text of a language."""
    whole = Catalog(locale=language.locale)
    for path in catalogues(language):
        with path.open("rb") as file:
            for message in read_po(file, locale=language.locale):
                if message.id:
                    whole[message.id] = message
    compiled = io.BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return Translations(compiled)


def say(language: Language, text: str, **parts: object) -> str:
    """A marked text in a language, with its parts put in."""
    said = translations(language).gettext(text) if text else ""
    return said % parts if parts else said


# How values are written: as Babel would, without asking it for each of the hundreds of a page; a test asks it.


def money(value: Money | None, language: Language) -> str:
    """An amount with its currency: ¥12,800.00."""
    if value is None:
        return NOTHING
    sign = _SIGNS.get(value.currency, f"{value.currency} ")
    return f"{'−' if value.minor < 0 else ''}{sign}{abs(value.amount):,.2f}"


def day(value: date | None, language: Language) -> str:
    """A date in full: 23 Nov 2026, 2026-11-23."""
    if value is None:
        return NOTHING
    if language is Language.ZH:
        return f"{value.year}-{value.month:02}-{value.day:02}"
    return f"{value.day} {_months(language)[value.month]} {value.year}"


@cache
def _months(language: Language) -> Mapping[int, str]:
    names: Mapping[int, str] = get_month_names("abbreviated", locale=language.locale)
    return names


def instant(value: datetime | None, language: Language) -> str:
    """A date and time in the company's zone, to the second."""
    if value is None:
        return NOTHING
    here = value.astimezone(BUSINESS_ZONE)
    return f"{day(here, language)}{', ' if language is Language.EN else ' '}{here:%H:%M:%S}"


def number(value: int | Decimal | float | Count | None, language: Language) -> str:
    """A number with its groups, and a plus where there are more."""
    if value is None:
        return NOTHING
    if isinstance(value, Count):
        return number(value.number, language) + ("+" if value.capped else "")
    return f"{value:,}" if isinstance(value, int) else format_decimal(value, locale=language.locale)


def percent(value: Decimal | None, language: Language) -> str:
    """A fraction as a percentage with two digits."""
    return NOTHING if value is None else format_percent(value, "#,##0.00%", locale=language.locale)


WRITERS: Mapping[str, Callable[[Any, Language], str]] = {
    "money": money,
    "day": day,
    "instant": instant,
    "number": number,
    "percent": percent,
}
