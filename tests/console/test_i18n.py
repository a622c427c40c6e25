"""Both languages say everything, and write money, dates and times as their readers do."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from babel.messages.pofile import read_po

from hub.console import i18n
from hub.console.i18n import Language, catalogues, chosen, say
from hub.core.money import Money
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
