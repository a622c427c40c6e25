"""A clock that moves only when told: for tests, the sandboxes and the demo."""

from __future__ import annotations

from datetime import datetime, timedelta


class VirtualClock:
    """Stands at `start_at` (aware) until it is moved; never goes back."""

    def __init__(self, start_at: datetime) -> None:
        if start_at.tzinfo is None:
            raise ValueError("start_at: must carry a time zone")
        self._now = start_at

    def now(self) -> datetime:
        """The virtual instant."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move on by `by`."""
        self.move_to(self._now + by)

    def move_to(self, instant: datetime) -> None:
        """Move on to `instant`; raises ValueError when that lies in the past."""
        if instant < self._now:
            raise ValueError(f"instant: {instant.isoformat()} is before {self._now.isoformat()}")
        self._now = instant
