"""The calculator: a case of a schedule, a rate or a charge in words, and every figure that it comes to; nothing is kept."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from hub.api.deps import Body, holding
from hub.api.once import OnceRoute
from hub.infra.access import Actor
from hub.infra.access import Permission as P
from hub.leasing.calculator.case import calculated

router = APIRouter(prefix="/quotes", tags=["quotes"], route_class=OnceRoute)


class CaseBody(Body):
    """What is known and by which convention; every word is in docs/operators/calculator.md.

    A published case may be put as it stands: what it says of itself besides is not looked at.
    """

    id: str | None = None
    source: str | None = None
    kind: str | None = Field(default=None, description="what is asked; found from the inputs when left out")
    inputs: dict[str, Any] = Field(description="what is known, word by word")
    convention: dict[str, Any] = Field(default_factory=dict, description="how it is computed, set out or in prose")
    explain: bool = Field(default=False, description="tell how every amount came about")
    expected: dict[str, Any] | None = None
    verified: bool | None = None
    recomputed: list[str] | None = None
    notes: str | None = None


class CalculatedOut(BaseModel):
    """Every figure by its name, the schedule, the convention that was understood, and which of its texts were not."""

    model_config = ConfigDict(extra="allow")

    kind: str
    applied: dict[str, Any]
    unread: list[str]


@router.post("/calculate")
async def calculate(
    body: CaseBody,
    actor: Annotated[Actor, holding(P.PRODUCTS_READ, keyless="nothing is kept: the same case has the same figures")],
) -> CalculatedOut:
    """Compute a case."""
    case = body.model_dump(exclude_none=True)
    return CalculatedOut.model_validate(await asyncio.to_thread(calculated, case))
