"""Pages on which something new is made: a form, perhaps a look at what would come of it, and the page of what was made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.actions import with_error
from hub.console.forms import Field, Filled, Kind, Option, Values, blank, read
from hub.console.i18n import N_
from hub.console.visit import Visit, visiting
from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.infra import staff
from hub.infra.access import Permission

Preview = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """A form that makes something. `perform` gives the address of what it has made.

    `preview` gives a template and what it draws of what would be made; the form is then sent a second time.
    """

    path: str
    title: str
    plural: str
    list_path: str
    permission: Permission
    button: str
    fields: Callable[[Visit], Awaitable[Sequence[Field]]]
    perform: Callable[[Visit, Values], Awaitable[str]]
    preview: Callable[[Visit, Values], Awaitable[Preview]] | None = None
    explain: str = ""


def add_creation(router: APIRouter, creation: Creation) -> None:
    """Give a form its page, and the address that it is sent to; before the object pages under the same path."""

    async def ask(visit: Visit = visiting(creation.permission)) -> Response:
        fields = await creation.fields(visit)
        return _asked(visit, creation, fields, blank(fields, visit.request.query_params))

    async def act(visit: Visit = visiting(creation.permission)) -> Response:
        fields = await creation.fields(visit)
        filled = read(fields, visit.form)
        if filled.errors:
            return _asked(visit, creation, fields, filled)
        try:
            async with visit.tx.attempt():
                return await _act(visit, creation, fields, filled)
        except (InvalidInput, RuleBroken, Conflict, NotFound) as error:
            return _asked(visit, creation, fields, with_error(visit, fields, filled, error))

    router.add_api_route(creation.path, ask, methods=["GET"], name=creation.title)
    router.add_api_route(creation.path, act, methods=["POST"], name=f"{creation.title}, sent")


async def _act(visit: Visit, creation: Creation, fields: Sequence[Field], filled: Filled) -> Response:
    if creation.preview is not None and visit.form.get("seen") != "yes":
        return _asked(visit, creation, fields, filled, preview=await creation.preview(visit, filled.values))
    address = await creation.perform(visit, filled.values)
    await visit.tx.flush()
    path, _, query = address.partition("?")
    return visit.go(path, **dict(parse_qsl(query)))


def _asked(
    visit: Visit, creation: Creation, fields: Sequence[Field], filled: Filled, preview: Preview | None = None
) -> Response:
    template, drawn = preview or ("", {})
    return visit.page(
        "creation.html",
        status=422 if filled.errors else 200,
        creation=creation,
        title=creation.title,
        fields=fields,
        filled=filled,
        preview=template,
        **drawn,
    )


async def branch_field(visit: Visit) -> Field:
    """The branch that something new belongs to: the one that is looked at, or the only one, to begin with."""
    branches = await staff.branches(visit.tx)
    start = next((str(one.id) for one in branches if one.code == visit.branch or len(branches) == 1), "")
    options = tuple(Option(value=str(one.id), label=one.name, is_name=True) for one in branches)
    return Field(name="branch_id", label=N_("Branch"), kind=Kind.CHOICE, options=options, start=start)
