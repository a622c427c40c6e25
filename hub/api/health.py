"""Whether this process lives, and whether it can serve."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel

from hub import fitness
from hub.api.deps import TheHouse, public

router = APIRouter(prefix="/health", tags=["health"])


class HealthOut(BaseModel):
    """Well, and since which generation of providers."""

    status: str
    generation: int


class ReadyOut(HealthOut):
    """Everything that was tested: `ok`, or what is wrong with it."""

    checks: dict[str, str]


@router.get("/live", dependencies=[public("a supervisor asks before anybody has logged in")])
async def live(house: TheHouse) -> HealthOut:
    """This process answers."""
    return HealthOut(status="live", generation=house.registry.current.number)


@router.get(
    "/ready",
    dependencies=[public("a load balancer asks before anybody has logged in")],
    responses={503: {"model": ReadyOut}},
)
async def ready(house: TheHouse, response: Response) -> ReadyOut:
    """Database, migrations, a worker somewhere, the keyring, the providers that are required; 503 when one is not fit."""
    found = await fitness.tested(house)
    fit = all(said == fitness.OK for said in found.values())
    response.status_code = 200 if fit else 503
    status = "ready" if fit else "not ready"
    return ReadyOut(status=status, generation=house.registry.current.number, checks=found)
