"""A clock that moves only when told, and never back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.sdk.clock import VirtualClock

START_AT = datetime(2026, 1, 31, tzinfo=UTC)


def test_it_stands_and_moves_on() -> None:
    clock = VirtualClock(START_AT)
    clock.advance(timedelta(days=1))
    assert clock.now() == clock.now() == datetime(2026, 2, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="instant"):
        clock.move_to(START_AT)


def test_it_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        VirtualClock(START_AT.replace(tzinfo=None))
