"""The desk of collections: the cases of late lessees, and the warnings that somebody should look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from hub.console.actions import Action
from hub.console.forms import Field, Kind, Values, choices
from hub.console.i18n import N_
from hub.console.labels import label
from hub.console.numbered import Line, contract_column, lines_of
from hub.console.page import Column, Fact, Filter, Listing, Look, add_listing
from hub.console.subject import Alert, Subject, Tab, add_subject
from hub.console.visit import Visit
from hub.core.ids import ContractId
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Slice, Window
from hub.leasing.collections import listing
from hub.leasing.collections.rules import CaseState, CaseView
from hub.leasing.contracts import listing as contract_listing
from hub.leasing.servicing import listing as account_listing
from hub.leasing.servicing.listing import Standing
from hub.leasing.warnings import listing as warning_listing
from hub.leasing.warnings import service as warnings
from hub.leasing.warnings.rules import WarningKind, WarningState, WarningView

router = APIRouter()
_MOST_TIMES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """A case as a line, with how its lease stands."""

    case: CaseView
    number: str
    standing: Standing | None


async def _cases(visit: Visit, window: Window) -> Slice[CaseLine]:
    found = await listing.cases(visit.tx, window)
    ids = [one.contract_id for one in found.rows]
    numbers = await contract_listing.numbers_of(visit.tx, ids)
    standings = await account_listing.standings_of(visit.tx, ids) if visit.actor.may(P.SERVICING_READ) else {}
    lines = [
        CaseLine(case=one, number=numbers[one.contract_id], standing=standings.get(one.contract_id))
        for one in found.rows
    ]
    return Slice(rows=lines, after=found.after, before=found.before)


async def _case_counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.counts(visit.tx, window)


CASES: Listing[CaseLine] = Listing(
    path="/collections",
    title=N_("Collections"),
    permission=P.COLLECTIONS_READ,
    columns=(
        Column(
            label=N_("Contract"),
            value=lambda line: line.number,
            look=Look.CODE,
            href=lambda line: f"/contracts/{line.case.contract_id}/collections",
        ),
        Column(label=N_("State"), value=lambda line: line.case.state, look=Look.STATE),
        Column(label=N_("Opened on"), value=lambda line: line.case.opened_on, look=Look.DAY, sort="opened"),
        Column(label=N_("Closed on"), value=lambda line: line.case.closed_on, look=Look.DAY),
        Column(
            label=N_("Days past due"),
            value=lambda line: (line.standing.days_past_due or None) if line.standing else None,
            look=Look.NUMBER,
        ),
        Column(label=N_("Owed"), value=lambda line: line.standing.owed if line.standing else None, look=Look.MONEY),
    ),
    fetch=_cases,
    tab="state",
    tabs=tuple(CaseState),
    counts=_case_counts,
    empty=N_("Nobody is late. A case opens by itself when a rent is overdue."),
)


# Warnings


async def _warning_counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await warning_listing.counts(visit.tx, window)


WARNINGS: Listing[Line[WarningView]] = Listing(
    path="/warnings",
    title=N_("Warnings"),
    permission=P.WARNINGS_READ,
    columns=(
        Column(
            label=N_("Warning"),
            value=lambda line: line.one.kind,
            look=Look.WORD,
            href=lambda line: f"/warnings/{line.one.id}",
        ),
        contract_column(),
        Column(label=N_("State"), value=lambda line: line.one.state, look=Look.STATE),
        Column(label=N_("Raised at"), value=lambda line: line.one.raised_at, look=Look.INSTANT, sort="raised"),
        Column(label=N_("Times"), value=lambda line: line.one.times, look=Look.NUMBER),
        Column(label=N_("Reason"), value=lambda line: line.one.ground, look=Look.WRITTEN),
    ),
    fetch=lines_of(warning_listing.page),
    tab="state",
    tabs=tuple(WarningState),
    counts=_warning_counts,
    filters=(Filter(name="kind", label=N_("Kind"), options=choices(WarningKind)),),
    empty=N_("No warning has been raised."),
)


async def _load(visit: Visit, subject_id: UUID) -> WarningView:
    return await warning_listing.get(visit.tx, subject_id)


async def _facts(visit: Visit, warning: WarningView) -> Sequence[Fact]:
    numbers = await contract_listing.numbers_of(
        visit.tx, [ContractId(warning.contract_id)] if warning.contract_id else []
    )
    return (
        Fact(
            label=N_("Contract"),
            value=next(iter(numbers.values()), None),
            look=Look.CODE,
            href=f"/contracts/{warning.contract_id}" if numbers else None,
        ),
        Fact(label=N_("Raised at"), value=warning.raised_at, look=Look.INSTANT),
        Fact(label=N_("Times"), value=warning.times, look=Look.NUMBER),
        Fact(label=N_("Last at"), value=warning.last_at, look=Look.INSTANT),
        Fact(label=N_("What about"), value=warning.subject, look=Look.CODE),
    )


async def _times(visit: Visit, warning: WarningView) -> Mapping[str, Any]:
    return {"times": await warning_listing.occurrences(visit.tx, warning.id, limit=_MOST_TIMES)}


async def _alerts(visit: Visit, warning: WarningView) -> Sequence[Alert]:
    if warning.times == 1 or warning.state is WarningState.CLOSED:
        return ()
    return (
        Alert(text=N_("It has happened %(times)s times: each of them stands below."), parts={"times": warning.times}),
    )


async def _acknowledge(visit: Visit, warning: WarningView, values: Values) -> str | None:
    await warnings.move(visit.tx, warning_id=warning.id, state=WarningState.ACKNOWLEDGED)
    return None


async def _close(visit: Visit, warning: WarningView, values: Values) -> str | None:
    seen = int(values["seen"]) if (values["seen"] or "").isdecimal() else None
    await warnings.move(visit.tx, warning_id=warning.id, state=WarningState.CLOSED, result=values["result"], seen=seen)
    return None


async def _closing(visit: Visit, warning: WarningView) -> Sequence[Field]:
    """What came of it; with it travels what whoever closes it has seen, so that nothing that comes later is closed too."""
    return (
        Field(name="result", label=N_("What came of it"), kind=Kind.LONG_TEXT, longest=400),
        Field(name="seen", label="", kind=Kind.HIDDEN, required=False, start=str(warning.times)),
    )


WARNING: Subject[WarningView] = Subject(
    path="/warnings",
    kind="risk_warning",
    noun=N_("Warning"),
    plural=N_("Warnings"),
    permission=P.WARNINGS_READ,
    load=_load,
    id_of=lambda warning: warning.id,
    title=lambda warning: label(warning.kind),
    state=lambda warning: warning.state,
    facts=_facts,
    alerts=_alerts,
    tabs=(Tab(key="overview", label=N_("Overview"), template="warning.html", load=_times),),
    actions=(
        Action(
            key="acknowledge",
            label=N_("Take it on"),
            permission=P.WARNINGS_WRITE,
            perform=_acknowledge,
            done=N_("The warning is yours."),
            fits=lambda warning: warning.state is WarningState.OPEN,
            explain=N_("Others see that somebody is looking after it."),
        ),
        Action(
            key="close",
            label=N_("Close the warning"),
            permission=P.WARNINGS_WRITE,
            perform=_close,
            done=N_("The warning is closed."),
            fields_for=_closing,
            fits=lambda warning: warning.state is not WarningState.CLOSED,
            is_main=True,
        ),
    ),
)

add_listing(router, CASES)
add_listing(router, WARNINGS)
add_subject(router, WARNING)
