"""Parties on a real database: registered once, sealed at rest, masked in views, consents append-only, scoped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.core.errors import Conflict, InvalidInput, NotFound
from hub.core.identity import DocumentKind
from hub.core.ids import BranchId, PartyId
from hub.core.money import Money
from hub.infra.access import Actor
from hub.infra.database import Database, Tx
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import (
    AddressKind,
    ConsentGiven,
    ConsentMethod,
    ConsentPurpose,
    ConsentWithdrawn,
    PartyKind,
    PartyRegistered,
    PhoneKind,
    RevealPurpose,
)
from hub.sdk.clock import VirtualClock

Register = Callable[[Tx], Awaitable[PartyId]]


async def _consent(tx: Tx, party_id: PartyId, purpose: ConsentPurpose = ConsentPurpose.CREDIT_CHECK) -> None:
    await parties.record_consent(
        tx, party_id=party_id, purpose=purpose, text_version="2026-1", method=ConsentMethod.SMS_CODE
    )


async def test_a_person_is_registered_masked_and_revealed_with_a_trace(
    database: Database, seller: Actor, branch: BranchId, new_identity: Callable[[], str]
) -> None:
    number = new_identity()
    async with database.transaction(seller) as tx:
        party_id = await parties.register_person(
            tx,
            branch_id=branch,
            name=" 欧阳娜娜 ",
            document_kind=DocumentKind.CN_IDENTITY_CARD,
            document_number=number,
            phone="138 1234 5678",
            email="Nana@Example.com",
        )
        assert PartyRegistered(party_id=party_id, branch_id=branch, kind=PartyKind.PERSON) in tx.facts
        await parties.add_address(tx, party_id=party_id, kind=AddressKind.HOME, text="北京市东城区 1 号")
    async with database.transaction(seller) as tx:
        view = await parties.get_party(tx, party_id)
        assert (view.name, view.phone, view.email) == ("欧***", "+86138****5678", "n***@example.com")
        assert number not in repr(view)
        assert "13812345678" not in repr(view)
        clear = await parties.reveal_party(tx, party_id, RevealPurpose.SERVICE)
        assert (clear.name, clear.document_number, clear.phone) == ("欧阳娜娜", number, "+8613812345678")
        assert clear.addresses == ("北京市东城区 1 号",)
        assert number not in repr(clear)
    async with database.transaction(seller) as tx:
        trail = await tx.execute(text("select detail->>'purpose' from audit_entry where action = 'party.revealed'"))
        assert trail.scalars().all() == ["service"]


async def test_nothing_that_names_a_person_lies_open_in_the_database(
    database: Database, seller: Actor, register: Register
) -> None:
    async with database.transaction(seller) as tx:
        party_id = await register(tx)
        await parties.add_bank_account(tx, party_id=party_id, bank_code="ICBC", number="6222021234567890")
        await parties.add_phone(tx, party_id=party_id, kind=PhoneKind.WORK, phone="010-62345678")
        await parties.record_employment(tx, party_id=party_id, employer="某某公司", monthly_income=Money.of("12000"))
        applicant = await parties.applicant_of(tx, party_id)
    async with database.transaction(seller) as tx:
        rows = ""
        for table in ("party", "party_phone", "party_address", "employment", "bank_account", "audit_entry"):
            found = await tx.execute(text(f"select to_jsonb(t)::text from {table} t"))
            rows += "".join(found.scalars())
    canaries = ("张伟", applicant.document_number, "13812345678", "6222021234567890", "62345678", "某某公司")
    assert [canary for canary in canaries if canary in rows or canary.encode().hex() in rows] == []


async def test_a_document_belongs_to_one_party(
    database: Database, seller: Actor, branch: BranchId, new_identity: Callable[[], str]
) -> None:
    number = new_identity()
    someone = {"branch_id": branch, "document_kind": DocumentKind.CN_IDENTITY_CARD, "phone": "13812345678"}
    async with database.transaction(seller) as tx:
        await parties.register_person(tx, name="甲", document_number=number, **someone)
        with pytest.raises(Conflict, match="document_number"):
            await parties.register_person(tx, name="乙", document_number=number.lower(), **someone)
    async with database.transaction(seller) as tx:
        assert len(await parties.list_parties(tx)) == 1


async def test_bad_input_names_its_field_and_writes_nothing(
    database: Database, seller: Actor, branch: BranchId, new_identity: Callable[[], str]
) -> None:
    good = {
        "name": "甲",
        "document_kind": DocumentKind.CN_IDENTITY_CARD,
        "document_number": new_identity(),
        "phone": "13812345678",
    }
    bad = {
        "name": "\n",
        "document_kind": DocumentKind.CN_COMPANY_CODE,
        "document_number": "1",
        "phone": "1",
        "email": "nobody",
    }
    async with database.transaction(seller) as tx:
        for field, value in bad.items():
            with pytest.raises(InvalidInput) as refused:
                await parties.register_person(tx, branch_id=branch, **(good | {field: value}))
            assert refused.value.field == field
    async with database.transaction(seller) as tx:
        assert await parties.list_parties(tx) == ()


async def test_a_company_is_known_by_its_code(database: Database, seller: Actor, branch: BranchId) -> None:
    async with database.transaction(seller) as tx:
        party_id = await parties.register_company(
            tx, branch_id=branch, name="某某汽车有限公司", company_code="91110000600037341L", phone="010-62345678"
        )
    async with database.transaction(seller) as tx:
        found = await parties.find_by_document(tx, kind=DocumentKind.CN_COMPANY_CODE, number="91110000600037341l")
        assert found is not None
        assert (found.id, found.kind) == (party_id, PartyKind.COMPANY)
        assert await parties.find_by_document(tx, kind=DocumentKind.PASSPORT, number="E12345678") is None


async def test_parties_are_found_by_any_phone_of_theirs(database: Database, seller: Actor, register: Register) -> None:
    async with database.transaction(seller) as tx:
        first, second = await register(tx), await register(tx)
        for _ in range(2):
            await parties.add_phone(tx, party_id=second, kind=PhoneKind.WORK, phone="010-62345678")
    async with database.transaction(seller) as tx:
        assert {party.id for party in await parties.find_by_phone(tx, phone="+86 138 1234 5678")} == {first, second}
        assert [party.id for party in await parties.find_by_phone(tx, phone="01062345678")] == [second]
        assert (await parties.contact_of(tx, second)).phone == "+8613812345678"


async def test_a_bank_account_is_added_once_and_opened_for_the_payer(
    database: Database, seller: Actor, register: Register
) -> None:
    async with database.transaction(seller) as tx:
        party_id = await register(tx)
        first = await parties.add_bank_account(tx, party_id=party_id, bank_code="icbc", number="6222 0212 3456 7890")
        again = await parties.add_bank_account(tx, party_id=party_id, bank_code="ICBC", number="6222021234567890")
        assert first == again
    async with database.transaction(seller) as tx:
        (account,) = await parties.list_bank_accounts(tx, party_id)
        assert (account.bank_code, account.last_four) == ("ICBC", "7890")
        payer = await parties.payer_account(tx, first)
        assert (payer.holder, payer.number, payer.phone) == ("张伟", "6222021234567890", "+8613812345678")


async def test_a_consent_is_valid_until_it_is_withdrawn(
    database: Database, seller: Actor, register: Register, clock: VirtualClock
) -> None:
    async with database.transaction(seller) as tx:
        party_id = await register(tx)
        assert await parties.valid_consent(tx, party_id, ConsentPurpose.CREDIT_CHECK) is None
        await _consent(tx, party_id)
        assert any(isinstance(fact, ConsentGiven) for fact in tx.facts)
    clock.advance(timedelta(days=1))
    async with database.transaction(seller) as tx:
        consent = await parties.valid_consent(tx, party_id, ConsentPurpose.CREDIT_CHECK)
        assert consent is not None
        assert await parties.valid_consent(tx, party_id, ConsentPurpose.MARKETING) is None
        for _ in range(2):
            await parties.withdraw_consent(tx, party_id=party_id, consent_id=consent.id)
        assert [type(fact) for fact in tx.facts] == [ConsentWithdrawn]
    async with database.transaction(seller) as tx:
        assert await parties.valid_consent(tx, party_id, ConsentPurpose.CREDIT_CHECK) is None
        assert len(await parties.list_consents(tx, party_id)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "delete from consent",
        "update consent set text_version = 'other'",
        "update consent set given_at = given_at - interval '1 day'",
        "update consent set withdrawn_at = given_at - interval '1 day'",
    ],
)
async def test_the_database_lets_nobody_rewrite_a_consent(
    database: Database, seller: Actor, register: Register, change: str
) -> None:
    async with database.transaction(seller) as tx:
        await _consent(tx, await register(tx))
    with pytest.raises(DBAPIError):
        async with database.transaction(seller) as tx:
            await tx.execute(text(change))


async def test_a_withdrawal_is_final(database: Database, seller: Actor, register: Register) -> None:
    async with database.transaction(seller) as tx:
        party_id = await register(tx)
        await _consent(tx, party_id)
        (consent,) = await parties.list_consents(tx, party_id)
        await parties.withdraw_consent(tx, party_id=party_id, consent_id=consent.id)
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction(seller) as tx:
            await tx.execute(text("update consent set withdrawn_at = null"))


async def test_another_branch_sees_nothing_and_writes_nothing(
    database: Database, seller: Actor, outsider: Actor, register: Register, branch: BranchId
) -> None:
    async with database.transaction(seller) as tx:
        party_id = await register(tx)
        account_id = await parties.add_bank_account(tx, party_id=party_id, bank_code="ICBC", number="6222021234567890")
        await _consent(tx, party_id)
        (consent,) = await parties.list_consents(tx, party_id)
    async with database.transaction(outsider) as tx:
        assert await parties.list_parties(tx) == ()
        assert await parties.find_by_phone(tx, phone="13812345678") == ()
        tries: list[Awaitable[object]] = [
            parties.get_party(tx, party_id),
            parties.reveal_party(tx, party_id, RevealPurpose.SERVICE),
            parties.applicant_of(tx, party_id),
            parties.contact_of(tx, party_id),
            parties.payer_account(tx, account_id),
            parties.list_bank_accounts(tx, party_id),
            parties.list_consents(tx, party_id),
            parties.valid_consent(tx, party_id, ConsentPurpose.CREDIT_CHECK),
            parties.add_bank_account(tx, party_id=party_id, bank_code="ICBC", number="6222021234567891"),
            parties.add_phone(tx, party_id=party_id, kind=PhoneKind.HOME, phone="010-62345678"),
            parties.add_address(tx, party_id=party_id, kind=AddressKind.HOME, text="somewhere"),
            parties.record_employment(tx, party_id=party_id, employer="x", monthly_income=Money.zero()),
            parties.withdraw_consent(tx, party_id=party_id, consent_id=consent.id),
            _consent(tx, party_id),
            register(tx),
        ]
        for attempt in tries:
            with pytest.raises(NotFound):
                await attempt


async def test_pages_follow_each_other_without_gap(database: Database, seller: Actor, register: Register) -> None:
    async with database.transaction(seller) as tx:
        made = {await register(tx) for _ in range(5)}
    async with database.transaction(seller) as tx:
        seen: list[PartyId] = []
        while page := await parties.list_parties(tx, after=seen[-1] if seen else None, limit=2):
            seen += [party.id for party in page]
    assert seen == sorted(made, reverse=True)
