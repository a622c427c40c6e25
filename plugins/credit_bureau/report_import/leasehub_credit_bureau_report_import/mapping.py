"""From an entry on the shelf to a report in the hub's words; pure."""

from __future__ import annotations

from datetime import date, timedelta

from hub.core.ports.credit_bureau import CreditOutcome, CreditPullRequest, CreditReport
from leasehub_credit_bureau_report_import.settings import ReportImportSettings
from leasehub_credit_bureau_report_import.shelf import Entry, Subject

OVERDUE = "currently_overdue"
EXPIRED, EARLY = "report_expired", "report_from_the_future"


def subject_of(request: CreditPullRequest, settings: ReportImportSettings) -> Subject:
    """Whom an inquiry is about."""
    return Subject(
        bureau=settings.bureau,
        document_kind=request.applicant.document_kind,
        document_number=request.applicant.document_number,
        consent_ref=request.consent_ref,
    )


def report_of(entry: Entry | None, today: date, settings: ReportImportSettings) -> CreditReport:
    """What the shelf has on somebody: nothing, nothing that still counts, or the figures of a report."""
    if entry is None:
        return CreditReport(outcome=CreditOutcome.NO_FILE, report_ref=f"import:{settings.bureau}:none")
    ref, until = f"import:{entry.sha256}", entry.reported_on + timedelta(days=settings.valid_days)
    if today > until or entry.reported_on > today:
        reason = EXPIRED if today > until else EARLY
        return CreditReport(outcome=CreditOutcome.NO_FILE, report_ref=ref, reasons=(reason,), facts=_facts(entry))
    figures = entry.figures
    return CreditReport(
        outcome=CreditOutcome.REPORTED,
        report_ref=ref,
        score=figures.score,
        model=settings.bureau,
        reasons=(*sorted(figures.reasons), *((OVERDUE,) if figures.overdue else ())),
        facts=_facts(entry),
        valid_until_on=until,
    )


def _facts(entry: Entry) -> dict[str, str]:
    return {
        **entry.figures.facts(),
        "bureau": entry.bureau,
        "report_number": entry.report_number,
        "reported_on": entry.reported_on.isoformat(),
        "imported_by": entry.operator,
        "imported_at": entry.imported_at.isoformat(),
        "file_sha256": entry.sha256,
    }
