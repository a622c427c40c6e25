"""Looking for anything at once: contracts by number, people by name, phone or document, cars by plate or VIN.

What is sealed is found by its blind index, so only whole names, phones and numbers are found, and nothing is opened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.i18n import N_
from hub.console.page import Look
from hub.console.visit import Visit, visiting
from hub.core.errors import InvalidInput
from hub.core.identity import DocumentKind
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.contracts import service as contracts
from hub.leasing.inventory import service as inventory
from hub.leasing.leads import service as leads
from hub.leasing.parties import listing as party_listing
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import PartyView

router = APIRouter()
_LONGEST = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something that was found: where it is, what it is called, what tells it from others, and how it stands."""

    path: str
    name: str
    more: str
    state: Any = None
    look: Look = Look.NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One kind of thing that is looked for, for whoever may see it."""

    label: str
    permission: P
    look_for: Callable[[Tx, str], Awaitable[Sequence[Hit]]]


async def _contracts(tx: Tx, text: str) -> Sequence[Hit]:
    found = await contracts.find(tx, text)
    return [
        Hit(path=f"/contracts/{one.id}", name=one.number, more=one.car_model, state=one.state, look=Look.CODE)
        for one in found
    ]


async def _customers(tx: Tx, text: str) -> Sequence[Hit]:
    found: dict[object, PartyView] = {one.id: one for one in await party_listing.find_by_name(tx, name=text)}
    for one in await _if_it_is_one(parties.find_by_phone(tx, phone=text)):
        found[one.id] = one
    for kind in DocumentKind:
        for one in await _if_it_is_one(parties.find_by_document(tx, kind=kind, number=text)):
            found[one.id] = one
    return [
        Hit(path=f"/parties/{one.id}", name=one.name, more=f"{one.document_number} · {one.phone}")
        for one in found.values()
    ]


async def _leads(tx: Tx, text: str) -> Sequence[Hit]:
    found = await _if_it_is_one(leads.find_by_phone(tx, phone=text))
    return [Hit(path=f"/leads/{one.id}", name=one.name, more=one.phone, state=one.state) for one in found]


async def _cars(tx: Tx, text: str) -> Sequence[Hit]:
    found = await inventory.find(tx, text)
    return [
        Hit(path=f"/vehicles/{one.id}", name=one.vin, more=one.model, state=one.status, look=Look.CODE) for one in found
    ]


async def _if_it_is_one(looking: Awaitable[Any]) -> Sequence[Any]:
    """What was found; nothing when the text is no such number at all."""
    try:
        found = await looking
    except InvalidInput:
        return ()
    if found is None:
        return ()
    return found if isinstance(found, list | tuple) else (found,)


SECTIONS: tuple[Section, ...] = (
    Section(label=N_("Contracts"), permission=P.CONTRACTS_READ, look_for=_contracts),
    Section(label=N_("Customers"), permission=P.PARTIES_READ, look_for=_customers),
    Section(label=N_("Leads"), permission=P.LEADS_READ, look_for=_leads),
    Section(label=N_("Vehicles"), permission=P.INVENTORY_READ, look_for=_cars),
)


@router.get("/search", name="Search")
async def search(q: str = "", visit: Visit = visiting(None)) -> Response:
    """Everything that fits, by kind; a single hit is opened at once."""
    text = q.replace("\0", "").strip()[:_LONGEST]
    found = [
        (section, await section.look_for(visit.tx, text))
        for section in SECTIONS
        if text and visit.actor.may(section.permission)
    ]
    hits = [hit for _, some in found for hit in some]
    if len(hits) == 1:
        return visit.go(hits[0].path)
    return visit.page("search.html", title=N_("Search"), text=text, found=[(one, some) for one, some in found if some])
