"""`hub quote`: cases from a file put to the calculator, their figures as JSON or as tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from hub.core.errors import InvalidInput
from hub.leasing.calculator.case import calculated

_LARGEST_FILE = 16 * 2**20
_APART = ("schedule", "explanation", "applied", "unread", "selected_periods")


def quote(file: Path, *, as_json: bool, explain: bool) -> int:
    """Print what each case of a file comes to; 1 when one of them cannot be computed.

    A file holds a case or a list of them, and `-` is what comes in. A list is answered by a list: of figures, or of the
    field and the reason of a case that was refused.
    """
    read = _read(file)
    if not isinstance(read, list):
        _show([_figures(read, explain)], as_json=as_json, alone=True)
        return 0
    told = [_told(case, explain) for case in read]
    _show(told, as_json=as_json, alone=False)
    return int(any("error" in one for one in told))


def _read(file: Path) -> Any:
    try:
        raw = sys.stdin.buffer.read(_LARGEST_FILE) if str(file) == "-" else file.read_bytes()
        return json.loads(raw, parse_float=str)
    except OSError as error:
        raise InvalidInput("from", f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput("from", f"{file} is no JSON: {error}") from None


def _figures(case: Any, explain: bool) -> dict[str, Any]:
    if not isinstance(case, Mapping):
        raise InvalidInput("case", "must be an object with inputs and a convention")
    found = calculated({**case, **({"explain": True} if explain else {})})
    return {**({"id": case["id"]} if "id" in case else {}), **found}


def _told(case: Any, explain: bool) -> dict[str, Any]:
    try:
        return _figures(case, explain)
    except InvalidInput as error:
        named = {"id": case["id"]} if isinstance(case, Mapping) and "id" in case else {}
        return {**named, "error": {"field": error.field, "reason": error.reason}}


def _show(told: list[dict[str, Any]], *, as_json: bool, alone: bool) -> None:
    if as_json:
        print(json.dumps(told[0] if alone else told, ensure_ascii=False, indent=1))
        return
    console = Console(file=sys.stdout)
    for one in told:
        _table(console, one)


def _table(console: Console, one: Mapping[str, Any]) -> None:
    if "error" in one:
        console.print(f"{one.get('id', '')} {one['error']['field']}: {one['error']['reason']}".strip(), markup=False)
        return
    figures = Table("figure", "comes to", title=str(one.get("id", one["kind"])))
    for name, value in one.items():
        if name not in _APART and not isinstance(value, list | dict):
            figures.add_row(name.replace("_", " "), str(value))
    console.print(figures)
    if rows := one.get("schedule"):
        schedule = Table(*(name.replace("_", " ") for name in rows[0]))
        for row in rows:
            schedule.add_row(*(str(value) for value in row.values()))
        console.print(schedule)
