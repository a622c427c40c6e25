"""The tabs of an application: the deal, the checklist of material with its files, credit, and what approvers have said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.application_case import Case
from hub.console.calculator import signing, terms
from hub.console.i18n import N_
from hub.console.page import Fact, Look
from hub.console.subject import Tab
from hub.console.visit import Visit, visiting
from hub.core.errors import NotFound
from hub.core.ids import ApplicationId, PartyId
from hub.infra.access import Permission as P
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import OPEN_TO_MATERIAL, MaterialKind, media_type
from hub.leasing.credit import service as credit
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import PartyView
from hub.leasing.products import service as products
from hub.leasing.quotes import service as quotes


async def _overview(visit: Visit, case: Case) -> Mapping[str, Any]:
    one = case.application
    found: dict[str, Any] = {"quote": None, "customer": None, "deal": (), "cost": (), "money": ()}
    if visit.actor.may(P.PARTIES_READ):
        found["customer"] = await _customer(visit, one.party_id)
    if visit.actor.may(P.PRODUCTS_READ):
        quote = await quotes.get_quote(visit.tx, one.quote_id)
        version = await products.get_version(visit.tx, one.product_version_id)
        deal = (
            Fact(label=N_("Product"), value=f"{version.product_name} ({version.number})", look=Look.NAME),
            Fact(label=N_("Kind of lease"), value=one.lease_type, look=Look.WORD),
            Fact(label=N_("VIN"), value=one.car.vin, look=Look.CODE),
        )
        found |= {"quote": quote, "deal": deal, "cost": terms(quote.deal, quote.price), "money": signing(quote.price)}
    return found


async def _customer(visit: Visit, party_id: PartyId) -> PartyView | None:
    try:
        return await parties.get_party(visit.tx, party_id)
    except NotFound:  # the customer belongs to another branch
        return None


async def _material(visit: Visit, case: Case) -> Mapping[str, Any]:
    is_open = case.application.state in OPEN_TO_MATERIAL and visit.actor.may(P.APPLICATIONS_WRITE)
    return {"lines": await applications.list_materials(visit.tx, case.application.id), "is_open": is_open}


async def _credit(visit: Visit, case: Case) -> Mapping[str, Any]:
    return {"checks": await credit.list_checks(visit.tx, application_id=case.application.id)}


async def _approvals(visit: Visit, case: Case) -> Mapping[str, Any]:
    return {"approvals": await applications.list_approvals(visit.tx, case.application.id)}


TABS: tuple[Tab[Case], ...] = (
    Tab(key="overview", label=N_("Overview"), template="application_overview.html", load=_overview),
    Tab(key="material", label=N_("Checklist"), template="application_material.html", load=_material),
    Tab(
        key="credit",
        label=N_("Credit"),
        template="application_credit.html",
        load=_credit,
        permission=P.CREDIT_READ,
    ),
    Tab(key="approvals", label=N_("Approvals"), template="application_approvals.html", load=_approvals),
)


def add_download(router: APIRouter) -> None:
    """Give the files of a checklist their address; who opens one stays on record."""

    async def file(subject_id: UUID, kind: MaterialKind, visit: Visit = visiting(P.APPLICATIONS_READ)) -> Response:
        name = await applications.material_file(visit.tx, application_id=ApplicationId(subject_id), kind=kind)
        content = await asyncio.to_thread(visit.house.files.get, name)
        kept_as = media_type(content)
        heads = {"Content-Disposition": f'attachment; filename="{kind.value}.{kept_as.rsplit("/")[-1]}"'}
        return Response(content, media_type=kept_as, headers=heads)

    path = "/applications/{subject_id}/material/{kind}"
    router.add_api_route(path, file, methods=["GET"], name="Application: file of the checklist")
