"""The waterfall: what a receipt pays, the oldest instalment first, its parts in the product's order; pure.

A debit names the instalment that it was asked for, and pays that one before any other: were it to pay an older one whose
own debit is still under way, it would have to be asked for again, and the lessee would pay one rent twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from hub.core.ids import InstalmentId
from hub.core.money import Money
from hub.leasing.instalments.rules import Instalment


class Part(StrEnum):
    """What of an instalment is paid."""

    PENALTY = "penalty"
    INTEREST = "interest"
    PRINCIPAL = "principal"


# The house's own order, where a product says nothing else.
USUAL_ORDER = (Part.PENALTY, Part.INTEREST, Part.PRINCIPAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """So much of a receipt pays this part of this instalment."""

    instalment_id: InstalmentId
    part: Part
    money: Money


def open_part(instalment: Instalment, part: Part) -> Money:
    """What of this part is still to be paid."""
    match part:
        case Part.PENALTY:
            return instalment.penalty_left
        case Part.INTEREST:
            return instalment.interest - instalment.paid_interest
        case Part.PRINCIPAL:
            return instalment.principal - instalment.paid_principal
        case _:
            assert_never(part)


def allocate(
    received: Money,
    owed: Iterable[Instalment],
    order: Sequence[Part] = USUAL_ORDER,
    *,
    asked_for: UUID | None = None,
) -> tuple[tuple[Allocation, ...], Money]:
    """Spread a receipt over what is owed: what it was asked for, then the oldest due date first.

    Returns the allocations and what is left over.
    """
    left = received
    allocations: list[Allocation] = []
    for instalment in sorted(owed, key=lambda one: (one.id != asked_for, one.due_on, one.number)):
        for part in order:
            paid = min(left, open_part(instalment, part))
            if paid.minor > 0:
                allocations.append(Allocation(instalment_id=instalment.id, part=part, money=paid))
                left = left - paid
    return tuple(allocations), left
