"""The calculator against published figures: each case names its source and the convention that it follows.

`schedule_cases.json` and `more_cases.json` have one form. Every figure that a case expects must come out, to as many digits
as the source prints.
"""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest

from hub.leasing.calculator.case import KINDS, calculated

HERE = Path(__file__).parent
PUBLISHED: list[dict[str, Any]] = json.loads((HERE / "schedule_cases.json").read_text())
MORE: list[dict[str, Any]] = json.loads((HERE / "more_cases.json").read_text())
CASES = [*PUBLISHED, *MORE]
# A source that computes in floating point prints digits that it has not got.
_FLOATING = {"instalment_full": 10}


def same(published: Any, ours: Any, digits: int | None = None) -> bool:
    """Whether a figure is the published one, with as many digits as that has."""
    if isinstance(published, dict):
        return isinstance(ours, dict) and all(same(value, ours.get(name)) for name, value in published.items())
    if isinstance(published, list):
        return (
            isinstance(ours, list)
            and len(ours) == len(published)
            and all(same(one, other) for one, other in zip(published, ours, strict=True))
        )
    if not isinstance(published, str) or ours is None:
        return bool(published == ours)
    try:
        number = Decimal(published)
        shown = -int(number.as_tuple().exponent) if digits is None else digits
        unit = Decimal(1).scaleb(-shown)
        return Decimal(str(ours)).quantize(unit, ROUND_HALF_UP) == number.quantize(unit, ROUND_HALF_UP)
    except InvalidOperation:
        return bool(published == ours)


def rows_like(published: list[dict[str, Any]], schedule: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those rows of our schedule that a case has chosen."""
    chosen = {row["n"] for row in published}
    return [row for row in schedule if row["n"] in chosen]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_every_published_figure_comes_out(case: dict[str, Any]) -> None:
    found = calculated(case)
    for name, published in case["expected"].items():
        assert name in found, f"{name} is not among {', '.join(found)}"
        ours: Any = found[name]
        if name == "selected_periods":
            ours = rows_like(published, ours)
        assert same(published, ours, _FLOATING.get(name)), f"{name}: {published} is published, {ours} came out"
    if "schedule" in found and "outstanding" not in case["inputs"] and "overdue" not in case["inputs"]:
        assert same("0.00", found["schedule"][-1]["balance_after"])  # type: ignore[index]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_every_amount_of_a_schedule_is_explained(case: dict[str, Any]) -> None:
    found: Any = calculated({**case, "explain": True})
    assert found["explanation"]
    for row in found["explanation"]:
        assert row.get("steps") or row["formula"]
    if "schedule" in found and len(found["explanation"]) == len(found["schedule"]):
        for row, told in zip(found["schedule"], found["explanation"], strict=True):
            steps = {step["of"]: step for step in told["steps"]}
            assert steps["interest"]["amount"] == row["interest"]


def test_every_id_is_there_once() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES)


def test_every_published_kind_is_known() -> None:
    assert {case["kind"] for case in CASES} <= set(KINDS)


def test_enough_are_tried_besides() -> None:
    assert len(MORE) >= 25
    assert all(case["source"] for case in MORE)


# What no word but the kind says is how principal is paid back; such a case needs `method`.
_KIND_ALONE_SAYS_IT = {"equal_principal"}


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for case in PUBLISHED if case["kind"] not in _KIND_ALONE_SAYS_IT]
)
def test_a_case_need_not_say_its_kind(case: dict[str, Any]) -> None:
    found = calculated({name: value for name, value in case.items() if name != "kind"})
    names = set(case["expected"]) - {"instalment_full", "selected_periods"}
    assert all(same(case["expected"][name], found.get(name)) for name in names)
