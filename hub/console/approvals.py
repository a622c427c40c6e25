"""The inbox of the second person: what others have asked for, how long it waits, and the buttons to decide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from hub.console import application_actions, disbursements
from hub.console.calculator import fee_name
from hub.console.forms import choices
from hub.console.i18n import N_
from hub.console.labels import label
from hub.console.page import Column, Filter, Listing, Look, RowDoor, add_listing
from hub.console.visit import Visit
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Slice, Window
from hub.leasing.approvals import service as approvals
from hub.leasing.approvals.rules import RequestKind, RequestView, Whose
from hub.leasing.contracts import listing as contract_listing
from hub.leasing.disbursements.rules import DisbursementState

router = APIRouter()
_PATHS: Mapping[RequestKind, str] = {
    RequestKind.APPLICATION: "/applications",
    RequestKind.DISBURSEMENT: "/disbursements",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A request as a line, with what the visitor can do about it."""

    request: RequestView
    number: str | None
    kind: str
    detail: str
    doors: Sequence[RowDoor]


def path_of(request: RequestView) -> str:
    """Where the page of what is asked for is."""
    return f"{_PATHS[request.kind]}/{request.id}"


async def _page(visit: Visit, window: Window) -> Slice[Line]:
    found = await approvals.page(visit.tx, window)
    ids = [one.contract_id for one in found.rows if one.contract_id is not None]
    numbers = await contract_listing.numbers_of(visit.tx, ids) if visit.actor.may(P.CONTRACTS_READ) else {}
    lines = [
        Line(
            request=one,
            number=one.number or (numbers.get(one.contract_id) if one.contract_id else None),
            kind=visit.say(label(one.kind)),
            detail=_detail(visit, one),
            doors=_doors(visit, one),
        )
        for one in found.rows
    ]
    return Slice(rows=lines, after=found.after, before=found.before)


def _detail(visit: Visit, one: RequestView) -> str:
    """The car of an application; what a disbursement is for."""
    if one.kind is RequestKind.APPLICATION:
        return one.what_for
    return visit.say(label("vehicle") if one.fee_kind is None else fee_name(one.fee_kind))


def _doors(visit: Visit, one: RequestView) -> list[RowDoor]:
    if one.is_own:
        return [RowDoor(label=N_("Yours: waits for somebody else"))]
    if not one.may_decide:
        return [RowDoor(label=N_("Waits for an approver"))]
    path = f"{path_of(one)}/do"
    if one.kind is RequestKind.APPLICATION:
        return [
            RowDoor(label=N_("Approve"), path=f"{path}/approve", is_main=True),
            RowDoor(label=N_("Return"), path=f"{path}/return"),
            RowDoor(label=N_("Decline"), path=f"{path}/decline"),
        ]
    again = one.refused_code is not None
    doors = [RowDoor(label=N_("Approve"), path=f"{path}/{'ask-again' if again else 'approve'}", is_main=True)]
    if visit.actor.may(P.DISBURSEMENTS_WRITE):
        doors.append(RowDoor(label=N_("Decline"), path=f"{path}/cancel"))
    return doors


async def _counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await approvals.counts(visit.tx, window)


def _standing(line: Line) -> str | None:
    refused = DisbursementState.REFUSED if line.request.refused_code else None
    return line.request.credit_outcome or refused


APPROVALS: Listing[Line] = Listing(
    path="/approvals",
    title=N_("To approve"),
    permission=P.APPROVALS_READ,
    columns=(
        Column(
            label=N_("For whom"),
            value=lambda line: line.request.name,
            look=Look.NAME,
            href=lambda line: path_of(line.request),
            note=lambda line: line.kind,
        ),
        Column(
            label=N_("What for"),
            value=lambda line: line.number,
            look=Look.CODE,
            note=lambda line: line.detail,
        ),
        Column(label=N_("Amount"), value=lambda line: line.request.amount, look=Look.MONEY),
        Column(
            label=N_("Credit or refusal"),
            value=_standing,
            look=Look.STATE,
            note=lambda line: line.request.refused_code,
        ),
        Column(
            label=N_("Waits since"),
            value=lambda line: line.request.asked_at,
            look=Look.INSTANT,
            sort="asked",
            note=lambda line: line.request.asked_by,
        ),
        Column(label=N_("What is asked"), value=lambda line: line.request.kind, look=Look.WORD, on_screen=False),
        Column(label=N_("Details"), value=lambda line: line.detail, look=Look.NAME, on_screen=False),
        Column(label=N_("Asked by"), value=lambda line: line.request.asked_by, look=Look.NAME, on_screen=False),
        Column(label=N_("Decision"), value=lambda line: line.doors, look=Look.DOORS),
    ),
    fetch=_page,
    tab="kind",
    tabs=tuple(RequestKind),
    counts=_counts,
    filters=(Filter(name="whose", label=N_("Whose request"), options=choices(Whose)),),
    descending=False,
    empty=N_("Nothing waits for a second person."),
    intro=N_("Whoever has asked for something, or had a hand in it, does not decide it: somebody else does, here."),
    said={
        f"{path}.{action.key}": action.done
        for path, actions in (
            ("applications", application_actions.ACTIONS),
            ("disbursements", disbursements.DISBURSEMENT.actions),
        )
        for action in actions
    },
)

add_listing(router, APPROVALS)
