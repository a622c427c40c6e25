"""One request of somebody who is logged in: who they are, what they see, their transaction, and how they are answered.

Every route declares the permission it needs, or says why anybody may call it. A form that is sent carries the word of its
session; what comes from another site is refused.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, Request
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hub.console import templates
from hub.console.i18n import chosen, say
from hub.console.menu import Group, menu_of
from hub.console.templates import Manner
from hub.core.errors import NotAllowed, NotAuthenticated
from hub.core.ids import BranchId
from hub.core.provider import Mode
from hub.house import House
from hub.infra import sessions, staff
from hub.infra.access import Actor, Permission
from hub.infra.database import Tx
from hub.infra.paging import Count
from hub.infra.sessions import Session
from hub.infra.staff import BranchView
from hub.leasing.approvals import service as approvals

COOKIE, SAFE_COOKIE = "leasehub", "__Host-leasehub"
LANGUAGE_COOKIE, THEME_COOKIE = "language", "theme"
THEMES = ("system", "light", "dark")
FORM_KEY = "form_key"
_WRITES = frozenset({"POST", "PUT", "DELETE", "PATCH"})


@dataclass(slots=True, kw_only=True)
class Visit:
    """A request in the hands of a desk. `tx` is open while the desk works, unless the route opens its own."""

    request: Request
    house: House
    session: Session
    actor: Actor
    branch: str
    manner: Manner
    open_tx: Tx | None = None
    form: FormData = field(default_factory=FormData)
    branches: Sequence[BranchView] = ()
    badges: Mapping[str, Count] = field(default_factory=dict)  # how many things wait for the visitor, by page

    @property
    def tx(self) -> Tx:
        """The visitor's transaction."""
        assert self.open_tx is not None, "this route opens its own transactions"
        return self.open_tx

    @property
    def asks_for_part(self) -> str | None:
        """The id of the part of the page that is asked for, None for the whole page."""
        return self.request.headers.get("hx-target") if self.request.headers.get("hx-request") == "true" else None

    @property
    def menu(self) -> list[Group]:
        """The menu as this visitor sees it."""
        return menu_of(self.session.actor.permissions)

    @property
    def is_sandbox(self) -> bool:
        """Whether any provider of this house is a stand-in: then every page says so."""
        return any(one.mode is Mode.SANDBOX for one in self.house.registry.current.instances.values())

    async def branch_names(self) -> Mapping[BranchId, str]:
        """What the branches that the visitor sees are called."""
        return {one.id: one.name for one in self.branches or await staff.branches(self.tx)}

    def is_at(self, path: str) -> bool:
        """Whether the page belongs to this entry of the menu."""
        here = self.request.url.path
        return here == path or (path != "/" and here.startswith(f"{path}/"))

    def say(self, text: str, **parts: object) -> str:
        """A text in the visitor's language."""
        return say(self.manner.language, text, **parts)

    def href(self, path: str, **query: object) -> str:
        """An address of the console that keeps the branch that is looked at."""
        if not query and not self.branch:  # as it is for nearly every cell of a list
            return path
        words = {name: str(value) for name, value in query.items() if value not in (None, "")}
        if self.branch:
            words["branch"] = self.branch
        return f"{path}?{urlencode(words)}" if words else path

    def page(self, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """A page, or the part of it that is asked for."""
        html = templates.render(self.manner, template, visit=self, **context)
        return HTMLResponse(html, status_code=status, headers={"Vary": "HX-Request, HX-Target"})

    def go(self, path: str, **query: object) -> Response:
        """Send the visitor on after something was written."""
        address = self.href(path, **query)
        if self.request.headers.get("hx-request") == "true":
            return Response(status_code=204, headers={"HX-Redirect": address})
        return RedirectResponse(address, status_code=303)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """A transaction of the visitor's own, for a route that calls somebody outside in between."""
        async with self.house.database.transaction(self.actor) as tx:
            yield tx


def manner_of(request: Request) -> Manner:
    """How a page is drawn for whoever asks."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return Manner(
        language=chosen(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", "")),
        theme=theme if theme in THEMES else "system",
    )


def house_of(request: Request) -> House:
    """The house that this application serves."""
    house: House = request.app.state.house
    return house


def cookie_name(house: House) -> str:
    """The session cookie: bound to this very host, wherever it travels over TLS."""
    return SAFE_COOKIE if house.settings.serves_https else COOKIE


def keep(answer: Response, house: House, name: str, value: str, *, max_age_s: int | None = None) -> None:
    """Have the browser keep a cookie that no script reads, until it closes or for `max_age_s` seconds."""
    secure = house.settings.serves_https
    answer.set_cookie(name, value, max_age=max_age_s, httponly=True, secure=secure, samesite="lax", path="/")


async def session_of(request: Request) -> Session | None:
    """The live session of a request, None when there is none."""
    async with house_of(request).database.transaction(sessions.AUTHENTICATION) as tx:
        return await _session_in(request, tx)


async def _session_in(request: Request, tx: Tx) -> Session | None:
    cookie = request.cookies.get(cookie_name(house_of(request)))
    return None if cookie is None else await sessions.find(tx, cookie)


def local_path(text: str | None) -> str:
    """A path of this console to go to, the start where the text is none: nobody is sent elsewhere."""
    parts = urlsplit(text or "")
    if parts.scheme or parts.netloc or not parts.path.startswith("/") or parts.path.startswith(("//", "/\\")):
        return "/"
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


async def _visit(request: Request, permission: Permission | None, session: Session | None) -> Visit:
    if session is None:
        raise NotAuthenticated
    visit = Visit(
        request=request,
        house=house_of(request),
        session=session,
        actor=session.actor,
        branch=request.query_params.get("branch", ""),
        manner=manner_of(request),
    )
    if request.method in _WRITES:
        visit.form = await request.form()
        _refuse_foreign(request, visit.form, session.form_key)
    if permission is not None:
        session.actor.require(permission)
    return visit


def _refuse_foreign(request: Request, form: FormData | Mapping[str, Any], key: str) -> None:
    """Raise NotAllowed for a form that this session's own pages have not made."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise NotAllowed("form", "it was sent from another site")
    given = request.headers.get("x-form-key") or form.get(FORM_KEY)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), key.encode()):
        raise NotAllowed("form", "it has expired; load the page again")


class Visiting:
    """Opens the visitor's transaction for one permission; it commits before the answer goes out."""

    def __init__(self, permission: Permission | None) -> None:
        self.permission = permission

    async def __call__(self, request: Request) -> AsyncIterator[Visit]:
        """The visit, once the permission is shown."""
        if request.method in _WRITES:  # no transaction waits for what a form brings
            visit = await _visit(request, self.permission, await session_of(request))
            async with visit.house.database.transaction(visit.actor) as tx:
                yield await _opened(visit, tx)
            return
        async with house_of(request).database.transaction(sessions.AUTHENTICATION) as tx:
            visit = await _visit(request, self.permission, await _session_in(request, tx))
            tx.actor = visit.actor
            yield await _opened(visit, tx)


async def _opened(visit: Visit, tx: Tx) -> Visit:
    """The visit with its transaction, kept to the branch that is looked at, and what the frame of a page shows."""
    is_page = visit.asks_for_part is None and visit.request.method == "GET"
    if is_page:
        visit.branches = await staff.branches(tx)
    if visit.branch:
        visit.actor = tx.actor = await staff.narrowed(tx, visit.session.actor, visit.branch)
    visit.open_tx = tx
    if is_page and visit.actor.may(Permission.APPROVALS_READ):
        visit.badges = {"/approvals": await approvals.waiting_for(tx)}
    return visit


class Calling:
    """A visit without a transaction, for what calls somebody outside."""

    def __init__(self, permission: Permission | None) -> None:
        self.permission = permission

    async def __call__(self, request: Request) -> Visit:
        """The visit, once the permission is shown."""
        return await _visit(request, self.permission, await session_of(request))


class Open:
    """Marks a route that anybody may call; it must say why."""

    def __init__(self, why: str) -> None:
        self.why = why

    async def __call__(self) -> None:
        """Nothing to check."""


def visiting(permission: Permission | None) -> Any:
    """Declare who may call a route (None: everybody who is logged in), and take the visit with its transaction."""
    return Depends(Visiting(permission), scope="function")


def calling(permission: Permission | None) -> Any:
    """Declare who may call a route, and take the visit without a transaction."""
    return Depends(Calling(permission))


def opened(why: str) -> Any:
    """Declare that anybody may call a route, and why."""
    return Depends(Open(why))
