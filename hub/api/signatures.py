"""The papers of a contract and their signature: sent out, taken back, looked at."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from hub.api.contracts import ContractOut, Reading, Reason, Writing, shown
from hub.api.deps import TheHouse
from hub.api.once import OnceRoute
from hub.core.ids import ContractId
from hub.leasing.signatures import service
from hub.leasing.signatures.rules import DocumentKind, EnvelopeState, Language

router = APIRouter(prefix="/contracts", tags=["signatures"], route_class=OnceRoute)

_ARCHIVE = b"PK\x03\x04"  # Source: PKWARE APPNOTE 6.3.10, 4.3.7


class DocumentOut(BaseModel):
    """A paper, by the digests of the file sent out, of the signed file and of its evidence."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: DocumentKind
    language: Language
    template_version: str
    sha256: str
    signed_sha256: str | None
    evidence_sha256: str | None


class EnvelopeOut(BaseModel):
    """One try to have the contract signed."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    state: EnvelopeState
    instance: str | None
    requested_at: datetime
    completed_at: datetime | None
    reason: str | None
    signing_urls: list[str]


@router.get("/{contract_id}/envelopes")
async def envelopes(contract_id: UUID, tx: Reading) -> list[EnvelopeOut]:
    """Every try to have the contract signed, newest first."""
    return [EnvelopeOut.model_validate(one) for one in await service.envelopes(tx, ContractId(contract_id))]


@router.get("/{contract_id}/documents")
async def documents(contract_id: UUID, tx: Reading) -> list[DocumentOut]:
    """The papers of a contract, newest envelope first."""
    return [DocumentOut.model_validate(one) for one in await service.documents(tx, ContractId(contract_id))]


@router.get("/{contract_id}/documents/{language}.pdf", response_class=Response)
async def paper(contract_id: UUID, language: Language, house: TheHouse, tx: Reading, signed: bool = False) -> Response:
    """The newest paper in a language, as it was sent out, or as it came back signed."""
    found = await service.paper(tx, ContractId(contract_id), language, signed=signed)
    content = await asyncio.to_thread(house.files.get, found.sha256)
    return _file(content, found.name)


def _file(content: bytes, name: str) -> Response:
    """A paper as it is kept: some e-signature providers give all that was signed back in one archive."""
    media_type = "application/pdf"
    if content.startswith(_ARCHIVE):
        media_type, name = "application/zip", name.removesuffix(".pdf") + ".zip"
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.post("/{contract_id}/signature", status_code=202)
async def request_signature(contract_id: UUID, tx: Writing) -> ContractOut:
    """Send a drafted contract out for signature."""
    await service.request_signature(tx, ContractId(contract_id))
    return await shown(tx, contract_id)


@router.post("/{contract_id}/signature/withdrawal", status_code=202)
async def withdraw_signature(contract_id: UUID, body: Reason, tx: Writing) -> ContractOut:
    """Have the envelope that is out taken back."""
    await service.withdraw_signature(tx, ContractId(contract_id), reason=body.reason)
    return await shown(tx, contract_id)
