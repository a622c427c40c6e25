"""What of the money that waits in suspense is used, receipt by receipt: pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from hub.core.errors import InvalidInput, RuleBroken
from hub.core.money import Money
from hub.leasing.instalments.waterfall import Allocation


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """So much of a receipt has paid nothing yet."""

    receipt_id: UUID
    received_on: date
    money: Money


def require_waiting(waiting: Sequence[Waiting], wanted: Money) -> None:
    """Raise InvalidInput for nothing, RuleBroken for more than waits."""
    if wanted.minor <= 0:
        raise InvalidInput("amount", "must be more than nothing")
    there = Money.total(one.money for one in waiting)
    if wanted > there:
        raise RuleBroken("more_than_waits", asked=wanted, waiting=there)


def draw(waiting: Sequence[Waiting], wanted: Money) -> Iterator[Waiting]:
    """What each receipt gives to make up `wanted`, in the order in which they are named."""
    for one in waiting:
        money = min(one.money, wanted)
        if money.minor > 0:
            yield replace(one, money=money)
            wanted = wanted - money


def spread(waiting: Sequence[Waiting], allocations: Sequence[Allocation]) -> Iterator[tuple[UUID, Allocation]]:
    """Which receipt pays which allocation, or which share of it; what waits must be enough."""
    left = list(waiting)
    for allocation in allocations:
        for share in draw(left, allocation.money):
            yield share.receipt_id, replace(allocation, money=share.money)
        left = list(_after(left, allocation.money))


def _after(waiting: Sequence[Waiting], used: Money) -> Iterator[Waiting]:
    given = {one.receipt_id: one.money for one in draw(waiting, used)}
    for one in waiting:
        yield replace(one, money=one.money - given.get(one.receipt_id, Money.zero(one.money.currency)))
