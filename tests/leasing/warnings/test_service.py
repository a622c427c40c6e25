"""Warnings: raised once, worked by a person, raised again when it happens again."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from hub.core.errors import Conflict, InvalidInput, NotFound
from hub.core.ids import BranchId
from hub.core.money import Money
from hub.core.ports.payments import RejectionAdvice
from hub.infra.access import Actor
from hub.infra.database import Database, Tx
from hub.leasing.warnings import listing, service
from hub.leasing.warnings.rules import (
    MOVES,
    SENTENCES,
    Ground,
    WarningCode,
    WarningKind,
    WarningState,
    WarningView,
    ground,
)
from tests.leasing.running import Lease, refused


async def warn(database: Database, actor: Actor, branch: BranchId, reason: str = "look") -> None:
    async with database.transaction(actor) as tx:
        await service.raise_warning(
            tx,
            WarningKind.CALL_ESCALATED,
            branch_id=branch,
            contract_id=None,
            subject="call-1",
            ground=ground(WarningCode.CALL_ESCALATED, operation="payments_collect", provider="psp", reason=reason),
        )


async def listed(database: Database, actor: Actor, state: WarningState | None = None) -> list[WarningView]:
    async with database.transaction(actor) as tx:
        return await service.list_warnings(tx, state=state)


async def move(
    database: Database, actor: Actor, warning: WarningView, state: WarningState, result: str | None = None, **seen: int
) -> WarningView:
    async with database.transaction(actor) as tx:
        return await service.move(tx, warning_id=warning.id, state=state, result=result, **seen)


async def test_the_same_warning_is_raised_once_until_it_is_closed(
    database: Database, system_actor: Actor, seller: Actor, branch: BranchId
) -> None:
    await asyncio.gather(*(warn(database, system_actor, branch) for _ in range(5)))
    [warning] = await listed(database, seller)
    acknowledged = await move(database, seller, warning, WarningState.ACKNOWLEDGED)
    assert acknowledged.state is WarningState.ACKNOWLEDGED
    await warn(database, system_actor, branch)
    assert len(await listed(database, seller)) == 1
    closed = await move(database, seller, warning, WarningState.CLOSED, "called the bank")
    assert (closed.state, closed.result) == (WarningState.CLOSED, "called the bank")
    await warn(database, system_actor, branch)
    assert [one.state for one in await listed(database, seller)] == [WarningState.CLOSED, WarningState.OPEN]
    assert len(await listed(database, seller, WarningState.OPEN)) == 1


async def test_every_time_that_it_happens_is_kept(
    database: Database, system_actor: Actor, seller: Actor, branch: BranchId
) -> None:
    for reason in ("first", "second", "third"):
        await warn(database, system_actor, branch, reason)
    [warning] = await listed(database, seller)
    assert (warning.times, str(warning.facts["reason"])) == (3, "first")
    async with database.transaction(seller) as tx:
        kept = await listing.occurrences(tx, warning.id, limit=2)
    assert [one.ground.facts["reason"] for one in kept] == ["third", "second"]


async def test_what_happens_after_somebody_has_looked_is_not_closed_with_it(
    database: Database, system_actor: Actor, seller: Actor, branch: BranchId
) -> None:
    await warn(database, system_actor, branch)
    [seen] = await listed(database, seller)
    await warn(database, system_actor, branch)
    with pytest.raises(Conflict, match="warning_raised_again"):
        await move(database, seller, seen, WarningState.CLOSED, "done", seen=seen.times)
    assert [one.state for one in await listed(database, seller)] == [WarningState.OPEN]
    await move(database, seller, seen, WarningState.CLOSED, "done", seen=2)


async def test_what_happens_while_it_is_being_closed_is_a_warning_of_its_own(
    database: Database, system_actor: Actor, seller: Actor, branch: BranchId
) -> None:
    await warn(database, system_actor, branch)
    [warning] = await listed(database, seller)
    async with database.transaction(seller) as tx:
        await service.move(tx, warning_id=warning.id, state=WarningState.CLOSED, result="done")
        later = asyncio.create_task(warn(database, system_actor, branch, "later"))
        await _somebody_waits_for(tx)
    await later
    closed, fresh = await listed(database, seller)
    assert (closed.state, closed.times) == (WarningState.CLOSED, 1)
    assert (fresh.state, fresh.facts["reason"]) == (WarningState.OPEN, "later")


async def _somebody_waits_for(tx: Tx) -> None:
    """Until another transaction waits for a lock of this one."""
    waiting = text("select count(*) from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))")
    async with asyncio.timeout(120):
        while not await tx.scalar(waiting):  # noqa: ASYNC110 - it is the database that knows
            await asyncio.sleep(0.01)


async def test_it_is_closed_with_a_result_and_moves_forward_only(
    database: Database, system_actor: Actor, seller: Actor, branch: BranchId
) -> None:
    await warn(database, system_actor, branch)
    [warning] = await listed(database, seller)
    for nothing in (None, "  ", "x" * 401):
        with pytest.raises(InvalidInput, match="result"):
            await move(database, seller, warning, WarningState.CLOSED, nothing)
    await move(database, seller, warning, WarningState.CLOSED, "done")
    with pytest.raises(Conflict):
        await move(database, seller, warning, WarningState.ACKNOWLEDGED)


async def test_nobody_outside_the_branch_sees_or_works_it(
    database: Database, system_actor: Actor, seller: Actor, outsider: Actor, branch: BranchId
) -> None:
    await warn(database, system_actor, branch)
    assert await listed(database, outsider) == []
    [warning] = await listed(database, seller)
    with pytest.raises(NotFound):
        await move(database, outsider, warning, WarningState.ACKNOWLEDGED)
    async with database.transaction(seller) as tx:
        with pytest.raises(NotFound):
            await service.move(tx, warning_id=uuid4(), state=WarningState.ACKNOWLEDGED)


async def test_a_reason_is_masked_and_cut_to_fit(
    database: Database, system_actor: Actor, seller: Actor, branch: BranchId
) -> None:
    await warn(database, system_actor, branch, reason="13812345678 " * 100)
    [warning] = await listed(database, seller)
    assert "13812345678" not in warning.reason
    assert len(str(warning.facts["reason"])) == 400


async def test_a_late_lease_warns_once_in_its_own_branch(lease: Lease, outsider: Actor) -> None:
    lease.house.bank.steps["payments_collect"] = [refused(RejectionAdvice.DO_NOT_RETRY)]
    await lease.house.live_until(await lease.due_on(1) + timedelta(days=3))
    assert await lease.warnings() == [WarningKind.RENT_UNCOLLECTABLE, WarningKind.RENT_OVERDUE]
    assert await listed(lease.house.database, outsider) == []


def test_every_code_has_its_sentence_and_facts_come_back_as_they_were() -> None:
    assert set(SENTENCES) == set(WarningCode)
    late = ground(WarningCode.RENT_OVERDUE, number=3, day=date(2026, 2, 5), owed=Money.of("2345.60"))
    assert late.facts == {"number": 3, "day": {"day": "2026-02-05"}, "owed": {"amount": "2345.60", "currency": "CNY"}}
    assert Ground(code=late.code, facts=late.facts).parts == {
        "number": 3,
        "day": date(2026, 2, 5),
        "owed": Money.of("2345.60"),
    }
    assert str(late) == "rent 3 due on 2026-02-05 is overdue, 2,345.60 CNY owed"


def test_every_state_has_its_moves_and_the_last_has_none() -> None:
    assert set(MOVES) == set(WarningState)
    assert not MOVES[WarningState.CLOSED]
