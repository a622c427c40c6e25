"""Risk warnings, listed and worked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from hub.api.deps import Body, ThePage, acting
from hub.api.once import OnceRoute
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.warnings import service
from hub.leasing.warnings.rules import WarningCode, WarningKind, WarningState

router = APIRouter(prefix="/warnings", tags=["warnings"], route_class=OnceRoute)


class WarningOut(BaseModel):
    """A risk warning. `reason` says `code` and `facts` in English; `times` is how often it happened while not closed."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: WarningKind
    contract_id: UUID | None
    subject: str
    code: WarningCode
    facts: dict[str, JsonValue]
    reason: str
    state: WarningState
    raised_at: datetime
    times: int
    last_at: datetime
    result: str | None


class MoveWarning(Body):
    """The next state of a warning; closing it needs a result."""

    state: WarningState
    result: str | None = Field(default=None, max_length=400)
    seen: int | None = Field(
        default=None,
        ge=1,
        description="`times` as whoever decides has seen it; refused when it has happened again since",
    )


@router.get("")
async def list_warnings(
    page: ThePage, tx: Annotated[Tx, acting(P.WARNINGS_READ)], state: WarningState | None = None
) -> list[WarningOut]:
    """Warnings by state, a page at a time."""
    found = await service.list_warnings(tx, state=state, after=page.after, limit=page.limit)
    return [WarningOut.model_validate(one) for one in found]


@router.post("/{warning_id}/state")
async def move(warning_id: UUID, body: MoveWarning, tx: Annotated[Tx, acting(P.WARNINGS_WRITE)]) -> WarningOut:
    """Acknowledge a warning, or close it with a result."""
    return WarningOut.model_validate(
        await service.move(tx, warning_id=warning_id, state=body.state, result=body.result, seen=body.seen)
    )
