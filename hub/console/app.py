"""The console as an application: every desk's pages, what is refused as a page, assets, and the headers that keep browsers safe."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import psycopg
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.console import (
    applications,
    approvals,
    assets,
    blacklist,
    calls,
    collections,
    company,
    contracts,
    disbursements,
    entrance,
    home,
    leads,
    orders,
    parties,
    payees,
    payments,
    providers,
    quotes,
    reconciliation,
    search,
    templates,
    traces,
    vehicles,
)
from hub.console.i18n import N_
from hub.console.refusals import refusal
from hub.console.visit import manner_of
from hub.core import errors
from hub.house import House
from hub.infra.logs import correlated, correlation_id, logger
from hub.infra.reach import is_away
from hub.statuses import status_of

DESKS: tuple[APIRouter, ...] = (
    entrance.router,
    home.router,
    approvals.router,
    search.router,
    leads.router,
    parties.router,
    quotes.router,
    applications.router,
    blacklist.router,
    contracts.router,
    payments.router,
    reconciliation.router,
    disbursements.router,
    payees.router,
    collections.router,
    vehicles.router,
    orders.router,
    providers.router,
    calls.router,
    company.router,
    traces.router,
)

# A page is small already: working harder at it saves a twentieth of its bytes and costs as much as a query.
_COMPRESSION = 4
_CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
_TITLES = {
    403: N_("You may not do this"),
    404: N_("There is nothing here"),
    409: N_("This cannot be done now"),
    422: N_("Something in the address or the form is wrong"),
    429: N_("Too many requests"),
    500: N_("Something went wrong on our side"),
    503: N_("The database does not answer just now"),
    502: N_("A provider did not do what was asked"),
}

_ADVICE = {
    403: N_("Whoever administers the users can give you a role that does."),
    404: N_("The address may be mistyped, or what it led to lies in a branch that you do not see."),
    409: N_("Go back, load the page again and look at how things stand now."),
    422: N_("Go back and look at what was asked for."),
    429: N_("Wait a minute and try again."),
    500: N_("Nothing was changed. It has been logged: whoever runs the hub finds it by this reference."),
    503: N_(
        "What you sent was not written. Wait a moment and load the page again; if it stays so, tell whoever runs the hub."
    ),
    502: N_("Its page among the providers says how it is, and the call log what was asked. Try again later."),
}


def create_console(house: House) -> FastAPI:
    """The console over `house`."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.house = house
    for desk in DESKS:
        app.include_router(desk)
    app.include_router(assets_router())
    for kind in (SQLAlchemyError, psycopg.Error):
        app.add_exception_handler(kind, _on_database)
    app.add_exception_handler(errors.LeaseHubError, _on_leasehub_error)
    app.add_exception_handler(RequestValidationError, _on_unreadable)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=_COMPRESSION)
    app.add_middleware(Porch, ids=lambda: str(house.database.ids.new()), is_secure=house.settings.serves_https)
    return app


def assets_router() -> APIRouter:
    """The address of every file that pages are drawn with."""
    router = APIRouter()

    async def asset(digest: str, name: str, _: None = entrance.anybody) -> Response:
        found = assets.assets().get(name)
        if found is None or found.sha256[:8] != digest:
            raise errors.NotFound("asset", name)
        return Response(
            found.body, media_type=found.kind, headers={"Cache-Control": "public, max-age=31536000, immutable"}
        )

    router.add_api_route("/assets/{digest}/{name}", asset, methods=["GET"], name="Assets")
    return router


# What is refused, as a page


async def _on_leasehub_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.LeaseHubError)
    if isinstance(error, errors.NotAuthenticated):
        return _to_the_door(request)
    _, reason = refusal(manner_of(request).language, error)
    return _refused(request, status_of(error), reason)


def _to_the_door(request: Request) -> Response:
    """To the login page, and back from there to what was asked for."""
    asked = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    address = f"/login?{urlencode({'next': asked if request.method == 'GET' else '/'})}"
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, status_code=303)


async def _on_unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return _refused(request, 404 if first["loc"][0] == "path" else 422, "")


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _refused(request, error.status_code, "")


async def _on_database(request: Request, error: Exception) -> Response:
    """A database that is away for a moment; what it has refused is a failure of ours like any other."""
    if not is_away(error):
        raise error
    logger("console").warning("console.database_away", path=request.url.path, error=type(error).__name__)
    return _refused(request, 503, "")


def _on_failure(request: Request, error: Exception) -> Response:
    """A failure of ours: the log says which, the page gives the reference to ask by."""
    logger("console").warning("console.failed", path=request.url.path, exc_info=error)
    return _refused(request, 500, "")


def _refused(request: Request, status: int, reason: str) -> Response:
    html = templates.render(
        manner_of(request),
        "refused.html",
        title=_TITLES.get(status, N_("This cannot be done")),
        status=status,
        reason=reason,
        advice=_ADVICE.get(status, ""),
        reference=correlation_id(),
        again=_again(request) if status in _PASSING else None,
    )
    return HTMLResponse(html, status_code=status, headers={"Retry-After": "5"} if status == 503 else None)


# What may be otherwise in a moment: the page offers to load itself again, unless it was sent.
_PASSING = frozenset({429, 500, 502, 503})


def _again(request: Request) -> str | None:
    path, query = request.url.path, request.url.query
    return None if request.method != "GET" else f"{path}?{query}" if query else path


# The porch


class Porch:
    """What every request passes first: a correlation id, and headers that keep browsers safe.

    What fails inside is answered here, and not further out, so that the page of a failure has both as well.
    """

    def __init__(self, app: ASGIApp, ids: Callable[[], str], *, is_secure: bool) -> None:
        self._app = app
        self._ids = ids
        self._fixed = _headers(is_secure=is_secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under its correlation id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation = self._ids()
        is_asset = scope["path"].startswith("/assets/")
        has_begun = False

        async def with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                added = [*self._fixed, (b"x-correlation-id", correlation.encode())]
                if not is_asset:
                    added.append((b"cache-control", b"no-store"))
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        with correlated(correlation):
            try:
                await self._app(scope, receive, with_headers)
            except Exception as error:
                if has_begun:
                    raise
                await _on_failure(Request(scope), error)(scope, receive, with_headers)


def _headers(*, is_secure: bool) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-security-policy", _CONTENT.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"permissions-policy", b"geolocation=(), camera=(), microphone=()"),
    ]
    return [*headers, (b"strict-transport-security", b"max-age=31536000")] if is_secure else headers
