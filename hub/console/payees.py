"""The desk of payees: whose account money for a dealer or a kind of fee goes to, who said so, and when that ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from hub.console.actions import Action
from hub.console.forms import Values
from hub.console.i18n import N_
from hub.console.page import Column, Fact, Filter, Listing, Look, add_listing
from hub.console.subject import Subject, Tab, add_subject
from hub.console.visit import Visit
from hub.core.errors import NotFound
from hub.infra.access import Permission as P
from hub.infra.paging import Slice, Window
from hub.leasing.channels import service as channels
from hub.leasing.disbursements import payees
from hub.leasing.disbursements.rules import PayeeStanding, PayeeView
from hub.leasing.parties import service as parties

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A payee with the names of its branch and of its dealer."""

    payee: PayeeView
    branch: str | None
    dealer: str | None

    @property
    def standing(self) -> PayeeStanding:
        """Whether money still goes there."""
        return PayeeStanding.SERVING if self.payee.ended_at is None else PayeeStanding.ENDED

    @property
    def account(self) -> str:
        """The account, by its bank and last four digits."""
        return f"{self.payee.bank_code} •••• {self.payee.last_four}"


async def _lines(visit: Visit, found: Sequence[PayeeView]) -> list[Line]:
    branches = await visit.branch_names()
    ids = {one.channel_id for one in found if one.channel_id is not None}
    dealers = await channels.names_of(visit.tx, ids) if ids else {}
    return [
        Line(
            payee=one,
            branch=branches.get(one.branch_id),
            dealer=None if one.channel_id is None else dealers.get(one.channel_id),
        )
        for one in found
    ]


async def _page(visit: Visit, window: Window) -> Slice[Line]:
    found = await payees.page(visit.tx, window)
    return Slice(rows=await _lines(visit, found.rows), after=found.after, before=found.before)


PAYEES: Listing[Line] = Listing(
    path="/payees",
    title=N_("Payees"),
    permission=P.DISBURSEMENTS_READ,
    columns=(
        Column(
            label=N_("Payee"),
            value=lambda line: line.payee.name,
            look=Look.NAME,
            href=lambda line: f"/payees/{line.payee.id}",
        ),
        Column(label=N_("Dealer"), value=lambda line: line.dealer, look=Look.NAME),
        Column(label=N_("Kind of fee"), value=lambda line: line.payee.fee_kind, look=Look.WORD),
        Column(label=N_("Account"), value=lambda line: line.account, look=Look.CODE),
        Column(label=N_("Branch"), value=lambda line: line.branch, look=Look.NAME),
        Column(label=N_("State"), value=lambda line: line.standing, look=Look.STATE),
        Column(label=N_("Named by"), value=lambda line: line.payee.named_by, look=Look.NAME),
        Column(label=N_("Named at"), value=lambda line: line.payee.named_at, look=Look.INSTANT, sort="named"),
    ),
    fetch=_page,
    tab="standing",
    tabs=tuple(PayeeStanding),
    filters=(Filter(name="fee_kind", label=N_("Kind of fee")),),
    empty=N_("No payee is named yet. One is named on the page of the party who holds the account."),
    intro=N_(
        "Named on the page of the party who holds the account, and never changed: a payee is ended, and another one named."
        " Whoever names one approves nothing that goes there."
    ),
)


# One payee


async def _load(visit: Visit, subject_id: UUID) -> Line:
    return (await _lines(visit, [await payees.get(visit.tx, subject_id)]))[0]


async def _facts(visit: Visit, line: Line) -> Sequence[Fact]:
    one = line.payee
    return (
        Fact(label=N_("Account"), value=line.account, look=Look.CODE),
        Fact(label=N_("Dealer"), value=line.dealer, look=Look.NAME),
        Fact(label=N_("Kind of fee"), value=one.fee_kind, look=Look.WORD),
        Fact(label=N_("Branch"), value=line.branch, look=Look.NAME),
        Fact(label=N_("Named by"), value=one.named_by, look=Look.NAME),
        Fact(label=N_("Named at"), value=one.named_at, look=Look.INSTANT),
        Fact(label=N_("Ended at"), value=one.ended_at, look=Look.INSTANT),
    )


async def _holder(visit: Visit, line: Line) -> Mapping[str, Any]:
    """Who holds the account, for whoever sees them."""
    if not visit.actor.may(P.PARTIES_READ):
        return {"holder": None}
    try:
        return {"holder": await parties.get_party(visit.tx, line.payee.party_id)}
    except NotFound:  # the party belongs to another branch
        return {"holder": None}


async def _end(visit: Visit, line: Line, values: Values) -> None:
    await payees.end_payee(visit.tx, line.payee.id)


async def _end_preview(visit: Visit, line: Line, values: Values) -> Sequence[Fact]:
    return (
        Fact(label=N_("Payee"), value=line.payee.name, look=Look.NAME),
        Fact(label=N_("Account"), value=line.account, look=Look.CODE),
        Fact(label=N_("Drafts that show this account"), value=N_("keep it")),
    )


PAYEE: Subject[Line] = Subject(
    path="/payees",
    kind="payee",
    noun=N_("Payee"),
    plural=N_("Payees"),
    permission=P.DISBURSEMENTS_READ,
    load=_load,
    id_of=lambda line: line.payee.id,
    title=lambda line: line.payee.name,
    state=lambda line: line.standing,
    facts=_facts,
    tabs=(Tab(key="overview", label=N_("Overview"), template="payee.html", load=_holder),),
    actions=(
        Action(
            key="end",
            label=N_("End the payee"),
            permission=P.DISBURSEMENTS_WRITE,
            perform=_end,
            done=N_("Nothing more is drafted for this payee."),
            off=lambda line: None if line.payee.ended_at is None else N_("Nothing more is paid to this payee."),
            preview=_end_preview,
            explain=N_("To pay to another account, end this payee and name a new one."),
            is_danger=True,
        ),
    ),
)

add_listing(router, PAYEES)
add_subject(router, PAYEE)
