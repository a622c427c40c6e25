"""A vendor's own time: the clock it was given, until somebody sets it; a set time stands still and survives a restart."""

from __future__ import annotations

from datetime import datetime

from hub.core.provider import Clock
from hub.sdk.sandbox.books import Books, instant_of, stamp

_SETTING = "clock"


class VendorClock:
    """Tells the vendor's time."""

    def __init__(self, base: Clock, books: Books) -> None:
        self._base = base
        self._books = books
        standing = books.setting(_SETTING).get("now")
        self._standing = instant_of(standing) if isinstance(standing, str) else None

    def now(self) -> datetime:
        """The vendor's present instant."""
        return self._standing or self._base.now()

    def set(self, instant: datetime | None) -> None:
        """Stand at `instant` from now on; None: follow the given clock again."""
        self._standing = instant
        self._books.remember(_SETTING, {"now": stamp(instant) if instant else None})
