"""The desk of applications: what is asked for, whether it is complete, what credit says, and the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter

from hub.console import application_tabs as tabs
from hub.console.application_actions import ACTIONS
from hub.console.application_case import Case, load
from hub.console.credit_import import add_report_file
from hub.console.i18n import N_
from hub.console.page import Column, Fact, Filter, Listing, Look, add_listing
from hub.console.subject import Alert, Subject, add_subject
from hub.console.visit import Visit
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Slice, Window
from hub.leasing.applications import listing
from hub.leasing.applications.rules import ApplicationState, ApplicationView
from hub.leasing.parties import listing as party_listing

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An application in the list, with the customer's masked name."""

    application: ApplicationView
    customer: str


async def _page(visit: Visit, window: Window) -> Slice[Row]:
    found = await listing.page(visit.tx, window)
    names = await party_listing.names_of(visit.tx, [one.party_id for one in found.rows])
    rows = [Row(application=one, customer=names[one.party_id]) for one in found.rows]
    return Slice(rows=rows, after=found.after, before=found.before)


async def _counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.counts(visit.tx, window)


APPLICATIONS: Listing[Row] = Listing(
    path="/applications",
    title=N_("Applications"),
    permission=P.APPLICATIONS_READ,
    columns=(
        Column(
            label=N_("Number"),
            value=lambda row: row.application.number,
            look=Look.CODE,
            sort="number",
            href=lambda row: f"/applications/{row.application.id}",
        ),
        Column(label=N_("Customer"), value=lambda row: row.customer, look=Look.NAME),
        Column(label=N_("Car"), value=lambda row: row.application.car.model, look=Look.NAME),
        Column(label=N_("Financed amount"), value=lambda row: row.application.financed, look=Look.MONEY),
        Column(label=N_("State"), value=lambda row: row.application.state, look=Look.STATE),
        Column(label=N_("Credit"), value=lambda row: row.application.credit_outcome, look=Look.WORD),
        Column(label=N_("Submitted"), value=lambda row: row.application.submitted_at, look=Look.INSTANT),
    ),
    fetch=_page,
    tab="state",
    tabs=tuple(ApplicationState),
    counts=_counts,
    filters=(Filter(name="text", label=N_("Application number")),),
    empty=N_("There is no application yet. One is drafted from a quote."),
)


async def _load(visit: Visit, subject_id: UUID) -> Case:
    return await load(visit, subject_id)


async def _facts(visit: Visit, case: Case) -> Sequence[Fact]:
    one = case.application
    href = f"/parties/{one.party_id}" if visit.actor.may(P.PARTIES_READ) else None
    return (
        Fact(label=N_("Customer"), value=case.customer, look=Look.NAME, href=href),
        Fact(label=N_("Car"), value=one.car.model, look=Look.NAME),
        Fact(label=N_("Car price"), value=one.price, look=Look.MONEY),
        Fact(label=N_("Financed amount"), value=one.financed, look=Look.MONEY),
        Fact(label=N_("Credit"), value=one.credit_outcome, look=Look.WORD),
        Fact(label=N_("Approved until"), value=one.valid_until_on, look=Look.DAY),
    )


async def _alerts(visit: Visit, case: Case) -> Sequence[Alert]:
    found = []
    if case.contract is not None:
        text = N_("There is a contract from this application: %(number)s.")
        parts = {"number": case.contract.number}
        found.append(Alert(text=text, tone="ok", href=f"/contracts/{case.contract.id}", parts=parts))
    if case.application.state is ApplicationState.RETURNED:
        href = f"/applications/{case.application.id}/approvals"
        found.append(Alert(text=N_("The approver wants more before they decide. See the approvals."), href=href))
    return found


APPLICATION: Subject[Case] = Subject(
    path="/applications",
    kind="application",
    noun=N_("Application"),
    plural=N_("Applications"),
    permission=P.APPLICATIONS_READ,
    load=_load,
    id_of=lambda case: case.application.id,
    title=lambda case: case.application.number,
    state=lambda case: case.application.state,
    facts=_facts,
    alerts=_alerts,
    tabs=tabs.TABS,
    actions=ACTIONS,
)

add_listing(router, APPLICATIONS)
tabs.add_download(router)
add_report_file(router)
add_subject(router, APPLICATION)
