"""The table of moves, of orders, and the VIN: what is allowed, what is refused, and that no car can be in two places."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import InvalidInput, RuleBroken
from hub.leasing.inventory.rules import (
    MOVES,
    ORDER_MOVES,
    MovementKind,
    OrderState,
    VehicleStatus,
    moved,
    order_moved,
    transitions,
)
from hub.leasing.inventory.vin import read_vin, vin_warning

_ENDS = {VehicleStatus.SOLD, VehicleStatus.TITLE_TRANSFERRED}
_CHECKED = "LSVAA4182E2184847"


@pytest.mark.parametrize("kind", MovementKind)
@pytest.mark.parametrize("status", [None, *VehicleStatus])
def test_a_move_is_allowed_exactly_as_the_table_says(kind: MovementKind, status: VehicleStatus | None) -> None:
    starts, after = MOVES[kind]
    if status in starts:
        assert moved(status, kind) is after
    else:
        with pytest.raises(RuleBroken, match="vehicle_movement"):
            moved(status, kind)


def test_every_status_can_be_reached_and_only_the_last_ones_are_final() -> None:
    reached = {after for _, _, after in transitions()}
    left = {start for _, start, _ in transitions()}
    assert reached == {status.value for status in VehicleStatus}
    assert {status for status in VehicleStatus if status.value not in left} == _ENDS


@given(st.lists(st.sampled_from(list(MovementKind)), max_size=60))
def test_whatever_is_tried_a_car_is_in_one_place_and_follows_its_moves(tried: list[MovementKind]) -> None:
    status: VehicleStatus | None = None
    history: list[tuple[VehicleStatus | None, VehicleStatus]] = []
    for kind in tried:
        try:
            after = moved(status, kind)
        except RuleBroken:
            continue
        history.append((status, after))
        status = after
    assert all(before[1] == then[0] for before, then in pairwise(history))
    assert [entry for entry in history if entry[0] is None] == history[:1]
    assert all(entry[0] not in _ENDS for entry in history)


@pytest.mark.parametrize("before", OrderState)
@pytest.mark.parametrize("after", OrderState)
def test_an_order_moves_as_its_table_says(before: OrderState, after: OrderState) -> None:
    if after in ORDER_MOVES[before]:
        assert order_moved(before, after) is after
    else:
        with pytest.raises(RuleBroken, match="purchase_order_state"):
            order_moved(before, after)


@pytest.mark.parametrize("text", ["LSVAA4182E2184847", " lsvaa4182e2184847 ", "LSVAA 4182 E218 4847"])
def test_a_vin_is_read_as_people_write_it(text: str) -> None:
    assert read_vin(text) == _CHECKED


@pytest.mark.parametrize(
    "text",
    ["", "LSVAA4182E218484", "LSVAA4182E21848477", "LSVAI4182E2184847", "LSVAO4182E2184847", "LSVAQ4182E2184847"],
)
def test_what_cannot_be_a_vin_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_vin(text)
    assert refused.value.field == "vin"


# Source of the first: 49 CFR 565.15, the worked example of the check digit.
@pytest.mark.parametrize("vin", ["1M8GDM9AXKP042788", "11111111111111111", "LSVAA4182E2184847"])
def test_a_wrong_check_digit_only_warns(vin: str) -> None:
    wrong = vin[:8] + ("0" if vin[8] != "0" else "1") + vin[9:]
    assert read_vin(wrong) == wrong
    assert vin_warning(wrong) == "check digit does not match"


@pytest.mark.parametrize("vin", ["1M8GDM9AXKP042788", "11111111111111111"])
def test_a_right_check_digit_is_silent(vin: str) -> None:
    assert vin_warning(vin) is None
