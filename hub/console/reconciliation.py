"""The desk of reconciliation (对账): what providers say of each day, what differs from our books, and what is done about it.

Statements belong to no branch: whoever is kept to branches sees none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from hub.console.actions import Action
from hub.console.forms import Field, Kind, Option, Values, choices
from hub.console.i18n import N_
from hub.console.numbered import Line, contract_column, lines_of
from hub.console.page import Column, Fact, Filter, Listing, Look, add_listing
from hub.console.subject import Alert, Subject, Tab, add_subject
from hub.console.visit import Visit
from hub.core.provider import Capability
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Slice, Window
from hub.leasing.contracts import listing as contract_listing
from hub.leasing.statements import listing
from hub.leasing.statements import service as statements
from hub.leasing.statements.rules import (
    ASKABLE,
    BOOKABLE,
    REASON_LENGTH,
    DifferenceKind,
    DifferenceState,
    DifferenceView,
    StatementState,
    StatementView,
)
from hub.ledger.chart import CHART, Account

router = APIRouter()
_K = DifferenceKind
_NOT_OPEN = N_("Nobody has to look at it any more.")
_BOOKED_ALREADY = N_("The books have something of it already: reverse that first, or explain it.")

# What each kind means, for whoever has to do something about it.
MEANINGS: Mapping[DifferenceKind, str] = {
    _K.ONLY_STATED: N_("The provider has moved money of which we know nothing. Ask it what that was."),
    _K.NOT_TAKEN: N_("The provider has moved it, and we do not know yet that it has. Ask it once more."),
    _K.AMOUNT: N_("The provider has moved another amount than our movement has. Settle the call by hand."),
    _K.TWICE: N_("The statement has our movement more than once. Ask the provider whether it moved twice."),
    _K.NOT_STATED: N_("Ours has succeeded, and the statement does not have it. It may stand on the next day."),
    _K.NOT_LISTED: N_("This provider's statement lists no movements of this kind. Nothing is to be done."),
    _K.OTHER_DAY: N_("The same movement stands on one day here and on another there. Nothing is to be done."),
    _K.NOT_BOOKED: N_("The movement has succeeded, and the books have another amount of it."),
    _K.BOOKED_ALONE: N_("An entry of the books that belongs to no movement of the day, a reversal say."),
    _K.FEES: N_("The provider has kept its fees. Book them."),
    _K.SETTLED: N_("The provider has sent what it holds to our bank account. Book it once the bank has it."),
    _K.CURRENCY: N_("A line in a currency that the books are not kept in."),
}


async def _statement_page(visit: Visit, window: Window) -> Slice[StatementView]:
    return await listing.statements(visit.tx, window)


async def _statement_counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.statement_counts(visit.tx, window)


async def _providers(visit: Visit) -> Mapping[str, Sequence[Option]]:
    instances = visit.house.registry.current.instances.values()
    names = sorted(one.name for one in instances if Capability.PAYMENTS in one.capabilities)
    return {"instance": tuple(Option(value=name, label=name, is_name=True) for name in names)}


STATEMENTS: Listing[StatementView] = Listing(
    path="/reconciliation",
    title=N_("Reconciliation"),
    permission=P.PAYMENTS_READ,
    columns=(
        Column(
            label=N_("Day"),
            value=lambda one: one.day_on,
            look=Look.DAY,
            sort="day",
            href=lambda one: f"/reconciliation/{one.id}",
        ),
        Column(label=N_("Provider"), value=lambda one: one.instance, look=Look.CODE),
        Column(label=N_("State"), value=lambda one: one.state, look=Look.STATE),
        Column(label=N_("Lines"), value=lambda one: one.lines, look=Look.NUMBER),
        Column(label=N_("Matched"), value=lambda one: one.matched, look=Look.NUMBER),
        Column(label=N_("To look at"), value=lambda one: one.open or None, look=Look.NUMBER),
        Column(label=N_("The provider says"), value=lambda one: one.stated, look=Look.MONEY),
        Column(label=N_("The books say"), value=lambda one: one.booked, look=Look.MONEY),
        Column(label=N_("Difference"), value=lambda one: one.difference, look=Look.MONEY),
    ),
    fetch=_statement_page,
    tab="state",
    tabs=tuple(StatementState),
    counts=_statement_counts,
    filters=(Filter(name="instance", label=N_("Provider")),),
    options=_providers,
    empty=N_("No statement is here that you may see. They are fetched every night, and shown to the whole company."),
)


# One statement


async def _load(visit: Visit, subject_id: UUID) -> StatementView:
    return await statements.get(visit.tx, subject_id)


async def _facts(visit: Visit, one: StatementView) -> Sequence[Fact]:
    return (
        Fact(label=N_("Day"), value=one.day_on, look=Look.DAY),
        Fact(label=N_("Provider"), value=one.instance, look=Look.CODE),
        Fact(label=N_("The provider says"), value=one.stated, look=Look.MONEY),
        Fact(label=N_("The books say"), value=one.booked, look=Look.MONEY),
        Fact(label=N_("Difference"), value=one.difference, look=Look.MONEY),
        Fact(label=N_("Lines"), value=one.lines, look=Look.NUMBER),
        Fact(label=N_("Matched"), value=one.matched, look=Look.NUMBER),
        Fact(label=N_("Fetched at"), value=one.fetched_at, look=Look.INSTANT),
        Fact(label=N_("Fetched next"), value=one.fetch_at, look=Look.INSTANT),
    )


async def _alerts(visit: Visit, one: StatementView) -> Sequence[Alert]:
    if one.code:
        text = N_("The provider has not given the statement: %(code)s. It is asked for again, or have it fetched.")
        return [Alert(text=text, tone="bad", parts={"code": one.code})]
    return []


async def _found(visit: Visit, one: StatementView) -> Mapping[str, Any]:
    found = await statements.differences_of(visit.tx, one.id)
    numbers = await contract_listing.numbers_of(visit.tx, [row.contract_id for row in found if row.contract_id])
    return {"found": found, "numbers": numbers}


async def _fetch_again(visit: Visit, one: StatementView, values: Values) -> str | None:
    await statements.fetch_again(visit.tx, one.id)
    return None


STATEMENT: Subject[StatementView] = Subject(
    path="/reconciliation",
    kind="statement",
    noun=N_("Statement"),
    plural=N_("Reconciliation"),
    permission=P.PAYMENTS_READ,
    load=_load,
    id_of=lambda one: one.id,
    title=lambda one: f"{one.instance} · {one.day_on.isoformat()}",
    state=lambda one: one.state,
    facts=_facts,
    alerts=_alerts,
    tabs=(Tab(key="differences", label=N_("Differences"), template="statement.html", load=_found),),
    actions=(
        Action(
            key="fetch",
            label=N_("Fetch again"),
            permission=P.PAYMENTS_WRITE,
            perform=_fetch_again,
            done=N_("It is fetched and compared again within seconds."),
            explain=N_("The provider is asked for its statement of that day once more. Explanations stay."),
        ),
    ),
)


# Differences


async def _difference_counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.difference_counts(visit.tx, window)


DIFFERENCES: Listing[Line[DifferenceView]] = Listing(
    path="/differences",
    title=N_("Differences"),
    permission=P.PAYMENTS_READ,
    columns=(
        Column(
            label=N_("Day"),
            value=lambda line: line.one.day_on,
            look=Look.DAY,
            sort="day",
            href=lambda line: f"/differences/{line.one.id}",
        ),
        Column(label=N_("Provider"), value=lambda line: line.one.instance, look=Look.CODE),
        Column(label=N_("What differs"), value=lambda line: line.one.kind, look=Look.WORD),
        Column(label=N_("State"), value=lambda line: line.one.state, look=Look.STATE),
        contract_column("/money"),
        Column(label=N_("Reference"), value=lambda line: line.one.ref, look=Look.CODE),
        Column(label=N_("The provider says"), value=lambda line: line.one.stated, look=Look.MONEY),
        Column(label=N_("The books say"), value=lambda line: line.one.booked, look=Look.MONEY),
        Column(label=N_("Reason"), value=lambda line: line.one.reason, look=Look.LONG, on_screen=False),
    ),
    fetch=lines_of(listing.differences),
    tab="state",
    tabs=tuple(DifferenceState),
    counts=_difference_counts,
    filters=(
        Filter(name="kind", label=N_("What differs"), options=choices(DifferenceKind)),
        Filter(name="instance", label=N_("Provider")),
    ),
    options=_providers,
    empty=N_("Nothing differs that you may see."),
)


async def _difference(visit: Visit, subject_id: UUID) -> DifferenceView:
    return await statements.get_difference(visit.tx, subject_id)


async def _difference_facts(visit: Visit, one: DifferenceView) -> Sequence[Fact]:
    numbers = await contract_listing.numbers_of(visit.tx, [one.contract_id] if one.contract_id else [])
    return (
        Fact(label=N_("Statement"), value=one.day_on, look=Look.DAY, href=f"/reconciliation/{one.statement_id}"),
        Fact(label=N_("Provider"), value=one.instance, look=Look.CODE),
        Fact(label=N_("The provider says"), value=one.stated, look=Look.MONEY),
        Fact(label=N_("The books say"), value=one.booked, look=Look.MONEY),
        Fact(label=N_("Difference"), value=one.difference, look=Look.MONEY),
        Fact(label=N_("Reference"), value=one.ref, look=Look.CODE),
        Fact(
            label=N_("Contract"),
            value=next(iter(numbers.values()), None),
            look=Look.CODE,
            href=f"/contracts/{one.contract_id}/money" if one.contract_id else None,
        ),
        Fact(label=N_("The other day"), value=one.other_on if one.kind is _K.OTHER_DAY else None, look=Look.DAY),
        Fact(label=N_("Amount in its currency"), value=one.note or None, look=Look.NAME),
    )


async def _meaning(visit: Visit, one: DifferenceView) -> Mapping[str, Any]:
    return {"meaning": MEANINGS[one.kind]}


async def _ask(visit: Visit, one: DifferenceView, values: Values) -> str | None:
    await statements.ask_again(visit.house.database, visit.house.executor, visit.actor, one)
    return None


async def _book(visit: Visit, one: DifferenceView, values: Values) -> str | None:
    await statements.book(visit.tx, one.id)
    return None


async def _book_preview(visit: Visit, one: DifferenceView, values: Values) -> Sequence[Fact]:
    against = Account.PROVIDER_FEES if one.kind is _K.FEES else Account.BANK
    zh = visit.manner.language == "zh"
    names = {account: CHART[account] for account in (against, Account.PROVIDER_CLEARING)}
    debit, credit = (names[account].name_zh if zh else names[account].name_en for account in names)
    return (
        Fact(label=N_("Account that is debited"), value=f"{against.value} {debit}", look=Look.NAME),
        Fact(label=N_("Account that is credited"), value=f"{Account.PROVIDER_CLEARING.value} {credit}", look=Look.NAME),
        Fact(label=N_("Amount"), value=-one.stated, look=Look.MONEY),
        Fact(label=N_("Value date"), value=one.day_on, look=Look.DAY),
    )


def _not_bookable(one: DifferenceView) -> str | None:
    if one.state is not DifferenceState.OPEN:
        return _NOT_OPEN
    return _BOOKED_ALREADY if one.booked else None


async def _explain(visit: Visit, one: DifferenceView, values: Values) -> str | None:
    await statements.explain(visit.tx, one.id, reason=values["reason"])
    return None


def _closed(one: DifferenceView) -> str | None:
    return None if one.state is DifferenceState.OPEN else _NOT_OPEN


DIFFERENCE: Subject[DifferenceView] = Subject(
    path="/differences",
    kind="difference",
    noun=N_("Difference"),
    plural=N_("Differences"),
    permission=P.PAYMENTS_READ,
    load=_difference,
    id_of=lambda one: one.id,
    title=lambda one: f"{one.instance} · {one.day_on.isoformat()}",
    state=lambda one: one.state,
    facts=_difference_facts,
    tabs=(Tab(key="overview", label=N_("Overview"), template="difference.html", load=_meaning),),
    actions=(
        Action(
            key="question",
            label=N_("Ask the provider now"),
            permission=P.PAYMENTS_WRITE,
            perform=_ask,
            done=N_("The provider was asked. What is known by now stands below."),
            off=_closed,
            fits=lambda one: one.kind in ASKABLE,
            is_main=True,
            calls_out=True,
        ),
        Action(
            key="book",
            label=N_("Book it"),
            permission=P.PAYMENTS_WRITE,
            perform=_book,
            done=N_("It is in the books."),
            off=_not_bookable,
            fits=lambda one: one.kind in BOOKABLE,
            preview=_book_preview,
            is_main=True,
        ),
        Action(
            key="explain",
            label=N_("Explain it"),
            permission=P.PAYMENTS_WRITE,
            perform=_explain,
            done=N_("The difference is explained."),
            fields=(
                Field(
                    name="reason",
                    label=N_("Reason"),
                    kind=Kind.LONG_TEXT,
                    longest=REASON_LENGTH,
                    help=N_("Why it is in order, or what was done about it. It is open again when the amounts change."),
                ),
            ),
            off=_closed,
        ),
    ),
)

add_listing(router, STATEMENTS)
add_subject(router, STATEMENT)
add_listing(router, DIFFERENCES)
add_subject(router, DIFFERENCE)
