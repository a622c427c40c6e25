"""Credit checks and the blacklist."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, UploadFile
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from hub.api.deps import AmountText, Body, TheHouse, ThePage, acting
from hub.api.once import OnceRoute
from hub.core.identity import DocumentKind
from hub.core.ids import ApplicationId, CreditCheckId
from hub.core.ports.credit_bureau import Inquiry
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import LARGEST_FILE_BYTES, CreditOutcome, media_type
from hub.leasing.credit import service
from hub.leasing.credit.rules import CheckState, ImportedReport, ReportReason, check_whole

router = APIRouter(prefix="/credit", tags=["credit"], route_class=OnceRoute)

Reading = Annotated[Tx, acting(P.CREDIT_READ)]
Checking = Annotated[Tx, acting(P.CREDIT_CHECK)]


class RequestCheck(Body):
    """The application whose party is to be checked; a hard inquiry leaves a mark on their file."""

    application_id: UUID
    inquiry: Inquiry = Inquiry.HARD


class Blacklist(Body):
    """A document that the company does not lease to, and why."""

    document_kind: DocumentKind
    number: str
    reason: str


class ImportReport(BaseModel):
    """The file of a report with what was read in it; what the report does not say is left out, never sent as zero.

    `overdue` is an amount like 1234.50, `debt_ratio` a fraction like 0.35.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    file: UploadFile
    bureau: str
    report_number: str
    reported_on: date
    score: int | None = None
    band: str | None = None
    open_overdue_count: int | None = None
    overdue: AmountText | None = None
    inquiries_6m: int | None = None
    guarantees: int | None = None
    debt_ratio: Decimal | None = None
    reasons: list[ReportReason] = []

    def report(self) -> ImportedReport:
        """What the room takes in."""
        told = {name: getattr(self, name) for name in type(self).model_fields if name not in ("file", "reasons")}
        return ImportedReport(**told, reasons=frozenset(self.reasons))


class CreditCheckOut(BaseModel):
    """A credit check."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    application_id: UUID
    party_id: UUID
    branch_id: UUID
    inquiry: Inquiry
    state: CheckState
    instance: str | None
    score: int | None
    model: str | None
    reasons: list[str]
    outcome: CreditOutcome | None
    outcome_reasons: list[str]
    rules_version: str | None
    error_code: str | None
    requested_at: datetime
    answered_at: datetime | None
    valid_until_on: date | None
    file_sha256: str | None


class BlacklistOut(BaseModel):
    """An entry of the blacklist."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    reason: str
    added_by: str
    added_at: datetime
    removed_at: datetime | None


class Added(BaseModel):
    """The id of what has been added."""

    id: UUID


@router.post("/checks", status_code=202)
async def request_check(body: RequestCheck, tx: Checking) -> CreditCheckOut:
    """Ask for a credit check; the answer comes later."""
    check_id = await service.request_check(tx, ApplicationId(body.application_id), inquiry=body.inquiry)
    return CreditCheckOut.model_validate(await service.get_check(tx, check_id))


@router.get("/checks")
async def list_checks(page: ThePage, tx: Reading, application_id: UUID | None = None) -> list[CreditCheckOut]:
    """Credit checks, of one application or all, newest first."""
    application = None if application_id is None else ApplicationId(application_id)
    found = await service.list_checks(tx, application_id=application, after=page.after, limit=page.limit)
    return [CreditCheckOut.model_validate(check) for check in found]


@router.get("/checks/{check_id}")
async def get_check(check_id: UUID, tx: Reading) -> CreditCheckOut:
    """One credit check."""
    return CreditCheckOut.model_validate(await service.get_check(tx, CreditCheckId(check_id)))


@router.post("/imports/{application_id}", status_code=201)
async def import_report(
    application_id: UUID,
    house: TheHouse,
    tx: Annotated[Tx, acting(P.CREDIT_CHECK, keyless="a file is taken in once: the same again is refused")],
    figures: Annotated[ImportReport, Form()],
) -> CreditCheckOut:
    """Take in a report that was fetched from a bureau by hand: its file (PDF, JPEG or PNG of at most 10 MiB) and figures."""
    await applications.get_application(tx, ApplicationId(application_id))
    content = await figures.file.read(LARGEST_FILE_BYTES + 1)
    check_whole(content, media_type(content))
    name = await asyncio.to_thread(house.files.put, content)
    check_id = await service.import_report(tx, ApplicationId(application_id), figures.report(), file_sha256=name)
    return CreditCheckOut.model_validate(await service.get_check(tx, check_id))


@router.get("/checks/{check_id}/file", response_class=Response)
async def report_file(check_id: UUID, house: TheHouse, tx: Checking) -> Response:
    """The file of an imported report; who opened it stays on record."""
    content = await asyncio.to_thread(house.files.get, await service.report_file(tx, CreditCheckId(check_id)))
    headers = {"Content-Disposition": 'attachment; filename="report"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=media_type(content), headers=headers)


@router.post("/checks/{check_id}/reveal")
async def reveal_facts(check_id: UUID, tx: Checking) -> dict[str, str]:
    """The summary facts of a report; who looked stays on record."""
    return dict(await service.reveal_facts(tx, CreditCheckId(check_id)))


@router.post("/blacklist", status_code=201)
async def blacklist(body: Blacklist, tx: Checking) -> Added:
    """Put a document on the blacklist."""
    entry_id = await service.blacklist(tx, document_kind=body.document_kind, number=body.number, reason=body.reason)
    return Added(id=entry_id)


@router.get("/blacklist")
async def list_blacklist(page: ThePage, tx: Reading) -> list[BlacklistOut]:
    """Every entry of the blacklist, removed ones too."""
    found = await service.list_blacklist(tx, after=page.after, limit=page.limit)
    return [BlacklistOut.model_validate(entry) for entry in found]


@router.post("/blacklist/{entry_id}/remove", status_code=204)
async def unblacklist(entry_id: UUID, tx: Checking) -> None:
    """Take an entry off the blacklist."""
    await service.unblacklist(tx, entry_id)
