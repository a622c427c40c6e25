"""Cells say what they are given, escaped, in either language; a word that two enumerations share keeps its own name."""

from __future__ import annotations

from datetime import date

import pytest

from hub.console.cells import Cells
from hub.console.i18n import Language
from hub.core.money import Money
from hub.infra.records import StaffState
from hub.leasing.contracts.rules import ContractState

EN, ZH = Cells(Language.EN), Cells(Language.ZH)
NASTY = "<script>\"&'"
ESCAPED = "&lt;script&gt;&#34;&amp;&#39;"


@pytest.mark.parametrize("look", ["text", "name", "code", "long", "written", "word", "state"])
def test_whatever_is_drawn_is_escaped(look: str) -> None:
    for cells in (EN, ZH):
        drawn = str(cells.value(NASTY, look))
        assert ESCAPED.lower() in drawn.lower()
        assert "<script" not in drawn.lower()


def test_where_it_leads_is_escaped() -> None:
    assert str(EN.linked("x", "code", f"/a?b={NASTY}")) == f'<a href="/a?b={ESCAPED}"><span class="code">x</span></a>'
    assert str(EN.linked("x", "code", None)) == '<span class="code">x</span>'


@pytest.mark.parametrize("look", ["money", "day", "state", "words", "name"])
@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_is_a_dash_never_a_nought(look: str, nothing: str | None) -> None:
    assert str(EN.value(nothing, look)) == '<span class="nothing">–</span>'
    assert str(EN.value(frozenset(), "words")) == '<span class="nothing">–</span>'


def test_values_and_words_in_the_readers_language() -> None:
    assert str(EN.value(Money.of("1234.5"), "money")) == '<span class="amount">¥1,234.50</span>'
    assert str(ZH.value(date(2026, 1, 5), "day")) == '<time datetime="2026-01-05">2026-01-05</time>'
    assert str(EN.badge(ContractState.ACTIVE)) == '<span class="badge ok">Active</span>'
    assert str(EN.badge(StaffState.ACTIVE)) == '<span class="badge ok">At work</span>'
    assert str(EN.badge(ContractState.ACTIVE)) == '<span class="badge ok">Active</span>', "each keeps its own"
    assert str(EN.value({ContractState.SIGNED, ContractState.ACTIVE}, "words")) == "Active, Signed"
    assert str(ZH.value(ContractState.SIGNED, "word")) != "Signed"
