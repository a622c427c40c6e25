"""Every route of the console as it is served, with what it declares of who may call it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

from fastapi.routing import iter_route_contexts

from hub.console.app import create_console
from hub.console.visit import Calling, Open, Visiting
from hub.infra.access import Permission
from hub.infra.settings import HubSettings

Declaration = Visiting | Calling | Open


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One method of one path."""

    method: str
    path: str
    declares: tuple[Declaration, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def ids(self) -> tuple[str, ...]:
        """The names in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def is_open(self) -> bool:
        """Whether anybody may call it."""
        return isinstance(self.declares[0], Open)

    @property
    def permission(self) -> Permission | None:
        """What a visitor must be allowed; None for a page of everybody who is logged in."""
        [declared] = self.declares
        return None if isinstance(declared, Open) else declared.permission


@cache
def doors() -> list[Door]:
    """Every route of the console."""
    settings = HubSettings(public_url="http://127.0.0.1")
    house: Any = SimpleNamespace(database=SimpleNamespace(ids=None), settings=settings)
    return [
        Door(method=method, path=route.path, declares=_declared(route))
        for route in iter_route_contexts(create_console(house).routes)
        for method in sorted(route.methods)
    ]


def _declared(route: Any) -> tuple[Declaration, ...]:
    dependant = getattr(route, "dependant", None)
    calls = [one.call for one in dependant.dependencies] if dependant else []
    return tuple(call for call in calls if isinstance(call, Visiting | Calling | Open))
