"""What a process that serves nobody else answers: its health and its numbers, without the framework of the API.

A worker holds no more than it needs. What is said is what `health` and `metrics` say.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub import fitness, gauges
from hub.api import errors
from hub.api.threshold import Threshold
from hub.house import House


def create_watch(house: House) -> Starlette:
    """The application that tells of this process."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live", "generation": house.registry.current.number})

    async def ready(_: Request) -> Response:
        found = await fitness.tested(house)
        fit = all(said == fitness.OK for said in found.values())
        said = {"status": "ready" if fit else "not ready", "generation": house.registry.current.number, "checks": found}
        return JSONResponse(said, status_code=200 if fit else 503)

    async def metrics(request: Request) -> Response:
        gauges.let_scrape(house, request.client.host if request.client else None, request.headers)
        return Response(await gauges.scraped(house), media_type=gauges.CONTENT_TYPE_LATEST)

    told: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/health/live": live,
        "/health/ready": ready,
        "/metrics": metrics,
    }
    app = Starlette(routes=[Route(path, answer, methods=["GET"]) for path, answer in told.items()])
    app.state.house = house
    errors.install(app)
    app.add_middleware(Threshold, house=house)
    return app
