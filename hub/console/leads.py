"""The desk of leads: whom somebody has to call, what was said, and how each lead ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from hub.console.actions import Action
from hub.console.creation import Creation, add_creation, branch_field
from hub.console.forms import Field, Kind, Option, Values, choices
from hub.console.i18n import N_
from hub.console.page import Column, Fact, Filter, Link, Listing, Look, add_listing
from hub.console.people import DOCUMENT, contact_fields, register
from hub.console.subject import Alert, Subject, Tab, add_subject
from hub.console.visit import Visit
from hub.core.errors import InvalidInput
from hub.core.identity import DocumentKind
from hub.core.ids import BranchId, ChannelId, LeadId
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Slice, Window
from hub.leasing.channels import service as channels
from hub.leasing.leads import listing
from hub.leasing.leads import service as leads
from hub.leasing.leads.rules import (
    MOVES,
    ContactMeans,
    ContactOutcome,
    IntentLevel,
    LeadSource,
    LeadState,
    LeadView,
    LossReason,
)
from hub.leasing.parties import service as parties
from hub.leasing.quotes import service as quotes

router = APIRouter()
_NOBODY = N_("No customer is registered under this document. Tick the box below to register them.")
_NEEDED = N_("is needed for a new customer")


async def _page(visit: Visit, window: Window) -> Slice[LeadView]:
    return await listing.page(visit.tx, window)


async def _counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.counts(visit.tx, window)


LEADS: Listing[LeadView] = Listing(
    path="/leads",
    title=N_("Leads"),
    permission=P.LEADS_READ,
    columns=(
        Column(label=N_("Full name"), value=lambda one: one.name, look=Look.NAME, href=lambda one: f"/leads/{one.id}"),
        Column(label=N_("Phone"), value=lambda one: one.phone, look=Look.CODE),
        Column(label=N_("Wants"), value=lambda one: one.wanted, look=Look.NAME),
        Column(label=N_("Source"), value=lambda one: one.source, look=Look.WORD),
        Column(label=N_("How near"), value=lambda one: one.intent_level, look=Look.WORD),
        Column(label=N_("State"), value=lambda one: one.state, look=Look.STATE),
        Column(label=N_("Opened"), value=lambda one: one.opened_at, look=Look.INSTANT, sort="opened"),
    ),
    fetch=_page,
    tab="state",
    tabs=tuple(LeadState),
    counts=_counts,
    filters=(
        Filter(name="level", label=N_("How near"), options=choices(IntentLevel)),
        Filter(name="source", label=N_("Source"), options=choices(LeadSource)),
    ),
    links=(Link(label=N_("New lead"), path="/leads/new", permission=P.LEADS_WRITE),),
    empty=N_("There is no lead yet. Take down the first with “New lead”."),
)


# A new lead


async def _new_fields(visit: Visit) -> Sequence[Field]:
    partners = await channels.list_partners(visit.tx, limit=200) if visit.actor.may(P.CHANNELS_READ) else ()
    options = tuple(Option(value=str(one.id), label=one.name, is_name=True) for one in partners)
    channel = Field(name="channel_id", label=N_("Channel"), kind=Kind.CHOICE, options=options, required=False)
    return (
        await branch_field(visit),
        Field(name="name", label=N_("Full name"), longest=100),
        Field(name="phone", label=N_("Phone"), longest=40),
        Field(name="source", label=N_("Source"), kind=Kind.CHOICE, options=choices(LeadSource)),
        Field(name="wanted", label=N_("Wants"), longest=200, required=False, help=N_("Which car, for how long.")),
        *((channel,) if options else ()),
    )


async def _open(visit: Visit, values: Values) -> str:
    channel_id = values.get("channel_id")
    lead_id = await leads.open_lead(
        visit.tx,
        branch_id=BranchId(UUID(values["branch_id"])),
        name=values["name"],
        phone=values["phone"],
        source=LeadSource(values["source"]),
        wanted=values["wanted"],
        channel_id=None if channel_id is None else ChannelId(UUID(channel_id)),
    )
    return f"/leads/{lead_id}"


NEW_LEAD = Creation(
    path="/leads/new",
    title=N_("New lead"),
    plural=N_("Leads"),
    list_path="/leads",
    permission=P.LEADS_WRITE,
    button=N_("Take down the lead"),
    fields=_new_fields,
    perform=_open,
    explain=N_("A new lead starts with a first call that is due in two hours."),
)


# One lead


async def _load(visit: Visit, subject_id: UUID) -> LeadView:
    return await leads.get_lead(visit.tx, LeadId(subject_id))


async def _facts(visit: Visit, lead: LeadView) -> Sequence[Fact]:
    found = [
        Fact(label=N_("Phone"), value=lead.phone, look=Look.CODE),
        Fact(label=N_("How near"), value=lead.intent_level, look=Look.WORD),
        Fact(label=N_("Wants"), value=lead.wanted, look=Look.NAME),
        Fact(label=N_("Source"), value=lead.source, look=Look.WORD),
        Fact(label=N_("Opened"), value=lead.opened_at, look=Look.INSTANT),
    ]
    if lead.loss_reason is not None:
        found.append(Fact(label=N_("Lost because"), value=lead.loss_reason, look=Look.WORD))
    return found


async def _alerts(visit: Visit, lead: LeadView) -> Sequence[Alert]:
    if lead.converted_party_id is None:
        return ()
    text = N_("This lead has become a customer. Open the customer.")
    return (Alert(text=text, tone="ok", href=f"/parties/{lead.converted_party_id}"),)


async def _overview(visit: Visit, lead: LeadView) -> Mapping[str, Any]:
    may_see_quotes = visit.actor.may(P.PRODUCTS_READ)
    return {
        "follow_ups": await leads.list_follow_ups(visit.tx, lead.id),
        "contacts": await leads.list_contacts(visit.tx, lead.id),
        "quotes": await quotes.quotes_of_lead(visit.tx, lead.id) if may_see_quotes else None,
    }


def _closed(lead: LeadView) -> str | None:
    return None if MOVES[lead.state] else N_("The lead is converted or lost.")


async def _set_intent(visit: Visit, lead: LeadView, values: Values) -> str | None:
    await leads.set_intent(visit.tx, lead_id=lead.id, level=IntentLevel(values["level"]))
    return None


async def _log_contact(visit: Visit, lead: LeadView, values: Values) -> str | None:
    means, outcome = ContactMeans(values["means"]), ContactOutcome(values["outcome"])
    await leads.log_contact(visit.tx, lead_id=lead.id, means=means, outcome=outcome, note=values["note"])
    return None


async def _lose(visit: Visit, lead: LeadView, values: Values) -> str | None:
    await leads.lose(visit.tx, lead_id=lead.id, reason=LossReason(values["reason"]))
    return None


async def _convert(visit: Visit, lead: LeadView, values: Values) -> str | None:
    visit.actor.require(P.PARTIES_READ)
    kind, number = DocumentKind(values["document_kind"]), values["document_number"]
    known = await parties.find_by_document(visit.tx, kind=kind, number=number)
    if known is not None:
        party_id = known.id
    elif not values["is_new"]:
        raise InvalidInput("document_number", _NOBODY)
    else:
        for name in ("name", "phone"):
            if not values[name]:
                raise InvalidInput(name, _NEEDED)
        party_id = await register(visit, lead.branch_id, values)
    await leads.convert(visit.tx, lead_id=lead.id, party_id=party_id)
    return None


LEAD: Subject[LeadView] = Subject(
    path="/leads",
    kind="lead",
    noun=N_("Lead"),
    plural=N_("Leads"),
    permission=P.LEADS_READ,
    load=_load,
    id_of=lambda lead: lead.id,
    title=lambda lead: lead.name,
    state=lambda lead: lead.state,
    facts=_facts,
    alerts=_alerts,
    tabs=(Tab(key="overview", label=N_("Overview"), template="lead_overview.html", load=_overview),),
    actions=(
        Action(
            key="contact",
            label=N_("Log contact"),
            permission=P.LEADS_WRITE,
            perform=_log_contact,
            done=N_("The contact is written down; the follow-up that was due first is done."),
            fields=(
                Field(name="means", label=N_("By"), kind=Kind.CHOICE, options=choices(ContactMeans)),
                Field(name="outcome", label=N_("Outcome"), kind=Kind.CHOICE, options=choices(ContactOutcome)),
                Field(name="note", label=N_("Note"), kind=Kind.LONG_TEXT, longest=1000, required=False),
            ),
            off=_closed,
            is_main=True,
        ),
        Action(
            key="intent",
            label=N_("Set how near"),
            permission=P.LEADS_WRITE,
            perform=_set_intent,
            done=N_("The follow-ups are planned anew."),
            fields=(Field(name="level", label=N_("How near"), kind=Kind.CHOICE, options=choices(IntentLevel)),),
            off=_closed,
            explain=N_("The plan of the new level takes the place of the follow-ups that still wait."),
        ),
        Action(
            key="convert",
            label=N_("Convert to customer"),
            permission=P.LEADS_WRITE,
            perform=_convert,
            done=N_("The lead is a customer now."),
            fields=(
                *DOCUMENT,
                Field(
                    name="is_new",
                    label=N_("Register a new customer if nobody is known by this document"),
                    kind=Kind.YES,
                    required=False,
                ),
                *contact_fields(required=False),
            ),
            off=_closed,
            explain=N_("The customer is looked for by their document. Name and phone are needed only for a new one."),
        ),
        Action(
            key="lose",
            label=N_("Mark as lost"),
            permission=P.LEADS_WRITE,
            perform=_lose,
            done=N_("The lead is lost."),
            fields=(Field(name="reason", label=N_("Reason"), kind=Kind.CHOICE, options=choices(LossReason)),),
            off=_closed,
            is_danger=True,
        ),
    ),
)

add_listing(router, LEADS)
add_creation(router, NEW_LEAD)
add_subject(router, LEAD)
