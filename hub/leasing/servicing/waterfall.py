"""The waterfall: which part of what a receipt pays, oldest instalment first; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hub.core.ids import InstalmentId
from hub.core.money import Money
from hub.leasing.servicing.rules import Instalment


class Part(StrEnum):
    """What of an instalment is paid, in the order in which it is paid."""

    PENALTY = "penalty"
    INTEREST = "interest"
    PRINCIPAL = "principal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """So much of a receipt pays this part of this instalment."""

    instalment_id: InstalmentId
    part: Part
    money: Money


def _open_parts(instalment: Instalment) -> tuple[tuple[Part, Money], ...]:
    return (
        (Part.PENALTY, instalment.penalty_left),
        (Part.INTEREST, instalment.interest - instalment.paid_interest),
        (Part.PRINCIPAL, instalment.principal - instalment.paid_principal),
    )


def allocate(received: Money, owed: Iterable[Instalment]) -> tuple[tuple[Allocation, ...], Money]:
    """Spread a receipt over what is owed, oldest due date first; returns the allocations and what is left over."""
    left = received
    allocations: list[Allocation] = []
    for instalment in sorted(owed, key=lambda one: (one.due_on, one.number)):
        for part, open_money in _open_parts(instalment):
            paid = min(left, open_money)
            if paid.minor > 0:
                allocations.append(Allocation(instalment_id=instalment.id, part=part, money=paid))
                left = left - paid
    return tuple(allocations), left
