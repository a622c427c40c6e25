"""The watch over the loop: a plugin that holds it up is named while it still does, by a thread that is not held up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from hub.integrations import custody
from hub.integrations.custody import Watch

_LONGEST_S = 120.0


class _Told(logging.Handler):
    """Hears what is logged, and wakes whoever waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.heard = threading.Semaphore(0)

    def emit(self, record: logging.LogRecord) -> None:
        if "loop_is_held_up" in record.getMessage():
            self.lines.append(record.getMessage())
            self.heard.release()


@pytest.fixture
def told() -> Iterator[_Told]:
    handler, root = _Told(), logging.getLogger()
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)


def test_who_holds_the_loop_is_named_while_it_lasts_and_once(told: _Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custody, "STILL_S", 0.0)
    watch = Watch()
    with watch.over("psp_slow", "payments_collect"):  # this thread does nothing else until it is told of
        assert told.heard.acquire(timeout=_LONGEST_S)
        assert "psp_slow" in told.lines[0]
        assert "payments_collect" in told.lines[0]
    with watch.over("psp_other", "health"):  # the same thread goes on watching
        assert told.heard.acquire(timeout=_LONGEST_S)
    assert [line for line in told.lines if "psp_other" in line]
    assert len([line for line in told.lines if "psp_slow" in line]) == 1
