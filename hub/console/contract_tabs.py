"""What the tabs of a contract draw: its schedule and money, its calls, papers and places, and what was said to the lessee."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hub.console import charts
from hub.console.i18n import N_, day, money
from hub.console.labels import label
from hub.console.lease import Lease
from hub.console.page import Fact, Look
from hub.console.subject import Tab
from hub.console.visit import Visit, visiting
from hub.core.ids import ContractId
from hub.core.money import Money
from hub.core.ports.esign import SignerRole
from hub.infra.access import Permission as P
from hub.infra.clock import BUSINESS_ZONE
from hub.integrations import call_log
from hub.integrations.call_log import CallView
from hub.leasing.collections import service as collections
from hub.leasing.contracts import service as contracts
from hub.leasing.instalments.rules import Instalment, InstalmentState
from hub.leasing.products import service as products
from hub.leasing.quotes import service as quotes
from hub.leasing.signatures import service as signatures
from hub.leasing.signatures.rules import Language
from hub.leasing.tracking import service as tracking

_MOST_CALLS = 200


# Overview


async def _overview(visit: Visit, lease: Lease) -> Mapping[str, Any]:
    may = visit.actor.may
    account = lease.account if may(P.SERVICING_READ) else None
    version = await products.get_version(visit.tx, lease.contract.product_version_id)
    return {
        "chart": None if account is None else _chart(visit, account.instalments),
        "account": account,
        "money_facts": _money_facts(lease),
        "paid_facts": () if account is None else _paid_facts(lease, account.instalments),
        "version": version,
    }


def _chart(visit: Visit, rents: Sequence[Instalment]) -> Any:
    return charts.bars([_bar(visit, one) for one in rents], visit.say(N_("Rents by instalment")))


# How the parts of a rent are coloured, principal and interest, by how far it has come.
_COLOURS: Mapping[InstalmentState, tuple[str, str]] = {
    InstalmentState.PAID: ("main", "main-second"),
    InstalmentState.DUE: ("warn", "warn-second"),
    InstalmentState.OVERDUE: ("bad", "bad-second"),
    InstalmentState.SCHEDULED: ("to-come", "to-come-second"),
    InstalmentState.CANCELLED: ("to-come-second", "to-come-second"),
}


def _bar(visit: Visit, one: Instalment) -> charts.Bar:
    principal, interest = _COLOURS[one.state]
    language = visit.manner.language
    said = f"{one.number} · {day(one.due_on, language)} · {money(one.rent, language)} · {visit.say(label(one.state))}"
    parts = ((one.principal.amount, principal), (one.interest.amount, interest))
    return charts.Bar(label=str(one.number), parts=parts, title=said)


def _money_facts(lease: Lease) -> Sequence[Fact]:
    contract = lease.contract
    return (
        Fact(label=N_("Car price"), value=contract.car_price, look=Look.MONEY),
        Fact(label=N_("Down payment"), value=contract.down_payment_amount, look=Look.MONEY),
        Fact(label=N_("Security deposit"), value=contract.deposit_amount, look=Look.MONEY),
        Fact(label=N_("Service fee"), value=contract.service_fee_amount, look=Look.MONEY),
        Fact(label=N_("All rents together"), value=contract.total_rent_amount, look=Look.MONEY),
        Fact(label=N_("Balloon"), value=contract.balloon_amount, look=Look.MONEY),
        Fact(label=N_("Purchase option"), value=contract.purchase_option_amount, look=Look.MONEY),
    )


def _paid_facts(lease: Lease, rents: Sequence[Instalment]) -> Sequence[Fact]:
    live = [one for one in rents if one.state is not InstalmentState.CANCELLED]
    paid = Money.total(one.paid_principal + one.paid_interest for one in live)
    return (
        Fact(label=N_("Rent paid"), value=paid, look=Look.MONEY),
        Fact(label=N_("Rent left"), value=Money.total(one.rent_left for one in live), look=Look.MONEY),
        Fact(label=N_("Principal left"), value=_principal_left(live), look=Look.MONEY),
        Fact(label=N_("Penalties so far"), value=Money.total(one.penalty for one in rents), look=Look.MONEY),
    )


def _principal_left(rents: Sequence[Instalment]) -> Money:
    return Money.total(one.principal - one.paid_principal for one in rents)


# Schedule and money


@dataclass(frozen=True, slots=True, kw_only=True)
class _Totals:
    principal: Money
    interest: Money
    rent: Money
    penalty: Money
    paid: Money
    left: Money


async def _schedule(visit: Visit, lease: Lease) -> Mapping[str, Any]:
    rents = () if lease.account is None else lease.account.instalments
    return {"rents": rents, "totals": _totals(rents)}


def paid_of(one: Instalment) -> Money:
    """Everything that has been paid of a rent, its penalty included."""
    return one.paid_principal + one.paid_interest + one.paid_penalty


def _totals(rents: Sequence[Instalment]) -> _Totals:
    due = [one for one in rents if one.state is not InstalmentState.CANCELLED]
    return _Totals(
        principal=Money.total(one.principal for one in due),
        interest=Money.total(one.interest for one in due),
        rent=Money.total(one.rent for one in due),
        penalty=Money.total(one.penalty for one in due),
        paid=Money.total(paid_of(one) for one in due),
        left=Money.total(one.left for one in due),
    )


async def _original(visit: Visit, lease: Lease) -> Mapping[str, Any]:
    """The schedule as it was agreed, whatever has become of it since; from the day of the draft while no rent runs."""
    contract = lease.contract
    starts_on = contract.commenced_on or contract.drafted_at.astimezone(BUSINESS_ZONE).date()
    agreed = await quotes.schedule_of(visit.tx, contract.quote_id, starts_on=starts_on)
    sums = [
        Money.total(each) for each in zip(*((one.principal, one.interest, one.rent) for one in agreed), strict=True)
    ]
    return {"agreed": agreed, "sums": sums, "runs": contract.commenced_on is not None}


async def _money(visit: Visit, lease: Lease) -> Mapping[str, Any]:
    offered = {one.id for one in lease.offers} if visit.actor.may(P.SERVICING_WRITE) and lease.runs else set()
    return {"offered_ids": offered}


# Calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What was asked of providers under one key: the last call, and those that it was handed on from."""

    last: CallView
    tries: Sequence[tuple[str, str, UUID | None]]  # provider, why it was not the last, and its own call if it has one


async def _calls(visit: Visit, lease: Lease) -> Mapping[str, Any]:
    calls = await call_log.list_calls(visit.tx, lease_id=lease.id, limit=_MOST_CALLS)
    return {"chains": chains_of(calls), "capped": len(calls) == _MOST_CALLS}


def chains_of(calls: Sequence[CallView]) -> list[Chain]:
    """Calls, newest first, put together by what was asked."""
    by_key: dict[tuple[str, str], list[CallView]] = {}
    for call in calls:
        by_key.setdefault((call.operation, call.idempotency_key), []).append(call)
    return [Chain(last=some[0], tries=[*_tries(some[1:]), *_in_vain(some[0])]) for some in by_key.values()]


def _tries(before: Sequence[CallView]) -> list[tuple[str, str, UUID | None]]:
    return [(one.instance or "", one.error_code or one.state.value, one.id) for one in reversed(before)]


def _in_vain(call: CallView) -> list[tuple[str, str, UUID | None]]:
    """Where a mere question was tried before somebody answered: that is kept with the answer."""
    route = call.route if isinstance(call.route, dict) else {}
    tried = route.get("failed_over")
    found = [one for one in (tried if isinstance(tried, list) else []) if isinstance(one, dict)]
    return [(str(one.get("instance", "")), str(one.get("reason", "")), None) for one in found]


# Papers


async def _papers(visit: Visit, lease: Lease) -> Mapping[str, Any]:
    return {"papers": await signatures.documents(visit.tx, lease.id), "signers": _signers(lease)}


def _signers(lease: Lease) -> tuple[tuple[SignerRole, str | None], ...]:
    """Who signs, in the order in which the papers are sent out."""
    return (SignerRole.LESSEE, lease.customer), (SignerRole.LESSOR, None)


papers_router = APIRouter()
_ARCHIVE = b"PK\x03\x04"  # Source: PKWARE APPNOTE 6.3.10, 4.3.7


@papers_router.get("/contracts/{subject_id}/documents/{language}.pdf", name="Contract: Paper")
async def paper(
    subject_id: UUID, language: Language, signed: bool = False, visit: Visit = visiting(P.CONTRACTS_READ)
) -> Response:
    """The newest paper in a language, as it was sent out, or as it came back signed."""
    found = await signatures.paper(visit.tx, ContractId(subject_id), language, signed=signed)
    content = await asyncio.to_thread(visit.house.files.get, found.sha256)
    name, kind = found.name, "application/pdf"
    if content.startswith(_ARCHIVE):  # some providers give all that was signed back in one archive
        name, kind = f"{name.removesuffix('.pdf')}.zip", "application/zip"
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


# Map


async def _map(visit: Visit, lease: Lease) -> Mapping[str, Any]:
    vehicle = lease.vehicle
    if vehicle is None:
        return {"vehicle": None, "position": None, "devices": (), "alarms": ()}
    return await places(visit, vehicle.id) | {"vehicle": vehicle, "devices": lease.devices}


async def places(visit: Visit, vehicle_id: Any) -> dict[str, Any]:
    """Where a car was last and what its devices cried about; looking is audited."""
    return {
        "position": await tracking.latest(visit.tx, vehicle_id),
        "alarms": await tracking.alarms_of(visit.tx, vehicle_id),
    }


# What was said, and what happened


async def _collections(visit: Visit, lease: Lease) -> Mapping[str, Any]:
    return {"contacts": await collections.contacts_of(visit.tx, lease.id), "promises": lease.promises}


async def _timeline(visit: Visit, lease: Lease) -> Mapping[str, Any]:
    return {"events": await contracts.timeline(visit.tx, lease.id)}


TABS: tuple[Tab[Lease], ...] = (
    Tab(key="overview", label=N_("Overview"), template="contract_overview.html", load=_overview),
    Tab(
        key="schedule",
        label=N_("Schedule"),
        template="contract_schedule.html",
        load=_schedule,
        permission=P.SERVICING_READ,
    ),
    Tab(key="original", label=N_("Original schedule"), template="contract_original.html", load=_original),
    Tab(key="money", label=N_("Money"), template="contract_money.html", load=_money, permission=P.PAYMENTS_READ),
    Tab(key="calls", label=N_("Calls"), template="contract_calls.html", load=_calls, permission=P.PROVIDERS_READ),
    Tab(key="documents", label=N_("Papers"), template="contract_papers.html", load=_papers),
    Tab(
        key="map",
        label=N_("Map"),
        template="contract_map.html",
        load=_map,
        permission=P.TRACKING_READ,
        styles=("leaflet.css", "map.css"),
        scripts=("leaflet.js", "map.js"),
    ),
    Tab(
        key="collections",
        label=N_("Collections"),
        template="contract_collections.html",
        load=_collections,
        permission=P.COLLECTIONS_READ,
    ),
    Tab(key="timeline", label=N_("Timeline"), template="timeline_tab.html", load=_timeline),
)
