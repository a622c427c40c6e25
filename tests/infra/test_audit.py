"""The audit trail on the real database: written with the change, masked, in order, and never changed."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from hub.core.ids import BranchId
from hub.core.money import Money
from hub.infra import audit
from hub.infra.access import Actor
from hub.infra.audit import AuditEntry
from hub.infra.database import Database
from hub.infra.logs import correlated


async def _record(database: Database, actor: Actor, subject_id: UUID | str, **more: object) -> None:
    async with database.transaction(actor) as tx:
        await audit.record(tx, action="lead.opened", subject="lead", subject_id=subject_id, **more)  # type: ignore[arg-type]


async def test_an_entry_says_who_what_when_and_in_which_transaction(database: Database, branch: BranchId) -> None:
    staff_id, subject_id = uuid4(), uuid4()
    actor = Actor(name="wang.li", staff_id=staff_id, permissions=frozenset(), branches=frozenset({branch}))
    with correlated("request-1"):
        async with database.transaction(actor) as tx:
            await audit.record(tx, action="lead.opened", subject="lead", subject_id=subject_id, branch_id=branch)
            await tx.flush()
            xid = await tx.scalar(sa.text("select pg_current_xact_id()::text::bigint"))
    async with database.transaction(actor) as tx:
        (entry,) = await audit.entries(tx, subject="lead")
    assert (entry.actor, entry.staff_id, entry.subject_id) == ("wang.li", staff_id, str(subject_id))
    assert (entry.xid, entry.at, entry.correlation_id) == (xid, database.clock.now(), "request-1")


async def test_details_are_masked_by_name_and_by_shape(database: Database, system_actor: Actor) -> None:
    detail = {
        "phone": "+8613812345678",
        "note": "call 13812345678 or a@example.com, card 110101199003071234",
        "password": "p",
        "nested": {"api_key": "k", "list": ["13812345678"]},
        "amount": Money.of("12.30"),
        "count": 3,
        "ok": True,
    }
    await _record(database, system_actor, "x", detail=detail)
    async with database.transaction(system_actor) as tx:
        (entry,) = await audit.entries(tx)
    shown = repr(entry.detail)
    for secret in ("13812345678", "a@example.com", "110101199003071234", "'p'", "'k'"):
        assert secret not in shown
    assert (entry.detail["amount"], entry.detail["count"], entry.detail["ok"]) == ("12.30 CNY", 3, True)


async def test_an_entry_comes_and_goes_with_its_transaction(database: Database, system_actor: Actor) -> None:
    async def fail() -> None:
        async with database.transaction(system_actor) as tx:
            await audit.record(tx, action="lead.opened", subject="lead", subject_id="x")
            await tx.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.transaction(system_actor) as tx:
        assert not await audit.entries(tx)


@pytest.mark.parametrize(
    "change", [sa.update(AuditEntry).values(actor="somebody else"), sa.delete(AuditEntry)], ids=["update", "delete"]
)
async def test_the_database_refuses_to_change_it(
    database: Database, system_actor: Actor, change: sa.Update | sa.Delete
) -> None:
    await _record(database, system_actor, "x")
    with pytest.raises(IntegrityError, match="append-only"):
        async with database.transaction(system_actor) as tx:
            await tx.execute(change)


async def test_pages_follow_one_another_in_order(database: Database, system_actor: Actor) -> None:
    for number in range(5):
        await _record(database, system_actor, str(number))
    async with database.transaction(system_actor) as tx:
        every = list(await audit.entries(tx))
        first = list(await audit.entries(tx, limit=2))
        rest = list(await audit.entries(tx, after=first[-1].id))
        assert [entry.id for entry in first + rest] == [entry.id for entry in every]
        assert [entry.subject_id for entry in await audit.entries(tx, subject="lead", subject_id="3")] == ["3"]
        assert not await audit.entries(tx, subject="contract")


async def test_who_sees_some_branches_sees_what_was_done_in_them(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    await _record(database, system_actor, "here", branch_id=branch)
    await _record(database, system_actor, "there", branch_id=uuid4())
    await _record(database, system_actor, "nowhere")
    local = Actor(name="a", staff_id=None, permissions=frozenset(), branches=frozenset({branch}))
    async with database.transaction(local) as tx:
        assert [entry.subject_id for entry in await audit.entries(tx)] == ["here"]
