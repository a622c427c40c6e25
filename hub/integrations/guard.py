"""Running what a plugin brings so that it can neither stop the hub nor keep it waiting.

An import and a factory are ordinary code and may do anything: leave the process, raise what is no Exception, or never
come back. Each runs in a thread of its own under a time limit; what came of it is a value.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Generic[_T]):
    """It came back with a value."""

    value: _T


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """It raised, whatever: a KeyboardInterrupt is its own too, the keyboard interrupts nothing but the main thread."""

    error: BaseException


@dataclass(frozen=True, slots=True, kw_only=True)
class Overran:
    """It was not back within the limit, in seconds; its thread is left behind and does not keep the process alive."""

    limit_s: float


async def within(limit_s: float, call: Callable[[], _T], *, name: str) -> Done[_T] | Raised | Overran:
    """Run `call` in a thread called `name` for at most `limit_s` seconds."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Done[_T] | Raised] = loop.create_future()

    def settle(result: Done[_T] | Raised) -> None:
        if not future.done():
            future.set_result(result)

    def run() -> None:
        result: Done[_T] | Raised
        try:
            result = Done(value=call())
        except BaseException as error:
            result = Raised(error=error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile: nobody waits any more
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        async with asyncio.timeout(limit_s):
            return await future
    except TimeoutError:
        return Overran(limit_s=limit_s)
