"""What waits for a second person, in one list; it is decided where it waits."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from hub.api.deps import AmountText, acting
from hub.api.once import OnceRoute
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.infra.paging import MOST_ROWS, Window
from hub.leasing.applications.rules import CreditOutcome
from hub.leasing.approvals import service
from hub.leasing.approvals.rules import RequestKind, Whose

router = APIRouter(prefix="/approvals", tags=["approvals"], route_class=OnceRoute)


class RequestOut(BaseModel):
    """One request; `is_own` when the caller had a hand in it, so that somebody else must decide."""

    model_config = ConfigDict(from_attributes=True)

    kind: RequestKind
    id: UUID
    branch_id: UUID
    name: str
    number: str | None
    what_for: str
    fee_kind: str | None
    amount: AmountText
    contract_id: UUID | None
    credit_outcome: CreditOutcome | None
    refused_code: str | None
    asked_by: str
    asked_at: datetime
    is_own: bool
    may_decide: bool


class RequestsOut(BaseModel):
    """A page of requests; `after` leads to the next one, and is null on the last."""

    requests: list[RequestOut]
    after: str | None


@router.get("")
async def list_requests(
    tx: Annotated[Tx, acting(P.APPROVALS_READ)],
    kind: RequestKind | None = None,
    whose: Whose | None = None,
    after: Annotated[str | None, Query(max_length=200, description="`after` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> RequestsOut:
    """What waits for a second person, the longest wait first; each kind for whoever may read it."""
    filters = {name: word.value for name, word in (("kind", kind), ("whose", whose)) if word is not None}
    found = await service.page(tx, Window(descending=False, after=after, limit=limit, filters=filters))
    return RequestsOut(requests=[RequestOut.model_validate(one) for one in found.rows], after=found.after)
