"""The desk of payments: what was debited, what was paid out, and whose rent is overdue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from hub.console.forms import Option, choices
from hub.console.i18n import N_
from hub.console.numbered import Line, contract_column, lines_of
from hub.console.page import Column, Filter, Listing, Look, add_listing
from hub.console.visit import Visit
from hub.core.provider import Capability
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Slice, Window
from hub.leasing.contracts import listing as contract_listing
from hub.leasing.parties import listing as party_listing
from hub.leasing.payments import listing
from hub.leasing.payments.rules import ChargePurpose, MovementState, MovementView, PayoutPurpose
from hub.leasing.servicing import listing as account_listing
from hub.leasing.servicing.listing import Standing
from hub.leasing.servicing.rules import Bucket

router = APIRouter()


async def _providers(visit: Visit) -> Mapping[str, Sequence[Option]]:
    """The providers that money can go through."""
    instances = visit.house.registry.current.instances.values()
    names = sorted(one.name for one in instances if Capability.PAYMENTS in one.capabilities)
    return {"instance": tuple(Option(value=name, label=name, is_name=True) for name in names)}


async def _charge_counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.charge_counts(visit.tx, window)


async def _payout_counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.payout_counts(visit.tx, window)


_FIRST: tuple[Column[Line[MovementView]], ...] = (
    contract_column("/money"),
    Column(label=N_("Purpose"), value=lambda line: line.one.purpose, look=Look.WORD),
    Column(label=N_("State"), value=lambda line: line.one.state, look=Look.STATE),
    Column(label=N_("Amount"), value=lambda line: line.one.money, look=Look.MONEY, sort="amount"),
)
_LAST: tuple[Column[Line[MovementView]], ...] = (
    Column(label=N_("Provider"), value=lambda line: line.one.instance, look=Look.CODE),
    Column(label=N_("Reference"), value=lambda line: line.one.payment_ref, look=Look.CODE),
    Column(label=N_("Refused because"), value=lambda line: line.one.code, look=Look.WORD),
)
# The states that tell something; what is about to be sent is gone in seconds, and in the filter.
_TABS = (
    MovementState.PENDING,
    MovementState.UNKNOWN,
    MovementState.DISPUTED,
    MovementState.REJECTED,
    MovementState.SUCCEEDED,
)

CHARGES: Listing[Line[MovementView]] = Listing(
    path="/payments",
    title=N_("Debits"),
    permission=P.PAYMENTS_READ,
    columns=(
        *_FIRST,
        Column(label=N_("Due on"), value=lambda line: line.one.due_on, look=Look.DAY),
        *_LAST,
    ),
    fetch=lines_of(listing.charges),
    tab="state",
    tabs=_TABS,
    counts=_charge_counts,
    filters=(
        Filter(name="purpose", label=N_("Purpose"), options=choices(ChargePurpose)),
        Filter(name="instance", label=N_("Provider")),
        Filter(name="state", label=N_("State"), options=choices(MovementState)),
    ),
    options=_providers,
    empty=N_("Nothing has been debited yet."),
)

PAYOUTS: Listing[Line[MovementView]] = Listing(
    path="/payouts",
    title=N_("Payouts"),
    permission=P.PAYMENTS_READ,
    columns=(*_FIRST, *_LAST),
    fetch=lines_of(listing.payouts),
    tab="state",
    tabs=_TABS,
    counts=_payout_counts,
    filters=(
        Filter(name="purpose", label=N_("Purpose"), options=choices(PayoutPurpose)),
        Filter(name="instance", label=N_("Provider")),
        Filter(name="state", label=N_("State"), options=choices(MovementState)),
    ),
    options=_providers,
    empty=N_("Nothing has been paid out."),
)


# Arrears


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrearsLine:
    """A lease whose rent is overdue."""

    standing: Standing
    number: str
    customer: str | None
    branch: str


async def _arrears(visit: Visit, window: Window) -> Slice[ArrearsLine]:
    found = await account_listing.arrears(visit.tx, window)
    known = await contract_listing.views_of(visit.tx, [one.contract_id for one in found.rows])
    party_ids = [one.party_id for one in known.values()]
    names = await party_listing.names_of(visit.tx, party_ids) if visit.actor.may(P.PARTIES_READ) else {}
    branches = await visit.branch_names()
    lines = []
    for one in found.rows:
        contract = known[one.contract_id]
        lines.append(
            ArrearsLine(
                standing=one,
                number=contract.number,
                customer=names.get(contract.party_id),
                branch=branches.get(contract.branch_id, ""),
            )
        )
    return Slice(rows=lines, after=found.after, before=found.before)


async def _arrears_counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await account_listing.arrears_counts(visit.tx, window)


ARREARS: Listing[ArrearsLine] = Listing(
    path="/arrears",
    title=N_("Arrears"),
    permission=P.SERVICING_READ,
    columns=(
        Column(
            label=N_("Contract"),
            value=lambda line: line.number,
            look=Look.CODE,
            href=lambda line: f"/contracts/{line.standing.contract_id}/schedule",
        ),
        Column(label=N_("Customer"), value=lambda line: line.customer, look=Look.NAME),
        Column(label=N_("Branch"), value=lambda line: line.branch, look=Look.NAME),
        Column(
            label=N_("Overdue since"), value=lambda line: line.standing.overdue_since_on, look=Look.DAY, sort="since"
        ),
        Column(label=N_("Days past due"), value=lambda line: line.standing.days_past_due, look=Look.NUMBER),
        Column(label=N_("Overdue rents"), value=lambda line: line.standing.overdue_rents, look=Look.NUMBER),
        Column(label=N_("Owed"), value=lambda line: line.standing.owed, look=Look.MONEY, sort="owed"),
    ),
    fetch=_arrears,
    tab="bucket",
    tabs=tuple(Bucket),
    counts=_arrears_counts,
    descending=False,
    empty=N_("Nobody is late."),
)

for one in (CHARGES, PAYOUTS, ARREARS):
    add_listing(router, one)
