"""What can be done with something: a verb with its form, why it is off, what it would do, and doing it.

An action has a page of its own, so it works without a script. Where money moves, what it would do is shown before it is
done, and what is done is what was shown: the preview's values travel with the form and are read again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.forms import Field, Filled, Kind, Values, blank, read
from hub.console.i18n import N_, Language
from hub.console.page import Fact, Look
from hub.console.refusals import refusal
from hub.console.visit import Visit, calling, visiting
from hub.core.errors import Conflict, InvalidInput, RuleBroken
from hub.infra.access import Permission
from hub.leasing.signatures.capitals import in_capitals

_View = TypeVar("_View")
# Lists from which things are done one after the other: whoever comes from there goes back there.
_ORIGINS: Mapping[str, str] = {"approvals": "/approvals"}
_OUT_OF_PLACE = N_("This cannot be done in the state in which it is now.")


class Page(Protocol):
    """The object page that an action belongs to, as far as actions know it."""

    @property
    def path(self) -> str:
        """Where the list of its kind is."""

    @property
    def noun(self) -> str:
        """What one of its kind is called."""

    @property
    def load(self) -> Callable[[Visit, Any], Awaitable[Any]]:
        """Finds one of them."""

    @property
    def ref(self) -> type:
        """What one of them is known by in its address."""

    def address(self, view: Any) -> str:
        """Where the page of one of them is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Generic[_View]):
    """A verb on a subject. `off` gives the reason why it cannot be done now; `done` is said afterwards.

    `fits` says whether it belongs to where the subject is in its life: what does not is no button at all.

    `preview` shows what would happen, and makes the form ask twice; `perform` does it, and may name another page to
    go to, or draw what is shown this once. One that `calls_out` is
    performed with no transaction open, for it asks somebody outside.
    """

    key: str
    label: str
    permission: Permission
    perform: Callable[[Visit, _View, Values], Awaitable[str | Response | None]]
    done: str
    fields: Sequence[Field] = ()
    fields_for: Callable[[Visit, _View], Awaitable[Sequence[Field]]] | None = None
    off: Callable[[_View], str | None] = lambda view: None
    fits: Callable[[_View], bool] = lambda view: True
    preview: Callable[[Visit, _View, Values], Awaitable[Sequence[Fact]]] | None = None
    explain: str = ""
    is_danger: bool = False
    is_main: bool = False
    calls_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """An action as a button: where it leads, and why it is off if it is."""

    action: Action[Any]
    path: str
    off: str | None


def offered(action: Action[_View], address: str, view: _View) -> Offered:
    """An action as it now stands."""
    return Offered(action=action, path=f"{address}/do/{action.key}", off=action.off(view))


def reason_off(action: Action[_View], view: _View) -> str | None:
    """Why an action cannot be done now, drawn as a button or not; None when it can."""
    return action.off(view) if action.fits(view) else _OUT_OF_PLACE


def add_action(router: APIRouter, subject: Page, action: Action[Any]) -> None:
    """Give an action its page, and the address that its form is sent to."""
    path = f"{subject.path}/{{subject_id}}/do/{action.key}"

    async def ask(subject_id: UUID, visit: Visit = visiting(action.permission)) -> Response:
        view = await subject.load(visit, subject_id)
        fields = await _fields(action, visit, view)
        return _asked(visit, subject, action, view, fields, blank(fields, visit.request.query_params))

    async def act(subject_id: UUID, visit: Visit = visiting(action.permission)) -> Response:
        view = await subject.load(visit, subject_id)
        fields = await _fields(action, visit, view)
        filled = read(fields, visit.form)
        if filled.errors or reason_off(action, view):
            return _asked(visit, subject, action, view, fields, filled)
        try:
            async with visit.tx.attempt():
                return await _act(visit, subject, action, view, fields, filled)
        except (InvalidInput, RuleBroken, Conflict) as error:
            return _asked(visit, subject, action, view, fields, with_error(visit, fields, filled, error))

    sent = knowing(_calling_out(subject, action) if action.calls_out else act, subject.ref)
    router.add_api_route(path, knowing(ask, subject.ref), methods=["GET"], name=f"{subject.noun}: {action.label}")
    router.add_api_route(path, sent, methods=["POST"], name=f"{subject.noun}: {action.label}, sent")


_Handler = Callable[..., Awaitable[Response]]


def knowing(handler: _Handler, ref: type) -> _Handler:
    """The handler of an address in which one of its kind is known by such a value."""
    handler.__annotations__["subject_id"] = ref
    return handler


def _calling_out(subject: Page, action: Action[Any]) -> _Handler:
    async def act(subject_id: UUID, visit: Visit = calling(action.permission)) -> Response:
        async with visit.transaction() as tx:
            visit.open_tx = tx
            view = await subject.load(visit, subject_id)
            fields = await _fields(action, visit, view)
        visit.open_tx, filled = None, read(fields, visit.form)
        if filled.errors or reason_off(action, view):
            return _asked(visit, subject, action, view, fields, filled)
        try:
            elsewhere = await action.perform(visit, view, filled.values)
        except (InvalidInput, RuleBroken, Conflict) as error:
            return _asked(visit, subject, action, view, fields, with_error(visit, fields, filled, error))
        if isinstance(elsewhere, Response):
            return elsewhere
        return visit.go(elsewhere or subject.address(view), done=action.key)

    return act


async def _act(
    visit: Visit, subject: Page, action: Action[Any], view: Any, fields: Sequence[Field], filled: Filled
) -> Response:
    if action.preview is not None and visit.form.get("seen") != "yes":
        shown = (*await action.preview(visit, view, filled.values), *_in_words(visit, fields, filled.values))
        return _asked(visit, subject, action, view, fields, filled, preview=shown)
    elsewhere = await action.perform(visit, view, filled.values)
    await visit.tx.flush()
    if isinstance(elsewhere, Response):
        return elsewhere
    if origin := _origin(visit):
        return visit.go(_ORIGINS[origin], done=f"{subject.path.strip('/')}.{action.key}")
    return visit.go(elsewhere or subject.address(view), done=action.key)


def _origin(visit: Visit) -> str | None:
    word = visit.request.query_params.get("from", "")
    return word if word in _ORIGINS else None


def _in_words(visit: Visit, fields: Sequence[Field], values: Values) -> list[Fact]:
    """The amounts that were typed once more in capital numerals, as whoever reads Chinese checks them."""
    if visit.manner.language is not Language.ZH:
        return []
    amounts = [values[one.name] for one in fields if one.kind is Kind.MONEY and values.get(one.name)]
    return [Fact(label=N_("In words"), value=in_capitals(amount), look=Look.NAME) for amount in amounts]


async def _fields(action: Action[Any], visit: Visit, view: Any) -> Sequence[Field]:
    return action.fields if action.fields_for is None else await action.fields_for(visit, view)


def with_error(visit: Visit, fields: Sequence[Field], filled: Filled, error: Exception) -> Filled:
    """The form with what a rule has said of it, at the field that it names, or at the whole."""
    name, said = refusal(visit.manner.language, error)
    whole = name.partition(".")[0]  # "result.outcome" is a place inside the field "result"
    field = next((one.name for one in fields if name and {name, whole} & {one.name, one.reads}), "")
    said = f"{name.partition('.')[2]}: {said}" if field and whole != name else said
    return replace(filled, errors={**filled.errors, field: said})


def _asked(
    visit: Visit,
    subject: Page,
    action: Action[Any],
    view: Any,
    fields: Sequence[Field],
    filled: Filled,
    preview: Sequence[Fact] | None = None,
) -> Response:
    off, origin = reason_off(action, view), _origin(visit)
    is_refused = bool(filled.errors) or (off is not None and visit.request.method == "POST")
    return visit.page(
        "action.html",
        status=422 if is_refused else 200,
        subject=subject,
        action=action,
        view=view,
        title=action.label,
        fields=fields,
        filled=filled,
        preview=preview,
        off=off,
        origin=origin,
        back=subject.address(view) if origin is None else _ORIGINS[origin],
    )
