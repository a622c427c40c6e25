"""Raise warnings from what has happened, and let a person work them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert

from hub.core.errors import Conflict, InvalidInput, NotFound
from hub.core.ids import BranchId, ContractId
from hub.infra import audit
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.leasing.contracts import service as contracts
from hub.leasing.warnings.listing import shown
from hub.leasing.warnings.records import OccurrenceRecord, WarningRecord
from hub.leasing.warnings.rules import LONGEST, MOVES, Ground, WarningKind, WarningState, WarningView


async def raise_for_contract(
    tx: Tx, kind: WarningKind, *, contract_id: ContractId, subject: str, ground: Ground
) -> None:
    """Raise a warning about a lease, in the branch of its contract."""
    contract = await contracts.view(tx, contract_id)
    await raise_warning(tx, kind, branch_id=contract.branch_id, contract_id=contract_id, subject=subject, ground=ground)


async def raise_warning(
    tx: Tx, kind: WarningKind, *, branch_id: BranchId, contract_id: ContractId | None, subject: str, ground: Ground
) -> None:
    """Raise a warning; while one of this kind and subject is not closed, it is that one which has happened again."""
    warning_id = await _again(tx, kind, subject)
    while warning_id is None:  # nobody else's is open, unless one is raised or closed in this very moment
        warning_id = await _first(tx, kind, branch_id, contract_id, subject, ground) or await _again(tx, kind, subject)
    tx.add(
        OccurrenceRecord(
            id=tx.new_id(), warning_id=warning_id, code=ground.code, facts=dict(ground.facts), raised_at=tx.now
        )
    )


async def _again(tx: Tx, kind: WarningKind, subject: str) -> UUID | None:
    """Count it on the warning that is not closed; None when there is none, also when it is being closed right now."""
    return await tx.scalar(
        update(WarningRecord)
        .where(WarningRecord.kind == kind, WarningRecord.subject == subject, WarningRecord.state != WarningState.CLOSED)
        .values(times=WarningRecord.times + 1, last_at=tx.now)
        .returning(WarningRecord.id)
    )


async def _first(
    tx: Tx, kind: WarningKind, branch_id: BranchId, contract_id: ContractId | None, subject: str, ground: Ground
) -> UUID | None:
    """Raise it; None when somebody else was first."""
    warning = insert(WarningRecord).values(
        id=tx.new_id(),
        branch_id=branch_id,
        contract_id=contract_id,
        kind=kind,
        subject=subject,
        code=ground.code,
        facts=dict(ground.facts),
        state=WarningState.OPEN,
        raised_at=tx.now,
        times=1,
        last_at=tx.now,
    )
    return await tx.scalar(
        warning.on_conflict_do_nothing(
            index_elements=["kind", "subject"], index_where=text("state <> 'closed'")
        ).returning(WarningRecord.id)
    )


async def move(
    tx: Tx, *, warning_id: UUID, state: WarningState, result: str | None = None, seen: int | None = None
) -> WarningView:
    """Acknowledge a warning, or close it with a result.

    `seen` is how often it was raised when whoever closes it has looked: Conflict when it has happened again since.
    """
    row = await tx.get(WarningRecord, warning_id, with_for_update=True, populate_existing=True)
    if row is None or not tx.actor.sees(row.branch_id):
        raise NotFound("risk_warning", warning_id)
    if state not in MOVES[WarningState(row.state)]:
        raise Conflict(f"a warning that is {row.state} cannot become {state}")
    if state is WarningState.CLOSED and not (result or "").strip():
        raise InvalidInput("result", "say what came of it")
    if len(result or "") > LONGEST:
        raise InvalidInput("result", f"must have at most {LONGEST} characters")
    if seen is not None and seen < row.times:
        raise Conflict("warning_raised_again")
    row.state, row.result = state, result
    if state is WarningState.CLOSED:
        row.closed_at = tx.now
    await audit.record(
        tx, action=f"warning.{state}", subject="risk_warning", subject_id=warning_id, branch_id=row.branch_id
    )
    return shown(row)


async def list_warnings(
    tx: Tx, *, state: WarningState | None = None, after: UUID | None = None, limit: int = 50
) -> list[WarningView]:
    """A page of warnings by key, oldest first."""
    rows = select(WarningRecord).order_by(WarningRecord.id).limit(limit)
    if state is not None:
        rows = rows.where(WarningRecord.state == state)
    if after is not None:
        rows = rows.where(WarningRecord.id > after)
    return [shown(row) for row in await tx.scalars(visible(rows, WarningRecord.branch_id, tx.actor))]
