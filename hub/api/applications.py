"""Applications: drafted from a quote, their material, submitted, decided on."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response, UploadFile
from pydantic import BaseModel, ConfigDict

from hub.api.deps import AmountText, Body, TheHouse, ThePage, acting
from hub.api.once import OnceRoute
from hub.core.ids import ApplicationId, ChannelId, PartyId, QuoteId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.applications import service
from hub.leasing.applications.rules import (
    LARGEST_FILE_BYTES,
    ApplicationState,
    ApprovalStep,
    CreditOutcome,
    Decision,
    MaterialKind,
    media_type,
)
from hub.leasing.products.rules import LeaseType

router = APIRouter(prefix="/applications", tags=["applications"], route_class=OnceRoute)

Reading = Annotated[Tx, acting(P.APPLICATIONS_READ)]
Writing = Annotated[Tx, acting(P.APPLICATIONS_WRITE)]
Filing = Annotated[
    Tx, acting(P.APPLICATIONS_WRITE, keyless="a file is put in a place: putting it again changes nothing")
]


class DraftApplication(Body):
    """Who asks, on which quote, for which car if it is known, and who brought them."""

    party_id: UUID
    quote_id: UUID
    vin: str | None = None
    channel_id: UUID | None = None


class Decide(Body):
    """Yes, no, or more material; the latter two need a reason."""

    decision: Decision
    reason: str = ""


class CarOut(BaseModel):
    """The car that is asked for."""

    model_config = ConfigDict(from_attributes=True)

    model: str
    vin: str | None


class ApplicationOut(BaseModel):
    """An application."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    branch_id: UUID
    party_id: UUID
    quote_id: UUID
    product_version_id: UUID
    lease_type: LeaseType
    channel_id: UUID | None
    car: CarOut
    price: AmountText
    financed: AmountText
    state: ApplicationState
    credit_outcome: CreditOutcome | None
    credit_reasons: list[str]
    submitted_at: datetime | None
    decided_at: datetime | None
    valid_until_on: date | None


class MaterialOut(BaseModel):
    """A line of the checklist."""

    model_config = ConfigDict(from_attributes=True)

    kind: MaterialKind
    required: bool
    present: bool
    file_sha256: str | None


class ApprovalOut(BaseModel):
    """What an approver said."""

    model_config = ConfigDict(from_attributes=True)

    round: int
    step: ApprovalStep
    decision: Decision
    reason: str
    actor: str
    at: datetime


async def _shown(tx: Tx, application_id: ApplicationId) -> ApplicationOut:
    return ApplicationOut.model_validate(await service.get_application(tx, application_id))


@router.post("", status_code=201)
async def draft(body: DraftApplication, tx: Writing) -> ApplicationOut:
    """Open an application on a quote."""
    application_id = await service.draft(
        tx,
        party_id=PartyId(body.party_id),
        quote_id=QuoteId(body.quote_id),
        vin=body.vin,
        channel_id=None if body.channel_id is None else ChannelId(body.channel_id),
    )
    return await _shown(tx, application_id)


@router.get("")
async def list_applications(page: ThePage, tx: Reading, state: ApplicationState | None = None) -> list[ApplicationOut]:
    """Applications, newest first."""
    found = await service.list_applications(tx, state=state, after=page.after, limit=page.limit)
    return [ApplicationOut.model_validate(application) for application in found]


@router.get("/{application_id}")
async def get_application(application_id: UUID, tx: Reading) -> ApplicationOut:
    """One application."""
    return await _shown(tx, ApplicationId(application_id))


@router.get("/{application_id}/materials")
async def list_materials(application_id: UUID, tx: Reading) -> list[MaterialOut]:
    """The checklist of an application."""
    return [
        MaterialOut.model_validate(line) for line in await service.list_materials(tx, ApplicationId(application_id))
    ]


@router.put("/{application_id}/materials/{kind}", status_code=204)
async def add_material(application_id: UUID, kind: MaterialKind, file: UploadFile, house: TheHouse, tx: Filing) -> None:
    """Put a file on the checklist: a PDF, JPEG or PNG of at most 10 MiB."""
    await service.get_application(tx, ApplicationId(application_id))
    content = await file.read(LARGEST_FILE_BYTES + 1)
    media_type(content)
    name = await asyncio.to_thread(house.files.put, content)
    await service.add_material(tx, application_id=ApplicationId(application_id), kind=kind, file_sha256=name)


@router.get("/{application_id}/materials/{kind}/file", response_class=Response)
async def material_file(application_id: UUID, kind: MaterialKind, house: TheHouse, tx: Reading) -> Response:
    """A file of the checklist; who opened it stays on record."""
    name = await service.material_file(tx, application_id=ApplicationId(application_id), kind=kind)
    content = await asyncio.to_thread(house.files.get, name)
    headers = {"Content-Disposition": f'attachment; filename="{kind.value}"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=media_type(content), headers=headers)


@router.post("/{application_id}/submit")
async def submit(application_id: UUID, tx: Writing) -> ApplicationOut:
    """Hand an application in."""
    await service.submit(tx, application_id=ApplicationId(application_id))
    return await _shown(tx, ApplicationId(application_id))


@router.post("/{application_id}/withdraw")
async def withdraw(application_id: UUID, tx: Writing) -> ApplicationOut:
    """Take an application back."""
    await service.withdraw(tx, application_id=ApplicationId(application_id))
    return await _shown(tx, ApplicationId(application_id))


@router.post("/{application_id}/decisions")
async def decide(
    application_id: UUID, body: Decide, tx: Annotated[Tx, acting(P.APPLICATIONS_APPROVE)]
) -> ApplicationOut:
    """Approve, decline or return an application."""
    await service.decide(tx, application_id=ApplicationId(application_id), decision=body.decision, reason=body.reason)
    return await _shown(tx, ApplicationId(application_id))


@router.get("/{application_id}/decisions")
async def list_decisions(application_id: UUID, tx: Reading) -> list[ApprovalOut]:
    """What approvers have said, round by round."""
    return [ApprovalOut.model_validate(one) for one in await service.list_approvals(tx, ApplicationId(application_id))]
