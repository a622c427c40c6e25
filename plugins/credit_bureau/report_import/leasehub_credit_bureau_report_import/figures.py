"""What somebody has read in a report, and keyed: checked when it is keyed, and again when it is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation

from hub.core.money import Money
from hub.core.ports import require

# What a person may say of a report beside its numbers, in the words that the hub's rule sets know.
REASONS = frozenset({"court_enforcement", "fraud", "identity_mismatch"})
_BAND = re.compile(r"[A-Za-z0-9+-]{1,20}")
_MOST = 10**9
_COUNTS = ("open_overdue_count", "inquiries_6m", "guarantees")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The keyed figures of a report; None is what the report does not say.

    `overdue_amount` in major units with two places, `debt_ratio` as a fraction, both as texts.
    """

    score: int | None = None
    band: str | None = None
    open_overdue_count: int | None = None
    overdue_amount: str | None = None
    inquiries_6m: int | None = None
    guarantees: int | None = None
    debt_ratio: str | None = None
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("score", *_COUNTS):
            count = getattr(self, name)
            whole = count is None or (isinstance(count, int) and not isinstance(count, bool) and 0 <= count < _MOST)
            require(whole, name, "is not a whole number from 0")
        require(self.band is None or _matches(_BAND, self.band), "band", "is not a short word")
        require(_amount(self.overdue_amount), "overdue_amount", "is not an amount like 1234.50")
        require(_ratio(self.debt_ratio), "debt_ratio", "is not a fraction like 0.35")
        known = isinstance(self.reasons, tuple) and set(self.reasons) <= REASONS
        require(known, "reasons", f"must be among {', '.join(sorted(REASONS))}")

    @property
    def overdue(self) -> bool:
        """Whether something is overdue now, by either figure."""
        return bool(self.open_overdue_count) or bool(self.overdue_amount and Decimal(self.overdue_amount))

    def content(self) -> dict[str, object]:
        """What is written down: only what the report says."""
        told = asdict(self) | {"reasons": list(self.reasons)}
        return {name: value for name, value in told.items() if value is not None and value != []}

    def facts(self) -> Mapping[str, str]:
        """The figures by name, as the hub keeps them."""
        told = self.content()
        return {name: str(told[name]) for name in ("band", *_COUNTS, "overdue_amount", "debt_ratio") if name in told}


def figures_of(content: Mapping[str, object]) -> Figures:
    """Figures as they were written down; raises ValueError for anything else."""
    reasons = content.get("reasons", [])
    require(isinstance(reasons, list) and all(isinstance(one, str) for one in reasons), "reasons", "is not a list")
    try:
        return Figures(**{**content, "reasons": tuple(reasons)})  # type: ignore[arg-type]
    except TypeError:
        raise ValueError("figures: one of them is not known") from None


def _matches(shape: re.Pattern[str], text: object) -> bool:
    return isinstance(text, str) and bool(shape.fullmatch(text))


def _amount(text: object) -> bool:
    return text is None or _holds(text, lambda told: Money.of(told).minor >= 0)


def _ratio(text: object) -> bool:
    return text is None or _holds(text, lambda told: 0 <= Decimal(told) < 1000)


def _holds(text: object, rule: Callable[[str], bool]) -> bool:
    plain = _matches(re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?"), text)
    try:
        return plain and rule(str(text))
    except (ValueError, InvalidOperation):
        return False
