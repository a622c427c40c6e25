"""The entrance: logging in and out, and how somebody wants the console to look. The only pages that anybody may open."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hub.console import templates
from hub.console.forms import Field, Filled, Kind, blank, read
from hub.console.i18n import N_, Language
from hub.console.refusals import refusal
from hub.console.visit import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    THEMES,
    Visit,
    cookie_name,
    house_of,
    keep,
    local_path,
    manner_of,
    opened,
    session_of,
    visiting,
)
from hub.core.errors import InvalidInput, NotAllowed, NotAuthenticated
from hub.infra import sessions

router = APIRouter()

_FIELDS = (
    Field(name="login", label=N_("Login"), longest=64),
    Field(name="password", label=N_("Password"), kind=Kind.PASSWORD, longest=200),
)
_ONE_YEAR_S = 365 * 24 * 3600
anybody = opened("pages are drawn with these files, the login page among them")


@router.get("/login", name="Log in", dependencies=[opened("nobody is logged in yet")])
async def ask(request: Request, next: str = "/") -> Response:
    """The form to log in with; whoever is logged in goes on."""
    if await session_of(request) is not None:
        return RedirectResponse(local_path(next), status_code=303)
    return _form(request, blank(_FIELDS), next)


@router.post("/login", name="Log in, sent", dependencies=[opened("nobody is logged in yet")])
async def log_in(request: Request, next: str = "/") -> Response:
    """Begin a session. A form from another site is refused: nobody is logged in as somebody else unawares."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise NotAllowed("form", N_("it was sent from another site"))
    filled = read(_FIELDS, await request.form())
    if filled.errors:
        return _form(request, filled, next, status=422)
    house = house_of(request)
    address = request.client.host if request.client else ""
    try:
        cookie = await sessions.begin(
            house.database, login=filled.values["login"], password=filled.values["password"], ip=address
        )
    except NotAuthenticated:
        return _form(request, _with(filled, request, N_("login or password is wrong")), next, status=422)
    except NotAllowed as error:
        _, said = refusal(manner_of(request).language, error)
        return _form(request, _with(filled, request, said), next, status=429)
    answer = RedirectResponse(local_path(next), status_code=303)
    keep(answer, house, cookie_name(house), cookie)
    return answer


def _with(filled: Filled, request: Request, reason: str) -> Filled:
    return Filled(typed=filled.typed, errors={"": reason})


def _form(request: Request, filled: Filled, next: str, *, status: int = 200) -> Response:
    manner = manner_of(request)
    html = templates.render(
        manner, "login.html", title=N_("Log in"), fields=_FIELDS, filled=filled, next=local_path(next)
    )
    return HTMLResponse(html, status_code=status)


@router.post("/logout", name="Log out")
async def log_out(visit: Visit = visiting(None)) -> Response:
    """End the session."""
    await sessions.end(visit.tx, visit.session)
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(cookie_name(visit.house), path="/")
    return answer


@router.post("/language", name="Language", dependencies=[opened("the login page has a language too")])
async def set_language(request: Request) -> Response:
    """Have the console speak another language from now on, in this browser."""
    form = await request.form()
    word = str(form.get("language", ""))
    if word not in set(Language):
        raise InvalidInput("language", "en, zh")
    return _remembering(request, LANGUAGE_COOKIE, word, str(form.get("next", "/")))


@router.post("/theme", name="Theme", dependencies=[opened("the login page has a light too")])
async def set_theme(request: Request) -> Response:
    """Have the console light, dark, or as the machine is, in this browser."""
    form = await request.form()
    word = str(form.get("theme", ""))
    if word not in THEMES:
        raise InvalidInput("theme", ", ".join(THEMES))
    return _remembering(request, THEME_COOKIE, word, str(form.get("next", "/")))


def _remembering(request: Request, name: str, word: str, next: str) -> Response:
    answer = RedirectResponse(local_path(next), status_code=303)
    keep(answer, house_of(request), name, word, max_age_s=_ONE_YEAR_S)
    return answer
