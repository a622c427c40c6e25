"""Whether this process lives, and whether it can serve."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from hub.api.deps import TheHouse, public

router = APIRouter(prefix="/health", tags=["health"])


class HealthOut(BaseModel):
    """Well, and since which generation of providers."""

    status: str
    generation: int


@router.get("/live", dependencies=[public("a supervisor asks before anybody has logged in")])
async def live(house: TheHouse) -> HealthOut:
    """This process answers."""
    return HealthOut(status="live", generation=house.registry.current.number)


@router.get("/ready", dependencies=[public("a load balancer asks before anybody has logged in")])
async def ready(house: TheHouse) -> HealthOut:
    """The database answers too."""
    async with house.database.engine.connect() as connection:
        await connection.execute(text("select 1"))
    return HealthOut(status="ready", generation=house.registry.current.number)
