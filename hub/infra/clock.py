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
    """Makes UUIDv7 identifiers from a clock and a source of random bytes. Source: RFC 9562, section 5.7."""

    def __init__(self, clock: Clock, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._random = random_bytes

    def new(self) -> UUID:
        """A fresh identifier that sorts by time."""
        millis = int(self._clock.now().timestamp() * 1000)
        chance = int.from_bytes(self._random(10), "big")
        high, low = chance >> 68, chance & ((1 << 62) - 1)
        return UUID(int=(millis & ((1 << 48) - 1)) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
