"""The blacklist: documents that the company does not lease to. Only who has the document in hand can find it here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from hub.console.actions import Action
from hub.console.creation import Creation, add_creation
from hub.console.forms import Field, Kind, Values, choices
from hub.console.i18n import N_
from hub.console.page import Column, Fact, Link, Listing, Look, add_listing
from hub.console.subject import Subject, Tab, add_subject
from hub.console.visit import Visit
from hub.core.identity import DocumentKind
from hub.infra.access import Permission as P
from hub.infra.paging import Slice, Window
from hub.leasing.credit import listing
from hub.leasing.credit import service as credit
from hub.leasing.credit.rules import BlacklistView

router = APIRouter()


async def _page(visit: Visit, window: Window) -> Slice[BlacklistView]:
    return await listing.page(visit.tx, window)


BLACKLIST: Listing[BlacklistView] = Listing(
    path="/blacklist",
    title=N_("Blacklist"),
    permission=P.CREDIT_READ,
    columns=(
        Column(
            label=N_("Reason"), value=lambda one: one.reason, look=Look.NAME, href=lambda one: f"/blacklist/{one.id}"
        ),
        Column(label=N_("Added by"), value=lambda one: one.added_by, look=Look.NAME),
        Column(label=N_("Added"), value=lambda one: one.added_at, look=Look.INSTANT, sort="added"),
        Column(label=N_("Removed"), value=lambda one: one.removed_at, look=Look.INSTANT),
    ),
    fetch=_page,
    links=(Link(label=N_("Blacklist a document"), path="/blacklist/new", permission=P.CREDIT_CHECK),),
    empty=N_("Nobody is on the blacklist."),
    intro=N_("Whoever is on it is declined at once, in every branch. The document itself cannot be read back."),
)


async def _new_fields(visit: Visit) -> Sequence[Field]:
    return (
        Field(
            name="document_kind",
            label=N_("Document"),
            kind=Kind.CHOICE,
            options=choices(DocumentKind),
            start=DocumentKind.CN_IDENTITY_CARD.value,
        ),
        Field(name="number", label=N_("Document number"), longest=40),
        Field(name="reason", label=N_("Reason"), kind=Kind.LONG_TEXT, longest=500),
    )


async def _add(visit: Visit, values: Values) -> str:
    kind = DocumentKind(values["document_kind"])
    entry_id = await credit.blacklist(visit.tx, document_kind=kind, number=values["number"], reason=values["reason"])
    return f"/blacklist/{entry_id}"


NEW_ENTRY = Creation(
    path="/blacklist/new",
    title=N_("Blacklist a document"),
    plural=N_("Blacklist"),
    list_path="/blacklist",
    permission=P.CREDIT_CHECK,
    button=N_("Put on the blacklist"),
    fields=_new_fields,
    perform=_add,
    explain=N_("Every application of whoever has this document is declined from now on."),
)


async def _load(visit: Visit, subject_id: UUID) -> BlacklistView:
    return await listing.entry(visit.tx, subject_id)


async def _facts(visit: Visit, entry: BlacklistView) -> Sequence[Fact]:
    return (
        Fact(label=N_("Added by"), value=entry.added_by, look=Look.NAME),
        Fact(label=N_("Added"), value=entry.added_at, look=Look.INSTANT),
        Fact(label=N_("Removed"), value=entry.removed_at, look=Look.INSTANT),
    )


async def _overview(visit: Visit, entry: BlacklistView) -> Mapping[str, Any]:
    return {}


async def _remove(visit: Visit, entry: BlacklistView, values: Values) -> None:
    await credit.unblacklist(visit.tx, entry.id)


ENTRY: Subject[BlacklistView] = Subject(
    path="/blacklist",
    kind="blacklist",
    noun=N_("Blacklist entry"),
    plural=N_("Blacklist"),
    permission=P.CREDIT_READ,
    load=_load,
    id_of=lambda entry: entry.id,
    title=lambda entry: entry.reason,
    state=lambda entry: None,
    facts=_facts,
    tabs=(Tab(key="overview", label=N_("Overview"), template="blacklist_entry.html", load=_overview),),
    actions=(
        Action(
            key="remove",
            label=N_("Take off the blacklist"),
            permission=P.CREDIT_CHECK,
            perform=_remove,
            done=N_("The document is off the blacklist."),
            off=lambda entry: None if entry.removed_at is None else N_("It is off the blacklist already."),
            explain=N_("Whoever has this document may be leased to again. The entry stays on record."),
            is_danger=True,
        ),
    ),
)

add_listing(router, BLACKLIST)
add_creation(router, NEW_ENTRY)
add_subject(router, ENTRY)
