"""Parties as they are listed and found: masked, by name, phone or document, many at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Select, or_, select

from hub.core.errors import InvalidInput
from hub.core.identity import DocumentKind, mask_document, mask_email, mask_name, mask_phone
from hub.core.ids import BranchId, PartyId
from hub.infra.access import system, visible
from hub.infra.database import Database, Tx
from hub.infra.paging import Count, Order, Slice, Tabs, Window, count_by, sliced
from hub.leasing.parties import documents
from hub.leasing.parties.records import PartyPhoneRecord, PartyRecord
from hub.leasing.parties.rules import PartyKind, PartyView

NAME, DOCUMENT, EMAIL, PHONE = "party.name", "party.document_number", "party.email", "party_phone.phone"


def name_index(tx: Tx, name: str) -> bytes:
    """The blind index of a name, however it is spaced and cased."""
    return tx.vault.blind_index("name", "".join(name.split()).casefold())


def document_index(tx: Tx, kind: DocumentKind, number: str) -> bytes:
    """The blind index of a checked document number, for lists kept by document (the blacklist)."""
    return tx.vault.blind_index("document", f"{kind.value}:{number}")


# Ids rise with time, so they stand for when a party was registered.
_ORDER = Order(key=PartyRecord.id, columns={"registered": PartyRecord.id}, standard="registered")
_TABS = Tabs(name="kind", column=PartyRecord.kind, words=PartyKind)


async def page(tx: Tx, window: Window) -> Slice[PartyView]:
    """Parties in a window; filters `kind`, and `person_name` for a whole name, phone or document number."""
    found = await sliced(tx, _wanted(tx, window), _ORDER, window, _as_it_is, _TABS)
    return Slice(rows=await shown(tx, found.rows), after=found.after, before=found.before)


def _as_it_is(party: PartyRecord) -> PartyRecord:
    return party


async def counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many parties there are of each kind, under the other filters."""
    return await count_by(tx, _wanted(tx, window), _TABS)


def _wanted(tx: Tx, window: Window) -> Select[PartyRecord]:
    query = visible(select(PartyRecord), PartyRecord.branch_id, tx.actor)
    text = window.filters.get("person_name")
    if not text:
        return query
    fits = [PartyRecord.name_index == name_index(tx, text)]
    for kind in DocumentKind:
        try:
            fits.append(PartyRecord.document_index == document_index(tx, kind, documents.document_number(kind, text)))
        except InvalidInput:  # it is no such number, so nobody has it
            continue
    try:
        index = tx.vault.blind_index("phone", documents.phone_number(text))
        fits.append(PartyRecord.id.in_(select(PartyPhoneRecord.party_id).where(PartyPhoneRecord.phone_index == index)))
    except InvalidInput:
        pass
    return query.where(or_(*fits))


async def find_by_name(tx: Tx, *, name: str, limit: int = 50) -> tuple[PartyView, ...]:
    """The parties of exactly this name, as far as the actor may see them, newest first."""
    query = visible(select(PartyRecord), PartyRecord.branch_id, tx.actor).where(
        PartyRecord.name_index == name_index(tx, name)
    )
    return await shown(tx, (await tx.scalars(query.order_by(PartyRecord.id.desc()).limit(limit))).all())


async def names_of(tx: Tx, party_ids: Collection[PartyId]) -> Mapping[PartyId, str]:
    """The masked names of these parties, in one query."""
    if not party_ids:
        return {}
    rows = select(PartyRecord.id, PartyRecord.name_sealed).where(PartyRecord.id.in_(party_ids))
    return {
        PartyId(party_id): mask_name(tx.vault.open(sealed, column=NAME, row=party_id))
        for party_id, sealed in await tx.execute(rows)
    }


async def index_names(database: Database, *, limit: int = 500) -> int:
    """Make the name indices that parties from before there was one lack; returns how many were made."""
    async with database.transaction(system("parties")) as tx:
        lacking = select(PartyRecord).where(PartyRecord.name_index.is_(None)).limit(limit)
        rows = (await tx.scalars(lacking.with_for_update(skip_locked=True))).all()
        for row in rows:
            row.name_index = name_index(tx, tx.vault.open(row.name_sealed, column=NAME, row=row.id))
    return len(rows)


async def shown(tx: Tx, parties: Sequence[PartyRecord]) -> tuple[PartyView, ...]:
    """Parties as everybody may see them, their primary phones in one query."""
    primary = select(PartyPhoneRecord).where(
        PartyPhoneRecord.party_id.in_([party.id for party in parties]), PartyPhoneRecord.is_primary
    )
    phones = {
        phone.party_id: tx.vault.open(phone.phone_sealed, column=PHONE, row=phone.id)
        for phone in await tx.scalars(primary)
    }
    return tuple(_shown(tx, party, phones[party.id]) for party in parties)


def _shown(tx: Tx, party: PartyRecord, phone: str) -> PartyView:
    email = None if party.email_sealed is None else tx.vault.open(party.email_sealed, column=EMAIL, row=party.id)
    return PartyView(
        id=PartyId(party.id),
        branch_id=BranchId(party.branch_id),
        kind=PartyKind(party.kind),
        name=mask_name(tx.vault.open(party.name_sealed, column=NAME, row=party.id)),
        document_kind=DocumentKind(party.document_kind),
        document_number=mask_document(tx.vault.open(party.document_number_sealed, column=DOCUMENT, row=party.id)),
        phone=mask_phone(phone),
        email=None if email is None else mask_email(email),
        created_at=party.created_at,
    )
