"""Running foreign code: whatever it does comes back as a value."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hub.integrations.guard import Done, Overran, Raised, within


async def test_a_value_comes_back() -> None:
    assert await within(10, lambda: 7, name="seven") == Done(value=7)


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(2), GeneratorExit(), asyncio.CancelledError()])
async def test_whatever_it_raises_is_a_value(error: BaseException) -> None:
    def fail() -> None:
        raise error

    assert await within(10, fail, name="fail") == Raised(error=error)


async def test_an_interrupt_that_no_keyboard_sent_ends_nothing() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    raised = await within(10, interrupt, name="interrupt")
    assert isinstance(raised, Raised)
    assert isinstance(raised.error, KeyboardInterrupt)


async def test_who_does_not_come_back_is_left_behind_in_a_daemon_thread() -> None:
    release = threading.Event()
    assert await within(0.05, release.wait, name="late-one") == Overran(limit_s=0.05)
    [late] = [thread for thread in threading.enumerate() if thread.name == "late-one"]
    assert late.daemon
    release.set()
    late.join(10)
    assert not late.is_alive()


async def test_the_loop_goes_on_meanwhile() -> None:
    release = threading.Event()
    waiting = asyncio.create_task(within(10, release.wait, name="waiter"))
    await asyncio.sleep(0)
    release.set()
    assert await waiting == Done(value=True)
