"""A library that blocks: bounded, classified, and no bother to the loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from hub.core.errors import NotSent, Rejected, UnknownOutcome
from hub.sdk.threads import BlockingCalls


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


async def test_a_result_and_an_error_come_through() -> None:
    calls = BlockingCalls(threads=1, name="vendor")

    def refuse() -> None:
        raise Rejected("no")

    assert await calls.run(1.0, "a".join, ["1", "2"]) == "1a2"
    with pytest.raises(Rejected):
        await calls.run(1.0, refuse)
    calls.close()


async def test_what_does_not_return_is_unknown_and_keeps_its_place(released: threading.Event) -> None:
    calls = BlockingCalls(threads=1, name="vendor")
    with pytest.raises(UnknownOutcome):
        await calls.run(0.02, released.wait)
    with pytest.raises(NotSent):
        await calls.run(0.02, released.wait)
    released.set()
    assert await calls.run(1.0, released.wait)
    calls.close()
