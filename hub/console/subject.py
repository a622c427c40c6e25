"""An object page from one declaration: a title line with state and next actions, facts, alerts, tabs as addresses.

What a tab draws is its own template; what can be done is in `actions`. Timeline and audit are the same for everybody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.actions import Action, Offered, add_action, knowing, offered
from hub.console.i18n import N_
from hub.console.page import Fact
from hub.console.visit import Visit, visiting
from hub.core.errors import NotFound
from hub.infra import audit
from hub.infra.access import Permission
from hub.infra.paging import Window

_View = TypeVar("_View")
_MOST_AUDIT_LINES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that whoever opens the page must see first; `parts` are put into the text."""

    text: str
    tone: str = "warn"
    href: str | None = None
    parts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab(Generic[_View]):
    """One tab: its word in the address, its template, what it draws, and the assets that it needs besides."""

    key: str
    label: str
    template: str
    load: Callable[[Visit, _View], Awaitable[Mapping[str, Any]]]
    permission: Permission | None = None
    styles: Sequence[str] = ()
    scripts: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject(Generic[_View]):
    """An object page. `kind` is what the audit trail calls it; the first tab is the page's own address.

    `ref` is what one of them is known by in its address: an id, or `str` for a name.
    """

    path: str
    kind: str
    noun: str
    plural: str
    permission: Permission
    load: Callable[[Visit, Any], Awaitable[_View]]
    id_of: Callable[[_View], UUID | str]
    title: Callable[[_View], str]
    state: Callable[[_View], Any]
    facts: Callable[[Visit, _View], Awaitable[Sequence[Fact]]]
    tabs: Sequence[Tab[_View]]
    alerts: Callable[[Visit, _View], Awaitable[Sequence[Alert]]] | None = None
    actions: Sequence[Action[_View]] = ()
    ref: type = UUID

    def address(self, view: _View) -> str:
        """Where the page of one of them is."""
        return f"{self.path}/{self.id_of(view)}"


def add_subject(router: APIRouter, subject: Subject[Any]) -> None:
    """Give an object page its addresses: the page, each tab, and each action."""
    tabs = [*subject.tabs, _audit_tab(subject)]
    for place, tab in enumerate(tabs):
        path = f"{subject.path}/{{subject_id}}" + ("" if place == 0 else f"/{tab.key}")
        router.add_api_route(path, _tab_page(subject, tabs, tab), methods=["GET"], name=f"{subject.noun}: {tab.label}")
    for action in subject.actions:
        add_action(router, subject, action)


def _tab_page(subject: Subject[Any], tabs: Sequence[Tab[Any]], tab: Tab[Any]) -> Callable[..., Awaitable[Response]]:
    async def page(subject_id: UUID, visit: Visit = visiting(tab.permission or subject.permission)) -> Response:
        view = await subject.load(visit, subject_id)
        context = await tab.load(visit, view)
        return visit.page(
            "subject.html",
            subject=subject,
            view=view,
            title=subject.title(view),
            tabs=[one for one in tabs if one.permission is None or visit.actor.may(one.permission)],
            tab=tab,
            first=tabs[0],
            facts=await subject.facts(visit, view),
            alerts=await subject.alerts(visit, view) if subject.alerts else (),
            offered=offered_of(subject, visit, view),
            **context,
        )

    return knowing(page, subject.ref)


def offered_of(subject: Subject[_View], visit: Visit, view: _View) -> list[Offered]:
    """The actions of a subject for this visitor: possible now, or off with the reason."""
    return [
        offered(action, subject.address(view), view)
        for action in subject.actions
        if visit.actor.may(action.permission) and action.fits(view)
    ]


def _audit_tab(subject: Subject[_View]) -> Tab[_View]:
    async def load(visit: Visit, view: _View) -> Mapping[str, Any]:
        wanted = {"subject": subject.kind, "subject_id": str(subject.id_of(view))}
        return {"lines": (await audit.page(visit.tx, Window(filters=wanted, limit=_MOST_AUDIT_LINES))).rows}

    return Tab(key="audit", label=N_("Audit"), template="audit_tab.html", load=load, permission=Permission.AUDIT_READ)


def found(view: _View | None, kind: str, ref: object) -> _View:
    """The view; raises NotFound when there is none."""
    if view is None:
        raise NotFound(kind, ref)
    return view
