"""Register parties, keep their accounts and consents, and show them: masked, or clear for a stated purpose.

Whoever reads a party through its views sees it masked. The few functions that open sealed data (`reveal_party`,
`applicant_of`, `payer_account`, `contact_of`) are called where the data leaves for its purpose, and nowhere else.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from hub.core.errors import Conflict, InvalidInput, NotFound
from hub.core.identity import DocumentKind
from hub.core.ids import BankAccountId, BranchId, ConsentId, PartyId
from hub.core.money import Money
from hub.core.ports.credit_bureau import Applicant
from hub.core.ports.payments import BankAccount
from hub.infra import audit, staff
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.leasing.parties import documents
from hub.leasing.parties.listing import DOCUMENT, EMAIL, NAME, PHONE, document_index, name_index, shown
from hub.leasing.parties.records import (
    BankAccountRecord,
    ConsentRecord,
    EmploymentRecord,
    PartyAddressRecord,
    PartyPhoneRecord,
    PartyRecord,
)
from hub.leasing.parties.rules import (
    AddressKind,
    BankAccountView,
    ClearParty,
    ConsentGiven,
    ConsentMethod,
    ConsentPurpose,
    ConsentView,
    ConsentWithdrawn,
    ContactView,
    PartyKind,
    PartyRegistered,
    PartyView,
    PhoneKind,
    RevealPurpose,
    check_document_fits,
    check_given_at,
    locale_of,
)

_ADDRESS = "party_address.text"
_EMPLOYER = "employment.employer"
_ACCOUNT = "bank_account.number"

_LONGEST_ADDRESS = 300


# Registering


async def register_person(
    tx: Tx,
    *,
    branch_id: BranchId,
    name: str,
    document_kind: DocumentKind,
    document_number: str,
    phone: str,
    email: str | None = None,
) -> PartyId:
    """Register a natural person under an identity card or passport.

    Raises InvalidInput for what does not check, Conflict when another party has this document.
    """
    return await _register(
        tx,
        branch_id=branch_id,
        kind=PartyKind.PERSON,
        name=name,
        document_kind=document_kind,
        document_number=document_number,
        phone=phone,
        email=email,
    )


async def register_company(
    tx: Tx, *, branch_id: BranchId, name: str, company_code: str, phone: str, email: str | None = None
) -> PartyId:
    """Register a company under its unified social credit code; raises as `register_person` does."""
    return await _register(
        tx,
        branch_id=branch_id,
        kind=PartyKind.COMPANY,
        name=name,
        document_kind=DocumentKind.CN_COMPANY_CODE,
        document_number=company_code,
        phone=phone,
        email=email,
    )


async def _register(
    tx: Tx,
    *,
    branch_id: BranchId,
    kind: PartyKind,
    name: str,
    document_kind: DocumentKind,
    document_number: str,
    phone: str,
    email: str | None,
) -> PartyId:
    name = documents.clean_text("name", name)
    check_document_fits(kind, document_kind)
    number = documents.document_number(document_kind, document_number)
    phone = documents.phone_number(phone)
    email = documents.email_address(email) if email is not None else None
    await staff.check_branch(tx, branch_id)
    party_id = PartyId(tx.new_id())
    added = await tx.scalar(
        insert(PartyRecord)
        .values(
            id=party_id,
            branch_id=branch_id,
            kind=kind,
            name_sealed=tx.vault.seal(name, column=NAME, row=party_id),
            name_index=name_index(tx, name),
            document_kind=document_kind,
            document_number_sealed=tx.vault.seal(number, column=DOCUMENT, row=party_id),
            document_index=document_index(tx, document_kind, number),
            email_sealed=tx.vault.seal(email, column=EMAIL, row=party_id) if email else None,
            created_at=tx.now,
        )
        .on_conflict_do_nothing(index_elements=[PartyRecord.document_index])
        .returning(PartyRecord.id)
    )
    if added is None:
        raise Conflict("document_number: another party is registered under this document")
    _add_phone(tx, party_id, PhoneKind.MOBILE, phone, is_primary=True)
    await tx.flush()
    await audit.record(tx, action="party.registered", subject="party", subject_id=party_id, detail={"kind": kind})
    tx.emit(PartyRegistered(party_id=party_id, branch_id=branch_id, kind=kind))
    return party_id


def _add_phone(tx: Tx, party_id: PartyId, kind: PhoneKind, phone: str, *, is_primary: bool) -> None:
    phone_id = tx.new_id()
    tx.add(
        PartyPhoneRecord(
            id=phone_id,
            party_id=party_id,
            kind=kind,
            phone_sealed=tx.vault.seal(phone, column=PHONE, row=phone_id),
            phone_index=tx.vault.blind_index("phone", phone),
            is_primary=is_primary,
        )
    )


async def add_phone(tx: Tx, *, party_id: PartyId, kind: PhoneKind, phone: str) -> None:
    """Add a further phone of a party; one that the party has already is left as it is."""
    phone = documents.phone_number(phone)
    party = await _party(tx, party_id)
    index = tx.vault.blind_index("phone", phone)
    known = select(PartyPhoneRecord.id).where(
        PartyPhoneRecord.party_id == party.id, PartyPhoneRecord.phone_index == index
    )
    if await tx.scalar(known) is None:
        _add_phone(tx, party_id, kind, phone, is_primary=False)
        await audit.record(
            tx, action="party.phone_added", subject="party", subject_id=party_id, detail={"phone": phone}
        )


async def add_address(tx: Tx, *, party_id: PartyId, kind: AddressKind, text: str) -> None:
    """Add an address of a party."""
    text = documents.clean_text("text", text, longest=_LONGEST_ADDRESS)
    await _party(tx, party_id)
    address_id = tx.new_id()
    sealed = tx.vault.seal(text, column=_ADDRESS, row=address_id)
    tx.add(PartyAddressRecord(id=address_id, party_id=party_id, kind=kind, text_sealed=sealed))
    await audit.record(tx, action="party.address_added", subject="party", subject_id=party_id, detail={"kind": kind})


async def record_employment(tx: Tx, *, party_id: PartyId, employer: str, monthly_income: Money) -> None:
    """Record where a party earns its living and how much a month; the latest record counts."""
    employer = documents.clean_text("employer", employer)
    if monthly_income < Money.zero(monthly_income.currency):
        raise InvalidInput("monthly_income", "must not be negative")
    await _party(tx, party_id)
    employment_id = tx.new_id()
    tx.add(
        EmploymentRecord(
            id=employment_id,
            party_id=party_id,
            employer_sealed=tx.vault.seal(employer, column=_EMPLOYER, row=employment_id),
            monthly_income_amount=monthly_income,
            recorded_at=tx.now,
        )
    )
    await audit.record(tx, action="party.employment_recorded", subject="party", subject_id=party_id)


# Bank accounts


async def add_bank_account(tx: Tx, *, party_id: PartyId, bank_code: str, number: str) -> BankAccountId:
    """Add an account of a party's own; one that the party has already keeps its id."""
    code, number = documents.bank_code(bank_code), documents.account_number(number)
    await _party(tx, party_id)
    account_id = tx.new_id()
    index = tx.vault.blind_index("bank_account", number)
    added = await tx.scalar(
        insert(BankAccountRecord)
        .values(
            id=account_id,
            party_id=party_id,
            bank_code=code,
            number_sealed=tx.vault.seal(number, column=_ACCOUNT, row=account_id),
            number_index=index,
            last_four=number[-4:],
            added_at=tx.now,
        )
        .on_conflict_do_nothing(index_elements=[BankAccountRecord.party_id, BankAccountRecord.number_index])
        .returning(BankAccountRecord.id)
    )
    if added is None:
        return BankAccountId(await _known_account(tx, party_id, index))
    await audit.record(
        tx,
        action="party.bank_account_added",
        subject="party",
        subject_id=party_id,
        detail={"bank_code": code, "last_four": number[-4:]},
    )
    return BankAccountId(account_id)


async def _known_account(tx: Tx, party_id: PartyId, index: bytes) -> UUID:
    account = await tx.scalars(
        select(BankAccountRecord.id).where(
            BankAccountRecord.party_id == party_id, BankAccountRecord.number_index == index
        )
    )
    return account.one()


async def list_bank_accounts(tx: Tx, party_id: PartyId) -> tuple[BankAccountView, ...]:
    """The accounts of a party, oldest first."""
    await _party(tx, party_id)
    accounts = await tx.scalars(
        select(BankAccountRecord).where(BankAccountRecord.party_id == party_id).order_by(BankAccountRecord.id)
    )
    return tuple(
        BankAccountView(
            id=BankAccountId(account.id), party_id=party_id, bank_code=account.bank_code, last_four=account.last_four
        )
        for account in accounts
    )


# Consents


async def record_consent(
    tx: Tx,
    *,
    party_id: PartyId,
    purpose: ConsentPurpose,
    text_version: str,
    method: ConsentMethod,
    given_at: datetime | None = None,
) -> ConsentId:
    """Record that a party has consented to a purpose, now or at `given_at`; raises InvalidInput for a future one."""
    text_version = documents.clean_text("text_version", text_version, longest=40)
    given_at = given_at or tx.now
    check_given_at(given_at, tx.now)
    await _party(tx, party_id)
    consent_id = ConsentId(tx.new_id())
    tx.add(
        ConsentRecord(
            id=consent_id,
            party_id=party_id,
            purpose=purpose,
            text_version=text_version,
            method=method,
            given_at=given_at,
            recorded_at=tx.now,
        )
    )
    await tx.flush()
    detail = {"purpose": purpose, "text_version": text_version, "method": method}
    await audit.record(tx, action="consent.given", subject="party", subject_id=party_id, detail=detail)
    tx.emit(ConsentGiven(party_id=party_id, consent_id=consent_id, purpose=purpose))
    return consent_id


async def withdraw_consent(tx: Tx, *, party_id: PartyId, consent_id: ConsentId) -> None:
    """Take a consent back as of now; taking back what was taken back changes nothing."""
    await _party(tx, party_id)
    consent = await tx.get(ConsentRecord, consent_id, with_for_update=True)
    if consent is None or consent.party_id != party_id:
        raise NotFound("consent", consent_id)
    if consent.withdrawn_at is not None:
        return
    consent.withdrawn_at = tx.now
    purpose = ConsentPurpose(consent.purpose)
    await audit.record(
        tx, action="consent.withdrawn", subject="party", subject_id=party_id, detail={"purpose": purpose}
    )
    tx.emit(ConsentWithdrawn(party_id=party_id, consent_id=consent_id, purpose=purpose))


async def valid_consent(tx: Tx, party_id: PartyId, purpose: ConsentPurpose) -> ConsentView | None:
    """The latest consent of a party that covers the purpose now; None when there is none."""
    latest_first = (
        select(ConsentRecord)
        .where(ConsentRecord.party_id == party_id, ConsentRecord.purpose == purpose)
        .order_by(ConsentRecord.given_at.desc(), ConsentRecord.id.desc())
    )
    await _party(tx, party_id)
    consents = map(_consent_view, await tx.scalars(latest_first))
    return next((consent for consent in consents if consent.covers(tx.now)), None)


async def get_consent(tx: Tx, *, party_id: PartyId, consent_id: ConsentId) -> ConsentView:
    """One consent of a party, whether it still covers or not."""
    await _party(tx, party_id)
    consent = await tx.get(ConsentRecord, consent_id)
    if consent is None or consent.party_id != party_id:
        raise NotFound("consent", consent_id)
    return _consent_view(consent)


async def list_consents(tx: Tx, party_id: PartyId) -> tuple[ConsentView, ...]:
    """Every consent of a party, withdrawn ones too, oldest first."""
    await _party(tx, party_id)
    consents = await tx.scalars(
        select(ConsentRecord).where(ConsentRecord.party_id == party_id).order_by(ConsentRecord.id)
    )
    return tuple(map(_consent_view, consents))


def _consent_view(consent: ConsentRecord) -> ConsentView:
    return ConsentView(
        id=ConsentId(consent.id),
        party_id=PartyId(consent.party_id),
        purpose=ConsentPurpose(consent.purpose),
        text_version=consent.text_version,
        given_at=consent.given_at,
        method=ConsentMethod(consent.method),
        withdrawn_at=consent.withdrawn_at,
    )


# Looking up


async def get_party(tx: Tx, party_id: PartyId) -> PartyView:
    """A party, masked."""
    return (await shown(tx, [await _party(tx, party_id)]))[0]


async def list_parties(tx: Tx, *, after: UUID | None = None, limit: int = 50) -> tuple[PartyView, ...]:
    """Parties of the actor's branches, newest first, from behind `after`."""
    query = visible(select(PartyRecord), PartyRecord.branch_id, tx.actor).order_by(PartyRecord.id.desc()).limit(limit)
    if after is not None:
        query = query.where(PartyRecord.id < after)
    return await shown(tx, (await tx.scalars(query)).all())


async def find_by_document(tx: Tx, *, kind: DocumentKind, number: str) -> PartyView | None:
    """The party registered under this document, if the actor may see it."""
    index = document_index(tx, kind, documents.document_number(kind, number))
    query = visible(select(PartyRecord), PartyRecord.branch_id, tx.actor).where(PartyRecord.document_index == index)
    party = await tx.scalar(query)
    return None if party is None else (await shown(tx, [party]))[0]


async def find_by_phone(tx: Tx, *, phone: str, limit: int = 50) -> tuple[PartyView, ...]:
    """The parties that have this phone, as far as the actor may see them, newest first."""
    index = tx.vault.blind_index("phone", documents.phone_number(phone))
    holders = select(PartyPhoneRecord.party_id).where(PartyPhoneRecord.phone_index == index)
    query = visible(select(PartyRecord), PartyRecord.branch_id, tx.actor).where(PartyRecord.id.in_(holders))
    return await shown(tx, (await tx.scalars(query.order_by(PartyRecord.id.desc()).limit(limit))).all())


async def document_index_of(tx: Tx, party_id: PartyId) -> bytes:
    """The blind index of a party's own document."""
    return (await _party(tx, party_id)).document_index


async def _party(tx: Tx, party_id: UUID) -> PartyRecord:
    query = visible(select(PartyRecord), PartyRecord.branch_id, tx.actor).where(PartyRecord.id == party_id)
    party = await tx.scalar(query)
    if party is None:
        raise NotFound("party", party_id)
    return party


# In the clear


def _name(tx: Tx, party: PartyRecord) -> str:
    return tx.vault.open(party.name_sealed, column=NAME, row=party.id)


def _document(tx: Tx, party: PartyRecord) -> str:
    return tx.vault.open(party.document_number_sealed, column=DOCUMENT, row=party.id)


def _email(tx: Tx, party: PartyRecord) -> str | None:
    if party.email_sealed is None:
        return None
    return tx.vault.open(party.email_sealed, column=EMAIL, row=party.id)


async def _phone(tx: Tx, party_id: UUID) -> str:
    primary = select(PartyPhoneRecord).where(PartyPhoneRecord.party_id == party_id, PartyPhoneRecord.is_primary)
    phone = (await tx.scalars(primary)).one()
    return tx.vault.open(phone.phone_sealed, column=PHONE, row=phone.id)


async def reveal_party(tx: Tx, party_id: PartyId, purpose: RevealPurpose) -> ClearParty:
    """A party in the clear for a stated purpose; the audit trail says who looked and why."""
    party = await _party(tx, party_id)
    addresses = await tx.scalars(
        select(PartyAddressRecord).where(PartyAddressRecord.party_id == party_id).order_by(PartyAddressRecord.id)
    )
    await audit.record(tx, action="party.revealed", subject="party", subject_id=party_id, detail={"purpose": purpose})
    return ClearParty(
        id=party_id,
        kind=PartyKind(party.kind),
        name=_name(tx, party),
        document_kind=DocumentKind(party.document_kind),
        document_number=_document(tx, party),
        phone=await _phone(tx, party_id),
        email=_email(tx, party),
        addresses=tuple(tx.vault.open(address.text_sealed, column=_ADDRESS, row=address.id) for address in addresses),
    )


async def applicant_of(tx: Tx, party_id: PartyId) -> Applicant:
    """What a credit bureau is told of a party."""
    party = await _party(tx, party_id)
    return Applicant(
        name=_name(tx, party),
        document_kind=DocumentKind(party.document_kind),
        document_number=_document(tx, party),
        phone=await _phone(tx, party_id),
    )


async def payer_account(tx: Tx, bank_account_id: BankAccountId) -> BankAccount:
    """What a payment provider is told of a party's account."""
    account = await tx.get(BankAccountRecord, bank_account_id)
    if account is None:
        raise NotFound("bank_account", bank_account_id)
    party = await _party(tx, account.party_id)
    return BankAccount(
        holder=_name(tx, party),
        number=tx.vault.open(account.number_sealed, column=_ACCOUNT, row=account.id),
        bank_code=account.bank_code,
        phone=await _phone(tx, party.id),
        document_number=_document(tx, party),
    )


async def contact_of(tx: Tx, party_id: PartyId) -> ContactView:
    """How to reach a party, for a message to them."""
    party = await _party(tx, party_id)
    return ContactView(
        party_id=party_id,
        locale=locale_of(DocumentKind(party.document_kind)),
        name=_name(tx, party),
        phone=await _phone(tx, party_id),
        email=_email(tx, party),
    )
