"""What may go wrong at a vendor, when, and how often: scripted one by one, or chosen by a seed. Nothing is done here.

Chance is a hash of seed, operation, key and attempt: the same run fails in the same places whatever the order in
which requests arrive, and no source of randomness is needed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hub.sdk.reading import Fields, JsonObject


class Fault(StrEnum):
    """What happens to a request. `before`: the vendor has not executed it, `after`: it has."""

    CONNECTION_DROP_BEFORE = "connection_drop_before"
    CONNECTION_DROP_AFTER = "connection_drop_after"
    TIMEOUT_BEFORE_EFFECT = "timeout_before_effect"
    TIMEOUT_AFTER_EFFECT = "timeout_after_effect"
    HTTP_500_BEFORE = "http_500_before"
    HTTP_500_AFTER = "http_500_after"
    SLOW = "slow"
    GARBAGE_BODY = "garbage_body"
    WRONG_TYPE = "wrong_type"
    WRONG_CURRENCY = "wrong_currency"
    WRONG_AMOUNT = "wrong_amount"
    OTHER_REF = "other_ref"
    HUGE_BODY = "huge_body"
    EMPTY_BODY = "empty_body"
    TRUNCATED_BODY = "truncated_body"
    ENDLESS_BODY = "endless_body"
    RATE_LIMITED = "rate_limited"
    AUTH_401 = "auth_401"
    PAYMENT_402 = "payment_402"
    REDIRECT_3XX = "redirect_3xx"
    NOT_FOUND_YET = "not_found_yet"
    # To a callback rather than to a request; `operation` is `webhook`.
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    DELAY = "delay"
    DROP = "drop"
    BAD_SIGNATURE = "bad_signature"
    STALE_TIMESTAMP = "stale_timestamp"


BEFORE = frozenset(
    {
        Fault.CONNECTION_DROP_BEFORE,
        Fault.TIMEOUT_BEFORE_EFFECT,
        Fault.HTTP_500_BEFORE,
        Fault.RATE_LIMITED,
        Fault.AUTH_401,
        Fault.PAYMENT_402,
        Fault.REDIRECT_3XX,
        Fault.NOT_FOUND_YET,
    }
)
CALLBACK = frozenset(
    {
        Fault.DUPLICATE,
        Fault.REORDER,
        Fault.DELAY,
        Fault.DROP,
        Fault.BAD_SIGNATURE,
        Fault.STALE_TIMESTAMP,
    }
)
WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One scripted fault: for which operation (`*`: any), on which fields, from which matching call on, how often.

    `match` compares fields of the body (dotted for nested ones) and `key`; `times` None means always; `seconds` is
    for slow, delay and rate_limited.
    """

    operation: str
    fault: Fault
    match: Mapping[str, str] = field(default_factory=dict)
    nth: int = 1
    times: int | None = 1
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chaos:
    """Faults by chance: `rate` of the calls, equally among `faults`; `operations` empty means every one with an effect."""

    seed: int
    rate: float
    faults: tuple[Fault, ...]
    operations: frozenset[str] = frozenset()
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """The fault that a call meets, with its seconds."""

    fault: Fault
    seconds: float = 1.0


class FaultPlan:
    """Decides which fault a call meets, and counts. Kept in memory: a restarted vendor behaves."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._matched: list[int] = []
        self._chaos: Chaos | None = None
        self._attempts: Counter[tuple[str, str]] = Counter()
        self.struck: Counter[str] = Counter()

    def script(self, rules: list[Rule]) -> None:
        """Replace every scripted fault."""
        self._rules, self._matched = rules, [0] * len(rules)

    def unleash(self, chaos: Chaos | None) -> None:
        """Begin, replace or end the faults by chance."""
        self._chaos = chaos
        self._attempts.clear()

    def meet(self, operation: str, key: str, body: JsonObject, *, effect: bool) -> Struck | None:
        """The fault that this call meets, if any. Scripted ones come first."""
        found = self._scripted(operation, key, body) or self._by_chance(operation, key, effect=effect)
        if found:
            self.struck[f"{operation}:{found.fault.value}"] += 1
        return found

    def _scripted(self, operation: str, key: str, body: JsonObject) -> Struck | None:
        for index, rule in enumerate(self._rules):
            if rule.operation not in (operation, "*") or not _matches(rule, key, body):
                continue
            if (rule.fault in CALLBACK) != (operation == WEBHOOK):
                continue
            self._matched[index] += 1
            turn = self._matched[index] - rule.nth
            if turn >= 0 and (rule.times is None or turn < rule.times):
                return Struck(fault=rule.fault, seconds=rule.seconds)
        return None

    def _by_chance(self, operation: str, key: str, *, effect: bool) -> Struck | None:
        chaos = self._chaos
        if chaos is None or (operation not in chaos.operations if chaos.operations else not effect):
            return None
        faults = [fault for fault in chaos.faults if (fault in CALLBACK) == (operation == WEBHOOK)]
        attempt = self._attempts[operation, key]
        self._attempts[operation, key] += 1
        chance = hashlib.sha256(f"{chaos.seed}|{operation}|{key}|{attempt}".encode()).digest()
        if not faults or int.from_bytes(chance[:8], "big") >= chaos.rate * 2**64:
            return None
        return Struck(fault=faults[int.from_bytes(chance[8:16], "big") % len(faults)], seconds=chaos.seconds)


def rule_of(fields: Fields) -> Rule:
    """A scripted fault from JSON."""
    match = fields.inner("match").content if "match" in fields.content else {}
    times = fields.content.get("times", 1)
    return Rule(
        operation=fields.text("operation"),
        fault=_fault(fields.text("fault"), fields),
        match={name: str(value) for name, value in match.items()},
        nth=fields.whole("nth") if "nth" in fields.content else 1,
        times=None if times is None else fields.whole("times") if "times" in fields.content else 1,
        seconds=_number(fields, "seconds", 1.0),
    )


def chaos_of(fields: Fields) -> Chaos | None:
    """Faults by chance from JSON; a rate of 0 ends them."""
    rate = _number(fields, "rate", 0.0)
    if not 0 <= rate <= 1:
        raise fields.fail("rate must lie between 0 and 1")
    if rate == 0:
        return None
    return Chaos(
        seed=fields.whole("seed"),
        rate=rate,
        faults=tuple(_fault(name, fields) for name in fields.texts("faults")),
        operations=frozenset(fields.texts("operations")) if "operations" in fields.content else frozenset(),
        seconds=_number(fields, "seconds", 1.0),
    )


def _matches(rule: Rule, key: str, body: JsonObject) -> bool:
    return all(wanted == (key if name == "key" else _at(body, name)) for name, wanted in rule.match.items())


def _at(body: JsonObject, dotted: str) -> str:
    found: object = body
    for name in dotted.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return str(found)


def _fault(name: str, fields: Fields) -> Fault:
    try:
        return Fault(name)
    except ValueError:
        raise fields.fail(f"fault {name!r} is none of {', '.join(Fault)}") from None


def _number(fields: Fields, name: str, default: float) -> float:
    value = fields.content.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise fields.fail(f"{name} is not a number")
    return float(value)
