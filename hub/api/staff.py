"""Logging in, branches, accounts, roles and tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hub.api.deps import Body, ThePage, acting, house_of, public
from hub.api.once import OnceRoute
from hub.infra import sign_in, staff
from hub.infra.access import Permission as P
from hub.infra.access import Role
from hub.infra.database import Tx
from hub.infra.records import BranchKind, StaffState

router = APIRouter(tags=["staff"], route_class=OnceRoute)


class LogIn(Body):
    """Login and password."""

    login: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(min_length=1, max_length=200)


class TokenOut(BaseModel):
    """A token, in clear this one time."""

    token: str
    expires_at: datetime


class AddBranch(Body):
    """A new branch below another."""

    code: str
    name: str
    kind: BranchKind = BranchKind.BRANCH
    parent_id: UUID | None = None


class BranchOut(BaseModel):
    """A branch."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str
    name: str
    kind: BranchKind
    parent_id: UUID | None


class AddStaff(Body):
    """A new account."""

    login: str
    display_name: str
    branch_id: UUID
    roles: frozenset[Role]
    password: SecretStr


class StaffOut(BaseModel):
    """An account."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    login: str
    display_name: str
    branch_id: UUID
    state: StaffState
    roles: frozenset[Role]


class SetRoles(Body):
    """Exactly these roles from now on."""

    roles: frozenset[Role]


class SetState(Body):
    """Whether somebody may get in."""

    state: StaffState


class IssueToken(Body):
    """A token for a program that acts for somebody."""

    name: str = Field(min_length=1, max_length=80)
    valid_days: int = 90


class IssuedToken(BaseModel):
    """A token, in clear this one time."""

    token: str


class Created(BaseModel):
    """The id of what was made."""

    id: UUID


@router.post("/session", dependencies=[public("nobody is known before they have logged in")])
async def log_in(body: LogIn, request: Request) -> TokenOut:
    """A token for twelve hours in return for login and password."""
    issued = await sign_in.log_in(
        house_of(request).database,
        login=body.login,
        password=body.password.get_secret_value(),
        ip=request.client.host if request.client else "",
    )
    return TokenOut(token=issued.clear, expires_at=issued.expires_at)


@router.get("/branches")
async def branches(tx: Annotated[Tx, acting(P.STAFF_READ)]) -> list[BranchOut]:
    """The branches in the actor's scope."""
    return [BranchOut.model_validate(one) for one in await staff.branches(tx)]


@router.post("/branches", status_code=201)
async def add_branch(body: AddBranch, tx: Annotated[Tx, acting(P.STAFF_WRITE)]) -> Created:
    """Open a branch."""
    branch_id = await staff.add_branch(tx, code=body.code, name=body.name, kind=body.kind, parent_id=body.parent_id)
    return Created(id=branch_id)


@router.get("/staff")
async def members(page: ThePage, tx: Annotated[Tx, acting(P.STAFF_READ)]) -> list[StaffOut]:
    """The accounts in the actor's scope, a page at a time."""
    return [StaffOut.model_validate(one) for one in await staff.members(tx, after=page.after, limit=page.limit)]


@router.post("/staff", status_code=201)
async def add_staff(body: AddStaff, tx: Annotated[Tx, acting(P.STAFF_WRITE)]) -> Created:
    """Open an account."""
    staff_id = await staff.add_staff(
        tx,
        login=body.login,
        display_name=body.display_name,
        branch_id=body.branch_id,
        roles=body.roles,
        password=body.password.get_secret_value(),
    )
    return Created(id=staff_id)


@router.put("/staff/{staff_id}/roles")
async def set_roles(staff_id: UUID, body: SetRoles, tx: Annotated[Tx, acting(P.STAFF_WRITE)]) -> StaffOut:
    """Give somebody exactly these roles."""
    await staff.set_roles(tx, staff_id=staff_id, roles=body.roles)
    return StaffOut.model_validate(await staff.member(tx, staff_id))


@router.put("/staff/{staff_id}/state")
async def set_state(staff_id: UUID, body: SetState, tx: Annotated[Tx, acting(P.STAFF_WRITE)]) -> StaffOut:
    """Lock, unlock or close an account."""
    await staff.set_state(tx, staff_id=staff_id, state=body.state)
    return StaffOut.model_validate(await staff.member(tx, staff_id))


@router.post("/staff/{staff_id}/tokens", status_code=201)
async def issue_token(staff_id: UUID, body: IssueToken, tx: Annotated[Tx, acting(P.STAFF_WRITE)]) -> IssuedToken:
    """Make a token that speaks for somebody."""
    return IssuedToken(token=await staff.issue_token(tx, staff_id=staff_id, name=body.name, valid_days=body.valid_days))


@router.delete("/tokens/{token_id}", status_code=204)
async def revoke_token(token_id: UUID, tx: Annotated[Tx, acting(P.STAFF_WRITE)]) -> None:
    """End a token at once."""
    await staff.revoke_token(tx, token_id=token_id)
