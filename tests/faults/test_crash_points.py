"""Every place at which the hub can be killed on purpose is one at which it is killed."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.test_kill import PLACES

HUB = Path(__file__).parents[2] / "hub"
_POINT = re.compile(r"crash_point\(([^)]*)\)")


def _points() -> set[str]:
    texts = {path: path.read_text() for path in HUB.rglob("*.py") if path != HUB / "infra/crash.py"}
    return {argument for text in texts.values() for argument in _POINT.findall(text)}


def test_a_crash_point_is_named_by_a_plain_text() -> None:
    assert {point for point in _points() if not re.fullmatch(r'"[a-z_]+\.[a-z_]+"', point)} == set()


def test_no_crash_point_is_without_its_kill_and_none_is_killed_at_in_vain() -> None:
    assert {point.strip('"') for point in _points()} == set(PLACES)
