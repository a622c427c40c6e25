"""The desk of quotes: what has been quoted, each with its schedule, and the application that is drafted from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from hub.console.actions import Action
from hub.console.calculator import NEW_QUOTE, fee_name, figures
from hub.console.creation import add_creation
from hub.console.forms import Field, Kind, Option, Values
from hub.console.i18n import N_
from hub.console.page import Column, Fact, Filter, Link, Listing, Look, add_listing
from hub.console.people import DOCUMENT
from hub.console.refusals import RULES
from hub.console.subject import Alert, Subject, Tab, add_subject
from hub.console.visit import Visit
from hub.core.errors import InvalidInput, NotFound
from hub.core.identity import DocumentKind
from hub.core.ids import PartyId, QuoteId
from hub.infra.access import Permission as P
from hub.infra.paging import Slice, Window
from hub.leasing.applications import listing as application_listing
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import ENDED, ApplicationView
from hub.leasing.leads import service as leads
from hub.leasing.leads.rules import LeadView
from hub.leasing.parties import service as parties
from hub.leasing.products import service as products
from hub.leasing.quotes import listing
from hub.leasing.quotes import service as quotes
from hub.leasing.quotes.rules import QuoteView

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A quote as its page sees it: on which product, for whom, and what has come of it."""

    quote: QuoteView
    product: str
    lead: LeadView | None
    applications: Sequence[ApplicationView]
    binds: bool


async def _page(visit: Visit, window: Window) -> Slice[QuoteView]:
    return await listing.page(visit.tx, window)


QUOTES: Listing[QuoteView] = Listing(
    path="/quotes",
    title=N_("Quotes"),
    permission=P.PRODUCTS_READ,
    columns=(
        Column(
            label=N_("Number"),
            value=lambda one: one.number,
            look=Look.CODE,
            sort="number",
            href=lambda one: f"/quotes/{one.id}",
        ),
        Column(label=N_("Car"), value=lambda one: one.deal.car_model, look=Look.NAME),
        Column(label=N_("Financed amount"), value=lambda one: one.price.financed, look=Look.MONEY),
        Column(label=N_("Term in months"), value=lambda one: one.deal.term_months, look=Look.NUMBER),
        Column(label=N_("Annual rate"), value=lambda one: one.deal.annual_rate, look=Look.PERCENT),
        Column(label=N_("Binds until"), value=lambda one: one.valid_until_on, look=Look.DAY),
        Column(label=N_("Made by"), value=lambda one: one.created_by, look=Look.NAME),
        Column(label=N_("Made"), value=lambda one: one.created_at, look=Look.INSTANT, sort="made"),
    ),
    fetch=_page,
    filters=(Filter(name="text", label=N_("Quote number")),),
    links=(Link(label=N_("New quote"), path="/quotes/new", permission=P.QUOTES_WRITE),),
    empty=N_("There is no quote yet. Make the first with “New quote”."),
)


# One quote


async def _load(visit: Visit, subject_id: UUID) -> Offer:
    quote = await quotes.get_quote(visit.tx, QuoteId(subject_id))
    version = await products.get_version(visit.tx, quote.product_version_id)
    may_see_lead = quote.lead_id is not None and visit.actor.may(P.LEADS_READ)
    return Offer(
        quote=quote,
        product=f"{version.product_name} ({version.number})",
        lead=await leads.get_lead(visit.tx, quote.lead_id) if may_see_lead and quote.lead_id else None,
        applications=await application_listing.of_quote(visit.tx, quote.id),
        binds=quote.binds_on(visit.tx.today),
    )


async def _facts(visit: Visit, offer: Offer) -> Sequence[Fact]:
    quote, lead = offer.quote, offer.lead
    found = [
        Fact(label=N_("Car"), value=quote.deal.car_model, look=Look.NAME),
        Fact(label=N_("Product"), value=offer.product, look=Look.NAME),
        Fact(label=N_("Binds until"), value=quote.valid_until_on, look=Look.DAY),
        Fact(label=N_("Made by"), value=quote.created_by, look=Look.NAME),
    ]
    if lead is not None:
        found.append(Fact(label=N_("Lead"), value=lead.name, look=Look.NAME, href=f"/leads/{lead.id}"))
    return found


async def _alerts(visit: Visit, offer: Offer) -> Sequence[Alert]:
    found = [] if offer.binds else [Alert(text=RULES["quote_expired"])]
    if visit.actor.may(P.APPLICATIONS_READ):
        text = N_("There is an application on this quote: %(number)s.")
        found += [
            Alert(text=text, tone="info", href=f"/applications/{one.id}", parts={"number": one.number})
            for one in offer.applications
        ]
    return found


async def _figures(visit: Visit, offer: Offer) -> Mapping[str, Any]:
    return {**figures(visit, offer.quote.deal, offer.quote.price), "fee_name": fee_name}


# Drafting the application


async def _who(visit: Visit, offer: Offer) -> Sequence[Field]:
    """Who asks: the customer that the lead has become or that was quoted, else somebody by their document."""
    known = [] if offer.lead is None or offer.lead.converted_party_id is None else [offer.lead.converted_party_id]
    known += await _asked_for(visit)
    options = []
    for party_id in dict.fromkeys(known):
        party = await parties.get_party(visit.tx, party_id)
        label = f"{party.name} · {party.document_number}"
        options.append(Option(value=str(party.id), label=label, is_name=True))
    by_name = Field(
        name="party_id",
        label=N_("Customer"),
        kind=Kind.CHOICE,
        options=tuple(options),
        start=options[-1].value if options else "",
    )
    vin = Field(name="vin", label=N_("VIN"), longest=17, required=False)
    return (by_name, vin) if options else (*DOCUMENT, vin)


async def _asked_for(visit: Visit) -> list[PartyId]:
    """The customer that the address or the form names, if they are one of the visitor's."""
    text = visit.form.get("party_id") or visit.request.query_params.get("party_id")
    try:
        return [(await parties.get_party(visit.tx, PartyId(UUID(str(text))))).id] if text else []
    except (ValueError, NotFound):
        return []


async def _draft(visit: Visit, offer: Offer, values: Values) -> str:
    if "party_id" in values:
        party_id = PartyId(UUID(values["party_id"]))
    else:
        kind, number = DocumentKind(values["document_kind"]), values["document_number"]
        party = await parties.find_by_document(visit.tx, kind=kind, number=number)
        if party is None:
            raise InvalidInput("document_number", N_("No customer is registered under this document."))
        party_id = party.id
    channel_id = None if offer.lead is None else offer.lead.channel_id
    application_id = await applications.draft(
        visit.tx, party_id=party_id, quote_id=offer.quote.id, vin=values["vin"] or None, channel_id=channel_id
    )
    return f"/applications/{application_id}"


def _no_draft(offer: Offer) -> str | None:
    if not offer.binds:
        return RULES["quote_expired"]
    is_live = any(one.state not in ENDED for one in offer.applications)
    return N_("there is a live application on this quote already") if is_live else None


QUOTE: Subject[Offer] = Subject(
    path="/quotes",
    kind="quote",
    noun=N_("Quote"),
    plural=N_("Quotes"),
    permission=P.PRODUCTS_READ,
    load=_load,
    id_of=lambda offer: offer.quote.id,
    title=lambda offer: offer.quote.number,
    state=lambda offer: None,
    facts=_facts,
    alerts=_alerts,
    tabs=(Tab(key="schedule", label=N_("Schedule"), template="quote_tab.html", load=_figures),),
    actions=(
        Action(
            key="application",
            label=N_("Draft application"),
            permission=P.APPLICATIONS_WRITE,
            perform=_draft,
            done=N_("The application is drafted."),
            fields_for=_who,
            off=_no_draft,
            explain=N_("Branch, car and amounts are the quote's."),
            is_main=True,
        ),
    ),
)

add_listing(router, QUOTES)
add_creation(router, NEW_QUOTE)
add_subject(router, QUOTE)
