"""The seals of the audit trail: every entry once and in order whoever writes at the same time, and every touch found."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from hub.core.errors import InvalidInput
from hub.infra import audit
from hub.infra.access import Actor, system
from hub.infra.database import Database, Tx
from hub.infra.sealing import FlawKind, Head, Verification, anything_to_seal, seal_due, verify

WRITERS = 8
Change = Callable[[list[UUID]], str]


async def _write(database: Database, actor: Actor, number: int, *, prefix: str = "s") -> None:
    async with database.transaction(actor) as tx:
        for one in range(number):
            await audit.record(tx, action="lead.opened", subject="lead", subject_id=f"{prefix}{one}", detail={"n": one})


async def _verified(database: Database, actor: Actor, expected: Head | None = None) -> Verification:
    async with database.transaction(actor) as tx:
        return await verify(tx, expected=expected)


async def _seal_all(database: Database, *, limit: int = 5000) -> list[int]:
    """Seal until nothing waits. The horizon is the whole server's: what other tests have open holds it back."""
    done: list[int] = []
    async with asyncio.timeout(120):
        while True:
            async with database.transaction(system("test")) as tx:
                if not (await verify(tx)).waiting:
                    return done
            if sealed := await seal_due(database, limit=limit):
                done.append(sealed)
            else:
                await asyncio.sleep(0.05)


async def _until_there_is_something(database: Database) -> None:
    """The horizon is the whole server's: what other tests have open holds it back."""
    for _ in range(2400):
        if await anything_to_seal(database):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nothing to seal")


async def _past_the_guards(tx: Tx, statement: str) -> None:
    await tx.execute(sa.text("set local session_replication_role = replica"))
    await tx.execute(sa.text(statement))


async def test_entries_are_sealed_once_and_nothing_is_wrong(database: Database, system_actor: Actor) -> None:
    await _write(database, system_actor, 12)
    sealed = await _seal_all(database, limit=5)
    assert (max(sealed), sum(sealed)) == (5, 12)
    assert await seal_due(database) == 0
    seen = await _verified(database, system_actor)
    assert (seen.head.number, seen.waiting, seen.flaws) == (12, 0, ())
    await _write(database, system_actor, 3)
    assert (await _verified(database, system_actor)).waiting == 3
    assert sum(await _seal_all(database)) == 3
    assert (await _verified(database, system_actor, seen.head)).flaws == ()


async def test_a_quick_look_says_whether_there_is_anything(database: Database, system_actor: Actor) -> None:
    assert not await anything_to_seal(database)
    await _write(database, system_actor, 2)
    await _until_there_is_something(database)
    await _seal_all(database)
    assert not await anything_to_seal(database)
    await _write(database, system_actor, 1)
    await _until_there_is_something(database)


# Each says which entries it names, by their place in the trail.
TOUCHES: dict[str, tuple[Change, FlawKind, tuple[int, ...]]] = {
    "change": (
        lambda ids: f"update audit_entry set actor = 'nobody' where id = '{ids[4]}'",
        FlawKind.ENTRY_CHANGED,
        (4,),
    ),
    "change_of_a_microsecond": (
        lambda ids: f"update audit_entry set at = at + interval '1 microsecond' where id = '{ids[2]}'",
        FlawKind.ENTRY_CHANGED,
        (2,),
    ),
    "delete": (lambda ids: f"delete from audit_entry where id = '{ids[3]}'", FlawKind.ENTRY_GONE, (3,)),
    "insert": (
        lambda ids: (
            "insert into audit_entry (id, at, xid, actor, action, subject, subject_id)"
            f" select '00000000-0000-7000-8000-000000000001', at, xid, actor, action, subject, 'x' from audit_entry"
            f" where id = '{ids[6]}'"
        ),
        FlawKind.ENTRY_ADDED,
        (-1,),
    ),
    "swap": (
        lambda ids: (
            "update audit_entry a set subject_id = b.subject_id, detail = b.detail from audit_entry b"
            f" where (a.id, b.id) in (('{ids[1]}', '{ids[7]}'), ('{ids[7]}', '{ids[1]}'))"
        ),
        FlawKind.ENTRY_CHANGED,
        (1, 7),
    ),
    "seal": (
        lambda ids: f"update audit_seal set digest = sha256('x') where entry_id = '{ids[5]}'",
        FlawKind.CHAIN_BROKEN,
        (5,),
    ),
}


@pytest.mark.parametrize("name", TOUCHES)
async def test_a_touch_is_found_and_the_right_entry_named(name: str, database: Database, system_actor: Actor) -> None:
    await _write(database, system_actor, 9)
    await _seal_all(database)
    change, kind, places = TOUCHES[name]
    async with database.transaction(system_actor) as tx:
        ids = [entry.id for entry in await audit.entries(tx)]
        await _past_the_guards(tx, change(ids))
    ids.append(UUID("00000000-0000-7000-8000-000000000001"))
    flaws = (await _verified(database, system_actor)).flaws
    assert {flaw.entry_id for flaw in flaws} == {ids[place] for place in places}
    assert kind in {flaw.kind for flaw in flaws}


async def test_a_whole_new_chain_does_not_end_in_the_head_that_was_kept(
    database: Database, system_actor: Actor
) -> None:
    await _write(database, system_actor, 5)
    await _seal_all(database)
    kept = Head.of(str((await _verified(database, system_actor)).head))
    async with database.transaction(system_actor) as tx:
        await _past_the_guards(tx, "update audit_entry set actor = 'nobody' where subject_id = 's3'")
        await tx.execute(sa.text("delete from audit_seal"))
    await _seal_all(database)
    assert (await _verified(database, system_actor)).flaws == ()
    [flaw] = (await _verified(database, system_actor, kept)).flaws
    assert flaw.kind is FlawKind.HEAD_DIFFERS


@pytest.mark.parametrize("text", ["", "5", "x:" + "0" * 64, "5:" + "g" * 64, "5:00"])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="head"):
        Head.of(text)


async def test_the_database_refuses_to_change_a_seal(database: Database, system_actor: Actor) -> None:
    await _write(database, system_actor, 1)
    await _seal_all(database)
    for statement in ("update audit_seal set number = 2", "delete from audit_seal"):
        with pytest.raises(sa.exc.IntegrityError, match="append-only"):
            async with database.transaction(system_actor) as tx:
                await tx.execute(sa.text(statement))


async def test_many_writers_and_two_sealers_leave_no_gap_and_no_fork(database: Database, system_actor: Actor) -> None:
    """Ids become visible out of order while they write: a cursor by id alone would lose some."""
    done = asyncio.Event()

    async def write(number: int) -> None:
        for turn in range(25):
            await _write(database, system_actor, 1 + turn % 3, prefix=f"{number}-{turn}-")

    async def seal() -> None:
        while not done.is_set():
            await seal_due(database, limit=20)
            await asyncio.sleep(0)

    sealers = [asyncio.create_task(seal()) for _ in range(2)]
    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    done.set()
    await asyncio.gather(*sealers)
    await _seal_all(database)
    async with database.transaction(system_actor) as tx:
        entries = await tx.scalar(sa.text("select count(*) from audit_entry"))
    seen = await _verified(database, system_actor)
    assert (seen.head.number, seen.waiting, seen.flaws) == (entries, 0, ())
    assert entries == WRITERS * sum(1 + turn % 3 for turn in range(25))


async def test_what_is_not_committed_holds_the_horizon_back(database: Database, system_actor: Actor) -> None:
    async with database.transaction(system_actor) as slow:
        await audit.record(slow, action="lead.opened", subject="lead", subject_id="slow")
        await slow.flush()
        await asyncio.create_task(_write(database, system_actor, 2, prefix="quick"))
        assert await asyncio.create_task(seal_due(database)) == 0
    assert sum(await _seal_all(database)) == 3


async def test_a_long_trail_is_verified_in_no_time(database: Database, system_actor: Actor) -> None:
    number = 20_000
    async with database.transaction(system_actor) as tx:
        await tx.execute(
            sa.text(
                "insert into audit_entry (id, at, actor, action, subject, subject_id, detail) select gen_random_uuid(),"
                f" now(), 'a', 'lead.opened', 'lead', n::text, jsonb_build_object('n', n) from generate_series(1, {number}) n"
            )
        )
    await _seal_all(database)
    began = time.process_time()
    seen = await _verified(database, system_actor)
    spent = time.process_time() - began
    assert (seen.head.number, seen.flaws) == (number, ())
    print(f"{number / spent:.0f} entries a second of our own processor time")
    assert spent < 20 * number / 1_000_000 * 4, "a million entries are verified in 20 s, with slack for a busy machine"
