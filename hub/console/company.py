"""The desk of people: who works here, in which branch and role, their tokens; the tree of branches; what each role may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.actions import Action, with_error
from hub.console.forms import Field, Kind, Option, Values, blank, choices, read
from hub.console.i18n import N_
from hub.console.page import Column, Fact, Filter, Link, Listing, Look, add_listing
from hub.console.subject import Subject, Tab, add_subject
from hub.console.visit import Visit, visiting
from hub.core.errors import Conflict, InvalidInput, RuleBroken
from hub.infra import staff, staff_listing
from hub.infra.access import ROLE_PERMISSIONS, Permission, Role
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Slice, Window
from hub.infra.records import BranchKind, StaffState
from hub.infra.staff import BranchView, StaffView, TokenView

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An account with the name of its branch, and its tokens where they were asked for."""

    account: StaffView
    branch: str
    tokens: Sequence[TokenView] = ()


async def _branch_names(visit: Visit) -> Mapping[UUID, str]:
    return {one.id: one.name for one in await staff.branches(visit.tx)}


async def _page(visit: Visit, window: Window) -> Slice[Member]:
    names, found = await _branch_names(visit), await staff_listing.page(visit.tx, _readable(window))
    rows = [Member(account=one, branch=names.get(one.branch_id, "")) for one in found.rows]
    return Slice(rows=rows, after=found.after, before=found.before)


async def _counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await staff_listing.counts(visit.tx, _readable(window))


def _readable(window: Window) -> Window:
    if (role := window.filters.get("role")) and role not in set(Role):
        raise InvalidInput("role", N_("is not one of the choices"))
    return window


async def _branch_options(visit: Visit) -> Mapping[str, Sequence[Option]]:
    options = [Option(value=one.code, label=one.name, is_name=True) for one in await staff.branches(visit.tx)]
    return {"branch_code": options}


STAFF: Listing[Member] = Listing(
    path="/staff",
    title=N_("Users"),
    permission=P.STAFF_READ,
    columns=(
        Column(
            label=N_("Login"),
            value=lambda one: one.account.login,
            look=Look.CODE,
            sort="login",
            href=lambda one: f"/staff/{one.account.id}",
        ),
        Column(label=N_("Name"), value=lambda one: one.account.display_name, look=Look.NAME, sort="name"),
        Column(label=N_("Branch"), value=lambda one: one.branch, look=Look.NAME),
        Column(label=N_("State"), value=lambda one: one.account.state, look=Look.STATE),
        Column(label=N_("Roles"), value=lambda one: one.account.roles, look=Look.WORDS),
    ),
    fetch=_page,
    tab="state",
    tabs=tuple(StaffState),
    counts=_counts,
    filters=(
        Filter(name="text", label=N_("Login or name")),
        Filter(name="branch_code", label=N_("Branch")),
        Filter(name="role", label=N_("Role"), options=choices(Role)),
    ),
    options=_branch_options,
    links=(Link(label=N_("Add a user"), path="/new/staff", permission=P.STAFF_WRITE),),
    descending=False,
    empty=N_("Nobody works here yet."),
)


# One of them


async def _load(visit: Visit, staff_id: UUID) -> Member:
    account = await staff.member(visit.tx, staff_id)
    tokens = await staff.tokens_of(visit.tx, staff_id)
    return Member(account=account, branch=(await _branch_names(visit)).get(account.branch_id, ""), tokens=tokens)


async def _facts(visit: Visit, one: Member) -> Sequence[Fact]:
    return (
        Fact(label=N_("Login"), value=one.account.login, look=Look.CODE),
        Fact(label=N_("Name"), value=one.account.display_name, look=Look.NAME),
        Fact(label=N_("Branch"), value=one.branch, look=Look.NAME),
        Fact(label=N_("Roles"), value=one.account.roles, look=Look.WORDS, href="/roles"),
    )


async def _tokens(visit: Visit, one: Member) -> Mapping[str, Any]:
    allowed = sorted(frozenset().union(*(ROLE_PERMISSIONS[role] for role in one.account.roles)))
    return {"tokens": one.tokens, "now": visit.tx.now, "allowed": allowed}


async def _set_roles(visit: Visit, one: Member, values: Values) -> str | None:
    await staff.set_roles(visit.tx, staff_id=one.account.id, roles=[Role(role) for role in values["roles"]])
    return None


async def _role_fields(visit: Visit, one: Member) -> Sequence[Field]:
    held = tuple(sorted(role.value for role in one.account.roles))
    return (
        Field(
            name="roles", label=N_("Roles"), kind=Kind.CHOICES, options=choices(Role), required=False, start_with=held
        ),
    )


async def _lock(visit: Visit, one: Member, values: Values) -> str | None:
    await staff.set_state(visit.tx, staff_id=one.account.id, state=StaffState.LOCKED)
    return None


async def _unlock(visit: Visit, one: Member, values: Values) -> str | None:
    await staff.set_state(visit.tx, staff_id=one.account.id, state=StaffState.ACTIVE)
    return None


async def _leave(visit: Visit, one: Member, values: Values) -> str | None:
    await staff.set_state(visit.tx, staff_id=one.account.id, state=StaffState.LEFT)
    return None


async def _live_tokens(visit: Visit, one: Member) -> Sequence[Field]:
    options = [
        Option(value=str(token.id), label=f"{token.name} …{token.last4}", is_name=True)
        for token in one.tokens
        if token.revoked_at is None
    ]
    return (Field(name="token", label=N_("Token"), kind=Kind.CHOICE, options=options),)


async def _revoke(visit: Visit, one: Member, values: Values) -> str | None:
    await staff.revoke_token(visit.tx, token_id=UUID(values["token"]))
    return None


def _off_unless(state: StaffState, why: str) -> Any:
    def off(one: Member) -> str | None:
        if one.account.state is StaffState.LEFT:
            return N_("Who has left does not come back under the same account.")
        return None if one.account.state is state else why

    return off


def _gone(one: Member) -> str | None:
    return N_("They have left already.") if one.account.state is StaffState.LEFT else None


def _no_token(one: Member) -> str | None:
    return None if any(token.revoked_at is None for token in one.tokens) else N_("There is no live token.")


MEMBER: Subject[Member] = Subject(
    path="/staff",
    kind="staff",
    noun=N_("User"),
    plural=N_("Users"),
    permission=P.STAFF_READ,
    load=_load,
    id_of=lambda one: one.account.id,
    title=lambda one: one.account.display_name,
    state=lambda one: one.account.state,
    facts=_facts,
    tabs=(Tab(key="access", label=N_("Access"), template="staff_tab.html", load=_tokens),),
    actions=(
        Action(
            key="roles",
            label=N_("Set roles"),
            permission=P.STAFF_WRITE,
            perform=_set_roles,
            done=N_("The roles are set."),
            fields_for=_role_fields,
            off=_gone,
            explain=N_("They have exactly the roles that you choose, from their next request on."),
            is_main=True,
        ),
        Action(
            key="lock",
            label=N_("Lock"),
            permission=P.STAFF_WRITE,
            perform=_lock,
            done=N_("The account is locked."),
            off=_off_unless(StaffState.ACTIVE, N_("The account is locked already.")),
            explain=N_("They cannot get in; every session and token of theirs ends at once."),
            is_danger=True,
        ),
        Action(
            key="unlock",
            label=N_("Unlock"),
            permission=P.STAFF_WRITE,
            perform=_unlock,
            done=N_("The account is open again."),
            off=_off_unless(StaffState.LOCKED, N_("The account is not locked.")),
        ),
        Action(
            key="revoke",
            label=N_("Revoke a token"),
            permission=P.STAFF_WRITE,
            perform=_revoke,
            done=N_("The token is revoked."),
            fields_for=_live_tokens,
            off=_no_token,
        ),
        Action(
            key="leave",
            label=N_("Has left"),
            permission=P.STAFF_WRITE,
            perform=_leave,
            done=N_("The account is closed."),
            off=_gone,
            explain=N_("The account is closed for good; every session and token of theirs ends at once."),
            is_danger=True,
        ),
    ),
)

add_listing(router, STAFF)
add_subject(router, MEMBER)


# Adding: a person, a branch


async def _user_fields(visit: Visit) -> Sequence[Field]:
    return (
        Field(name="login", label=N_("Login"), help=N_("Lower-case letters, digits, dots and hyphens."), longest=64),
        Field(name="display_name", label=N_("Name"), longest=120),
        Field(name="branch_id", label=N_("Branch"), kind=Kind.CHOICE, options=await _branch_choices(visit)),
        Field(name="roles", label=N_("Roles"), kind=Kind.CHOICES, options=choices(Role)),
        Field(
            name="new_password",
            label=N_("First password"),
            help=N_("At least 12 characters. Hand it over in person."),
            kind=Kind.PASSWORD,
            longest=200,
            reads="password",
        ),
    )


async def _branch_choices(visit: Visit) -> list[Option]:
    return [Option(value=str(one.id), label=one.name, is_name=True) for one in await staff.branches(visit.tx)]


async def _branch_fields(visit: Visit) -> Sequence[Field]:
    return (
        Field(name="code", label=N_("Code"), help=N_("By which hub.toml knows it; letters and digits."), longest=32),
        Field(name="name", label=N_("Name"), longest=120),
        Field(name="kind", label=N_("Kind"), kind=Kind.CHOICE, options=choices(BranchKind), start=BranchKind.BRANCH),
        Field(
            name="parent_id",
            label=N_("Belongs to"),
            kind=Kind.CHOICE,
            options=await _branch_choices(visit),
            required=False,
        ),
    )


async def _add_user(visit: Visit, values: Values) -> str:
    added = await staff.add_staff(
        visit.tx,
        login=values["login"],
        display_name=values["display_name"],
        branch_id=UUID(values["branch_id"]),
        roles=[Role(role) for role in values["roles"]],
        password=values["new_password"],
    )
    return f"/staff/{added}"


async def _add_branch(visit: Visit, values: Values) -> str:
    parent = values["parent_id"]
    await staff.add_branch(
        visit.tx,
        code=values["code"],
        name=values["name"],
        kind=BranchKind(values["kind"]),
        parent_id=UUID(parent) if parent else None,
    )
    return "/branches"


def _addition(path: str, title: str, back: str, plural: str, fields_of: Any, add: Any) -> None:
    """A page with a form that makes something new."""

    async def ask(visit: Visit = visiting(P.STAFF_WRITE)) -> Response:
        fields = await fields_of(visit)
        return _form(visit, title, path, back, plural, fields, blank(fields, visit.request.query_params))

    async def act(visit: Visit = visiting(P.STAFF_WRITE)) -> Response:
        fields = await fields_of(visit)
        filled = read(fields, visit.form)
        if filled.errors:
            return _form(visit, title, path, back, plural, fields, filled)
        try:
            async with visit.tx.attempt():
                return visit.go(await add(visit, filled.values))
        except (InvalidInput, RuleBroken, Conflict) as error:
            return _form(visit, title, path, back, plural, fields, with_error(visit, fields, filled, error))

    router.add_api_route(path, ask, methods=["GET"], name=title)
    router.add_api_route(path, act, methods=["POST"], name=f"{title}, sent")


def _form(visit: Visit, title: str, path: str, back: str, plural: str, fields: Any, filled: Any) -> Response:
    return visit.page(
        "add.html",
        status=422 if filled.errors else 200,
        title=title,
        path=path,
        back=back,
        plural=plural,
        fields=fields,
        filled=filled,
    )


_addition("/new/staff", N_("Add a user"), "/staff", N_("Users"), _user_fields, _add_user)
_addition("/new/branch", N_("Add a branch"), "/branches", N_("Branches"), _branch_fields, _add_branch)


# The tree of branches, and what each role may do


def tree(branches: Sequence[BranchView]) -> list[tuple[int, BranchView]]:
    """Every branch below the one that it belongs to, with its depth; one whose parent is not seen stands on top."""
    known = {one.id for one in branches}
    found: list[tuple[int, BranchView]] = []

    def hang(parent: UUID | None, depth: int) -> None:
        for one in branches:
            above = one.parent_id if one.parent_id in known else None
            if above == parent:
                found.append((depth, one))
                hang(one.id, depth + 1)

    hang(None, 0)
    return found


@router.get("/branches", name="Branches")
async def branches(visit: Visit = visiting(P.STAFF_READ)) -> Response:
    """The tree of branches."""
    may_add = visit.actor.may(P.STAFF_WRITE)
    return visit.page("branches.html", title=N_("Branches"), tree=tree(await staff.branches(visit.tx)), may_add=may_add)


@router.get("/roles", name="Roles")
async def roles(visit: Visit = visiting(P.STAFF_READ)) -> Response:
    """What each role may do: the table that every page and the API ask."""
    rooms: dict[str, list[Permission]] = {}
    for permission in Permission:
        rooms.setdefault(permission.value.split(".")[0], []).append(permission)
    return visit.page("roles.html", title=N_("Roles"), roles=list(Role), rooms=rooms, table=ROLE_PERMISSIONS)
