"""A bureau's report that somebody has fetched by hand: its file and the figures that they read in it, and the file again."""

from __future__ import annotations

import asyncio
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.actions import Action
from hub.console.application_case import Case
from hub.console.forms import Field, Kind, Values, choices
from hub.console.i18n import N_
from hub.console.refusals import RULES
from hub.console.visit import Visit, visiting
from hub.core.ids import CreditCheckId
from hub.infra.access import Permission as P
from hub.leasing.applications.rules import LARGEST_FILE_BYTES, OPEN_TO_CREDIT, media_type
from hub.leasing.credit import service as credit
from hub.leasing.credit.rules import ImportedReport, ReportReason, check_whole


async def _import(visit: Visit, case: Case, values: Values) -> str:
    content = await values["file"].read(LARGEST_FILE_BYTES + 1)
    check_whole(content, media_type(content))
    told = {name: value for name, value in values.items() if name not in ("file", "reasons")}
    report = ImportedReport(**told, reasons=frozenset(map(ReportReason, values["reasons"])))
    name = await asyncio.to_thread(visit.house.files.put, content)
    await credit.import_report(visit.tx, case.application.id, report, file_sha256=name)
    return f"/applications/{case.application.id}/credit"


def _off(case: Case) -> str | None:
    if case.application.state not in OPEN_TO_CREDIT:
        return RULES["application_state"]
    return None if case.has_consent else RULES["consent_missing"]


def _figure(name: str, label: str, kind: Kind = Kind.NUMBER, help: str = "") -> Field:
    return Field(name=name, label=label, kind=kind, required=False, longest=20, help=help)


IMPORT: Action[Case] = Action(
    key="import-report",
    label=N_("Take in a report"),
    permission=P.CREDIT_CHECK,
    perform=_import,
    done=N_("The report is taken in and judged."),
    fields=(
        Field(
            name="file", label=N_("File"), kind=Kind.FILE, help=N_("The bureau's own PDF, JPEG or PNG, at most 10 MiB.")
        ),
        Field(
            name="bureau",
            label=N_("Bureau"),
            longest=40,
            start="pboc",
            help=N_("A word in small letters: pboc for the credit centre of the People's Bank."),
        ),
        Field(name="report_number", label=N_("Number of the report"), longest=60),
        Field(name="reported_on", label=N_("Day of the report"), kind=Kind.DAY),
        _figure("score", N_("Score"), help=N_("Only a score on the scale that your rules mean.")),
        _figure("band", N_("Grade"), Kind.TEXT),
        _figure("open_overdue_count", N_("Debts that are overdue now")),
        _figure("overdue", N_("Overdue amount"), Kind.MONEY),
        _figure("inquiries_6m", N_("Inquiries of the last six months")),
        _figure("guarantees", N_("Guarantees given")),
        _figure("debt_ratio", N_("Monthly debt of monthly income, %"), Kind.SHARE),
        Field(
            name="reasons",
            label=N_("The report also says"),
            kind=Kind.CHOICES,
            options=choices(ReportReason),
            required=False,
        ),
    ),
    off=_off,
    explain=N_("What the report does not say is left out, never typed as zero. The decision uses these figures."),
)


def add_report_file(router: APIRouter) -> None:
    """Give the file of an imported report its address; who opens one stays on record."""

    async def file(check_id: UUID, visit: Visit = visiting(P.CREDIT_CHECK)) -> Response:
        name = await credit.report_file(visit.tx, CreditCheckId(check_id))
        content = await asyncio.to_thread(visit.house.files.get, name)
        kept_as = media_type(content)
        heads = {"Content-Disposition": f'attachment; filename="report.{kept_as.rsplit("/")[-1]}"'}
        return Response(content, media_type=kept_as, headers=heads)

    router.add_api_route("/credit-reports/{check_id}", file, methods=["GET"], name="Credit report: the file")
