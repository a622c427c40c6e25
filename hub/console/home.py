"""The start: what waits for whoever has logged in."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.i18n import N_
from hub.console.visit import Visit, visiting

router = APIRouter()


@router.get("/", name="Home")
async def home(visit: Visit = visiting(None)) -> Response:
    """The work queue."""
    return visit.page("home.html", title=N_("Work queue"))
