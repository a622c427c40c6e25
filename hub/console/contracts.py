"""The desk of contracts: the register, and each contract with everything that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from hub.console.actions import Action
from hub.console.forms import Field, Kind, Values
from hub.console.i18n import N_
from hub.console.page import Column, Fact, Filter, Listing, Look, add_listing
from hub.console.subject import Subject, Tab, add_subject
from hub.console.visit import Visit
from hub.core.ids import ContractId
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Slice, Window
from hub.leasing.contracts import listing
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import CANCELLABLE, ContractState, ContractView

router = APIRouter()


async def _page(visit: Visit, window: Window) -> Slice[ContractView]:
    return await listing.page(visit.tx, window)


async def _counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.counts(visit.tx, window)


CONTRACTS: Listing[ContractView] = Listing(
    path="/contracts",
    title=N_("Contracts"),
    permission=P.CONTRACTS_READ,
    columns=(
        Column(
            label=N_("Number"),
            value=lambda one: one.number,
            look=Look.CODE,
            sort="number",
            href=lambda one: f"/contracts/{one.id}",
        ),
        Column(label=N_("Car"), value=lambda one: one.car_model, look=Look.NAME),
        Column(label=N_("State"), value=lambda one: one.state, look=Look.STATE),
        Column(label=N_("Financed amount"), value=lambda one: one.financed_amount, look=Look.MONEY, sort="financed"),
        Column(label=N_("Term in months"), value=lambda one: one.term_months, look=Look.NUMBER),
        Column(label=N_("Commenced"), value=lambda one: one.commenced_on, look=Look.DAY, sort="commenced"),
    ),
    fetch=_page,
    tab="state",
    tabs=tuple(ContractState),
    counts=_counts,
    filters=(Filter(name="text", label=N_("Contract number")),),
    empty=N_("No contract fits. A contract is written from an approved application."),
)


async def _load(visit: Visit, subject_id: UUID) -> ContractView:
    return await contracts.view(visit.tx, ContractId(subject_id))


async def _facts(visit: Visit, contract: ContractView) -> Sequence[Fact]:
    return (
        Fact(label=N_("Car"), value=contract.car_model, look=Look.NAME),
        Fact(label=N_("Financed amount"), value=contract.financed_amount, look=Look.MONEY),
        Fact(label=N_("Annual rate"), value=contract.annual_rate, look=Look.PERCENT),
        Fact(label=N_("Term in months"), value=contract.term_months, look=Look.NUMBER),
        Fact(label=N_("Commenced"), value=contract.commenced_on, look=Look.DAY),
    )


async def _timeline(visit: Visit, contract: ContractView) -> Mapping[str, Any]:
    return {"events": await contracts.timeline(visit.tx, contract.id)}


async def _cancel(visit: Visit, contract: ContractView, values: Values) -> str | None:
    await contracts.cancel(visit.tx, contract.id, reason=values["reason"])
    return None


def _not_cancellable(contract: ContractView) -> str | None:
    return None if contract.state in CANCELLABLE else N_("Only a drafted or signed contract can be cancelled.")


CONTRACT: Subject[ContractView] = Subject(
    path="/contracts",
    kind="contract",
    noun=N_("Contract"),
    plural=N_("Contracts"),
    permission=P.CONTRACTS_READ,
    load=_load,
    id_of=lambda contract: contract.id,
    title=lambda contract: contract.number,
    state=lambda contract: contract.state,
    facts=_facts,
    tabs=(Tab(key="timeline", label=N_("Timeline"), template="timeline_tab.html", load=_timeline),),
    actions=(
        Action(
            key="cancel",
            label=N_("Cancel contract"),
            permission=P.CONTRACTS_WRITE,
            perform=_cancel,
            done=N_("The contract is cancelled."),
            fields=(Field(name="reason", label=N_("Reason"), kind=Kind.LONG_TEXT, longest=300),),
            off=_not_cancellable,
            explain=N_("The lease does not come about. A car that was reserved for it is free again."),
            is_danger=True,
        ),
    ),
)

add_listing(router, CONTRACTS)
add_subject(router, CONTRACT)
