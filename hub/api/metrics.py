"""The numbers of this process and of the company for Prometheus, behind a door with a lock of its own."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from hub import gauges
from hub.api.deps import Public, TheHouse, house_of

router = APIRouter(tags=["metrics"])


class Scraping(Public):
    """Whoever shows the scrape token or, where none is set, this machine alone."""

    async def __call__(self, request: Request) -> None:  # type: ignore[override]
        """Raises NotAuthenticated for anybody else."""
        gauges.let_scrape(house_of(request), request.client.host if request.client else None, request.headers)


@router.get("/metrics", dependencies=[Depends(Scraping("Prometheus shows the scrape token, or is on this machine"))])
async def metrics(house: TheHouse) -> Response:
    """Everything that is counted, as text."""
    return Response(await gauges.scraped(house), media_type=gauges.CONTENT_TYPE_LATEST)
