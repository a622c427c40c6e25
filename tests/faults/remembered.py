"""What the hub's own pure rules made of a rent before, for the simulation: thousands of leases have the same nights.

A rent is a frozen value, and the close of a day is a function of it alone, so that the second answer is the first. The
values are told apart by identity, which is cheap; whoever is remembered is kept, so that no identity is given twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar

from hub.leasing.instalments import night
from hub.leasing.instalments.rules import Instalment, PenaltyTerms

_MOST = 100_000
_K, _V = TypeVar("_K"), TypeVar("_V")


@dataclass(slots=True)
class Remembered:
    """The answers of one run of seeds. A mutant of the rules needs one of its own."""

    _closed: dict[tuple[int, date, bool], tuple[Instalment, night.Closed]] = field(default_factory=dict)
    _changed: dict[tuple[object, ...], tuple[Instalment, Instalment]] = field(default_factory=dict)

    def close_day(self, rent: Instalment, terms: PenaltyTerms, day: date, *, may_charge: bool) -> night.Closed:
        """The close of a day, by the hub."""
        key = (id(rent), day, may_charge)
        known = self._closed.get(key)
        if known is None:
            known = rent, night.close_day(rent, terms, day, may_charge=may_charge)
            _keep(self._closed, key, known)
        return known[1]

    def changed(self, rent: Instalment, **fields: object) -> Instalment:
        """The rent with other values in some fields."""
        key = (id(rent), *fields.items())
        known = self._changed.get(key)
        if known is None:
            known = rent, replace(rent, **fields)  # type: ignore[arg-type]
            _keep(self._changed, key, known)
        return known[1]


def _keep(answers: dict[_K, _V], key: _K, value: _V) -> None:
    if len(answers) >= _MOST:
        answers.clear()
    answers[key] = value
