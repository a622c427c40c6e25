"""What a check is: an id that never changes, a tier, a sentence that must hold, and the reason why it must."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from hub.testing.kit.bench import Bench

Run = Callable[[Bench], Awaitable[None]]


class Tier(StrEnum):
    """How far a plugin can be trusted; each tier includes the ones before."""

    BRONZE = "bronze"  # it says honestly what it is, and gives what the types promise
    SILVER = "silver"  # every failure ends in the one error that says what is known; callbacks are believed rightly
    GOLD = "gold"  # nothing is done twice, lost or told to strangers, also when the vendor misbehaves


class Where(StrEnum):
    """On which roads a check is run."""

    INSIDE = "inside"  # inside the process: nothing in it depends on a transport
    EVERYWHERE = "everywhere"  # and on every transport that the hub can choose
    SOCKETS = "sockets"  # on the transports alone: inside the process there is nothing to wait for


class NotApplicable(Exception):
    """This plugin offers nothing that the check could look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check; `where` says on which roads it is run."""

    id: str
    tier: Tier
    sentence: str
    reason: str
    where: Where
    run: Run = field(repr=False)


def check(id_: str, tier: Tier, reason: str, *, where: Where = Where.INSIDE) -> Callable[[Run], Check]:
    """Make a check of a function; its docstring is the sentence that must hold."""

    def made(run: Run) -> Check:
        sentence = " ".join((run.__doc__ or "").split())
        return Check(id=id_, tier=tier, sentence=sentence, reason=reason, where=where, run=run)

    return made


def require(holds: bool, otherwise: str) -> None:
    """Fail the check with this sentence unless it holds."""
    if not holds:
        raise AssertionError(otherwise)
