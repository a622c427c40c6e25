"""The company's people: branches, staff accounts with their roles, tokens, and who somebody is by their token.

A branch sees itself and all below it; administrators and auditors at a headquarters see the whole company. What a
role may do stands in `access`, passwords are hashed in `passwords`, and logging in is in `sign_in`.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, select, update
from sqlalchemy import delete as delete_from
from sqlalchemy.exc import IntegrityError

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.ids import BranchId, StaffId
from hub.infra import audit, passwords
from hub.infra.access import ROLE_PERMISSIONS, Actor, Role, system, visible
from hub.infra.database import Base, Database, Tx
from hub.infra.records import ApiToken, Branch, BranchKind, Staff, StaffRole, StaffState, WebSession

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_TOKEN_PREFIX = "lh_"  # noqa: S105 - says what it is, so that logs and scanners know it
_MAX_VALID_DAYS = 366
_SEES_ALL = frozenset({Role.ADMINISTRATOR, Role.AUDITOR})
_ADMINISTRATORS_LOCK = (0x5AFF, 1)  # advisory lock: whoever takes away an administrator waits for the one before


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchView:
    """A branch as others see it."""

    id: BranchId
    code: str
    name: str
    kind: BranchKind
    parent_id: BranchId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffView:
    """Somebody's account as others see it."""

    id: StaffId
    login: str
    display_name: str
    branch_id: BranchId
    state: StaffState
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenView:
    """A token as its owner sees it afterwards: never the token itself."""

    id: UUID
    name: str
    last4: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A new token, in clear this one time."""

    id: UUID
    staff_id: StaffId
    clear: str = field(repr=False)
    expires_at: datetime


# Branches


def checked_branch_code(code: str) -> str:
    """A branch's code, if it can be one."""
    if not _CODE.fullmatch(code):
        raise InvalidInput("code", "1 to 32 letters, digits, hyphens or underscores")
    return code


async def add_branch(
    tx: Tx, *, code: str, name: str, kind: BranchKind = BranchKind.BRANCH, parent_id: UUID | None = None
) -> BranchId:
    """Open a branch under `parent_id`; only who sees the whole company may open one that stands on top."""
    code = checked_branch_code(code)
    if kind is BranchKind.HEADQUARTERS and parent_id is not None:
        raise InvalidInput("parent_id", "a headquarters stands on top")
    if parent_id is not None or tx.actor.branches is not None:
        await _require_branch(tx, parent_id, "parent_id")
    branch = Branch(id=tx.new_id(), code=code, name=_named("name", name), kind=kind, parent_id=parent_id)
    await _insert(tx, branch, f"branch {code} exists already")
    await audit.record(
        tx, action="branch.added", subject="branch", subject_id=branch.id, detail={"code": code}, branch_id=branch.id
    )
    return BranchId(branch.id)


async def branches(tx: Tx) -> list[BranchView]:
    """Every branch that the actor sees, by code."""
    rows = await tx.scalars(visible(select(Branch), Branch.id, tx.actor).order_by(Branch.code))
    return [
        BranchView(
            id=BranchId(row.id),
            code=row.code,
            name=row.name,
            kind=BranchKind(row.kind),
            parent_id=None if row.parent_id is None else BranchId(row.parent_id),
        )
        for row in rows
    ]


async def branch_code(tx: Tx, branch_id: UUID) -> str:
    """The code by which configuration knows a branch."""
    return (await tx.get_one(Branch, branch_id)).code


async def check_branch(tx: Tx, branch_id: UUID) -> None:
    """Raise NotFound for a branch that is not there, or not the actor's."""
    if not await _sees_branch(tx, branch_id):
        raise NotFound("branch", branch_id)


async def branches_above(tx: Tx, branch_id: UUID) -> list[UUID]:
    """The branch and those that it belongs to, nearest first, whoever asks."""
    chain, above = [branch_id], (await tx.get_one(Branch, branch_id)).parent_id
    while above is not None:
        chain.append(above)
        above = (await tx.get_one(Branch, above)).parent_id
    return chain


async def _require_branch(tx: Tx, branch_id: UUID | None, name: str) -> None:
    """Raise InvalidInput when the branch is not there for this actor."""
    if not await _sees_branch(tx, branch_id):
        raise InvalidInput(name, "no such branch among yours")


async def _sees_branch(tx: Tx, branch_id: UUID | None) -> bool:
    mine = visible(select(Branch.id).where(Branch.id == branch_id), Branch.id, tx.actor)
    return await tx.scalar(mine) is not None


def _named(field_name: str, text: str) -> str:
    text = text.strip()
    if not 0 < len(text) <= 120 or any(character < " " for character in text):
        raise InvalidInput(field_name, "1 to 120 characters on one line")
    return text


async def _insert(tx: Tx, row: Base, taken: str) -> None:
    """Add a row whose key somebody else may hold; raises Conflict with `taken`, and the transaction goes on."""
    try:
        async with tx.begin_nested():
            tx.add(row)
    except IntegrityError:
        raise Conflict(taken) from None


# Accounts


async def add_staff(
    tx: Tx, *, login: str, display_name: str, branch_id: UUID, roles: Collection[Role], password: str
) -> StaffId:
    """Open an account in a branch of the actor's; the login is taken in lower case."""
    login = login.strip().lower()
    if not is_login(login):
        raise InvalidInput("login", "2 to 64 lower-case letters, digits, dots, hyphens, underscores or @")
    passwords.check_strength(password, login=login)
    await _require_branch(tx, branch_id, "branch_id")
    member = Staff(
        id=tx.new_id(),
        login=login,
        display_name=_named("display_name", display_name),
        branch_id=branch_id,
        password_hash=await passwords.hashed(password),
        state=StaffState.ACTIVE,
        created_at=tx.now,
    )
    await _insert(tx, member, f"login {login} exists already")
    tx.add_all(StaffRole(staff_id=member.id, role=role) for role in set(roles))
    await _record(tx, "staff.added", member, login=login, roles=_listed(roles))
    return StaffId(member.id)


def is_login(text: str) -> bool:
    """Whether this could be a login at all: what is not is never looked for."""
    return _LOGIN.fullmatch(text) is not None


async def members(tx: Tx, *, after: UUID | None = None, limit: int = 50) -> list[StaffView]:
    """The accounts of the actor's branches in order of opening, from after the account `after`."""
    query = visible(select(Staff), Staff.branch_id, tx.actor).order_by(Staff.id).limit(limit)
    rows = (await tx.scalars(query if after is None else query.where(Staff.id > after))).all()
    return await with_roles(tx, rows)


async def with_roles(tx: Tx, rows: Sequence[Staff]) -> list[StaffView]:
    """Accounts at hand as others see them, with the roles of all of them in one query."""
    return [_view(row, roles) for row, roles in zip(rows, await _roles_of(tx, rows), strict=True)]


async def member(tx: Tx, staff_id: UUID) -> StaffView:
    """One account; raises NotFound when it is not in the actor's branches."""
    row = await _account(tx, staff_id)
    return _view(row, (await _roles_of(tx, [row]))[0])


async def set_roles(tx: Tx, *, staff_id: UUID, roles: Collection[Role]) -> None:
    """Give somebody exactly these roles; nobody takes their own administrator role, and the last one stays."""
    row = await _account(tx, staff_id, lock=True)
    if Role.ADMINISTRATOR not in roles:
        await _let_go_of_administrator(tx, row)
    await tx.execute(delete_from(StaffRole).where(StaffRole.staff_id == staff_id))
    tx.add_all(StaffRole(staff_id=staff_id, role=role) for role in set(roles))
    await _record(tx, "staff.roles_set", row, roles=_listed(roles))


async def set_state(tx: Tx, *, staff_id: UUID, state: StaffState) -> None:
    """Lock or unlock an account, or close it for good; whoever is not active loses every token and session at once."""
    row = await _account(tx, staff_id, lock=True)
    if row.state == StaffState.LEFT and state is not StaffState.LEFT:
        raise Conflict("who has left does not come back under the same account")
    if state is not StaffState.ACTIVE:
        await _let_go_of_administrator(tx, row)
        await _revoke_all(tx, staff_id)
    row.state = state
    await _record(tx, "staff.state_set", row, state=state)


async def change_password(tx: Tx, *, staff_id: UUID, password: str) -> None:
    """Set a new password; every token and session from before ends."""
    row = await _account(tx, staff_id)
    passwords.check_strength(password, login=row.login)
    row.password_hash = await passwords.hashed(password)
    await _revoke_all(tx, staff_id)
    await _record(tx, "staff.password_changed", row)


async def _account(tx: Tx, staff_id: UUID, *, lock: bool = False) -> Staff:
    query = visible(select(Staff).where(Staff.id == staff_id), Staff.branch_id, tx.actor)
    row = await tx.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("staff", staff_id)
    return row


async def _roles_of(tx: Tx, rows: Sequence[Staff]) -> list[frozenset[Role]]:
    held = (await tx.execute(select(StaffRole).where(StaffRole.staff_id.in_([row.id for row in rows])))).scalars().all()
    return [frozenset(Role(role.role) for role in held if role.staff_id == row.id) for row in rows]


def _view(row: Staff, roles: frozenset[Role]) -> StaffView:
    return StaffView(
        id=StaffId(row.id),
        login=row.login,
        display_name=row.display_name,
        branch_id=BranchId(row.branch_id),
        state=StaffState(row.state),
        roles=roles,
    )


async def _let_go_of_administrator(tx: Tx, row: Staff) -> None:
    """Raise RuleBroken when the company would lose its last administrator, or the actor their own hold on it."""
    await tx.execute(select(func.pg_advisory_xact_lock(*_ADMINISTRATORS_LOCK)))
    administrators = set(
        await tx.scalars(
            select(StaffRole.staff_id)
            .join(Staff, Staff.id == StaffRole.staff_id)
            .where(StaffRole.role == Role.ADMINISTRATOR, Staff.state == StaffState.ACTIVE)
        )
    )
    if row.id not in administrators:
        return
    if row.id == tx.actor.staff_id:
        raise RuleBroken("own_administrator_role")
    if administrators == {row.id}:
        raise RuleBroken("last_administrator")


def _listed(roles: Collection[Role]) -> list[str]:
    return sorted(role.value for role in set(roles))


async def _record(tx: Tx, action: str, row: Staff, **detail: object) -> None:
    await audit.record(tx, action=action, subject="staff", subject_id=row.id, detail=detail, branch_id=row.branch_id)


# Tokens


async def issue_token(tx: Tx, *, staff_id: UUID, name: str, valid_days: int = 90) -> str:
    """Make a token that speaks for somebody; the clear token is shown this once, only its digest is kept."""
    if not 1 <= valid_days <= _MAX_VALID_DAYS:
        raise InvalidInput("valid_days", f"1 to {_MAX_VALID_DAYS}")
    return (await issue(tx, row=await _account(tx, staff_id), name=name, valid_for=timedelta(days=valid_days))).clear


async def issue(tx: Tx, *, row: Staff, name: str, valid_for: timedelta) -> IssuedToken:
    """Make a token for an account at hand; raises Conflict when the account is not active."""
    if row.state != StaffState.ACTIVE:
        raise Conflict(f"the account is {row.state}")
    clear = _TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        id=tx.new_id(),
        staff_id=row.id,
        name=_named("name", name)[:80],
        token_hash=_digest(clear),
        last4=clear[-4:],
        created_at=tx.now,
        expires_at=tx.now + valid_for,
    )
    tx.add(token)
    await _record(tx, "token.issued", row, name=token.name)
    return IssuedToken(id=token.id, staff_id=StaffId(row.id), clear=clear, expires_at=token.expires_at)


async def tokens_of(tx: Tx, staff_id: UUID) -> list[TokenView]:
    """Somebody's tokens, the newest first."""
    await _account(tx, staff_id)
    rows = await tx.scalars(select(ApiToken).where(ApiToken.staff_id == staff_id).order_by(ApiToken.id.desc()))
    return [
        TokenView(
            id=row.id,
            name=row.name,
            last4=row.last4,
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )
        for row in rows
    ]


async def revoke_token(tx: Tx, *, token_id: UUID) -> None:
    """End a token at once; ending it again changes nothing."""
    token = await tx.get(ApiToken, token_id, with_for_update=True)
    if token is None:
        raise NotFound("token", token_id)
    row = await _account(tx, token.staff_id)
    if token.revoked_at is None:
        token.revoked_at = tx.now
        await _record(tx, "token.revoked", row, last4=token.last4)


async def _revoke_all(tx: Tx, staff_id: UUID) -> None:
    tokens = update(ApiToken).where(ApiToken.staff_id == staff_id, ApiToken.revoked_at.is_(None))
    await tx.execute(tokens.values(revoked_at=tx.now))
    sessions = update(WebSession).where(WebSession.staff_id == staff_id, WebSession.ended_at.is_(None))
    await tx.execute(sessions.values(ended_at=tx.now))


def _digest(clear: str) -> bytes:
    """A token is 256 bits of chance, so a plain digest cannot be turned back. Source: NIST SP 800-63B, 5.1.2.2."""
    return hashlib.sha256(clear.encode()).digest()


# Who somebody is


async def actor_of_token(where: Tx | Database, token: str) -> Actor | None:
    """Who this token speaks for; None when it is unknown, expired or revoked, or its owner is not active."""
    if not token.startswith(_TOKEN_PREFIX):
        return None
    if isinstance(where, Database):
        async with where.transaction(system("authentication")) as tx:
            return await _actor(tx, token)
    return await _actor(where, token)


async def _actor(tx: Tx, token: str) -> Actor | None:
    live = (ApiToken.token_hash == _digest(token), ApiToken.revoked_at.is_(None), ApiToken.expires_at > tx.now)
    return await _who(tx, _PEOPLE.join(ApiToken, ApiToken.staff_id == Staff.id).where(*live))


async def find_actor(tx: Tx, staff_id: UUID) -> Actor | None:
    """Somebody as an actor; None when they are not active."""
    return await _who(tx, _PEOPLE.where(Staff.id == staff_id))


async def narrowed(tx: Tx, actor: Actor, code: str) -> Actor:
    """The actor as one who sees only this branch and what is below it; raises NotFound for one they do not see."""
    query = visible(select(Branch.id).where(Branch.code == code), Branch.id, actor)
    branch_id = await tx.scalar(query)
    if branch_id is None:
        raise NotFound("branch", code)
    return replace(actor, branches=await _branches_below(tx, branch_id))


async def actor_of(tx: Tx, staff_id: UUID) -> Actor:
    """Somebody as an actor, for a program that acts in their name; raises NotFound when they are not active."""
    actor = await find_actor(tx, staff_id)
    if actor is None:
        raise NotFound("staff", staff_id)
    return actor


_PEOPLE = (
    select(Staff.id, Staff.login, Staff.branch_id, Branch.kind, func.array_agg(StaffRole.role))
    .select_from(Staff)
    .join(Branch, Branch.id == Staff.branch_id)
    .outerjoin(StaffRole, StaffRole.staff_id == Staff.id)
    .where(Staff.state == StaffState.ACTIVE)
    .group_by(Staff.id, Branch.id)
)


async def _who(tx: Tx, query: Select[UUID, str, UUID, str, Sequence[str]]) -> Actor | None:
    found = (await tx.execute(query)).one_or_none()
    if found is None:
        return None
    staff_id, login, branch_id, kind, held = found
    roles = frozenset(Role(role) for role in held if role is not None)
    whole_company = kind == BranchKind.HEADQUARTERS and bool(roles & _SEES_ALL)
    return Actor(
        name=login,
        staff_id=staff_id,
        permissions=frozenset().union(*(ROLE_PERMISSIONS[role] for role in roles)),
        branches=None if whole_company else await _branches_below(tx, branch_id),
    )


async def _branches_below(tx: Tx, branch_id: UUID) -> frozenset[UUID]:
    """The branch and all below it."""
    below = select(Branch.id).where(Branch.id == branch_id).cte("below", recursive=True)
    below = below.union(select(Branch.id).where(Branch.parent_id == below.c.id))
    return frozenset(await tx.scalars(select(below.c.id)))
