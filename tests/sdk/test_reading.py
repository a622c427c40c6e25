"""Answers are read exactly or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import UnknownOutcome
from hub.core.money import Money
from hub.sdk.reading import Fields, JsonObject, json_bytes, json_object, money_json

ANSWER = Fields(
    {
        "text": "x",
        "whole": 7,
        "number": "3.50",
        "flag": True,
        "at": "2026-03-05T10:00:00+08:00",
        "on": "2026-03-05",
        "money": {"minor": 5, "currency": "CNY"},
        "list": [{"a": 1}],
        "words": ["a", "b"],
        "null": None,
    }
)


def test_every_kind_is_read() -> None:
    assert (ANSWER.text("text"), ANSWER.whole("whole"), ANSWER.flag("flag")) == ("x", 7, True)
    assert ANSWER.decimal("number") == Decimal("3.50")
    assert ANSWER.instant("at") == datetime(2026, 3, 5, 2, tzinfo=UTC)
    assert ANSWER.day("on") == date(2026, 3, 5)
    assert ANSWER.money("money") == Money(5)
    assert [item.whole("a") for item in ANSWER.each("list")] == [1]
    assert ANSWER.texts("words") == ("a", "b")
    assert (ANSWER.optional_text("null"), ANSWER.optional_instant("gone"), ANSWER.optional_money("null")) == (None,) * 3


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("text", "whole"),
        ("text", "gone"),
        ("whole", "flag"),
        ("whole", "text"),
        ("decimal", "text"),
        ("flag", "whole"),
        ("instant", "on"),
        ("instant", "text"),
        ("day", "at"),
        ("money", "text"),
        ("each", "words"),
        ("texts", "list"),
        ("inner", "list"),
        ("optional_text", "whole"),
    ],
)
def test_what_is_of_another_kind_is_an_unknown_outcome(kind: str, name: str) -> None:
    with pytest.raises(UnknownOutcome):
        getattr(ANSWER, kind)(name)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_object_is_an_unknown_outcome(content: bytes) -> None:
    with pytest.raises(UnknownOutcome):
        json_object(content)


def test_the_error_is_the_readers_own() -> None:
    with pytest.raises(KeyError):
        Fields({}, KeyError).text("gone")


def test_nothing_read_shows_in_a_repr() -> None:
    assert "3.50" not in repr(ANSWER)


def test_money_is_written_in_minor_units() -> None:
    assert money_json(Money.of("3280.55")) == {"minor": 328055, "currency": "CNY"}
    assert money_json(None) is None


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_one_content_has_one_form(content: JsonObject) -> None:
    turned = dict(reversed(list(content.items())))
    assert json_bytes(content) == json_bytes(turned)
    assert json_object(json_bytes(content)) == content
