"""Every route of the application as it is served, with what it declares of who may call it, and a body that it takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

from fastapi.routing import iter_route_contexts

from hub.api import callbacks
from hub.api.app import PREFIX, create_app
from hub.api.deps import Acting, Holding, Public
from hub.infra.access import Permission

Declaration = Acting | Holding | Public


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One method of one path. `body` is the schema of its JSON body, None when it takes none."""

    method: str
    path: str
    declares: tuple[Declaration, ...]
    body: dict[str, Any] | None = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def ids(self) -> tuple[str, ...]:
        """The names in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def permission(self) -> Permission | None:
        """What the caller must be allowed; None for a public door."""
        [declared] = self.declares
        return None if isinstance(declared, Public) else declared.permission


@cache
def _description() -> tuple[list[Any], dict[str, Any]]:
    app = create_app(SimpleNamespace(database=SimpleNamespace(ids=None)))  # type: ignore[arg-type]
    return list(iter_route_contexts(app.routes)), app.openapi()


def description() -> dict[str, Any]:
    """What the API says of itself."""
    return _description()[1]


def doors() -> list[Door]:
    """Every route but the description of the API itself, which FastAPI serves and which holds no data."""
    routes, openapi = _description()
    return [
        Door(method=method, path=route.path, declares=_declared(route), body=_body(openapi, route.path, method))
        for route in routes
        for method in sorted(route.methods)
        if route.path != f"{PREFIX}/openapi.json"
    ]


def served() -> list[tuple[str, Any]]:
    """Every path with the route that was declared for it, as FastAPI has it."""
    return [(context.path, getattr(context, "original_route", context)) for context in _description()[0]]


def _declared(route: Any) -> tuple[Declaration, ...]:
    if route.path == callbacks.ROUTE.path:  # a plain route says it beside itself
        return (callbacks.DECLARES,)
    dependant = getattr(route, "dependant", None)
    calls = [one.call for one in dependant.dependencies] if dependant else []
    return tuple(call for call in calls if isinstance(call, Acting | Holding | Public))


def _body(openapi: dict[str, Any], path: str, method: str) -> dict[str, Any] | None:
    operation = openapi["paths"].get(path, {}).get(method.lower(), {})
    content = operation.get("requestBody", {}).get("content", {})
    return content.get("application/json", {}).get("schema")


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself: references followed, and of several alternatives the first that is not nothing."""
    while "$ref" in schema or "anyOf" in schema:
        if "$ref" in schema:
            schema = _description()[1]["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
        else:
            schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
    return schema
