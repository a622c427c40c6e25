"""Bulkheads: so many places at each provider and so many calls a second, so that a slow one delays nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hub.integrations.verdicts import Withheld


@dataclass(kw_only=True)
class Bulkheads:
    """Places at every instance of this process. `places` at once, `queue` more may wait, none longer than `wait_s`."""

    timer: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    places: int = 32
    queue: int = 256
    wait_s: float = 5.0

    def __post_init__(self) -> None:
        self._places: dict[str, asyncio.Semaphore] = {}
        self._waiting: dict[str, int] = {}
        self._free_at: dict[tuple[str, str], float] = {}

    async def enter(self, instance: str, *, within_s: float) -> None:
        """Take a place; raises Withheld when none becomes free in time, or too many wait already."""
        places = self._places.get(instance)
        if places is None:
            places = self._places[instance] = asyncio.Semaphore(self.places)
        if not places.locked():
            await places.acquire()
            return
        waiting = self._waiting.get(instance, 0)
        if waiting >= self.queue:
            raise Withheld(f"{waiting} calls wait for {instance} already")
        self._waiting[instance] = waiting + 1
        try:
            async with asyncio.timeout(min(within_s, self.wait_s)):
                await places.acquire()
        except TimeoutError:
            raise Withheld(f"no free place at {instance}") from None
        finally:
            self._waiting[instance] -= 1

    def leave(self, instance: str) -> None:
        """Give the place back."""
        self._places[instance].release()

    async def pace(self, instance: str, operation: str, rate: float, *, within_s: float) -> None:
        """Wait for this call's turn at `rate` calls a second; raises Withheld when that is past `within_s`.

        Source: the generic cell rate algorithm, ITU-T I.371, with one second's worth of burst.
        """
        now, key = self.timer(), (instance, operation)
        free_at = max(self._free_at.get(key, 0.0), now)
        wait_s = free_at - now - 1.0 + 1.0 / rate
        if wait_s > within_s:
            raise Withheld(f"{operation} is limited to {rate:g} calls a second")
        self._free_at[key] = free_at + 1.0 / rate
        if wait_s > 0:
            await self.sleep(wait_s)
