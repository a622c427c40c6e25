"""`hub quote`: cases from a file to figures, as JSON or as tables, without a database."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.test_premises import refusal, run

GOOD = {"id": "one", "inputs": {"principal": "1000.00", "annual_rate_pct": 7.5, "periods": 4}}
BAD = {"id": "two", "inputs": {"principal": "1000.00", "annual_rate_pct": "7.5", "periods": 4, "colour": "red"}}


def test_a_case_and_a_list_of_cases(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(GOOD))
    (tmp_path / "many.json").write_text(json.dumps([GOOD, BAD]))
    one = run("quote", "--from", "one.json", "--json", "--explain", folder=tmp_path, own={})
    assert one.returncode == 0, one.stderr
    found = json.loads(one.stdout)
    assert (found["id"], found["instalment"], len(found["explanation"])) == ("one", "253.92", 4)
    many = run("quote", "--from", "many.json", "--json", folder=tmp_path, own={})
    assert many.returncode == 1
    good, bad = json.loads(many.stdout)
    assert good["schedule"] == found["schedule"]
    assert bad["id"] == "two"
    assert bad["error"]["field"] == "inputs.colour"
    shown = run("quote", "--from", "many.json", folder=tmp_path, own={})
    assert "253.92" in shown.stdout
    assert "inputs.colour" in shown.stdout


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    assert "is no JSON" in refusal(run("quote", "--from", "broken.json", folder=tmp_path, own={}))
    assert "cannot be read" in refusal(run("quote", "--from", "missing.json", folder=tmp_path, own={}))
    (tmp_path / "bad.json").write_text(json.dumps(BAD))
    assert refusal(run("quote", "--from", "bad.json", folder=tmp_path, own={})).startswith("hub: inputs.colour: ")
