"""A plugin's own code on the event loop, under guard: one that holds the loop up is named, one that goes on for ever is left.

A coroutine is driven step by step in the task of whoever awaits it. Between two steps everybody else has their turn; a
single step that takes too long keeps them all waiting, and nothing can end it. It is logged and counted when it is
over, and by a thread that watches the loop while it lasts, so that a process which stands still says whose fault it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from typing import Any, TypeVar

from hub.infra import meters
from hub.infra.logs import logger

_T = TypeVar("_T")

TOO_LONG_S = 0.25  # one step that nobody but the plugin had a turn in
STILL_S = 5.0
GRACE_S = 1.0  # for a plugin to put things in order once its time is up


class Watch:
    """Knows which plugin has the loop just now, and names one that does not give it back."""

    def __init__(self) -> None:
        self._inside: tuple[str, str, float] | None = None
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def over(self, instance: str, hook: str) -> Iterator[None]:
        """A piece of the plugin's code runs until the block ends."""
        began = self.begin(instance, hook)
        try:
            yield
        finally:
            self.end(instance, hook, began)

    def begin(self, instance: str, hook: str) -> float:
        """A piece of the plugin's code begins; gives the monotonic seconds for `end`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="leasehub-watch", daemon=True)
            self._thread.start()
        began = time.monotonic()
        self._inside = (instance, hook, began)
        return began

    def end(self, instance: str, hook: str, began: float) -> None:
        """It has given the loop back."""
        self._inside = None
        if (took_s := time.monotonic() - began) > TOO_LONG_S:
            meters.loop_held_up(instance, took_s)
            logger("plugins").warning("loop_held_up", instance=instance, hook=hook, seconds=round(took_s, 3))

    def _look(self) -> None:
        told: tuple[str, str, float] | None = None
        while True:
            time.sleep(1.0)
            inside = self._inside
            if inside is None or inside == told or time.monotonic() - inside[2] < STILL_S:
                continue
            told = inside
            logger("plugins").warning("loop_is_held_up", instance=inside[0], hook=inside[1])


WATCH = Watch()


class Driven:
    """A plugin's coroutine; awaiting it drives it in the task of whoever does.

    One that is called off has `GRACE_S` to come to its end. What still waits then is left where it is.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, _T], instance: str, hook: str) -> None:
        self._coroutine = coroutine
        self._instance = instance
        self._hook = hook
        self._insisted = False

    def __await__(self) -> Generator[Any, Any, Any]:
        send, throw = self._coroutine.send, self._coroutine.throw
        called_off: asyncio.CancelledError | None = None
        patience: asyncio.TimerHandle | None = None
        try:
            wanted = self._step(send, None)
            while True:
                try:
                    given = yield wanted
                except asyncio.CancelledError as cancelled:
                    if called_off is not None:
                        self._leave()
                        raise called_off from None
                    called_off = cancelled
                    patience = self._wait_for_its_end()
                    wanted = self._step(throw, cancelled)
                except BaseException as error:
                    wanted = self._step(throw, error)
                else:
                    wanted = self._step(send, given)
        except StopIteration as done:
            return done.value
        finally:
            if patience is not None:
                patience.cancel()

    def _step(self, move: Callable[[Any], Any], value: object) -> object:
        began = WATCH.begin(self._instance, self._hook)  # no context manager: this runs for every step of every call
        try:
            return move(value)
        finally:
            WATCH.end(self._instance, self._hook, began)

    def _wait_for_its_end(self) -> asyncio.TimerHandle:
        task = asyncio.current_task()
        assert task is not None, "awaited in a task"
        return asyncio.get_running_loop().call_later(GRACE_S, self._insist, task)

    def _insist(self, task: asyncio.Task[Any]) -> None:
        self._insisted = True
        task.cancel()

    def _leave(self) -> None:
        """It had its time and does not listen: nobody waits for it any more."""
        task = asyncio.current_task()
        if self._insisted and task is not None:
            task.uncancel()  # that cancellation was ours and has done its work
        logger("plugins").warning("left_behind", instance=self._instance, hook=self._hook)
        with contextlib.suppress(BaseException):  # it may not even listen to this
            self._step(lambda _: self._coroutine.close(), None)
