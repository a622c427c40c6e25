"""The courier: takes one errand to one instance and comes back with how it ended, whatever the plugin does there.

Breaker, places, pace, deadline, attempts: all of them within the one instance. Where else to go, and what is written
down, is the executor's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from hub.core.errors import ProviderError, RateLimited, UnknownOutcome
from hub.core.provider import CallContext, Clock, Health
from hub.infra.tracing import span
from hub.integrations import wire
from hub.integrations.breaker import Breaker, Breakers, BreakerState
from hub.integrations.bulkhead import Bulkheads
from hub.integrations.custody import Driven
from hub.integrations.errands import Ended, Trip
from hub.integrations.plugins import HEALTH, shown
from hub.integrations.verdicts import Mark, Withheld, conduct, is_about

_PROBE_S = 5.0
_BACKOFF_S, _LONGEST_BACKOFF_S = 0.2, 2.0
# A provider that asked for quiet is tried again just after, not just before, its breaker lets calls through.
_AFTER_QUIET_S = 0.01


@dataclass(kw_only=True)
class Courier:
    """Goes to instances for one process. `attempts` at most per trip, the first included."""

    clock: Clock
    breakers: Breakers
    bulkheads: Bulkheads
    timer: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    attempts: int

    async def deliver(self, trip: Trip) -> Ended:
        """Make the trip; only a cancellation of the asker gets out as an exception."""
        name, operation = trip.instance.name, trip.errand.ask.operation
        with span(f"provider {operation}", leasehub__instance=name, leasehub__operation=operation) as one:
            ended = await self._timed(trip)
            one.note("leasehub.outcome", ended.state.value)
            one.note("leasehub.attempts", trip.attempt)
            return ended

    async def _timed(self, trip: Trip) -> Ended:
        started = self.timer()
        try:
            return Ended.with_result(await self._first(trip), plain_read=trip.errand.plain_read)
        except ProviderError as error:
            return Ended.with_error(error, trip.errand.effect)
        finally:
            trip.duration_ms = (self.timer() - started) * 1000
            trip.finished_at = self.clock.now()

    async def _first(self, trip: Trip) -> object:
        """The first attempt, with nothing of the machinery for the others around it."""
        try:
            return await self._attempt(trip)
        except ProviderError as error:
            if not conduct(error, trip.errand.effect).retry:
                raise
            return await self._others(trip, error)

    async def _others(self, trip: Trip, first: ProviderError) -> object:
        """The attempts after the first, which are as many and as far apart as its error and the deadline allow."""
        made = [first]

        async def attempt() -> object:
            if made:
                raise made.pop()
            return await self._attempt(trip)

        def again(error: BaseException) -> bool:
            return isinstance(error, ProviderError) and conduct(error, trip.errand.effect).retry

        def enough(state: RetryCallState) -> bool:
            late = self.timer() + state.upcoming_sleep >= trip.errand.deadline
            return late or state.attempt_number >= self.attempts

        retrying = AsyncRetrying(
            retry=retry_if_exception(again), wait=self._pause, stop=enough, sleep=self.sleep, reraise=True
        )
        result: object = await retrying(attempt)
        return result

    def _pause(self, state: RetryCallState) -> float:
        """Seconds before the next attempt: what the provider asked for, or a little longer each time."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited):
            asked = self.breakers.rules.cooldown_s if error.retry_after_s is None else error.retry_after_s
            return max(asked, 0.0) + _AFTER_QUIET_S
        return min(_BACKOFF_S * float(2 ** (state.attempt_number - 1)), _LONGEST_BACKOFF_S)

    async def _attempt(self, trip: Trip) -> object:
        """One send, if breaker, places, pace and time allow it; raises ProviderError."""
        await self._pass_breaker(trip)
        instance, facts = trip.instance.name, trip.operation.facts
        await self.bulkheads.enter(instance, within_s=self._left(trip))
        try:
            if facts.rate_limit:
                operation = trip.errand.ask.operation
                await self.bulkheads.pace(instance, operation, facts.rate_limit, within_s=self._left(trip))
            return await self._send(trip)
        finally:
            self.bulkheads.leave(instance)

    async def _send(self, trip: Trip) -> object:
        seconds = min(self._left(trip), trip.operation.facts.max_timeout_s)
        trip.attempt += 1
        context = self._context(trip, seconds)
        try:
            result = await contained(
                trip.operation.call(trip.errand.ask.request, context),
                seconds,
                instance=trip.instance.name,
                hook=trip.errand.ask.operation,
            )
            checked, trip.answered = wire.checked(trip.errand.ask.operation, result)
            if not is_about(checked, trip.errand.ask.request):
                raise UnknownOutcome("the answer is about something else")
        except ProviderError as error:
            self._mark(trip, error)
            raise
        self._move(trip, lambda breaker, now: breaker.succeeded())
        return checked

    def _left(self, trip: Trip) -> float:
        """Seconds until the deadline; raises Withheld when there are none."""
        seconds = trip.errand.deadline - self.timer()
        if seconds <= 0:
            raise Withheld("the deadline has passed")
        return seconds

    def _context(self, trip: Trip, seconds: float) -> CallContext:
        errand = trip.errand
        return CallContext(
            tenant=errand.tenant,
            branch=errand.branch,
            lease_id=errand.lease_id,
            correlation_id=errand.correlation_id,
            idempotency_key=trip.sent_key,
            deadline=self.clock.now() + timedelta(seconds=seconds),
            mode=trip.instance.mode,
            attempt=trip.attempt,
        )

    async def _pass_breaker(self, trip: Trip) -> None:
        """Go through, or raise Withheld; the first caller after a rest asks after the provider's health."""
        capability, generation = trip.errand.spec.capability, trip.errand.generation
        match self.breakers.state(trip.instance.name, capability, generation):
            case BreakerState.CLOSED:
                return
            case BreakerState.OPEN:
                raise Withheld(f"the breaker of {trip.instance.name} is open")
            case BreakerState.HALF_OPEN:
                if not await self._healthy(trip):
                    raise Withheld(f"{trip.instance.name} is not healthy yet")

    async def _healthy(self, trip: Trip) -> bool:
        """Ask after the provider's health, while everybody else keeps away; the breaker closes or rests again."""
        breaker = self.breakers.of(trip.instance.name, trip.errand.spec.capability)
        breaker.probing, healthy = True, False
        try:
            seconds = min(self._left(trip), _PROBE_S)
            asked = trip.instance.operations[HEALTH].call(None, self._context(trip, seconds))
            health = await contained(asked, seconds, instance=trip.instance.name, hook=HEALTH)
            healthy = isinstance(health, Health) and health.healthy
        except ProviderError:
            healthy = False
        finally:
            breaker.probing = False
            self._move(trip, lambda moved, now: moved.succeeded() if healthy else moved.trip(now))
        return healthy

    def _mark(self, trip: Trip, error: ProviderError) -> None:
        match conduct(error, trip.errand.effect).mark:
            case Mark.FAILURE:
                self._move(trip, lambda breaker, now: breaker.failed(now))
            case Mark.COOLDOWN:
                wait_s = error.retry_after_s if isinstance(error, RateLimited) else None
                self._move(trip, lambda breaker, now: breaker.cool_down(now, wait_s))
            case Mark.LOCK:
                self._move(trip, lambda breaker, now: breaker.lock(trip.errand.generation))
            case Mark.NOTHING:
                pass

    def _move(self, trip: Trip, move: Callable[[Breaker, float], None]) -> None:
        self.breakers.tell(trip.instance.name, trip.errand.spec.capability, trip.errand.generation, move)


async def contained(call: Coroutine[Any, Any, object], seconds: float, *, instance: str, hook: str) -> object:
    """Await a plugin's own code for at most `seconds`; whatever it raises becomes a ProviderError.

    It is awaited here and not in a task of its own, out of which a SystemExit would stop the event loop. The keyboard
    interrupts the loop and never a plugin, so that a KeyboardInterrupt is the plugin's own like anything else.
    """
    try:
        async with asyncio.timeout(seconds):
            return await Driven(call, instance, hook)
    except ProviderError:
        raise
    except TimeoutError:
        raise UnknownOutcome(f"no answer within {seconds:.3g} s") from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise UnknownOutcome("the plugin cancelled itself") from None
    except BaseException as error:
        raise UnknownOutcome(shown(error)) from error
