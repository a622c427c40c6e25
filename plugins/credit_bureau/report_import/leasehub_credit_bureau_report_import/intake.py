"""What an operator runs: a report goes onto the shelf, with the consent it was fetched under and the figures read in it.

The document number is asked for and never stands in the command, where others could see it.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from hub.core.identity import DocumentKind
from leasehub_credit_bureau_report_import.figures import REASONS, Figures
from leasehub_credit_bureau_report_import.settings import ReportImportSettings
from leasehub_credit_bureau_report_import.shelf import Entry, Shelf, Subject

_FIGURES = {"score": int, "band": str, "open-overdue-count": int, "overdue-amount": str}
_MORE = {"inquiries-6m": int, "guarantees": int, "debt-ratio": str}


def main(arguments: Sequence[str], ask: Callable[[str], str] = getpass.getpass) -> int:
    """Run the command; returns what the process ends with. A refusal names the field and does nothing."""
    given = _parser().parse_args(arguments)
    try:
        entry = take_in(given, ask("Document number: "))
    except (ValueError, OSError) as refusal:
        print(f"not taken in: {refusal}", file=sys.stderr)
        return 1
    print(f"taken in: {entry.sha256}, report of {entry.reported_on}, for consent {entry.consent_ref}")
    return 0


def take_in(given: argparse.Namespace, document_number: str) -> Entry:
    """Put the report on the shelf; raises ValueError or OSError before anything is written."""
    if not document_number.strip():
        raise ValueError("document number: is empty")
    key = Path(given.key_file).read_text(encoding="utf-8").rstrip("\r\n")
    settings = ReportImportSettings(folder=str(Path(given.folder).resolve()), bureau=given.bureau, shelf_key=key)  # type: ignore[arg-type]
    figures = Figures(
        reasons=tuple(given.reason), **{name.replace("-", "_"): getattr(given, name.replace("-", "_")) for name in _ALL}
    )
    subject = Subject(
        bureau=settings.bureau,
        document_kind=DocumentKind(given.document_kind),
        document_number=document_number,
        consent_ref=_told("consent", given.consent),
    )
    report = Path(given.report).read_bytes()
    return Shelf(settings.folder, settings.keys()).keep(
        subject,
        report,
        operator=_told("operator", given.operator),
        number=_told("report number", given.report_number),
        on=given.reported_on,
        figures=figures,
    )


def _told(name: str, text: str) -> str:
    if not text.strip() or len(text) > 200:
        raise ValueError(f"{name}: is empty or longer than 200 characters")
    return text.strip()


_ALL = {**_FIGURES, **_MORE}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="leasehub_credit_bureau_report_import", description=__doc__)
    for name, what in (
        ("folder", "where the shelf stands"),
        ("bureau", "the bureau, as in the instance's settings"),
        ("key-file", "the file of the instance's shelf_key"),
        ("consent", "the number of the consent in the hub"),
        ("report", "the file that the bureau gave"),
        ("report-number", "the bureau's own number of the report"),
        ("operator", "who has read and keyed it"),
    ):
        parser.add_argument(f"--{name}", required=True, help=what)
    parser.add_argument(
        "--reported-on", required=True, type=date.fromisoformat, help="the report's own day, YYYY-MM-DD"
    )
    kinds = [kind.value for kind in DocumentKind]
    parser.add_argument("--document-kind", choices=kinds, default=kinds[0], help="what the applicant is known by")
    for name, kind in _ALL.items():
        parser.add_argument(f"--{name}", type=kind, help="left out: the report does not say")
    parser.add_argument("--reason", action="append", choices=sorted(REASONS), default=[], help="may come several times")
    return parser
