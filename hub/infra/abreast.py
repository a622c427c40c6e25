"""Doing the same to many things, several at once: one that goes wrong neither stops nor cuts off the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")


async def abreast(items: Iterable[_Item], work: Callable[[_Item], Awaitable[None]], *, at_once: int) -> int:
    """Do `work` to every item, at most `at_once` at a time; returns how many there were.

    What went wrong is raised together, as an ExceptionGroup, when every item has had its turn.
    """
    places = asyncio.Semaphore(at_once)

    async def one(item: _Item) -> None:
        async with places:
            await work(item)

    results = await asyncio.gather(*(one(item) for item in items), return_exceptions=True)
    failed = [result for result in results if isinstance(result, Exception)]
    if failed:
        raise ExceptionGroup(f"{len(failed)} of {len(results)} went wrong", failed)
    return len(results)
