"""The books on the real database: balanced, append-only, idempotent, provable."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.core.errors import Conflict, NotFound, RuleBroken
from hub.core.ids import EntryId
from hub.core.money import Money
from hub.infra.access import Actor
from hub.infra.audit import AuditEntry
from hub.infra.database import Database
from hub.ledger import postings, service
from hub.ledger.chart import CHART, Account
from hub.ledger.postings import ReceiptParts
from hub.ledger.records import AccountRecord
from hub.ledger.rules import EntryDraft, Finding, FindingKind, Line
from hub.sdk.clock import VirtualClock

DAY = date(2026, 1, 5)


def receipt(charge_id: UUID, minor: int = 1000, contract_id: UUID | None = None) -> EntryDraft:
    return postings.receipt_from_provider(
        charge_id=charge_id,
        contract_id=contract_id,
        value_on=DAY,
        instance="psp_main",
        parts=ReceiptParts(rent=Money(minor)),
    )


async def test_what_is_posted_reads_back(database: Database, system_actor: Actor) -> None:
    contract_id, draft_of = uuid4(), uuid4()
    draft = receipt(draft_of, 1234, contract_id)
    async with database.transaction(system_actor) as tx:
        entry_id = await service.post(tx, draft)
    async with database.transaction(system_actor) as tx:
        entry = await service.get_entry(tx, entry_id)
        assert entry == await service.find_entry(tx, draft.ref)
        assert await service.find_entry(tx, "nothing:1") is None
    assert (entry.ref, entry.kind, entry.value_on, entry.posted_on) == (draft.ref, draft.kind, DAY, DAY)
    assert (entry.posted_by, entry.contract_id) == (system_actor.name, contract_id)
    assert [(line.account, line.debit.minor, line.credit.minor) for line in entry.lines] == [
        (Account.PROVIDER_CLEARING, 1234, 0),
        (Account.RENT_RECEIVABLE, 0, 1234),
    ]


async def test_the_same_posting_twice_is_one_entry(database: Database, system_actor: Actor) -> None:
    draft = receipt(uuid4())
    async with database.transaction(system_actor) as tx:
        first = await service.post(tx, draft)
        assert await service.post(tx, draft) == first
    async with database.transaction(system_actor) as tx:
        assert await service.post(tx, draft) == first
        assert await service.balance(tx, Account.RENT_RECEIVABLE) == Money(-1000)


async def test_the_same_reference_with_another_content_is_a_conflict(database: Database, system_actor: Actor) -> None:
    charge_id = uuid4()
    async with database.transaction(system_actor) as tx:
        await service.post(tx, receipt(charge_id))
    with pytest.raises(Conflict, match="another content"):
        async with database.transaction(system_actor) as tx:
            await service.post_many(tx, [receipt(uuid4()), receipt(charge_id, 999)])
    async with database.transaction(system_actor) as tx:
        assert await service.balance(tx, Account.RENT_RECEIVABLE) == Money(-1000)


async def test_many_posters_of_one_reference_make_one_entry(database: Database, system_actor: Actor) -> None:
    charges = [uuid4() for _ in range(5)]

    async def poster(turn: int) -> dict[str, EntryId]:
        async with database.transaction(system_actor) as tx:
            return await service.post_many(
                tx, [receipt(charge) for charge in charges[turn % 5 :] + charges[: turn % 5]]
            )

    answers = await asyncio.gather(*(poster(turn) for turn in range(8)))
    assert all(answer == answers[0] for answer in answers)
    async with database.transaction(system_actor) as tx:
        assert await service.balance(tx, Account.PROVIDER_CLEARING, instance="psp_main") == Money(5000)
        assert await service.check(tx) == ()


async def test_a_nights_postings_go_in_together_and_once(database: Database, system_actor: Actor) -> None:
    drafts = [receipt(uuid4(), 100 + number) for number in range(1200)]
    async with database.transaction(system_actor) as tx:
        posted = await service.post_many(tx, drafts)
    async with database.transaction(system_actor) as tx:
        again = await service.post_many(tx, [*drafts, receipt(uuid4(), 1)])
        books = await service.trial_balance(tx)
        assert await service.check(tx) == ()
    assert (len(posted), len(again)) == (1200, 1201)
    assert posted.items() <= again.items()
    assert books.debit == Money(sum(100 + number for number in range(1200)) + 1)


async def test_nothing_to_post_is_nothing(database: Database, system_actor: Actor) -> None:
    async with database.transaction(system_actor) as tx:
        assert await service.post_many(tx, []) == {}


_ENTRY = """
    insert into entry (id, ref, kind, value_on, posted_on, posted_at, posted_by, memo, line_count, fingerprint)
    values (:id, :ref, 'raw', '2026-01-05', '2026-01-05', now(), 'test', '', 2, '')
"""
_LINES = "insert into line (entry_id, position, account_code, amount, instance) values "


async def _raw(database: Database, actor: Actor, *statements: str) -> None:
    async with database.transaction(actor) as tx:
        entry_id = uuid4()
        await tx.execute(sa.text(_ENTRY), {"id": entry_id, "ref": f"raw:{entry_id}"})
        for statement in statements:
            await tx.execute(sa.text(statement), {"id": entry_id})


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ("(:id, 1, '1002', 10, null), (:id, 2, '4001', -9.99, null)", "not balanced and whole"),
        ("(:id, 1, '1002', 10, null)", "not balanced and whole"),
        ("(:id, 1, '1002', 10, null), (:id, 3, '4001', -10, null)", "not balanced and whole"),
        ("(:id, 1, '1002', 5, null), (:id, 2, '1122', 5, null), (:id, 3, '4001', -10, null)", "not balanced and whole"),
        ("(:id, 0, '1002', 10, null), (:id, 2, '4001', -10, null)", "ck_line_position"),
        ("(:id, 1, '1002', 0, null), (:id, 2, '4001', 0, null)", "ck_line_amount"),
        ("(:id, 1, '1002', 10, 'psp'), (:id, 2, '4001', -10, null)", "ck_line_instance"),
        ("(:id, 1, '1012', 10, null), (:id, 2, '4001', -10, null)", "ck_line_instance"),
        ("(:id, 1, '9999', 10, null), (:id, 2, '4001', -10, null)", "fk_line_account_code"),
    ],
)
async def test_the_database_refuses_a_wrong_set_of_lines(
    database: Database, system_actor: Actor, values: str, why: str
) -> None:
    with pytest.raises(IntegrityError, match=why):
        await _raw(database, system_actor, _LINES + values)


async def test_nothing_is_slipped_into_an_entry_later(database: Database, system_actor: Actor) -> None:
    whole = _LINES + "(:id, 1, '1002', 10, null), (:id, 2, '4001', -10, null)"
    more = _LINES + "(:id, 3, '1002', 10, null), (:id, 4, '4001', -10, null)"
    with pytest.raises(IntegrityError, match="not balanced and whole"):
        await _raw(database, system_actor, whole, more)
    with pytest.raises(IntegrityError, match="pk_line"):
        await _raw(database, system_actor, whole, whole)


@pytest.mark.parametrize(
    "statement",
    [
        "update line set amount = amount * 2",
        "update entry set memo = 'changed'",
        "delete from line",
        "delete from entry where false",
    ],
)
async def test_the_books_are_append_only(database: Database, system_actor: Actor, statement: str) -> None:
    async with database.transaction(system_actor) as tx:
        await service.post(tx, receipt(uuid4()))
    with pytest.raises(IntegrityError, match="append-only"):
        async with database.transaction(system_actor) as tx:
            await tx.execute(sa.text(statement))


async def test_a_reversal_takes_everything_back_once(database: Database, system_actor: Actor) -> None:
    contract_id = uuid4()
    async with database.transaction(system_actor) as tx:
        entry_id = await service.post(tx, receipt(uuid4(), 500, contract_id))
        reversal_id = await service.reverse(tx, entry_id, "charged by mistake")
        assert await service.reverse(tx, entry_id, "charged by mistake, again") == reversal_id
    async with database.transaction(system_actor) as tx:
        entries = await service.entries_of_contract(tx, contract_id)
        assert [entry.id for entry in entries] == [entry_id, reversal_id]
        assert entries[1].reverses_id == entry_id
        assert await service.balance(tx, Account.RENT_RECEIVABLE, contract_id=contract_id) == Money(0)
        assert await service.check(tx) == ()
        assert await tx.scalar(sa.select(AuditEntry.action).limit(1)) == "entry.reversed"
    with pytest.raises(RuleBroken):
        async with database.transaction(system_actor) as tx:
            await service.reverse(tx, reversal_id, "back again")


async def test_an_unknown_entry_is_not_found(database: Database, system_actor: Actor) -> None:
    with pytest.raises(NotFound):
        async with database.transaction(system_actor) as tx:
            await service.reverse(tx, EntryId(uuid4()), "why not")


async def test_balances_by_contract_instance_and_day(
    database: Database, system_actor: Actor, clock: VirtualClock
) -> None:
    one, two = uuid4(), uuid4()
    async with database.transaction(system_actor) as tx:
        await service.post_many(tx, [receipt(uuid4(), 300, one), receipt(uuid4(), 200, two)])
    clock.advance(timedelta(days=1))
    async with database.transaction(system_actor) as tx:
        await service.post(tx, receipt(uuid4(), 50, one))
        assert await service.balance(tx, Account.RENT_RECEIVABLE, contract_id=one) == Money(-350)
        assert await service.balance(tx, Account.RENT_RECEIVABLE, contract_id=one, as_of=DAY) == Money(-300)
        assert await service.balance(tx, Account.PROVIDER_CLEARING, instance="psp_main") == Money(550)
        assert await service.balance(tx, Account.PROVIDER_CLEARING, instance="psp_other") == Money(0)
        assert await service.clearing_balances(tx) == {"psp_main": Money(550)}
        yesterday = await service.trial_balance(tx, DAY)
    assert yesterday.balances
    assert yesterday.debit == Money(500)


async def test_entries_of_a_contract_come_in_pages(database: Database, system_actor: Actor) -> None:
    contract_id = uuid4()
    posted = []
    for minor in range(1, 6):
        async with database.transaction(system_actor) as tx:
            posted.append(await service.post(tx, receipt(uuid4(), minor, contract_id)))
    async with database.transaction(system_actor) as tx:
        first = await service.entries_of_contract(tx, contract_id, limit=3)
        rest = await service.entries_of_contract(tx, contract_id, after=first[-1].id, limit=3)
    assert [entry.id for entry in first + rest] == posted


async def test_the_database_holds_the_chart(database: Database, system_actor: Actor) -> None:
    async with database.transaction(system_actor) as tx:
        stored = {
            row.code: (row.name_zh, row.name_en, row.kind, row.normal_side)
            for row in await tx.scalars(sa.select(AccountRecord))
        }
        assert await service.check(tx) == ()
    chart = {
        account.value: (facts.name_zh, facts.name_en, facts.kind.value, facts.normal_side.value)
        for account, facts in CHART.items()
    }
    assert stored == chart


async def test_the_trial_balance_shows_every_account(database: Database, system_actor: Actor) -> None:
    async with database.transaction(system_actor) as tx:
        await service.post(tx, receipt(uuid4(), 700))
        books = await service.trial_balance(tx)
    shown = {total.account: total for total in books.totals}
    assert set(shown) == set(Account)
    assert shown[Account.RENT_RECEIVABLE].normal_balance == Money(-700)
    assert shown[Account.PROVIDER_CLEARING].balance == Money(700)
    assert (books.debit, books.credit, books.balances) == (Money(700), Money(700), True)


async def test_a_check_finds_what_got_around_the_triggers(database: Database, system_actor: Actor) -> None:
    async with database.transaction(system_actor) as tx:
        entry_id = await service.post(tx, receipt(uuid4()))
        await service.reverse(tx, entry_id, "mistake")
    async with database.engine.connect() as connection:
        await connection.execute(sa.text("alter table line disable trigger user"))
        await connection.execute(sa.text("update line set amount = 11 where position = 1 and amount > 0"))
        await connection.execute(sa.text("delete from line where position = 2 and amount > 0"))
        await connection.execute(sa.text("update account set kind = 'equity' where code = '1002'"))
        await connection.execute(sa.text("delete from account where code = '6702'"))
        await connection.execute(sa.text("insert into account values ('9999', '外', 'Foreign', 'asset', 'debit')"))
        async with database.transaction(system_actor) as tx:
            assert await service.check(tx) == ()
        findings = await _check_on(connection, database, system_actor)
        await connection.rollback()
    assert {finding.kind for finding in findings} == set(FindingKind)


async def _check_on(connection: AsyncConnection, database: Database, actor: Actor) -> tuple[Finding, ...]:
    on_this_connection = replace(database, engine=connection)
    async with on_this_connection.transaction(actor) as tx:
        return await service.check(tx)


def _balanced(parts: list[tuple[Account, int]]) -> tuple[Line, ...]:
    rest = -sum(minor for _, minor in parts)
    return tuple(
        Line(account=account, amount=Money(minor), instance="psp" if CHART[account].by_instance else None)
        for account, minor in [*parts, (Account.BANK, rest)]
        if minor
    )


PARTS = st.lists(
    st.tuples(st.sampled_from(sorted(Account)), st.integers(-(10**10), 10**10).filter(bool)), min_size=1, max_size=6
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(PARTS, min_size=1, max_size=8), data=st.data())
async def test_whatever_is_posted_the_books_balance(
    database: Database, system_actor: Actor, entries: list[list[tuple[Account, int]]], data: st.DataObject
) -> None:
    drafts = [
        EntryDraft(ref=f"random:{uuid4()}", kind="random", value_on=DAY, lines=lines)
        for lines in map(_balanced, entries)
        if len(lines) > 1
    ]
    async with database.transaction(system_actor) as tx:
        before = await service.trial_balance(tx)
        posted = await service.post_many(tx, drafts)
        after = await service.trial_balance(tx)
        assert after.balances
        assert await service.check(tx) == ()
        for entry_id in posted.values():
            await service.reverse(tx, entry_id, "undone")
        undone = await service.trial_balance(tx)
    assert [total.balance for total in undone.totals] == [total.balance for total in before.totals]
