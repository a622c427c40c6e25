"""From an error to an HTTP status: the only table, and the one shape that every error answer has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from hub.core import errors
from hub.core.identity import mask_text

STATUS: dict[type[errors.LeaseHubError], int] = {
    errors.InvalidInput: 422,
    errors.NotFound: 404,
    errors.NotAuthenticated: 401,
    errors.NotAllowed: 403,
    errors.Conflict: 409,
    errors.RuleBroken: 409,
    errors.RateLimited: 503,
    errors.ProviderError: 502,
    errors.LeaseHubError: 500,
}


def status_of(error: errors.LeaseHubError) -> int:
    """The status of the nearest kind in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


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


def _answer(status: int, code: str, message: str, **facts: Any) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    body = {"error": {"code": code, "message": mask_text(message), **facts}}
    return JSONResponse(body, status_code=status, headers=headers)


async def _on_leasehub_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.LeaseHubError)
    return _answer(status_of(error), error.code, str(error), **_facts(error))


def _field(location: Sequence[str | int]) -> str:
    """The path of a field as the caller wrote it: `body.fees.0.amount` becomes `fees.0.amount`."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])


async def _on_unreadable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [{"field": _field(problem["loc"]), "reason": str(problem["msg"])} for problem in error.errors()]
    first = problems[0]
    return _answer(422, errors.InvalidInput.code, f"{first['field']}: {first['reason']}", **first, problems=problems)


def install(app: FastAPI) -> None:
    """Have every error of the tree, and every unreadable request, answered in one shape."""
    app.add_exception_handler(errors.LeaseHubError, _on_leasehub_error)
    app.add_exception_handler(RequestValidationError, _on_unreadable)
