"""Whatever a room may refuse with, and whatever the hub writes down, is said in the visitor's language.

Collected from the source: a new reason without its text fails here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib import import_module
from pathlib import Path

import pytest

import hub
from hub.console.i18n import Language, say
from hub.console.labels import WORDS
from hub.console.reasons import GROUNDS, STORED, is_known, is_written, said, written
from hub.console.refusals import RULES
from hub.core.money import Money
from hub.leasing.tracking.rules import AlarmKind
from hub.leasing.warnings.rules import SENTENCES, WarningCode, ground

ROOT = Path(hub.__file__).parent
# What can be refused while somebody is at the console: the rooms, and of the rest what its pages call.
ROOMS = [
    *sorted((ROOT / "leasing").rglob("*.py")),
    *sorted((ROOT / "console").rglob("*.py")),
    *(ROOT / "infra" / f"{name}.py" for name in ("access", "paging", "passwords", "sign_in", "staff")),
    *(ROOT / "integrations" / f"{name}.py" for name in ("orders", "reconcile", "secret_files", "switches")),
]
# Where the reason stands among the arguments.
PLACES = {"RuleBroken": 0, "Conflict": 0, "InvalidInput": 1, "NotAllowed": 1, "_flush": 1, "_insert": 2}
FLUSHING = ("contracts", "inventory", "payments", "tracking")
# A reason that is handed on by another name: it is said where it is made, or here is why nobody sees it.
HANDED_ON = {
    "console/calculator.py: reason": "the price list's, in `_at_its_field`",
    "console/calculator.py: f\"{visit.say(N_('Financed amount'))}: {reason}\"": "the price list's",
    "console/rent_actions.py: problem": "made in `day_problem`",
    "console/entrance.py: ', '.join(THEMES)": "the theme is a button, never typed",
    "console/entrance.py: 'en, zh'": "the language is a button, never typed",
    "integrations/secret_files.py: error.reason": "an operating system's own words",
    "leasing/collections/service.py: *problem": "made in `promise_problem`",
    **{f"leasing/{room}/service.py: reason": "said where `_flush` is called" for room in FLUSHING},
    "infra/staff.py: taken": "said where `_insert` is called",
    "leasing/products/rules.py: reason": "terms of a product are written by the API only",
    "leasing/servicing/service.py: problem": "made in `day_problem`",
    "leasing/settlements/service.py: code": "made in `_charge_option`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A reason as a call in the source gives it, with an example for each of its parts."""

    place: str
    error: str
    text: str | None
    source: str

    def __str__(self) -> str:
        return f"{self.place}: {self.source}"


def _calls(path: Path) -> Iterator[Said]:
    tree = ast.parse(path.read_text())
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (found := _reason(node)):
            name, given = found
            value = constants.get(given.id, given) if isinstance(given, ast.Name) else given
            place = str(path.relative_to(ROOT))
            yield Said(place=place, error=name, text=_example(value), source=ast.unparse(given))


def _reason(call: ast.Call) -> tuple[str, ast.expr] | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    place = PLACES.get(name)
    if place is None or not call.args:
        return None
    if isinstance(call.args[0], ast.Starred):
        return name, call.args[0]
    return (name, call.args[place]) if len(call.args) > place else None


def _example(value: ast.expr) -> str | None:
    """The text of a reason; None when it is made elsewhere."""
    match value:
        case ast.Constant(value=str() as text):
            return text
        case ast.Call(func=ast.Name(id="N_"), args=[ast.Constant(value=str() as text)]):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(part.value if isinstance(part, ast.Constant) else "7" for part in parts)
        case _:
            return None


EVERY = {str(one): one for path in ROOMS for one in _calls(path)}


def test_reasons_are_found() -> None:
    assert len(EVERY) > 150
    assert {one.error for one in EVERY.values()} == set(PLACES)


@pytest.mark.parametrize("one", [one for name, one in EVERY.items() if name not in HANDED_ON], ids=str)
def test_every_reason_has_its_text(one: Said) -> None:
    assert one.text is not None, (
        "a reason that nobody can read here: make it a text, or say in HANDED_ON where it is made"
    )
    if one.text in RULES:
        return
    assert one.error != "RuleBroken", f"{one.text} has no sentence in RULES"
    field, colon, reason = one.text.partition(": ")
    text = reason if colon and field.isidentifier() else one.text
    translated = is_known(text) or say(Language.ZH, text) != text
    assert translated, f"{text!r} is neither in REASONS nor in SHAPES"


def test_no_reason_is_excused_that_is_not_there() -> None:
    assert set(HANDED_ON) <= set(EVERY)


def _texts(path: Path, *, of: set[str]) -> list[str]:
    """The texts that are handed over under some name, or returned by some function."""
    tree = ast.parse(path.read_text())
    given = [word.value for word in ast.walk(tree) if isinstance(word, ast.keyword) and word.arg in of]
    moves = [
        call.args[3]
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "_move" and len(call.args) > 3
    ]
    return [text for value in (*given, *moves) if (text := _example(value)) is not None]


@pytest.mark.parametrize(
    "path", ["leasing/contracts/service.py", "leasing/inventory/service.py", "leasing/signatures/service.py"]
)
def test_what_timelines_and_moves_say_has_its_text(path: str) -> None:
    found = _texts(ROOT / path, of={"reason", "note"})
    assert found
    assert [text for text in found if not is_written(text)] == []


def test_what_warnings_say_has_its_text() -> None:
    said_whole = {WarningCode.AS_WRITTEN}  # what somebody has written, as they have written it
    assert {code for code, text in SENTENCES.items() if text not in (*STORED, *GROUNDS)} == said_whole


def test_a_warning_is_said_with_its_facts_in_each_language() -> None:
    late = ground(WarningCode.RENT_OVERDUE, number=3, day=date(2026, 2, 5), owed=Money.of("2345.60"))
    assert written(Language.EN, late) == "rent 3 due on 5 Feb 2026 is overdue, ¥2,345.60 owed"
    assert written(Language.ZH, late) == "第 3 期租金（2026-02-05 到期）已逾期，欠 ¥2,345.60"
    assert written(Language.ZH, ground(WarningCode.DEVICE_ALARM, kind=AlarmKind.POWER_CUT)) == "设备报警：断电"
    stuck = ground(WarningCode.CALL_ESCALATED, operation="sms", provider="a", reason="no end of it in sight")
    assert written(Language.ZH, stuck) == "a 的 sms：迟迟没有结果"
    old = ground(WarningCode.AS_WRITTEN, text="the mandate was refused")
    assert written(Language.ZH, old) == say(Language.ZH, "the mandate was refused")


def test_parts_are_said_as_well() -> None:
    assert written(Language.ZH, "gps_fee of contract LC1") == "合同 LC1 的GPS 费"
    assert written(Language.EN, "purchase_tax of contract LC1") == "purchase tax of contract LC1"
    assert written(Language.ZH, "nobody is named yet for insurance") == "保险费：尚未指定收款方"
    assert written(Language.ZH, "commenced on 2026-01-05") == "2026-01-05 起租"
    assert written(Language.EN, "commenced on 2026-01-05") == "commenced on 5 Jan 2026"
    assert written(Language.ZH, "inspection on receipt: abnormal").endswith(say(Language.ZH, "Abnormal"))
    assert said(Language.ZH, "must have 1 to 300 characters") == "须为 1 至 300 个字符"
    assert (
        said(Language.ZH, "a warning that is closed cannot become open")
        != "a warning that is closed cannot become open"
    )


@pytest.mark.parametrize(
    "text", ["envelope was torn open", "the buyer has not come", "settled on the phone", "%(day)s"]
)
def test_what_a_person_has_written_stays_as_it_is(text: str) -> None:
    assert written(Language.ZH, text) == text


# Words of the rooms that no page draws: the page that begins to draw them takes them off here.
NOT_DRAWN = {
    "PartnerKind of hub.leasing.channels.rules": "channels have no desk yet",
    "PartnerState of hub.leasing.channels.rules": "channels have no desk yet",
    "CommissionRule of hub.leasing.channels.rules": "channels have no desk yet",
    "AccrualState of hub.leasing.channels.rules": "channels have no desk yet",
    "Period of hub.leasing.products.rules": "products are written by the API",
    "Residue of hub.leasing.products.rules": "products are written by the API",
    "Payee of hub.leasing.products.rules": "products are written by the API",
    "Allocation of hub.leasing.products.rules": "products are written by the API",
    "InterestUntil of hub.leasing.products.rules": "products are written by the API",
    "VersionState of hub.leasing.products.rules": "products are written by the API",
    "Language of hub.leasing.signatures.rules": "a language is called by its own name",
    "WarningCode of hub.leasing.warnings.rules": "it is said as a sentence with its facts",
    "LocateState of hub.leasing.tracking.rules": "what came of it is the position",
}


def _enumerations() -> Iterator[tuple[str, type[StrEnum]]]:
    for path in sorted((ROOT / "leasing").glob("*/rules.py")):
        module = import_module(".".join(("hub", *path.relative_to(ROOT).with_suffix("").parts)))
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, StrEnum) and value.__module__ == module.__name__:
                yield f"{name} of {module.__name__}", value


def test_every_enumeration_of_the_rooms_has_its_words() -> None:
    assert [name for name, one in _enumerations() if one not in WORDS and name not in NOT_DRAWN] == []
