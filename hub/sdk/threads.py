"""A vendor library that blocks, made awaitable: its own few threads, a bounded wait, honest errors.

The threads belong to one instance, so that a vendor who hangs exhausts only its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from hub.core.errors import NotSent, UnknownOutcome

P = ParamSpec("P")
T = TypeVar("T")


class BlockingCalls:
    """Runs blocking functions on at most `threads` threads of its own."""

    def __init__(self, *, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)
        self._places = asyncio.Semaphore(threads)

    async def run(self, limit_s: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` on a thread and wait up to `limit_s` seconds.

        Raises NotSent when no thread came free in half that time, and UnknownOutcome when the call did not end: the
        thread cannot be stopped, so its place stays taken until the library returns.
        """
        try:
            async with asyncio.timeout(limit_s / 2):
                await self._places.acquire()
        except TimeoutError:
            raise NotSent("no thread came free") from None
        loop = asyncio.get_running_loop()
        running = self._pool.submit(function, *args, **kwargs)
        running.add_done_callback(lambda _: self._give_back(loop))
        return await self._result(running, limit_s)

    async def _result(self, running: Future[T], limit_s: float) -> T:
        waiting = asyncio.wrap_future(running)
        done, _ = await asyncio.wait({waiting}, timeout=limit_s)
        if not done:
            waiting.add_done_callback(_forget)
            raise UnknownOutcome("the vendor's library did not return in time")
        return waiting.result()

    def _give_back(self, loop: asyncio.AbstractEventLoop) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._places.release)

    def close(self) -> None:
        """Take no more calls; the running ones are left to end."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _forget(late: asyncio.Future[T]) -> None:
    """Take the late result or error off the loop's hands: reconcile finds out what happened."""
    if not late.cancelled():
        late.exception()
