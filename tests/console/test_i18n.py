"""Both languages say everything, and write money, dates and times as their readers do."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from babel.dates import format_date, format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from hub.console import i18n
from hub.console.i18n import Language, catalogues, chosen, say
from hub.core.money import Money
from hub.infra.clock import BUSINESS_ZONE
from hub.infra.paging import Count
from tests.console.texts import missing, unused

_PLACES = re.compile(r"%\((\w+)\)")


def test_chinese_says_everything() -> None:
    assert not missing(Language.ZH)


def test_no_catalogue_says_what_nobody_asks_for() -> None:
    assert not unused(Language.ZH)


def test_no_text_is_doubtful_and_every_part_has_its_place() -> None:
    for path in catalogues(Language.ZH):
        with path.open("rb") as file:
            for message in read_po(file):
                assert not message.fuzzy, message.id
                ids = message.id if isinstance(message.id, tuple) else (message.id,)
                strings = message.string if isinstance(message.string, tuple) else (message.string,)
                if message.id:
                    assert set(_PLACES.findall(ids[-1])) == set(_PLACES.findall(strings[0])), message.id


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", Language.EN),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", Language.ZH),
        (None, "de-DE,zh;q=0.9", Language.EN),
        ("zh", "en", Language.ZH),
        ("klingon", "zh", Language.ZH),
    ],
)
def test_the_language_is_chosen_else_the_browsers(cookie: str | None, accepted: str, language: Language) -> None:
    assert chosen(cookie, accepted) is language


def test_values_are_written_as_their_readers_do() -> None:
    amount, at = Money.of("-1234567.80"), datetime(2026, 1, 5, 16, 30, tzinfo=UTC)
    assert i18n.money(amount, Language.EN) == i18n.money(amount, Language.ZH) == "−¥1,234,567.80"
    assert i18n.day(date(2026, 11, 3), Language.EN) == "3 Nov 2026"
    assert i18n.day(date(2026, 11, 3), Language.ZH) == "2026-11-03"
    assert i18n.instant(at, Language.ZH) == "2026-01-06 00:30:00"
    assert i18n.percent(Decimal("0.0888"), Language.EN) == "8.88%"
    assert i18n.money(None, Language.EN) == i18n.NOTHING


def test_parts_are_put_into_a_text_of_the_language() -> None:
    assert say(Language.ZH, "Contracts") == "合同"
    assert say(Language.EN, "%(number)s left", number=3) == "3 left"


def test_no_text_is_said_in_two_catalogues() -> None:
    """Of two, one would be used for both, and another desk would show it."""
    found: dict[str, list[str]] = {}
    for path in catalogues(Language.ZH):
        with path.open("rb") as file:
            for message in read_po(file):
                text = message.id if isinstance(message.id, str) else message.id[0]
                found.setdefault(text, []).append(path.name)
    assert {text: names for text, names in found.items() if text and len(names) > 1} == {}


@given(
    minor=st.integers(-(10**14), 10**14),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    language=st.sampled_from(sorted(Language)),
)
def test_values_are_written_as_babel_writes_them(minor: int, at: datetime, language: Language) -> None:
    english, name = language is Language.EN, language.locale
    money = Money(minor=minor, currency="CNY")
    written = format_decimal(abs(money.amount), format="#,##0.00", locale=name)
    assert i18n.money(money, language) == f"{'−' if minor < 0 else ''}¥{written}"
    assert i18n.number(minor, language) == format_decimal(minor, locale=name)
    assert i18n.day(at.date(), language) == format_date(at, "d MMM y" if english else "y-MM-dd", locale=name)
    form = "d MMM y, HH:mm:ss" if english else "y-MM-dd HH:mm:ss"
    assert i18n.instant(at, language) == format_datetime(at, form, tzinfo=BUSINESS_ZONE, locale=name)


def test_a_number_that_goes_on_says_so() -> None:
    assert i18n.number(Count(number=1000, capped=True), Language.ZH) == "1,000+"
    assert i18n.number(Count(number=1000), Language.EN) == "1,000"
