"""Amounts in capitals, against the examples of the rule and by their own grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.money import Money
from hub.leasing.signatures.capitals import in_capitals

_DIGITS = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}
_PLACES = {"拾": 10, "佰": 100, "仟": 1000}


# Source: 正确填写票据和结算凭证的基本规定, rule 4, whose examples the first five are.
@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("1409.50", "壹仟肆佰零玖元伍角整"),
        ("6007.14", "陆仟零柒元壹角肆分"),
        ("1680.32", "壹仟陆佰捌拾元叁角贰分"),
        ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
        ("325.04", "叁佰贰拾伍元零肆分"),
        ("0", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角整"),
        ("10", "壹拾元整"),
        ("10000", "壹万元整"),
        ("20300", "贰万零叁佰元整"),
        ("1000001", "壹佰万零壹元整"),
        ("100010000", "壹亿零壹万元整"),
        ("10000000000", "壹佰亿元整"),
        ("1000100000000", "壹万零壹亿元整"),
    ],
)
def test_amounts_read_as_the_rule_says(amount: str, words: str) -> None:
    assert in_capitals(Money.of(amount)) == f"人民币{words}"


@given(st.integers(min_value=1, max_value=10**16))
def test_what_is_written_reads_back_as_the_amount(fen: int) -> None:
    words = in_capitals(Money(fen)).removeprefix("人民币").removesuffix("整")
    yuan, _, rest = words.rpartition("元")
    assert "零零" not in words
    assert _whole(yuan) * 100 + _cents(rest) == fen


@pytest.mark.parametrize("money", [Money(-1), Money(100, "USD")])
def test_other_money_has_no_capitals(money: Money) -> None:
    with pytest.raises(ValueError, match="capitals"):
        in_capitals(money)


def _whole(words: str) -> int:
    total = section = digit = 0
    for word in words:
        if word in _DIGITS:
            digit = _DIGITS[word]
        elif word in _PLACES:
            section, digit = section + digit * _PLACES[word], 0
        elif word == "万":
            total, section, digit = total + (section + digit) * 10_000, 0, 0
        else:
            total, section, digit = (total + section + digit) * 10**8, 0, 0
    return total + section + digit


def _cents(words: str) -> int:
    jiao, _, fen = words.rpartition("角")
    digits = [_DIGITS[word] for word in (jiao or "零") + (fen.strip("零分") or "零")]
    return digits[0] * 10 + digits[1]
