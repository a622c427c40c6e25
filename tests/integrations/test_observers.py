"""Observers: isolated one by one, never in anybody's way, and counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import pytest

from hub.core.events import HubStarted
from hub.integrations.observers import Observer, Tally

EVENT = HubStarted(generation=1, instances=())


class Log:
    """Hands on what is logged."""

    def __init__(self) -> None:
        self.lines: SimpleQueue[str] = SimpleQueue()

    def info(self, event: str, **fields: object) -> None:
        self.lines.put(f"{event} {sorted(fields.items())}")

    warning = info


@contextmanager
def watching(hook: object, *, name: str = "watcher", queue_length: int = 10) -> Iterator[tuple[Observer, Log]]:
    log = Log()
    observer = Observer(name, {"hub_started": hook}, log, queue_length=queue_length)  # type: ignore[dict-item]
    try:
        yield observer, log
    finally:
        observer.stop()


def test_events_arrive_in_their_order_in_another_thread() -> None:
    seen: SimpleQueue[object] = SimpleQueue()
    with watching(lambda event: seen.put((event, threading.current_thread().name))) as (observer, _):
        for number in range(3):
            observer.tell("hub_started", number)
        assert [seen.get(timeout=120) for _ in range(3)] == [(number, "observer-watcher") for number in range(3)]


def test_a_hook_that_it_lacks_starts_nothing() -> None:
    with watching(lambda event: None, name="idle") as (observer, _):
        observer.tell("breaker_changed", EVENT)
        assert "observer-idle" not in [thread.name for thread in threading.enumerate()]
        assert observer.tally() == Tally(delivered=0, failed=0, dropped=0, last_error="")


@pytest.mark.parametrize("error", [ValueError("canary"), SystemExit(1), KeyboardInterrupt()])
def test_what_it_raises_is_counted_and_logged_by_kind_and_the_next_event_comes(error: BaseException) -> None:
    seen: SimpleQueue[object] = SimpleQueue()

    def hook(event: object) -> None:
        if event == "bad":
            raise error
        seen.put(event)

    with watching(hook) as (observer, log):
        observer.tell("hub_started", "bad")
        observer.tell("hub_started", "good")
        assert seen.get(timeout=120) == "good"
        line = log.lines.get(timeout=120)
        assert type(error).__name__ in line
        assert "canary" not in line
        assert observer.tally().failed == 1
        assert observer.tally().last_error == type(error).__name__


def test_one_that_hangs_holds_up_nobody_and_loses_its_own_events() -> None:
    release, seen = threading.Event(), SimpleQueue[object]()

    def hang(event: object) -> None:
        release.wait(10)

    with watching(hang, queue_length=2) as (stuck, _), watching(seen.put) as (other, _):
        for number in range(10):
            stuck.tell("hub_started", number)
            other.tell("hub_started", number)
        assert [seen.get(timeout=120) for _ in range(10)] == list(range(10))
        assert stuck.tally().dropped in (7, 8)
        release.set()


def test_a_stopped_one_ends_its_thread_even_with_a_full_queue() -> None:
    entered, release = threading.Event(), threading.Event()

    def hold(event: object) -> None:
        entered.set()
        release.wait(10)

    with watching(hold, name="held", queue_length=1) as (observer, _):
        observer.tell("hub_started", 1)
        assert entered.wait(10)
        observer.tell("hub_started", 2)
        [thread] = [thread for thread in threading.enumerate() if thread.name == "observer-held"]
        observer.stop()
        release.set()
        thread.join(10)
        assert not thread.is_alive()
        assert observer.tally().delivered == 1
