"""Every place at which the hub can be killed on purpose is one at which it is killed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.test_kill import PLACES

# What the demo does not come by is killed in a test of its own.
ELSEWHERE = {
    "once.before_commit": "faults/test_kill_once.py:test_a_kill_between_effect_and_answer",
    "once.after_commit": "faults/test_kill_once.py:test_a_kill_between_effect_and_answer",
    "outgoing.before_record": "faults/test_kill_once.py:test_a_kill_between_a_message_and_its_record",
}
HUB = Path(__file__).parents[2] / "hub"
_POINT = re.compile(r"crash_point\(([^)]*)\)")


def _points() -> set[str]:
    texts = {path: path.read_text() for path in HUB.rglob("*.py") if path != HUB / "infra/crash.py"}
    return {argument for text in texts.values() for argument in _POINT.findall(text)}


def test_a_crash_point_is_named_by_a_plain_text() -> None:
    assert {point for point in _points() if not re.fullmatch(r'"[a-z_]+\.[a-z_]+"', point)} == set()


def test_no_crash_point_is_without_its_kill_and_none_is_killed_at_in_vain() -> None:
    assert {point.strip('"') for point in _points()} == {*PLACES, *ELSEWHERE}


@pytest.mark.parametrize("point", ELSEWHERE)
def test_a_kill_elsewhere_is_there(point: str) -> None:
    path, _, name = ELSEWHERE[point].partition(":")
    assert f"def {name}(" in (HUB.parent / "tests" / path).read_text()
