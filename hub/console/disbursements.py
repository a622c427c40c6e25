"""The desk of disbursements: what is owed to dealers and third parties, and who agrees that it is paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from hub.console.actions import Action
from hub.console.forms import Field, Kind, Option, Values, choices
from hub.console.i18n import N_
from hub.console.labels import label
from hub.console.numbered import Line, contract_column, lines_of
from hub.console.page import Column, Fact, Filter, Listing, Look, add_listing
from hub.console.subject import Alert, Subject, Tab, add_subject
from hub.console.visit import Visit
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Window
from hub.leasing.contracts import listing as contract_listing
from hub.leasing.disbursements import listing, payees
from hub.leasing.disbursements import service as disbursements
from hub.leasing.disbursements.rules import (
    MOVES,
    DisbursementPurpose,
    DisbursementState,
    DisbursementView,
    Shown,
)

router = APIRouter()
_S = DisbursementState
_MOST_PAYEES = 200


async def _counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.counts(visit.tx, window)


def account_of(one: DisbursementView) -> str | None:
    """The account that it goes to, by its bank and last four digits."""
    return f"{one.bank_code} •••• {one.last_four}" if one.last_four else None


def payee_of(one: DisbursementView) -> str:
    """Whom it goes to; for a fee that nobody is named for yet, that."""
    return one.payee if one.payee_id or one.fee_kind is None else f"nobody is named yet for {one.fee_kind}"


DISBURSEMENTS: Listing[Line[DisbursementView]] = Listing(
    path="/disbursements",
    title=N_("Disbursements"),
    permission=P.DISBURSEMENTS_READ,
    columns=(
        Column(
            label=N_("Payee"),
            value=lambda line: payee_of(line.one),
            look=Look.WRITTEN,
            href=lambda line: f"/disbursements/{line.one.id}",
        ),
        Column(label=N_("What for"), value=lambda line: line.one.purpose, look=Look.WORD),
        contract_column(),
        Column(label=N_("State"), value=lambda line: line.one.state, look=Look.STATE),
        Column(label=N_("Amount"), value=lambda line: line.one.amount, look=Look.MONEY, sort="amount"),
        Column(label=N_("Account"), value=lambda line: account_of(line.one), look=Look.CODE),
        Column(label=N_("Drafted at"), value=lambda line: line.one.drafted_at, look=Look.INSTANT, sort="drafted"),
        Column(label=N_("Paid on"), value=lambda line: line.one.paid_on, look=Look.DAY),
    ),
    fetch=lines_of(listing.page),
    tab="state",
    tabs=tuple(DisbursementState),
    counts=_counts,
    filters=(Filter(name="purpose", label=N_("What for"), options=choices(DisbursementPurpose)),),
    descending=False,
    empty=N_("Nothing is owed to a dealer or third party. A payment is drafted when a car arrives or a lease begins."),
)


async def _load(visit: Visit, subject_id: UUID) -> DisbursementView:
    return await disbursements.get(visit.tx, subject_id)


async def _facts(visit: Visit, one: DisbursementView) -> Sequence[Fact]:
    numbers = await contract_listing.numbers_of(visit.tx, [one.contract_id] if one.contract_id else [])
    return (
        Fact(label=N_("Amount"), value=one.amount, look=Look.MONEY),
        Fact(label=N_("Account"), value=account_of(one), look=Look.CODE),
        Fact(label=N_("What for"), value=one.purpose, look=Look.WORD),
        Fact(
            label=N_("Contract"),
            value=next(iter(numbers.values()), None),
            look=Look.CODE,
            href=f"/contracts/{one.contract_id}" if one.contract_id else None,
        ),
        Fact(label=N_("Drafted by"), value=one.drafted_by, look=Look.NAME),
        Fact(label=N_("Approved by"), value=one.approved_by, look=Look.NAME),
        Fact(label=N_("Paid on"), value=one.paid_on, look=Look.DAY),
    )


async def _alerts(visit: Visit, one: DisbursementView) -> Sequence[Alert]:
    if one.state is _S.REFUSED:
        return [
            Alert(
                text=N_("The provider has refused it: %(code)s"),
                tone="bad",
                parts={"code": visit.say(label(one.code or ""))},
            )
        ]
    if one.state is _S.DRAFTED and one.payee_id is None:
        return [Alert(text=N_("Nobody has said yet which account it goes to."))]
    return []


async def _nothing(visit: Visit, one: DisbursementView) -> Mapping[str, Any]:
    return {}


def _shown(values: Values) -> Shown:
    return Shown(amount=values["amount"], last_four=values["last_four"])


async def _approve(visit: Visit, one: DisbursementView, values: Values) -> str | None:
    await disbursements.approve(visit.tx, one.id, _shown(values))
    return None


async def _ask_again(visit: Visit, one: DisbursementView, values: Values) -> str | None:
    await disbursements.ask_again(visit.tx, one.id, _shown(values))
    return None


async def _preview(visit: Visit, one: DisbursementView, values: Values) -> Sequence[Fact]:
    return (
        Fact(label=N_("Paid out"), value=one.amount, look=Look.MONEY),
        Fact(label=N_("Payee"), value=payee_of(one), look=Look.WRITTEN),
        Fact(label=N_("Account"), value=account_of(one), look=Look.CODE),
        Fact(label=N_("What for"), value=one.what_for, look=Look.WRITTEN),
    )


def _no_account(one: DisbursementView) -> str | None:
    return None if one.payee_id else N_("Nobody has said yet which account it goes to.")


async def _payee_fields(visit: Visit, one: DisbursementView) -> Sequence[Field]:
    known = await payees.list_payees(visit.tx, limit=_MOST_PAYEES)
    options = tuple(
        Option(value=str(payee.id), label=f"{payee.name} · {payee.bank_code} •••• {payee.last_four}", is_name=True)
        for payee in known
        if payee.ended_at is None
    )
    return (Field(name="payee_id", label=N_("Payee"), kind=Kind.CHOICE, options=options),)


async def _choose(visit: Visit, one: DisbursementView, values: Values) -> str | None:
    await disbursements.choose_payee(visit.tx, one.id, UUID(values["payee_id"]))
    return None


async def _cancel(visit: Visit, one: DisbursementView, values: Values) -> str | None:
    await disbursements.cancel(visit.tx, one.id, reason=values["reason"])
    return None


_REPEATED = (
    Field(name="amount", label=N_("Amount"), kind=Kind.MONEY, help=N_("Repeat the amount that is to be paid.")),
    Field(
        name="last_four",
        label=N_("Last four digits"),
        longest=4,
        help=N_("Repeat the last four digits of the account that it goes to."),
    ),
)

DISBURSEMENT: Subject[DisbursementView] = Subject(
    path="/disbursements",
    kind="disbursement",
    noun=N_("Disbursement"),
    plural=N_("Disbursements"),
    permission=P.DISBURSEMENTS_READ,
    load=_load,
    id_of=lambda one: one.id,
    title=lambda one: one.payee if one.payee_id or one.fee_kind is None else label(one.fee_kind),
    state=lambda one: one.state,
    facts=_facts,
    alerts=_alerts,
    tabs=(Tab(key="overview", label=N_("Overview"), template="disbursement.html", load=_nothing),),
    actions=(
        Action(
            key="approve",
            label=N_("Approve"),
            permission=P.DISBURSEMENTS_APPROVE,
            perform=_approve,
            done=N_("It is approved, and paid as soon as the lessee has paid."),
            fields=_REPEATED,
            off=_no_account,
            fits=lambda one: one.state is _S.DRAFTED,
            preview=_preview,
            explain=N_("Whoever drafted it or chose the account cannot approve it."),
            is_main=True,
        ),
        Action(
            key="ask-again",
            label=N_("Approve once more"),
            permission=P.DISBURSEMENTS_APPROVE,
            perform=_ask_again,
            done=N_("It is asked for again."),
            fields=_REPEATED,
            fits=lambda one: one.state is _S.REFUSED,
            preview=_preview,
        ),
        Action(
            key="payee",
            label=N_("Choose the payee"),
            permission=P.DISBURSEMENTS_WRITE,
            perform=_choose,
            done=N_("The payee is chosen; somebody else has to approve it."),
            fields_for=_payee_fields,
            fits=lambda one: one.state in {_S.DRAFTED, _S.REFUSED},
        ),
        Action(
            key="cancel",
            label=N_("Cancel the disbursement"),
            permission=P.DISBURSEMENTS_WRITE,
            perform=_cancel,
            done=N_("Nothing is paid on it."),
            fields=(Field(name="reason", label=N_("Reason"), kind=Kind.LONG_TEXT, longest=300),),
            fits=lambda one: _S.CANCELLED in MOVES[one.state],
            is_danger=True,
        ),
    ),
)

add_listing(router, DISBURSEMENTS)
add_subject(router, DISBURSEMENT)
