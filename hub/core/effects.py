"""What an operation does to the world; retry, failover, write-ahead and reconcile are derived from this alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Effect(StrEnum):
    """The six effects an operation of the contract can have."""

    READ = "read"
    REGULATED_READ = "regulated_read"  # a hard credit pull leaves a mark on a person's file
    NOTIFY = "notify"
    LEGAL = "legal"
    MONEY = "money"
    PHYSICAL = "physical"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRules:
    """What the executor may do with an operation of this effect.

    `intent_first`: the intent row is committed before the send. `repeat_unknown`: an unknown outcome may be sent
    again and may fail over by machine. `reconciled`: an unknown outcome is queried until it is known.
    """

    intent_first: bool
    repeat_unknown: bool
    reconciled: bool


RULES: dict[Effect, EffectRules] = {
    Effect.READ: EffectRules(intent_first=False, repeat_unknown=True, reconciled=False),
    Effect.NOTIFY: EffectRules(intent_first=True, repeat_unknown=False, reconciled=True),
    Effect.REGULATED_READ: EffectRules(intent_first=True, repeat_unknown=False, reconciled=True),
    Effect.LEGAL: EffectRules(intent_first=True, repeat_unknown=False, reconciled=True),
    Effect.MONEY: EffectRules(intent_first=True, repeat_unknown=False, reconciled=True),
    Effect.PHYSICAL: EffectRules(intent_first=True, repeat_unknown=False, reconciled=True),
}
