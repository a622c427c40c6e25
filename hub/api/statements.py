"""Reconciliation: what providers say they have moved in a day, what differs from our books, and what is done about it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from hub.api.deps import AmountText, Body, TheHouse, acting, holding
from hub.api.once import OnceRoute
from hub.infra.access import Actor
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.infra.paging import Window
from hub.leasing.statements import listing, service
from hub.leasing.statements.rules import DifferenceKind, DifferenceState, StatementState

router = APIRouter(prefix="/statements", tags=["payments"], route_class=OnceRoute)

Reading = Annotated[Tx, acting(P.PAYMENTS_READ)]
Writing = Annotated[Tx, acting(P.PAYMENTS_WRITE)]
Word = Annotated[str, Query(pattern=r"^[a-z0-9_]{1,64}$")]
Cursor = Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{1,300}$")]


class ExplainDifference(Body):
    """Why a difference is in order, or what was done about it."""

    reason: str


class StatementOut(BaseModel):
    """The statement of a provider's day. `difference` is what it says less what the books say."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    instance: str
    day_on: date
    state: StatementState
    lines: int
    matched: int
    open: int
    named: int
    stated: AmountText
    booked: AmountText
    difference: AmountText
    code: str | None
    fetch_at: datetime | None
    fetched_at: datetime | None
    compared_at: datetime | None


class DifferenceOut(BaseModel):
    """Something that does not agree on a day, signed as the provider's clearing account is."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    statement_id: UUID
    instance: str
    day_on: date
    kind: DifferenceKind
    state: DifferenceState
    stated: AmountText
    booked: AmountText
    difference: AmountText
    ref: str
    note: str
    movement_id: UUID | None
    contract_id: UUID | None
    other_on: date | None
    reason: str | None
    found_at: datetime
    closed_at: datetime | None
    closed_by: str | None


class StatementsOut(BaseModel):
    """A page of statements; `after` begins the next."""

    statements: list[StatementOut]
    after: str | None


class DifferencesOut(BaseModel):
    """A page of differences; `after` begins the next."""

    differences: list[DifferenceOut]
    after: str | None


def _whole(actor: Actor, permission: P) -> None:
    """Statements belong to no branch: raise NotAllowed for whoever is kept to some."""
    actor.require_whole_company(permission)


def _window(after: str | None, limit: int, **filters: str | None) -> Window:
    return Window(after=after, limit=limit, filters={name: word for name, word in filters.items() if word})


@router.get("")
async def statements(
    tx: Reading,
    state: StatementState | None = None,
    instance: Word | None = None,
    after: Cursor | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> StatementsOut:
    """Statements by day, newest first."""
    _whole(tx.actor, P.PAYMENTS_READ)
    found = await listing.statements(tx, _window(after, limit, state=state, instance=instance))
    return StatementsOut(statements=[StatementOut.model_validate(one) for one in found.rows], after=found.after)


@router.get("/differences")
async def differences(
    tx: Reading,
    state: DifferenceState | None = None,
    kind: DifferenceKind | None = None,
    instance: Word | None = None,
    after: Cursor | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DifferencesOut:
    """Differences of every statement by day, newest first."""
    _whole(tx.actor, P.PAYMENTS_READ)
    found = await listing.differences(tx, _window(after, limit, state=state, kind=kind, instance=instance))
    return DifferencesOut(differences=[DifferenceOut.model_validate(one) for one in found.rows], after=found.after)


@router.get("/{statement_id}")
async def statement(statement_id: UUID, tx: Reading) -> StatementOut:
    """One statement."""
    _whole(tx.actor, P.PAYMENTS_READ)
    return StatementOut.model_validate(await service.get(tx, statement_id))


@router.get("/{statement_id}/differences")
async def differences_of(statement_id: UUID, tx: Reading) -> list[DifferenceOut]:
    """Everything that was found to differ in a statement, what is open first."""
    _whole(tx.actor, P.PAYMENTS_READ)
    return [DifferenceOut.model_validate(one) for one in await service.differences_of(tx, statement_id)]


@router.post("/{statement_id}/fetch", status_code=202)
async def fetch_again(statement_id: UUID, tx: Writing) -> StatementOut:
    """Have a statement fetched and compared anew."""
    return StatementOut.model_validate(await service.fetch_again(tx, statement_id))


@router.post("/differences/{difference_id}/explanation")
async def explain(difference_id: UUID, body: ExplainDifference, tx: Writing) -> DifferenceOut:
    """Close an open difference with a reason."""
    return DifferenceOut.model_validate(await service.explain(tx, difference_id, reason=body.reason))


@router.post("/differences/{difference_id}/booking")
async def book(difference_id: UUID, tx: Writing) -> DifferenceOut:
    """Book the fees of a day, or what the provider has sent to our bank account, as the statement says it."""
    return DifferenceOut.model_validate(await service.book(tx, difference_id))


@router.post("/differences/{difference_id}/question")
async def ask_again(
    difference_id: UUID,
    house: TheHouse,
    actor: Annotated[Actor, holding(P.PAYMENTS_WRITE, keyless="a question changes nothing by itself")],
) -> DifferenceOut:
    """Ask the provider once more what became of the movement that a difference is about."""
    _whole(actor, P.PAYMENTS_WRITE)
    async with house.database.transaction(actor) as tx:
        found = await service.get_difference(tx, difference_id)
    await service.ask_again(house.database, house.executor, actor, found)
    async with house.database.transaction(actor) as tx:
        return DifferenceOut.model_validate(await service.get_difference(tx, difference_id))
