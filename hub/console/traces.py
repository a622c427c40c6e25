"""The desk of traces: who did what, from the audit trail; and the work that goes on by itself, by task and worker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.i18n import N_
from hub.console.page import Column, Filter, Listing, Look, add_listing
from hub.console.visit import Visit, visiting
from hub.infra import audit, jobs
from hub.infra.access import Permission as P
from hub.infra.audit import AuditEntry
from hub.infra.paging import Slice, Window

router = APIRouter()
_QUIET = timedelta(seconds=30)  # a worker that lives is heard every five
# Where the page of an audited subject is, by what the trail calls it.
_PAGES = {
    "contract": "/contracts/",
    "provider": "/providers/",
    "provider_call": "/calls/",
    "webhook_inbox": "/callbacks/",
    "staff": "/staff/",
}


async def _page(visit: Visit, window: Window) -> Slice[AuditEntry]:
    return await audit.page(visit.tx, window)


def _where(entry: AuditEntry) -> str | None:
    start = _PAGES.get(entry.subject)
    return None if start is None or entry.subject_id == "*" else start + entry.subject_id


def _details(entry: AuditEntry) -> str:
    return ", ".join(f"{name}={value}" for name, value in entry.detail.items())


AUDIT: Listing[AuditEntry] = Listing(
    path="/audit",
    title=N_("Audit"),
    permission=P.AUDIT_READ,
    columns=(
        Column(label=N_("Time"), value=lambda one: one.at, look=Look.INSTANT, sort="at"),
        Column(label=N_("Who"), value=lambda one: one.actor, look=Look.NAME),
        Column(label=N_("What"), value=lambda one: one.action, look=Look.CODE),
        Column(label=N_("Subject"), value=lambda one: f"{one.subject} {one.subject_id}", look=Look.LONG, href=_where),
        Column(label=N_("Details"), value=_details, look=Look.LONG),
    ),
    fetch=_page,
    filters=(
        Filter(name="actor", label=N_("Who")),
        Filter(name="action", label=N_("What")),
        Filter(name="subject", label=N_("Subject")),
        Filter(name="subject_id", label=N_("Number")),
    ),
    intro=N_("Nothing here is ever changed or deleted. Personal data is masked before it is written."),
    empty=N_("Nobody has changed anything here yet."),
)

add_listing(router, AUDIT)


@router.get("/jobs", name="Jobs")
async def work(visit: Visit = visiting(P.PROVIDERS_READ)) -> Response:
    """What waits, what is being done and what has failed, by task; and who works on it."""
    now = visit.tx.now
    found: list[Any] = await jobs.tasks(visit.tx)
    heard = [(one, now - one.heartbeat_at < _QUIET) for one in await jobs.workers(visit.tx)]
    return visit.page("jobs.html", title=N_("Jobs"), tasks=found, workers=heard)
