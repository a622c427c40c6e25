"""Telling the observers: each in a thread and a queue of its own, so that none can hold up a call or another observer.

What an observer raises is counted and logged, what it is too slow for is dropped and counted. It can watch, never
decide, and nobody waits for it.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.core.provider import Logger

_QUEUE_LENGTH = 1_000
_Hook = Callable[[object], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of the events of one observer since it was loaded. `last_error` is the kind of its last error."""

    delivered: int
    failed: int
    dropped: int
    last_error: str


class Observer:
    """One instance that watches: its hooks, its queue, its thread, which starts with the first event."""

    def __init__(
        self, name: str, hooks: Mapping[str, _Hook], logger: Logger, *, queue_length: int = _QUEUE_LENGTH
    ) -> None:
        self.name = name
        self._hooks = hooks
        self._logger = logger
        self._waiting: queue.Queue[tuple[str, object] | None] = queue.Queue(queue_length)
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._delivered = self._failed = self._dropped = 0
        self._last_error = ""

    def tell(self, hook: str, event: object) -> None:
        """Put an event into the queue, if this observer has the hook; one that finds it full is dropped."""
        if hook not in self._hooks:
            return
        try:
            self._waiting.put_nowait((hook, event))
        except queue.Full:
            self._dropped += 1
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"observer-{self.name}", daemon=True)
            self._thread.start()

    def tally(self) -> Tally:
        """The counts so far."""
        return Tally(delivered=self._delivered, failed=self._failed, dropped=self._dropped, last_error=self._last_error)

    def stop(self) -> None:
        """Let the thread end after what it is at; what still waits is not delivered."""
        self._stopping.set()
        with contextlib.suppress(queue.Full):  # then there is something in it to wake the thread
            self._waiting.put_nowait(None)

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None and not self._stopping.is_set():
            self._deliver(*item)

    def _deliver(self, hook: str, event: object) -> None:
        """Hand over one event; SystemExit and the like are the observer's failure, not the hub's end."""
        try:
            self._hooks[hook](event)
        except BaseException as error:
            self._failed += 1
            self._last_error = type(error).__name__
            self._logger.warning("observer_failed", observer=self.name, hook=hook, error=self._last_error)
        else:
            self._delivered += 1
