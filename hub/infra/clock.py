"""The one place that reads the system's clock and chance; everybody else is handed them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.core.provider import Clock

BUSINESS_ZONE = ZoneInfo("Asia/Shanghai")  # A leasing company's day; the zone is a setting of the company later.


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC)


def business_date(clock: Clock, zone: ZoneInfo = BUSINESS_ZONE) -> date:
    """The company's calendar day at this instant."""
    return clock.now().astimezone(zone).date()


class Ids:
    """Makes UUIDv7 identifiers that always rise, from a clock and a source of random bytes.

    Within one millisecond, or when the clock stands or goes back, the random part is counted up by a random step.
    Source: RFC 9562, sections 5.7 and 6.2 (method 2).
    """

    def __init__(self, clock: Clock, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._random = random_bytes
        self._last = (0, 0)

    def new(self) -> UUID:
        """A fresh identifier, greater than every one before it of this process."""
        millis = int(self._clock.now().timestamp() * 1000)
        chance = int.from_bytes(self._random(10), "big")
        last_millis, last_tail = self._last
        tail = chance & _TAIL
        if millis <= last_millis:
            millis, tail = last_millis, last_tail + 1 + (chance & _STEP)
            if tail > _TAIL:
                millis, tail = millis + 1, chance & _STEP
        self._last = millis, tail
        high, low = tail >> 62, tail & ((1 << 62) - 1)
        return UUID(int=(millis & ((1 << 48) - 1)) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


_TAIL = (1 << 74) - 1
_STEP = (1 << 32) - 1
