"""The desk of contracts: the register, and each contract with everything that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from hub.console import contract_actions, contract_means, rent_actions
from hub.console.contract_tabs import TABS, papers_router
from hub.console.forms import choices
from hub.console.i18n import N_, money
from hub.console.labels import label
from hub.console.lease import Lease, load_lease
from hub.console.page import Column, Fact, Filter, Listing, Look, add_listing
from hub.console.subject import Alert, Subject, add_subject
from hub.console.visit import Visit
from hub.core.money import Money
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Slice, Window
from hub.leasing.contracts import listing
from hub.leasing.contracts.rules import ContractState, ContractView
from hub.leasing.parties import listing as party_listing
from hub.leasing.payments.rules import DOUBTFUL
from hub.leasing.servicing import listing as account_listing
from hub.leasing.servicing.listing import Standing

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A contract as a line of the register; what the visitor may not see of it is None."""

    contract: ContractView
    customer: str | None
    branch: str
    standing: Standing | None

    @property
    def owed(self) -> Money | None:
        """What has fallen due and is not paid, where rent runs."""
        return self.standing.owed if self.standing and self.contract.state is ContractState.ACTIVE else None

    @property
    def days_past_due(self) -> int | None:
        """How late the oldest rent is, where one is."""
        return (self.standing.days_past_due or None) if self.standing else None


async def _page(visit: Visit, window: Window) -> Slice[Line]:
    found = await listing.page(visit.tx, window)
    party_ids, ids = [one.party_id for one in found.rows], [one.id for one in found.rows]
    names = await party_listing.names_of(visit.tx, party_ids) if visit.actor.may(P.PARTIES_READ) else {}
    standings = await account_listing.standings_of(visit.tx, ids) if visit.actor.may(P.SERVICING_READ) else {}
    branches = await visit.branch_names()
    lines = [
        Line(
            contract=one,
            customer=names.get(one.party_id),
            branch=branches.get(one.branch_id, ""),
            standing=standings.get(one.id),
        )
        for one in found.rows
    ]
    return Slice(rows=lines, after=found.after, before=found.before)


async def _counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.counts(visit.tx, window)


CONTRACTS: Listing[Line] = Listing(
    path="/contracts",
    title=N_("Contracts"),
    permission=P.CONTRACTS_READ,
    columns=(
        Column(
            label=N_("Number"),
            value=lambda line: line.contract.number,
            look=Look.CODE,
            sort="number",
            href=lambda line: f"/contracts/{line.contract.id}",
        ),
        Column(label=N_("Customer"), value=lambda line: line.customer, look=Look.NAME),
        Column(label=N_("Car"), value=lambda line: line.contract.car_model, look=Look.NAME),
        Column(label=N_("Branch"), value=lambda line: line.branch, look=Look.NAME),
        Column(label=N_("State"), value=lambda line: line.contract.state, look=Look.STATE),
        Column(
            label=N_("Financed amount"),
            value=lambda line: line.contract.financed_amount,
            look=Look.MONEY,
            sort="financed",
        ),
        Column(label=N_("Commenced"), value=lambda line: line.contract.commenced_on, look=Look.DAY, sort="commenced"),
        Column(label=N_("Owed"), value=lambda line: line.owed, look=Look.MONEY),
        Column(label=N_("Days past due"), value=lambda line: line.days_past_due, look=Look.NUMBER),
    ),
    fetch=_page,
    tab="state",
    tabs=(
        ContractState.DRAFTED,
        ContractState.OUT_FOR_SIGNATURE,
        ContractState.SIGNED,
        ContractState.FUNDED,
        ContractState.ACTIVE,
        ContractState.SETTLED,
    ),
    counts=_counts,
    filters=(
        Filter(name="text", label=N_("Contract number")),
        Filter(name="state", label=N_("State"), options=choices(ContractState)),
    ),
    empty=N_("No contract fits. A contract is written from an approved application."),
)


async def _facts(visit: Visit, lease: Lease) -> Sequence[Fact]:
    contract = lease.contract
    facts = [
        Fact(
            label=N_("Customer"),
            value=lease.customer,
            look=Look.NAME,
            href=f"/parties/{contract.party_id}" if lease.customer else None,
        ),
        Fact(label=N_("Financed amount"), value=contract.financed_amount, look=Look.MONEY),
        Fact(label=N_("Annual rate"), value=contract.annual_rate, look=Look.PERCENT),
        Fact(label=N_("Term in months"), value=contract.term_months, look=Look.NUMBER),
        Fact(label=N_("Commenced"), value=contract.commenced_on, look=Look.DAY),
    ]
    if lease.account and visit.actor.may(P.SERVICING_READ):
        facts += [
            Fact(label=N_("Owed"), value=lease.owed, look=Look.MONEY),
            Fact(label=N_("Days past due"), value=lease.account.days_past_due, look=Look.NUMBER),
        ]
    return facts


async def _alerts(visit: Visit, lease: Lease) -> Sequence[Alert]:
    may, path = visit.actor.may, f"/contracts/{lease.id}"
    alerts: list[Alert] = []
    if may(P.PAYMENTS_READ) and any(one.state in DOUBTFUL for one in (*lease.charges, *lease.payouts)):
        text = N_("The outcome of a payment is not known: nothing more is debited until it is.")
        alerts.append(Alert(text=text, tone="bad", href=f"{path}/money"))
    if may(P.SERVICING_READ) and lease.account and lease.account.days_past_due:
        alerts.append(
            Alert(
                text=N_("%(owed)s is owed, for %(days)s days."),
                tone="bad",
                href=f"{path}/schedule",
                parts={"owed": money(lease.owed, visit.manner.language), "days": lease.account.days_past_due},
            )
        )
    if may(P.SERVICING_READ) and lease.waiting:
        alerts.append(
            Alert(
                text=N_("%(money)s came without being owed and waits in suspense."),
                href=f"{path}/money",
                parts={"money": money(lease.waiting, visit.manner.language)},
            )
        )
    if may(P.WARNINGS_READ) and lease.warnings:
        kinds = sorted({visit.say(label(one.kind)) for one in lease.warnings})
        parts = {"kinds": " · ".join(kinds)}
        alerts.append(Alert(text=N_("Open warnings: %(kinds)s"), href=f"{path}/collections", parts=parts))
    return alerts


CONTRACT: Subject[Lease] = Subject(
    path="/contracts",
    kind="contract",
    noun=N_("Contract"),
    plural=N_("Contracts"),
    permission=P.CONTRACTS_READ,
    load=load_lease,
    id_of=lambda lease: lease.id,
    title=lambda lease: lease.contract.number,
    state=lambda lease: lease.state,
    facts=_facts,
    alerts=_alerts,
    tabs=TABS,
    actions=(*contract_actions.ACTIONS, *contract_means.ACTIONS, *rent_actions.ACTIONS),
)

add_listing(router, CONTRACTS)
add_subject(router, CONTRACT)
router.include_router(papers_router)
