"""Money in whole minor units with its currency, and the one rounding that everybody uses.

Amounts are never floats. Rates and values in between are Decimals; they become money at one named place through
`Money.rounded`. Splitting keeps the sum: the parts are the whole.
"""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

# Minor-unit digits where they are not two. Source: ISO 4217:2015, table A.1.
_EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}


class Rounding(StrEnum):
    """How a value between two units becomes one of them."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    UP = "up"
    DOWN = "down"


_DECIMAL_ROUNDING = {
    Rounding.HALF_UP: decimal.ROUND_HALF_UP,
    Rounding.HALF_EVEN: decimal.ROUND_HALF_EVEN,
    Rounding.UP: decimal.ROUND_CEILING,
    Rounding.DOWN: decimal.ROUND_FLOOR,
}


def exponent(currency: str) -> int:
    """Digits after the point of a currency's minor unit."""
    return _EXPONENTS.get(currency, 2)


def quantize(value: Decimal, unit: Decimal, rounding: Rounding) -> Decimal:
    """Round `value` to a whole number of `unit` (0.01, 1, 10, 100 …)."""
    return (value / unit).to_integral_value(_DECIMAL_ROUNDING[rounding]) * unit


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount: `minor` whole minor units (cents, 分) of `currency` (ISO 4217, upper case)."""

    minor: int
    currency: str = "CNY"

    def __post_init__(self) -> None:
        # Money is made more often than anything else: the usual case is told apart first.
        if type(self.minor) is int and self.currency == "CNY":
            return
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise TypeError(f"minor units must be int, not {type(self.minor).__name__}")
        if len(self.currency) != 3 or not (self.currency.isalpha() and self.currency.isupper()):
            raise ValueError(f"currency must be three capital letters, not {self.currency!r}")

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str = "CNY") -> Money:
        """Exact money from major units ("12.30"); raises ValueError when the amount has a fraction of a minor unit."""
        try:
            scaled = Decimal(amount).scaleb(exponent(currency))
        except decimal.InvalidOperation:
            raise ValueError(f"{amount!r} is not an amount") from None
        if not scaled.is_finite() or scaled != scaled.to_integral_value():
            raise ValueError(f"{amount} {currency} is not a whole number of minor units")
        return cls(int(scaled), currency)

    @classmethod
    def rounded(cls, amount: Decimal, currency: str = "CNY", rounding: Rounding = Rounding.HALF_UP) -> Money:
        """Money from a Decimal in major units, rounded once to the minor unit."""
        unit = Decimal(1).scaleb(-exponent(currency))
        return cls.of(quantize(amount, unit, rounding), currency)

    @classmethod
    def zero(cls, currency: str = "CNY") -> Money:
        """Nothing, in that currency."""
        return cls(0, currency)

    @classmethod
    def total(cls, parts: Iterable[Money], currency: str = "CNY") -> Money:
        """The sum of the parts; zero in `currency` when there are none."""
        result = cls.zero(currency)
        for part in parts:
            result = result + part
        return result

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add")
        return other.minor

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.amount:,.{exponent(self.currency)}f} {self.currency}"

    def times(self, factor: Decimal, rounding: Rounding = Rounding.HALF_UP) -> Money:
        """This amount times a rate or share, rounded once to the minor unit."""
        return Money.rounded(self.amount * factor, self.currency, rounding)

    def split(self, weights: Sequence[int]) -> tuple[Money, ...]:
        """Parts in proportion to `weights` (non-negative, not all zero) that add up to the whole; the largest remainders get the odd units."""
        whole = sum(weights)
        if whole <= 0 or min(weights) < 0:
            raise ValueError("weights must be non-negative and not all zero")
        shares = [divmod(self.minor * weight, whole) for weight in weights]
        units = [share for share, _ in shares]
        short = self.minor - sum(units)
        for index in sorted(range(len(units)), key=lambda i: -shares[i][1])[:short]:
            units[index] += 1
        return tuple(Money(unit, self.currency) for unit in units)
