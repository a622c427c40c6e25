"""Amounts in Chinese capital numerals (大写), as a contract in China writes them beside the figures: pure.

Source: 支付结算办法 (银发〔1997〕393号), 附一《正确填写票据和结算凭证的基本规定》, rules 1 to 5.
"""

from __future__ import annotations

from hub.core.money import Money, exponent

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")


def in_capitals(money: Money) -> str:
    """人民币 and the amount in capitals: 128000.50 is 人民币壹拾贰万捌仟元伍角整; raises ValueError for other money than positive yuan."""
    if money.currency != "CNY" or money.minor < 0:
        raise ValueError(f"{money} is not written in capitals")
    yuan, fen = divmod(money.minor, 10 ** exponent(money.currency))
    whole = f"{_whole(yuan)}元" if yuan else ""
    return "人民币" + (whole + _cents(fen, after_yuan=bool(yuan)) or "零元整")


def _whole(number: int) -> str:
    """A positive whole number: so many 亿, so many 万, and the rest; a gap of zeros inside is read as one 零."""
    for unit, name in ((10**8, "亿"), (10**4, "万")):
        if number >= unit:
            many, rest = divmod(number, unit)
            gap = "零" if rest < unit // 10 else ""
            return _whole(many) + name + (gap + _whole(rest) if rest else "")
    return _group(number)


def _group(group: int) -> str:
    """One to four digits, without a leading 零."""
    words, gap = "", False
    for place in reversed(range(4)):
        digit = group // 10**place % 10
        if not digit:
            gap = bool(words)
            continue
        words += ("零" if gap else "") + _DIGITS[digit] + _PLACES[place]
        gap = False
    return words


def _cents(fen: int, *, after_yuan: bool) -> str:
    """角 and 分; 整 when there are no 分."""
    jiao, rest = divmod(fen, 10)
    if not fen:
        return "整" if after_yuan else ""
    words = f"{_DIGITS[jiao]}角" if jiao else ("零" if after_yuan else "")
    return words + (f"{_DIGITS[rest]}分" if rest else "整")
