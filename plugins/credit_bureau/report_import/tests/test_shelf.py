"""A report is found by whom it is about and the consent it was fetched under; whatever somebody has changed is not believed."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from leasehub_credit_bureau_report_import.conformance import KEY, REPORT, subject
from leasehub_credit_bureau_report_import.figures import REASONS, Figures, figures_of
from leasehub_credit_bureau_report_import.intake import main
from leasehub_credit_bureau_report_import.settings import ReportImportSettings
from pydantic import ValidationError

from hub.core.errors import Misconfigured, NotSent, Rejected
from hub.core.ports.credit_bureau import CreditOutcome
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context
from hub.testing.kit.samples import IDENTITY

ON = date(2026, 3, 1)
GOOD = Figures(score=640, band="B+", open_overdue_count=0, overdue_amount="0.00", inquiries_6m=3, guarantees=1)


def kept(desk: Any, figures: Figures = GOOD, report: bytes = REPORT, key: str = KEY, **more: Any) -> None:
    told = {"operator": "wang.li", "number": "2026-0001", "on": ON, **more}
    desk.shelf(key).keep(subject(), report, figures=figures, **told)


def entry_of(desk: Any) -> Path:
    (found,) = (desk.folder / "entries").iterdir()
    return found


async def test_a_report_with_its_figures(desk: Any) -> None:
    kept(desk)
    report = await desk.pulled()
    digest = hashlib.sha256(REPORT).hexdigest()
    assert (report.outcome, report.score, report.model, report.reasons) == (CreditOutcome.REPORTED, 640, "pboc", ())
    assert (report.report_ref, report.valid_until_on) == (f"import:{digest}", date(2026, 3, 31))
    imported_at = report.facts.pop("imported_at")
    assert imported_at.endswith("+00:00")
    assert report.facts == {
        "band": "B+",
        "open_overdue_count": "0",
        "overdue_amount": "0.00",
        "inquiries_6m": "3",
        "guarantees": "1",
        "bureau": "pboc",
        "report_number": "2026-0001",
        "reported_on": "2026-03-01",
        "imported_by": "wang.li",
        "file_sha256": digest,
    }
    assert (desk.folder / "files" / digest).read_bytes() == REPORT


@pytest.mark.parametrize(
    "asked",
    [
        {"consent": "consent-2"},
        {"number": "110101199003078516"},
        {"bureau": "baihang"},
        {"shelf_key": "x" * 40},
    ],
)
async def test_another_person_consent_bureau_or_key_finds_nothing(desk: Any, asked: dict[str, str]) -> None:
    kept(desk)
    found = await desk.pulled(**asked)
    assert (found.outcome, dict(found.facts)) == (CreditOutcome.NO_FILE, {})
    assert IDENTITY not in "".join(str(path) for path in desk.folder.rglob("*"))
    assert IDENTITY.encode() not in b"".join(p.read_bytes() for p in desk.folder.rglob("*") if p.is_file())


async def test_a_number_is_the_same_however_it_is_written(desk: Any) -> None:
    desk.shelf().keep(subject(number="91310000ma1fl0a07x "), REPORT, operator="w", number="1", on=ON, figures=GOOD)
    assert (await desk.pulled(number="91310000 MA1FL0A07X")).outcome is CreditOutcome.REPORTED


async def test_a_later_report_counts_and_the_earlier_one_stays(desk: Any) -> None:
    for score in range(600, 612):
        kept(desk, Figures(score=score), REPORT + str(score).encode())
    assert (await desk.pulled()).score == 611
    assert len(list((desk.folder / "entries").iterdir())) == len(list((desk.folder / "files").iterdir())) == 12


@pytest.mark.parametrize(
    ("days", "outcome", "reasons"),
    [
        (26, CreditOutcome.REPORTED, ()),
        (27, CreditOutcome.NO_FILE, ("report_expired",)),
        (-5, CreditOutcome.NO_FILE, ("report_from_the_future",)),
    ],
)
async def test_a_report_counts_for_its_days(
    desk: Any, days: int, outcome: CreditOutcome, reasons: tuple[str, ...]
) -> None:
    kept(desk)
    desk.clock = VirtualClock(desk.clock.now() + timedelta(days=days))
    found = await desk.pulled()
    assert (found.outcome, found.reasons) == (outcome, reasons)
    assert found.facts["reported_on"] == "2026-03-01"


@pytest.mark.parametrize(
    ("figures", "reasons"),
    [
        (Figures(open_overdue_count=1), ("currently_overdue",)),
        (Figures(overdue_amount="0.01"), ("currently_overdue",)),
        (Figures(overdue_amount="0.00"), ()),
        (Figures(reasons=("fraud", "court_enforcement")), ("court_enforcement", "fraud")),
    ],
)
async def test_what_speaks_against_somebody(desk: Any, figures: Figures, reasons: tuple[str, ...]) -> None:
    kept(desk, figures)
    found = await desk.pulled()
    assert (found.score, found.reasons) == (None, reasons)


async def test_a_new_key_counts_beside_the_old_one(desk: Any) -> None:
    kept(desk, key="o" * 40)
    both = {"shelf_key": KEY, "previous_shelf_key": "o" * 40}
    assert (await desk.pulled(**both)).score == 640
    kept(desk, Figures(score=700))
    assert (await desk.pulled(**both)).score == 700
    assert [one.current for one in desk.plugin(**both).provider_credentials()] == [True, False]


@pytest.mark.parametrize("field", ["figures", "reported_on", "consent_ref", "sha256", "operator", "seal", "version"])
async def test_a_changed_entry_is_not_believed(desk: Any, field: str) -> None:
    kept(desk)
    path = entry_of(desk)
    content = json.loads(path.read_bytes())
    changed = {"figures": {"score": 800}, "version": 2}.get(field, f"{content[field]}0")
    path.write_text(json.dumps(content | {field: changed}))
    with pytest.raises(Rejected) as refused:
        await desk.pulled()
    assert refused.value.vendor_code == "report_altered"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"seal": 1}', b"x" * 70000])
async def test_an_entry_that_is_none_is_not_believed(desk: Any, content: bytes) -> None:
    kept(desk)
    entry_of(desk).write_bytes(content)
    with pytest.raises(Rejected, match="cannot be believed"):
        await desk.pulled()


async def test_one_persons_entry_under_anothers_name_is_not_believed(desk: Any) -> None:
    kept(desk)
    path = entry_of(desk)
    path.rename(path.with_name(f"{subject('consent-2').name(KEY.encode())}.1.json"))
    with pytest.raises(Rejected, match="another one's"):
        await desk.pulled("consent-2")


async def test_a_changed_missing_or_foreign_file_is_not_believed(desk: Any) -> None:
    kept(desk)
    (path,) = (desk.folder / "files").iterdir()
    path.write_bytes(REPORT[:-1] + b"x")
    with pytest.raises(Rejected, match="file is another one"):
        await desk.pulled()
    path.unlink()
    with pytest.raises(Rejected, match="file is not there"):
        await desk.pulled()
    (desk.folder / "elsewhere").write_bytes(REPORT)
    path.symlink_to(desk.folder / "elsewhere")
    with pytest.raises(NotSent):
        await desk.pulled()


async def test_without_its_folder_it_says_so(desk: Any) -> None:
    (desk.folder / "entries").rmdir()
    with pytest.raises(Misconfigured, match="entries is not there"):
        await desk.pulled()
    with pytest.raises(Misconfigured):
        await desk.plugin().provider_health(call_context(desk.clock))


@pytest.mark.parametrize(
    "wrong",
    [
        {"score": -1},
        {"score": True},
        {"score": "640"},
        {"band": "很好"},
        {"open_overdue_count": 1.5},
        {"overdue_amount": "1.005"},
        {"overdue_amount": "-1"},
        {"overdue_amount": 5},
        {"debt_ratio": "35%"},
        {"debt_ratio": "NaN"},
        {"reasons": ["rich"]},
        {"reasons": "fraud"},
        {"name": "张三丰"},
    ],
)
def test_figures_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"is not|must be|not known"):
        figures_of(wrong)


def test_figures_come_back_as_they_were_keyed() -> None:
    whole = Figures(score=1, band="A", overdue_amount="999999999999.99", debt_ratio="0.35", reasons=tuple(REASONS))
    assert figures_of(json.loads(json.dumps(whole.content()))) == whole


# The command


def arguments(desk: Any, **more: str) -> list[str]:
    (desk.folder / "report.pdf").write_bytes(REPORT)
    (desk.folder / "key").write_text(KEY + "\n")
    given = {
        "folder": str(desk.folder),
        "bureau": "pboc",
        "key-file": str(desk.folder / "key"),
        "consent": "consent-1",
        "report": str(desk.folder / "report.pdf"),
        "report-number": "2026-0001",
        "operator": "wang.li",
        "reported-on": "2026-03-01",
        "score": "655",
        "overdue-amount": "0.00",
    } | more
    return [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)]


async def test_an_operator_takes_a_report_in(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments(desk), "--reason", "court_enforcement"], ask=lambda prompt: IDENTITY) == 0
    told = capsys.readouterr()
    assert IDENTITY not in told.out + told.err
    report = await desk.pulled()
    assert (report.score, report.reasons) == (655, ("court_enforcement",))
    modes = {path.stat().st_mode & 0o077 for path in (desk.folder / "entries").iterdir()}
    assert modes == {0}


@pytest.mark.parametrize(
    "more",
    [{"overdue_amount": "12.345"}, {"score": "-4"}, {"consent": " "}, {"report": "/nowhere"}, {"bureau": "PBOC"}],
)
def test_what_is_refused_leaves_nothing_on_the_shelf(
    desk: Any, more: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(desk, **more), ask=lambda prompt: IDENTITY) == 1
    assert "not taken in" in capsys.readouterr().err
    assert list((desk.folder / "entries").iterdir()) == list((desk.folder / "files").iterdir()) == []


def test_an_empty_report_or_number_is_refused(desk: Any) -> None:
    with pytest.raises(ValueError, match="empty"):
        kept(desk, report=b"")
    assert main(arguments(desk), ask=lambda prompt: " ") == 1


def test_nothing_is_overwritten_and_no_draft_stays(desk: Any) -> None:
    kept(desk)
    kept(desk)
    names = [path.name for path in desk.folder.rglob("*") if path.is_file()]
    assert len(names) == 3
    assert not [name for name in names if str(os.getpid()) in name]


@pytest.mark.parametrize("wrong", [{"folder": "reports"}, {"bureau": "P B"}, {"shelf_key": "short"}, {"valid_days": 0}])
def test_settings_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReportImportSettings(**{"folder": "/srv/reports", "bureau": "pboc", "shelf_key": KEY, **wrong})  # type: ignore[arg-type]
