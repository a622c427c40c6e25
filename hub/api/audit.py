"""The audit trail: who did what to which subject, a page at a time, and whether anybody has touched it since."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from hub.api.deps import ThePage, acting
from hub.api.once import OnceRoute
from hub.infra import audit, sealing
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.infra.sealing import FlawKind, Head

router = APIRouter(prefix="/audit", tags=["audit"], route_class=OnceRoute)


class AuditEntryOut(BaseModel):
    """One line of the trail; what names a person is masked."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    at: datetime
    actor: str
    staff_id: UUID | None
    action: str
    subject: str
    subject_id: str
    branch_id: UUID | None
    correlation_id: str | None
    detail: dict[str, Any]


class FlawOut(BaseModel):
    """One thing that is wrong with the trail."""

    model_config = ConfigDict(from_attributes=True)

    kind: FlawKind
    entry_id: UUID
    number: int


class VerificationOut(BaseModel):
    """What a look at the whole chain has found; keep `head` elsewhere, and hand it in next time."""

    sound: bool
    head: str
    sealed: int
    waiting: int
    flaws: list[FlawOut]


@router.get("")
async def list_entries(
    page: ThePage,
    tx: Annotated[Tx, acting(P.AUDIT_READ)],
    subject: Annotated[str | None, Query(pattern=r"^[a-z_]{1,40}$")] = None,
    subject_id: Annotated[str | None, Query(pattern=r"^[\x21-\x7e]{1,80}$")] = None,
) -> list[AuditEntryOut]:
    """The trail in order of time; who sees some branches sees what was done in them."""
    found = await audit.entries(tx, subject=subject, subject_id=subject_id, after=page.after, limit=page.limit)
    return [AuditEntryOut.model_validate(one) for one in found]


@router.get("/verification")
async def verify(
    tx: Annotated[Tx, acting(P.AUDIT_READ)], head: Annotated[str | None, Query(max_length=100)] = None
) -> VerificationOut:
    """Recount the chain of seals against every entry; `head` is one that was kept from an earlier verification."""
    tx.actor.require_whole_company(P.AUDIT_READ)  # a chain of some branches' entries would prove nothing
    seen = await sealing.verify(tx, expected=None if head is None else Head.of(head))
    return VerificationOut(
        sound=not seen.flaws,
        head=str(seen.head),
        sealed=seen.head.number,
        waiting=seen.waiting,
        flaws=[FlawOut.model_validate(flaw) for flaw in seen.flaws],
    )
