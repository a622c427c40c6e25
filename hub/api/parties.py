"""Parties: registered, found, masked, revealed for a purpose; their accounts and consents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from hub.api.deps import AmountText, Body, ThePage, acting
from hub.api.once import OnceRoute
from hub.core.errors import InvalidInput
from hub.core.identity import DocumentKind
from hub.core.ids import BranchId, ConsentId, PartyId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.parties import service
from hub.leasing.parties.rules import (
    AddressKind,
    ConsentMethod,
    ConsentPurpose,
    PartyKind,
    PhoneKind,
    RevealPurpose,
)

router = APIRouter(prefix="/parties", tags=["parties"], route_class=OnceRoute)

Reading = Annotated[Tx, acting(P.PARTIES_READ)]
Writing = Annotated[Tx, acting(P.PARTIES_WRITE)]
Revealing = Annotated[Tx, acting(P.PARTIES_REVEAL, keyless="clear data is kept nowhere else; each look is on record")]


class RegisterPerson(Body):
    """A natural person, under an identity card or a passport."""

    branch_id: UUID
    name: str
    document_kind: DocumentKind = DocumentKind.CN_IDENTITY_CARD
    document_number: str
    phone: str
    email: str | None = None


class RegisterCompany(Body):
    """A company, under its unified social credit code."""

    branch_id: UUID
    name: str
    company_code: str
    phone: str
    email: str | None = None


class FindParty(Body):
    """Whom to look for: by phone, or by document. It stands in the body, since addresses end up in logs."""

    phone: str | None = None
    document_kind: DocumentKind | None = None
    document_number: str | None = None


class AddPhone(Body):
    """A further phone."""

    kind: PhoneKind
    phone: str


class AddAddress(Body):
    """A further address."""

    kind: AddressKind
    text: str


class RecordEmployment(Body):
    """Where a party earns its living, and how much a month."""

    employer: str
    monthly_income: AmountText


class AddBankAccount(Body):
    """An account of the party's own."""

    bank_code: str
    number: str


class RecordConsent(Body):
    """What the party has agreed to, to which text, how, and when if not now."""

    purpose: ConsentPurpose
    text_version: str
    method: ConsentMethod
    given_at: datetime | None = None


class Reveal(Body):
    """Why the data must be seen in the clear."""

    purpose: RevealPurpose


class Added(BaseModel):
    """The id of what has been added."""

    id: UUID


class PartyOut(BaseModel):
    """A party, masked."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    branch_id: UUID
    kind: PartyKind
    name: str
    document_kind: DocumentKind
    document_number: str
    phone: str
    email: str | None
    created_at: datetime


class ClearPartyOut(BaseModel):
    """A party in the clear."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: PartyKind
    name: str = Field(repr=False)
    document_kind: DocumentKind
    document_number: str = Field(repr=False)
    phone: str = Field(repr=False)
    email: str | None = Field(repr=False)
    addresses: list[str] = Field(repr=False)


class BankAccountOut(BaseModel):
    """A bank account by its last four digits."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    bank_code: str
    last_four: str


class ConsentOut(BaseModel):
    """A consent."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    purpose: ConsentPurpose
    text_version: str
    method: ConsentMethod
    given_at: datetime
    withdrawn_at: datetime | None


@router.post("/persons", status_code=201)
async def register_person(body: RegisterPerson, tx: Writing) -> PartyOut:
    """Register a natural person."""
    party_id = await service.register_person(
        tx,
        branch_id=BranchId(body.branch_id),
        name=body.name,
        document_kind=body.document_kind,
        document_number=body.document_number,
        phone=body.phone,
        email=body.email,
    )
    return PartyOut.model_validate(await service.get_party(tx, party_id))


@router.post("/companies", status_code=201)
async def register_company(body: RegisterCompany, tx: Writing) -> PartyOut:
    """Register a company."""
    party_id = await service.register_company(
        tx,
        branch_id=BranchId(body.branch_id),
        name=body.name,
        company_code=body.company_code,
        phone=body.phone,
        email=body.email,
    )
    return PartyOut.model_validate(await service.get_party(tx, party_id))


@router.get("")
async def list_parties(page: ThePage, tx: Reading) -> list[PartyOut]:
    """Parties, newest first."""
    found = await service.list_parties(tx, after=page.after, limit=page.limit)
    return [PartyOut.model_validate(party) for party in found]


@router.post("/search")
async def find_parties(body: FindParty, tx: Reading) -> list[PartyOut]:
    """The parties with this phone, or the one with this document."""
    if body.phone is not None:
        return [PartyOut.model_validate(party) for party in await service.find_by_phone(tx, phone=body.phone)]
    if body.document_kind is None or body.document_number is None:
        raise InvalidInput("phone", "give a phone, or document_kind and document_number")
    party = await service.find_by_document(tx, kind=body.document_kind, number=body.document_number)
    return [] if party is None else [PartyOut.model_validate(party)]


@router.get("/{party_id}")
async def get_party(party_id: UUID, tx: Reading) -> PartyOut:
    """One party."""
    return PartyOut.model_validate(await service.get_party(tx, PartyId(party_id)))


@router.post("/{party_id}/reveal")
async def reveal_party(party_id: UUID, body: Reveal, tx: Revealing) -> ClearPartyOut:
    """One party in the clear; who looked and why stays on record."""
    return ClearPartyOut.model_validate(await service.reveal_party(tx, PartyId(party_id), body.purpose))


@router.post("/{party_id}/phones", status_code=204)
async def add_phone(party_id: UUID, body: AddPhone, tx: Writing) -> None:
    """Add a further phone."""
    await service.add_phone(tx, party_id=PartyId(party_id), kind=body.kind, phone=body.phone)


@router.post("/{party_id}/addresses", status_code=204)
async def add_address(party_id: UUID, body: AddAddress, tx: Writing) -> None:
    """Add an address."""
    await service.add_address(tx, party_id=PartyId(party_id), kind=body.kind, text=body.text)


@router.post("/{party_id}/employments", status_code=204)
async def record_employment(party_id: UUID, body: RecordEmployment, tx: Writing) -> None:
    """Record where the party earns its living."""
    await service.record_employment(
        tx, party_id=PartyId(party_id), employer=body.employer, monthly_income=body.monthly_income
    )


@router.post("/{party_id}/bank-accounts", status_code=201)
async def add_bank_account(party_id: UUID, body: AddBankAccount, tx: Writing) -> Added:
    """Add an account; one that is known keeps its id."""
    account_id = await service.add_bank_account(
        tx, party_id=PartyId(party_id), bank_code=body.bank_code, number=body.number
    )
    return Added(id=account_id)


@router.get("/{party_id}/bank-accounts")
async def list_bank_accounts(party_id: UUID, tx: Reading) -> list[BankAccountOut]:
    """The accounts of a party."""
    found = await service.list_bank_accounts(tx, PartyId(party_id))
    return [BankAccountOut.model_validate(account) for account in found]


@router.post("/{party_id}/consents", status_code=201)
async def record_consent(party_id: UUID, body: RecordConsent, tx: Writing) -> Added:
    """Record a consent."""
    consent_id = await service.record_consent(
        tx,
        party_id=PartyId(party_id),
        purpose=body.purpose,
        text_version=body.text_version,
        method=body.method,
        given_at=body.given_at,
    )
    return Added(id=consent_id)


@router.get("/{party_id}/consents")
async def list_consents(party_id: UUID, tx: Reading) -> list[ConsentOut]:
    """Every consent of a party, withdrawn ones too."""
    found = await service.list_consents(tx, PartyId(party_id))
    return [ConsentOut.model_validate(consent) for consent in found]


@router.post("/{party_id}/consents/{consent_id}/withdraw", status_code=204)
async def withdraw_consent(party_id: UUID, consent_id: UUID, tx: Writing) -> None:
    """Take a consent back."""
    await service.withdraw_consent(tx, party_id=PartyId(party_id), consent_id=ConsentId(consent_id))
