"""Devices' states, which positions are taken, and what an unknown alarm becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import InvalidInput, RuleBroken
from hub.core.ports.gps_tracker import Datum, Fix
from hub.leasing.tracking.rules import (
    CLOCK_SKEW,
    DEVICE_MOVES,
    LOCATE_MOVES,
    AlarmKind,
    DeviceState,
    LocateState,
    alarm_kind,
    device_moved,
    position_of,
)

NOW = datetime(2026, 1, 5, 1, tzinfo=UTC)


def _fix(**changes: object) -> Fix:
    fields: dict[str, object] = {
        "latitude": Decimal("39.9087"),
        "longitude": Decimal("116.3975"),
        "datum": Datum.WGS84,
        "fixed_at": NOW,
    }
    return Fix(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("before", DeviceState)
@pytest.mark.parametrize("after", DeviceState)
def test_a_device_moves_as_its_table_says(before: DeviceState, after: DeviceState) -> None:
    if after in DEVICE_MOVES[before]:
        assert device_moved(before, after) is after
    else:
        with pytest.raises(RuleBroken, match="device_state"):
            device_moved(before, after)


def test_a_question_that_is_answered_stays_answered() -> None:
    ends = {LocateState.ANSWERED, LocateState.SILENT, LocateState.FAILED}
    assert {state for state, after in LOCATE_MOVES.items() if not after} == ends


@given(
    st.decimals(min_value=-90, max_value=90, allow_nan=False, places=9),
    st.decimals(min_value=-180, max_value=180, allow_nan=False, places=9),
)
def test_a_position_keeps_its_place_to_a_millionth_of_a_degree(latitude: Decimal, longitude: Decimal) -> None:
    position = position_of(_fix(latitude=latitude, longitude=longitude), NOW)
    assert abs(position.latitude - latitude) <= Decimal("0.0000005")
    assert abs(position.longitude - longitude) <= Decimal("0.0000005")


def test_a_terminal_whose_clock_runs_far_ahead_is_refused() -> None:
    position_of(_fix(fixed_at=NOW + CLOCK_SKEW), NOW)
    with pytest.raises(InvalidInput) as refused:
        position_of(_fix(fixed_at=NOW + CLOCK_SKEW + timedelta(seconds=1)), NOW)
    assert refused.value.field == "fixed_at"


@pytest.mark.parametrize(
    ("word", "kind"), [("power_cut", AlarmKind.POWER_CUT), ("sos", AlarmKind.OTHER), ("", "other")]
)
def test_an_alarm_that_nobody_knows_is_kept(word: str, kind: AlarmKind) -> None:
    assert alarm_kind(word) == kind
