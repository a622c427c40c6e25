"""Breakers and bulkheads on a clock of their own."""

from __future__ import annotations

import asyncio

import pytest

from hub.core.provider import Capability
from hub.integrations.breaker import Breaker, BreakerRules, Breakers, BreakerState
from hub.integrations.bulkhead import Bulkheads
from hub.integrations.verdicts import Withheld
from tests.integrations.fakes import FakeTime

PAY = Capability.PAYMENTS


def _breaker(**rules: float) -> Breaker:
    return Breaker(rules=BreakerRules(**rules))  # type: ignore[arg-type]


def test_it_opens_by_ratio_once_enough_calls_were_seen() -> None:
    breaker = _breaker(least=4, ratio=0.5)
    for _ in range(3):
        breaker.failed(0)
    assert breaker.state(0, 1) is BreakerState.CLOSED
    breaker.failed(0)
    assert breaker.state(0, 1) is BreakerState.OPEN


def test_a_few_failures_among_many_successes_do_not_open_it() -> None:
    breaker = _breaker()
    for number in range(100):
        breaker.failed(0) if number % 3 == 0 else breaker.succeeded()
    assert breaker.state(0, 1) is BreakerState.CLOSED


def test_after_its_rest_it_is_half_open_and_one_success_closes_it() -> None:
    breaker = _breaker(rest_s=30)
    breaker.trip(100)
    assert breaker.state(129, 1) is BreakerState.OPEN
    assert breaker.state(130, 1) is BreakerState.HALF_OPEN
    breaker.probing = True
    assert breaker.state(130, 1) is BreakerState.OPEN  # for everybody but the one who asks
    breaker.succeeded()
    assert breaker.state(130, 1) is BreakerState.CLOSED


def test_a_lock_ends_with_the_next_generation_only() -> None:
    breaker = _breaker()
    breaker.lock(7)
    assert breaker.state(1e9, 7) is BreakerState.OPEN
    assert breaker.state(0, 8) is BreakerState.CLOSED


def test_a_cooldown_ends_by_itself_and_a_shorter_one_does_not_shorten_it() -> None:
    breaker = _breaker(cooldown_s=1)
    breaker.cool_down(0, 10)
    breaker.cool_down(0, None)
    assert breaker.state(9.9, 1) is BreakerState.OPEN
    assert breaker.state(10, 1) is BreakerState.CLOSED


def test_moves_are_told_once_and_capabilities_are_apart() -> None:
    time, told = FakeTime(), []
    breakers = Breakers(timer=time.timer, changed=lambda *move: told.append(move))
    breakers.tell("psp", PAY, 1, lambda breaker, now: breaker.trip(now))
    breakers.tell("psp", PAY, 1, lambda breaker, now: breaker.trip(now))
    assert told == [("psp", "payments", BreakerState.CLOSED, BreakerState.OPEN)]
    assert breakers.shut(PAY, 1) == {"psp": "open"}
    assert breakers.shut(Capability.SMS, 1) == {}
    assert breakers.state("psp", Capability.SMS, 1) is BreakerState.CLOSED


async def test_a_full_bulkhead_lets_wait_and_then_refuses() -> None:
    bulkheads = Bulkheads(timer=FakeTime().timer, sleep=asyncio.sleep, places=1, queue=1)
    await bulkheads.enter("psp", within_s=1)
    await bulkheads.enter("other", within_s=1)  # another's places are not touched
    waiting = asyncio.create_task(bulkheads.enter("psp", within_s=1))
    await asyncio.sleep(0)
    with pytest.raises(Withheld, match="wait for psp already"):
        await bulkheads.enter("psp", within_s=1)
    bulkheads.leave("psp")
    await waiting
    with pytest.raises(Withheld, match="no free place"):
        await bulkheads.enter("psp", within_s=0.01)


async def test_calls_are_paced_after_a_burst_of_one_second() -> None:
    time = FakeTime()
    bulkheads = Bulkheads(timer=time.timer, sleep=time.sleep)
    for _ in range(10):
        await bulkheads.pace("psp", "payments_collect", 5.0, within_s=10)
    assert time.now == pytest.approx(1001.0)  # five at once, five in the second after
    with pytest.raises(Withheld, match="limited to 5 calls"):
        await bulkheads.pace("psp", "payments_collect", 5.0, within_s=0.1)
