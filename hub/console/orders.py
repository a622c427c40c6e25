"""The order in which calls try the providers of a capability: moved place by place, then kept with a reason.

The draft travels in the address, so that moving works with links alone and nothing is changed before it is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.actions import with_error
from hub.console.forms import Field, Filled, Kind, blank, read
from hub.console.i18n import N_
from hub.console.providers import moved, views_of
from hub.console.visit import Visit, visiting
from hub.core.errors import Conflict, InvalidInput, RuleBroken
from hub.core.provider import Capability
from hub.infra.access import Permission as P
from hub.integrations import orders
from hub.integrations.orders import RouteView

router = APIRouter()
_FIELDS = (Field(name="reason", label=N_("Reason"), kind=Kind.LONG_TEXT, longest=400),)


@router.get("/providers/order/{capability}", name="Order of providers")
async def order(capability: Capability, visit: Visit = visiting(P.PROVIDERS_WRITE)) -> Response:
    """The order with one of them moved, not yet kept."""
    route = await orders.route(visit.tx, visit.house.registry.current, capability)
    draft = _draft(route, visit.request.query_params.get("order", ""))
    return await _page(visit, route, draft, blank(_FIELDS))


@router.post("/providers/order/{capability}", name="Order of providers, sent")
async def keep(capability: Capability, visit: Visit = visiting(P.PROVIDERS_WRITE)) -> Response:
    """Keep the order that was shown."""
    generation = visit.house.registry.current
    route = await orders.route(visit.tx, generation, capability)
    draft, filled = _draft(route, str(visit.form.get("order", ""))), read(_FIELDS, visit.form)
    if filled.errors:
        return await _page(visit, route, draft, filled)
    seen = _names(str(visit.form.get("seen", "")))
    try:
        async with visit.tx.attempt():
            await orders.change(visit.tx, generation, capability, draft, reason=filled.values["reason"], seen=seen)
    except (InvalidInput, RuleBroken, Conflict) as error:
        return await _page(visit, route, draft, with_error(visit, _FIELDS, filled, error))
    return visit.go("/providers", done="order")


def _draft(route: RouteView, given: str) -> tuple[str, ...]:
    """The order that an address asks for, that of now where it names others than there are."""
    names = _names(given)
    return names if sorted(names) == sorted(route.order) else route.order


def _names(given: str) -> tuple[str, ...]:
    return tuple(filter(None, given.split(",")))


async def _page(visit: Visit, route: RouteView, draft: Sequence[str], filled: Filled) -> Response:
    views = await views_of(visit)
    return visit.page(
        "order.html",
        status=422 if filled.errors else 200,
        title=N_("Order of providers"),
        route=route,
        rows=[(views[name], moved(draft, name, -1), moved(draft, name, 1)) for name in draft],
        draft=",".join(draft),
        is_changed=tuple(draft) != route.order,
        moved=visit.request.query_params.get("moved", ""),
        fields=_FIELDS,
        filled=filled,
    )
