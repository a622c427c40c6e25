"""Warnings: raised once, worked by a person, raised again when it happens again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from hub.core.errors import Conflict, InvalidInput, NotFound
from hub.core.ids import BranchId
from hub.core.ports.payments import RejectionAdvice
from hub.infra.access import Actor
from hub.infra.database import Database
from hub.leasing.warnings import service
from hub.leasing.warnings.rules import MOVES, WarningKind, WarningState, WarningView
from tests.leasing.running import Lease, refused


async def warn(database: Database, actor: Actor, branch: BranchId, reason: str = "look") -> None:
    async with database.transaction(actor) as tx:
        await service.raise_warning(
            tx, WarningKind.CALL_ESCALATED, branch_id=branch, contract_id=None, subject="call-1", reason=reason
        )


async def listed(database: Database, actor: Actor, state: WarningState | None = None) -> list[WarningView]:
    async with database.transaction(actor) as tx:
        return await service.list_warnings(tx, state=state)


async def move(
    database: Database, actor: Actor, warning: WarningView, state: WarningState, result: str | None = None
) -> WarningView:
    async with database.transaction(actor) as tx:
        return await service.move(tx, warning_id=warning.id, state=state, result=result)


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
    assert len(warning.reason) == 400


async def test_a_late_lease_warns_once_in_its_own_branch(lease: Lease, outsider: Actor) -> None:
    lease.house.bank.steps["payments_collect"] = [refused(RejectionAdvice.DO_NOT_RETRY)]
    await lease.house.live_until(await lease.due_on(1) + timedelta(days=3))
    assert await lease.warnings() == [WarningKind.RENT_UNCOLLECTABLE, WarningKind.RENT_OVERDUE]
    assert await listed(lease.house.database, outsider) == []


def test_every_state_has_its_moves_and_the_last_has_none() -> None:
    assert set(MOVES) == set(WarningState)
    assert not MOVES[WarningState.CLOSED]
