"""Parties as they are listed and found: masked, by name, many at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select

from hub.core.identity import DocumentKind, mask_document, mask_email, mask_name, mask_phone
from hub.core.ids import BranchId, PartyId
from hub.infra.access import system, visible
from hub.infra.database import Database, Tx
from hub.leasing.parties.records import PartyPhoneRecord, PartyRecord
from hub.leasing.parties.rules import PartyKind, PartyView

NAME, DOCUMENT, EMAIL, PHONE = "party.name", "party.document_number", "party.email", "party_phone.phone"


def name_index(tx: Tx, name: str) -> bytes:
    """The blind index of a name, however it is spaced and cased."""
    return tx.vault.blind_index("name", "".join(name.split()).casefold())


async def find_by_name(tx: Tx, *, name: str, limit: int = 50) -> tuple[PartyView, ...]:
    """The parties of exactly this name, as far as the actor may see them, newest first."""
    query = visible(select(PartyRecord), PartyRecord.branch_id, tx.actor).where(
        PartyRecord.name_index == name_index(tx, name)
    )
    return await shown(tx, (await tx.scalars(query.order_by(PartyRecord.id.desc()).limit(limit))).all())


async def names_of(tx: Tx, party_ids: Collection[PartyId]) -> Mapping[PartyId, str]:
    """The masked names of these parties, in one query."""
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
