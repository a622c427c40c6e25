"""The one shape that every error answer of the API has; the status of each kind stands in `hub.statuses`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import psycopg
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from hub.core import errors
from hub.core.identity import mask_text
from hub.infra.logs import logger
from hub.infra.reach import is_away
from hub.statuses import status_of

if TYPE_CHECKING:
    from fastapi.exceptions import RequestValidationError

# What the framework refuses by itself, before any route is asked. Source: RFC 9110, 15.5.
_CODES = {404: errors.NotFound.code, 405: "method_not_allowed"}
_LONGEST_FIELD = 200
_MOST_PROBLEMS = 50
_RETRY_AFTER_S = "2"


def _facts(error: errors.LeaseHubError) -> dict[str, Any]:
    match error:
        case errors.InvalidInput():
            return {"field": error.field, "reason": error.reason}
        case errors.RuleBroken():
            return {"rule": error.rule, "facts": {name: str(value) for name, value in error.facts.items()}}
        case errors.NotFound():
            return {"kind": error.kind}
        case errors.NotAllowed():
            return {"permission": error.permission, "reason": error.reason}
        case errors.Conflict() | errors.NotAuthenticated():
            return {"reason": error.reason}
        case _:
            return {}


def _answer(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **facts: Any
) -> JSONResponse:
    if status == 401:
        headers = {"WWW-Authenticate": "Bearer"}
    body = {"error": {"code": code, "message": mask_text(message), **facts}}
    return JSONResponse(body, status_code=status, headers=headers)


async def _on_leasehub_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.LeaseHubError)
    return _answer(status_of(error), error.code, str(error), **_facts(error))


def _field(problem: Mapping[str, Any]) -> str:
    """The path of a field as the caller wrote it: `body.fees.0.amount` becomes `fees.0.amount`."""
    first, *rest = problem["loc"]
    if problem["type"] == "json_invalid" or not rest:
        return str(first)
    written = ".".join(str(part) for part in rest).encode(errors="replace").decode()
    return mask_text(written)[:_LONGEST_FIELD]


async def on_unreadable(request: Request, error: Exception) -> JSONResponse:
    """A request that does not read as its route says; only FastAPI raises that, which a worker does without."""
    unreadable = cast("RequestValidationError", error)
    problems = [
        {"field": _field(problem), "reason": str(problem["msg"])} for problem in unreadable.errors()[:_MOST_PROBLEMS]
    ]
    first = problems[0]
    return _answer(
        422,
        errors.InvalidInput.code,
        f"{first['field']}: {first['reason']}",
        field=first["field"],
        reason=first["reason"],
        problems=problems,
    )


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code in _CODES:
        return _answer(error.status_code, _CODES[error.status_code], str(error.detail), error.headers)
    reason = str(error.detail)
    return _answer(
        error.status_code, errors.InvalidInput.code, f"body: {reason}", error.headers, field="body", reason=reason
    )


async def _on_failure(request: Request, error: Exception) -> JSONResponse:
    """A failure of ours: the log says which, the answer does not."""
    return _answer(500, errors.LeaseHubError.code, "something went wrong on our side; it has been logged")


async def _on_database(request: Request, error: Exception) -> JSONResponse:
    """A database that is away for a moment; what it has refused is a failure of ours like any other."""
    if not is_away(error):
        raise error
    logger("api").warning(
        "database_away", path=request.url.path, error=type(error).__name__, reason=str(error).partition("\n")[0]
    )
    message = "the database does not answer; whether anything was done is not known: ask again with the same key"
    return _answer(503, "unavailable", message, {"Retry-After": _RETRY_AFTER_S})


async def answer(request: Request, error: Exception) -> JSONResponse:
    """What an error that a route raised is answered with; a failure of ours is logged."""
    match error:
        case errors.LeaseHubError():
            return await _on_leasehub_error(request, error)
        case HTTPException():
            return await _on_http_error(request, error)
        case _:
            logger("api").warning("request_failed", path=request.url.path, exc_info=error)
            return await _on_failure(request, error)


def install(app: Starlette) -> None:
    """Have every error of the tree and what is not there answered in one shape."""
    app.add_exception_handler(errors.LeaseHubError, _on_leasehub_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    for kind in (SQLAlchemyError, psycopg.Error):
        app.add_exception_handler(kind, _on_database)
    app.add_exception_handler(Exception, _on_failure)
