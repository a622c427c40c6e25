"""The executor: the one way out to third parties.

It routes an ask, writes the intent down before it sends, keeps to the deadline, to the places and the pace of each
instance and to its breaker, sends again or elsewhere only where the table of the contract lets it (`verdicts`), and
writes down what came of it. Whatever a plugin does, an answer comes back; what nobody knows is UNKNOWN.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from hub.core.effects import RULES, Effect
from hub.core.errors import Conflict, InvalidInput, UnknownOutcome
from hub.core.events import BreakerChanged, ProviderCallFinished
from hub.core.hookspecs import OPERATIONS, OperationSpec
from hub.core.json import JsonValue
from hub.infra import meters
from hub.infra.crash import crash_point
from hub.infra.database import Database, in_transaction
from hub.infra.logs import correlation_id
from hub.integrations import wire
from hub.integrations.answers import Answer, Ask, CallOutcome
from hub.integrations.breaker import BreakerRules, Breakers, BreakerState
from hub.integrations.bulkhead import Bulkheads
from hub.integrations.call_book import CallBook, answer_of
from hub.integrations.courier import Courier
from hub.integrations.errands import Ended, Errand, Trip, sent_key
from hub.integrations.generation import Generation, Instance
from hub.integrations.plugins import HEALTH
from hub.integrations.registry import Registry
from hub.integrations.routing import Standing, decide
from hub.integrations.verdicts import CallState, Withheld, effect_of

__all__ = ["Answer", "Ask", "CallOutcome", "Executor"]

_LONGEST_KEY = 255


@dataclass(kw_only=True)
class Executor:
    """Makes calls for one tenant in one process: `attempts` at most and `places` at once for each instance.

    `timer` (monotonic seconds) and `sleep` are seams for tests.
    """

    database: Database
    registry: Registry
    tenant: str
    attempts: int = 3
    places: int = 32
    breaker_rules: BreakerRules = field(default_factory=BreakerRules)
    timer: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _standings: tuple[Generation, Mapping[str, Standing]] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.breakers = Breakers(timer=self.timer, rules=self.breaker_rules, changed=self._breaker_changed)
        self._courier = Courier(
            clock=self.database.clock,
            breakers=self.breakers,
            bulkheads=Bulkheads(timer=self.timer, sleep=self.sleep, places=self.places),
            timer=self.timer,
            sleep=self.sleep,
            attempts=self.attempts,
        )
        self._book = CallBook(self.database)

    async def call(self, ask: Ask) -> Answer:
        """Have a provider do what is asked; never inside a transaction.

        The same key with the same request gives the same answer and sends nothing; with another request it raises
        Conflict. A read is read anew each time: there is no effect to protect, and an old answer would be stale.
        Raises InvalidInput for an ask that cannot be made of anybody.
        """
        assert not in_transaction(), "nobody outside is called while a transaction is open"
        with self.registry.using() as generation:
            errand = self._errand(ask, generation, self._standings_of(generation))
            return await self._run(errand, generation)

    async def inquire(self, ask: Ask) -> Answer:
        """Ask a pinned instance what became of something, even one that an operator has switched off since."""
        with self.registry.using() as generation:
            errand = self._errand(ask, generation, self._standings_of(generation, even=ask.pin))
            return await self._run(errand, generation)

    async def send_again(self, ask: Ask, call_id: UUID) -> Ended:
        """Send a recorded request once more, under its key, to its instance; the caller writes down what comes of it."""
        with self.registry.using() as generation:
            errand = self._errand(ask, generation, self._standings_of(generation, even=ask.pin))
            if not errand.decision.candidates:
                return _unrouted(errand)
            return await self._courier.deliver(self._trip(errand, generation, errand.decision.candidates[0], call_id))

    def instance(self, name: str) -> Instance | None:
        """An instance of the present generation, as it stands."""
        return self.registry.current.instances.get(name)

    def offers(self, name: str | None, operation: str) -> bool:
        """Whether an instance is there that offers an operation."""
        instance = self.instance(name) if name else None
        return instance is not None and operation in instance.operations

    # Before anything is sent

    def _errand(self, ask: Ask, generation: Generation, standings: Mapping[str, Standing]) -> Errand:
        spec = _spec_of(ask)
        capability, now = spec.capability, self.database.clock.now()
        decision = decide(
            operation=ask.operation,
            facts=ask.route,
            routes=generation.routes.get(capability) if capability else None,
            standings=standings,
            breakers=self.breakers.shut(capability, generation.number),
            pin=ask.pin,
            key=str(ask.lease_id or ask.key),
        )
        effect = effect_of(spec, ask.request)
        return Errand(
            ask=ask,
            spec=spec,
            effect=effect,
            tenant=self.tenant,
            correlation_id=correlation_id() or ask.key[:80],
            request_hash=b"" if effect is Effect.READ else self._hash(ask.request),
            generation=generation.number,
            decision=decision,
            asked_at=now,
            expires_at=now + timedelta(seconds=ask.deadline_s),
            deadline=self.timer() + ask.deadline_s,
        )

    def _hash(self, request: object) -> bytes:
        """What tells whether a key is used for the same request again; a read has no such key."""
        return self.database.vault.blind_index("provider_call.request", wire.canonical(request))

    def _standings_of(self, generation: Generation, *, even: str | None = None) -> Mapping[str, Standing]:
        """What routing must know of every instance; `even` one that is switched off is taken as usable."""
        if self._standings is None or self._standings[0] is not generation:
            self._standings = generation, generation.standings
        standings = self._standings[1]
        if even is None or even not in standings or standings[even].usable:
            return standings
        bare = standings[even]
        return {
            even: Standing(usable=bool(bare.operations), reason=bare.reason, mode=bare.mode, operations=bare.operations)
        }

    def _trip(self, errand: Errand, generation: Generation, name: str, call_id: UUID | None = None) -> Trip:
        instance = generation.instances[name]
        operation = instance.operations[errand.ask.operation]
        return Trip(
            errand=errand,
            call_id=call_id or self.database.ids.new(),
            instance=instance,
            operation=operation,
            sent_key=sent_key(errand.ask.key, operation.facts),
            started_at=self.database.clock.now(),
        )

    # One ask, at one instance after the other

    async def _run(self, errand: Errand, generation: Generation) -> Answer:
        if not errand.decision.candidates:
            return await self._nobody(errand)
        if RULES[errand.effect].intent_first:
            return await self._act(errand, generation)
        return await self._read(errand, generation)

    async def _nobody(self, errand: Errand) -> Answer:
        if (stored := await self._stored(errand)) is not None:
            return stored
        call_id, ended = self.database.ids.new(), _unrouted(errand)
        await self._book.note_unrouted(call_id, errand, ended)
        return ended.answer(call_id, None)

    async def _act(self, errand: Errand, generation: Generation) -> Answer:
        """A call that changes the world: the intent is committed first, and one row at a time holds the key."""
        last = errand.decision.candidates[-1]
        for name in errand.decision.candidates:
            trip = self._trip(errand, generation, name)
            while not await self._book.open(trip):
                if (stored := await self._stored(errand)) is not None:
                    return stored
            crash_point("executor.before_send")
            try:
                ended = await self._courier.deliver(trip)
            except asyncio.CancelledError:
                await self._book.close(trip, _cut_off(trip))
                raise
            crash_point("executor.after_send")
            moves_on = ended.fail_over and name != last and self.timer() < errand.deadline
            await self._book.close(trip, ended, moves_on=moves_on)
            self._tell(trip, ended)
            if not moves_on:
                break
        return ended.answer(trip.call_id, name)

    async def _read(self, errand: Errand, generation: Generation) -> Answer:
        """A call that changes nothing: one entry when it is over, with those that were tried in vain."""
        last = errand.decision.candidates[-1]
        failed_over: list[JsonValue] = []
        for name in errand.decision.candidates:
            trip = self._trip(errand, generation, name)
            try:
                ended = await self._courier.deliver(trip)
            except asyncio.CancelledError:
                await self._book.note(trip, _cut_off(trip), failed_over)
                raise
            self._tell(trip, ended)
            if name == last or not ended.fail_over:
                break
            failed_over.append({"instance": name, "reason": ended.error_code})
        await self._book.note(trip, ended, failed_over)
        return ended.answer(trip.call_id, name)

    async def _stored(self, errand: Errand) -> Answer | None:
        """The answer of the call that holds the key; raises Conflict when that was another request."""
        if errand.effect is Effect.READ:
            return None
        call = await self._book.held(errand.ask.operation, errand.ask.key)
        if call is None:
            return None
        if call.request_hash != errand.request_hash:
            raise Conflict(f"{errand.ask.operation}: this key was used for another request")
        return answer_of(self.database.vault, call)

    # Those who watch

    def _breaker_changed(self, instance: str, capability: str, before: BreakerState, after: BreakerState) -> None:
        event = BreakerChanged(instance=instance, capability=capability, before=before, after=after)
        self.registry.observe("breaker_changed", event)

    def _tell(self, trip: Trip, ended: Ended) -> None:
        name, operation = trip.instance.name, trip.errand.ask.operation
        meters.provider_call(name, operation, ended.state.value, trip.duration_ms / 1000)
        event = ProviderCallFinished(
            call_id=trip.call_id,
            instance=name,
            operation=operation,
            outcome="ok" if ended.state in (CallState.OK, CallState.PENDING) else ended.error_code or ended.state,
            attempt=trip.attempt,
            duration_ms=trip.duration_ms,
        )
        self.registry.observe("provider_call_finished", event)


def _spec_of(ask: Ask) -> OperationSpec:
    """The specification of what is asked; raises InvalidInput when nobody can be asked that."""
    spec = OPERATIONS.get(ask.operation)
    if spec is None or spec.name == HEALTH:
        raise InvalidInput("operation", f"{ask.operation} is not an operation of the contract")
    if not isinstance(ask.request, wire.request_kind(ask.operation)):
        raise InvalidInput("request", f"{ask.operation} does not take a {type(ask.request).__name__}")
    if not 0 < len(ask.key) <= _LONGEST_KEY:
        raise InvalidInput("key", f"must have 1 to {_LONGEST_KEY} characters")
    if ask.deadline_s <= 0:
        raise InvalidInput("deadline_s", "must be positive")
    return spec


def _unrouted(errand: Errand) -> Ended:
    reasons = "; ".join(f"{skip.instance}: {skip.reason}" for skip in errand.decision.skipped)
    return Ended(state=CallState.NOT_EXECUTED, error_code="no_route", detail=reasons or errand.decision.ground)


def _cut_off(trip: Trip) -> Ended:
    """How a trip ended whose asker went away in the middle."""
    cause = UnknownOutcome("cancelled after it was sent") if trip.attempt else Withheld("cancelled before it was sent")
    return Ended.with_error(cause, trip.errand.effect)
