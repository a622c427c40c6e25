"""The start: what waits for whoever has logged in, desk by desk, and how the company stands. Every number is a link."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.approvals import path_of
from hub.console.i18n import N_
from hub.console.labels import label
from hub.console.page import Look
from hub.console.reasons import written
from hub.console.visit import Visit, visiting
from hub.core.ids import ContractId
from hub.infra.access import Permission as P
from hub.infra.clock import BUSINESS_ZONE
from hub.infra.paging import Count, Window
from hub.integrations import call_log, validity
from hub.integrations.validity import Validity
from hub.integrations.verdicts import CallState
from hub.leasing.applications import listing as application_listing
from hub.leasing.approvals import service as approvals
from hub.leasing.approvals.rules import Whose
from hub.leasing.collections import service as collections
from hub.leasing.collections.rules import CaseState
from hub.leasing.contracts import listing
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractState
from hub.leasing.leads import service as leads
from hub.leasing.servicing import listing as account_listing
from hub.leasing.servicing.rules import Bucket
from hub.leasing.warnings import listing as warning_listing
from hub.leasing.warnings.rules import WarningState

router = APIRouter()
_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One thing that waits: where it is, what it is called, why it waits, since or until when."""

    path: str
    name: str
    why: str
    at: Any = None
    when: Look = Look.INSTANT
    look: Look = Look.CODE
    tone: str = "info"
    number: str | None = None
    number_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What waits for those who hold a permission: the first few, and where all of it is."""

    label: str
    permission: P
    path: str
    rows: Callable[[Visit], Awaitable[Sequence[Waiting]]]
    empty: str
    query: dict[str, str] = field(default_factory=dict)


async def _follow_ups(visit: Visit) -> Sequence[Waiting]:
    return [
        Waiting(
            path=f"/leads/{one.lead_id}",
            name=one.name,
            why=one.purpose,
            at=one.due_at,
            look=Look.NAME,
            tone="bad" if one.due_at < visit.tx.now else "info",
        )
        for one in await leads.waiting_follow_ups(visit.tx, limit=_SHOWN)
    ]


async def _decisions(visit: Visit) -> Sequence[Waiting]:
    """What the visitor may decide; for whoever decides nothing, what they have asked for themselves."""
    decides = any(visit.actor.may(one) for one in (P.APPLICATIONS_APPROVE, P.DISBURSEMENTS_APPROVE))
    wanted = {"whose": Whose.OTHERS if decides else Whose.OWN}
    found = await approvals.page(visit.tx, Window(descending=False, limit=_SHOWN, filters=wanted))
    return [
        Waiting(path=path_of(one), name=one.name, why=one.kind, at=one.asked_at, look=Look.NAME)
        for one in found.rows
        if one.may_decide is decides
    ]


async def _contracts(visit: Visit) -> Sequence[Waiting]:
    found: list[Waiting] = []
    for state in (ContractState.DRAFTED, ContractState.SIGNED, ContractState.FUNDED):
        some = await contracts.list_contracts(visit.tx, state=state, limit=_SHOWN)
        found += [
            Waiting(path=f"/contracts/{one.id}", name=one.number, why=one.state, at=one.drafted_at) for one in some
        ]
    return found[:_SHOWN]


async def _unknown(visit: Visit) -> Sequence[Waiting]:
    found: list[Waiting] = []
    for state in (CallState.ESCALATED, CallState.UNKNOWN):
        some = await call_log.list_calls(visit.tx, state=state, limit=_SHOWN)
        found += [
            Waiting(path=f"/calls/{one.id}", name=one.operation, why=one.state, at=one.created_at, tone="bad")
            for one in some
        ]
    return found[:_SHOWN]


async def _ending_papers(visit: Visit) -> Sequence[Waiting]:
    found = validity.credentials(visit.house.registry.current, visit.tx.now)
    return [
        Waiting(
            path=f"/providers/{one.instance}/settings",
            name=one.instance,
            why=one.name,
            at=one.not_after,
            tone="bad" if one.validity is Validity.ENDED else "warn",
        )
        for one in validity.warned_of(found)[:_SHOWN]
    ]


async def _cases(visit: Visit) -> Sequence[Waiting]:
    found = await collections.list_cases(visit.tx, state=CaseState.OPEN, limit=_SHOWN)
    numbers = await listing.numbers_of(visit.tx, [one.contract_id for one in found])
    return [
        Waiting(
            path=f"/contracts/{one.contract_id}/collections",
            name=numbers[one.contract_id],
            why=one.state,
            at=one.opened_on,
            when=Look.DAY,
            tone="warn",
        )
        for one in found
    ]


async def _warnings(visit: Visit) -> Sequence[Waiting]:
    found = (await warning_listing.page(visit.tx, Window(limit=_SHOWN, filters={"state": WarningState.OPEN}))).rows
    numbers = await listing.numbers_of(visit.tx, [ContractId(one.contract_id) for one in found if one.contract_id])
    return [
        Waiting(
            path=f"/warnings/{one.id}",
            name=one.kind,
            why=written(visit.manner.language, one.ground),
            at=one.last_at.astimezone(BUSINESS_ZONE),
            when=Look.DAY,
            look=Look.WORD,
            number_path=f"/contracts/{one.contract_id}",
            number=numbers.get(ContractId(one.contract_id)) if one.contract_id else None,
            tone="warn",
        )
        for one in found
    ]


QUEUES: tuple[Queue, ...] = (
    Queue(
        label=N_("Follow-ups"),
        permission=P.LEADS_READ,
        path="/leads",
        rows=_follow_ups,
        empty=N_("No follow-up waits."),
    ),
    Queue(
        label=N_("To approve"),
        permission=P.APPROVALS_READ,
        path="/approvals",
        rows=_decisions,
        empty=N_("Nothing waits for your decision."),
    ),
    Queue(
        label=N_("Contracts before delivery"),
        permission=P.CONTRACTS_WRITE,
        path="/contracts",
        rows=_contracts,
        empty=N_("Every contract is on its way."),
    ),
    Queue(
        label=N_("Outcomes that nobody knows"),
        permission=P.PROVIDERS_READ,
        path="/calls",
        query={"state": "escalated"},
        rows=_unknown,
        empty=N_("The outcome of every call is known."),
    ),
    Queue(
        label=N_("Keys and certificates that end"),
        permission=P.PROVIDERS_READ,
        path="/providers",
        rows=_ending_papers,
        empty=N_("Every key and certificate counts for long enough."),
    ),
    Queue(
        label=N_("Warnings"),
        permission=P.WARNINGS_READ,
        path="/warnings",
        query={"state": "open"},
        rows=_warnings,
        empty=N_("No warning is open."),
    ),
    Queue(
        label=N_("Collections"),
        permission=P.COLLECTIONS_READ,
        path="/collections",
        query={"state": "open"},
        rows=_cases,
        empty=N_("Nobody is late."),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number of the day; one that should be nothing and is not has a tone."""

    label: str
    number: Count
    href: str
    tone: str = ""


async def _tiles(visit: Visit, late: Mapping[str, Count]) -> Sequence[Tile]:
    """The numbers of the day, as far as the visitor may see them."""
    found: list[Tile] = []
    if visit.actor.may(P.APPLICATIONS_READ):
        under_review = await application_listing.count_undecided(visit.tx, Window())
        path = "/applications?state=under_review"
        found.append(Tile(label=N_("Applications under review"), number=under_review, href=path))
    if visit.actor.may(P.SERVICING_READ):
        overdue = await account_listing.count_overdue(visit.tx)
        found.append(_alarming(N_("Overdue contracts"), overdue, "/arrears", "warn"))
        path = f"/arrears?bucket={Bucket.M4}"
        found.append(_alarming(N_("Late for over 90 days"), late[Bucket.M4], path, "bad"))
    if visit.actor.may(P.PROVIDERS_READ):
        unknown = Count(number=await call_log.open_unknowns(visit.tx))
        found.append(_alarming(N_("Unknown outcomes"), unknown, "/calls?state=unknown", "bad"))
        instances = visit.house.registry.current.instances.values()
        out = sum(not one.usable for one in instances)
        found.append(_alarming(N_("Providers out of order"), Count(number=out), "/providers", "bad"))
    return found


def _alarming(label: str, number: Count, href: str, tone: str) -> Tile:
    return Tile(label=label, number=number, href=href, tone=tone if number.number else "ok")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A part of a whole: as a number, and as a length."""

    label: str
    number: Count
    href: str
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """Something that falls into parts; each leads to the list of what is in it."""

    label: str
    path: str
    meters: Sequence[Meter]

    @property
    def whole(self) -> int:
        """What the longest part is measured by."""
        return max((one.number.number for one in self.meters), default=0) or 1


_TONES = {Bucket.M1: "info", Bucket.M2: "warn", Bucket.M3: "bad", Bucket.M4: "bad"}


async def _gauges(visit: Visit, late: Mapping[str, Count]) -> Sequence[Gauge]:
    """Where contracts stand, and how late those are that are."""
    found: list[Gauge] = []
    if visit.actor.may(P.CONTRACTS_READ):
        by_state = await listing.counts(visit.tx, Window())
        meters = [
            Meter(
                label=label(state), number=by_state[state], href=f"/contracts?state={state}", tone=_TONE.get(state, "")
            )
            for state in _WAY
        ]
        found.append(Gauge(label=N_("Contracts"), path="/contracts", meters=meters))
    if visit.actor.may(P.SERVICING_READ):
        meters = [
            Meter(label=label(one), number=late[one], href=f"/arrears?bucket={one}", tone=_TONES[one]) for one in Bucket
        ]
        found.append(Gauge(label=N_("Arrears"), path="/arrears", meters=meters))
    return found


# The way of a contract; how many have gone all of it says nothing about today.
_WAY = (
    ContractState.DRAFTED,
    ContractState.OUT_FOR_SIGNATURE,
    ContractState.SIGNED,
    ContractState.FUNDED,
    ContractState.ACTIVE,
)
_TONE = {ContractState.ACTIVE: "ok"}


@router.get("/", name="Home")
async def home(visit: Visit = visiting(None)) -> Response:
    """The work queue: what waits, desk by desk, and beside it how the company stands."""
    queues = [(queue, await queue.rows(visit)) for queue in QUEUES if visit.actor.may(queue.permission)]
    late = await account_listing.arrears_counts(visit.tx, Window()) if visit.actor.may(P.SERVICING_READ) else {}
    return visit.page(
        "home.html",
        title=N_("Work queue"),
        tiles=await _tiles(visit, late),
        gauges=await _gauges(visit, late),
        waiting=[(queue, rows) for queue, rows in queues if rows],
        clear=[queue for queue, rows in queues if not rows],
    )
