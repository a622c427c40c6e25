"""Raise warnings from what has happened, and let a person work them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from hub.core.errors import Conflict, InvalidInput, NotFound
from hub.core.identity import mask_text
from hub.core.ids import BranchId, ContractId
from hub.infra import audit
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.leasing.contracts import service as contracts
from hub.leasing.warnings.listing import shown
from hub.leasing.warnings.records import REASON_LENGTH, WarningRecord
from hub.leasing.warnings.rules import MOVES, WarningKind, WarningState, WarningView


async def raise_for_contract(tx: Tx, kind: WarningKind, *, contract_id: ContractId, subject: str, reason: str) -> None:
    """Raise a warning about a lease, in the branch of its contract."""
    contract = await contracts.view(tx, contract_id)
    await raise_warning(tx, kind, branch_id=contract.branch_id, contract_id=contract_id, subject=subject, reason=reason)


async def raise_warning(
    tx: Tx, kind: WarningKind, *, branch_id: BranchId, contract_id: ContractId | None, subject: str, reason: str
) -> None:
    """Raise a warning; one of this kind and subject that is not closed stays as it is."""
    warning = insert(WarningRecord).values(
        id=tx.new_id(),
        branch_id=branch_id,
        contract_id=contract_id,
        kind=kind,
        subject=subject,
        reason=mask_text(reason)[:REASON_LENGTH],
        state=WarningState.OPEN,
        raised_at=tx.now,
    )
    await tx.execute(
        warning.on_conflict_do_nothing(index_elements=["kind", "subject"], index_where=text("state <> 'closed'"))
    )


async def move(tx: Tx, *, warning_id: UUID, state: WarningState, result: str | None = None) -> WarningView:
    """Acknowledge a warning, or close it with a result."""
    row = await tx.get(WarningRecord, warning_id, with_for_update=True, populate_existing=True)
    if row is None or not tx.actor.sees(row.branch_id):
        raise NotFound("risk_warning", warning_id)
    if state not in MOVES[WarningState(row.state)]:
        raise Conflict(f"a warning that is {row.state} cannot become {state}")
    if state is WarningState.CLOSED and not (result or "").strip():
        raise InvalidInput("result", "say what came of it")
    if len(result or "") > REASON_LENGTH:
        raise InvalidInput("result", f"must have at most {REASON_LENGTH} characters")
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
