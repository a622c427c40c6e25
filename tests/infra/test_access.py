"""Actors, permissions and the scope of rows."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import select

from hub.core.errors import NotAllowed
from hub.core.ids import BranchId
from hub.infra.access import ROLE_PERMISSIONS, Actor, Permission, Role, system, visible, within
from hub.infra.database import Database
from hub.infra.records import Branch

P = Permission


def _actor(*permissions: Permission, branches: frozenset[object] | None = None) -> Actor:
    return Actor(name="a", staff_id=None, permissions=frozenset(permissions), branches=branches)  # type: ignore[arg-type]


def test_the_hub_itself_may_do_everything_everywhere() -> None:
    actor = system("night")
    assert actor.name == "system:night"
    assert all(actor.may(permission) for permission in Permission)
    assert actor.sees(uuid4())


def test_a_missing_permission_and_a_foreign_branch_are_refused() -> None:
    mine = uuid4()
    actor = _actor(P.LEADS_READ, branches=frozenset({mine}))
    actor.require(P.LEADS_READ, mine)
    with pytest.raises(NotAllowed, match=r"leads\.write: permission missing"):
        actor.require(P.LEADS_WRITE)
    with pytest.raises(NotAllowed, match="outside your branches"):
        actor.require(P.LEADS_READ, uuid4())


def test_auditors_read_everything_and_write_nothing() -> None:
    held = ROLE_PERMISSIONS[Role.AUDITOR]
    assert held == {permission for permission in Permission if permission.value.endswith(".read")}


@pytest.mark.parametrize("permission", [P.STAFF_WRITE, P.PROVIDERS_WRITE, P.PRODUCTS_PUBLISH])
def test_only_administrators_hold_the_keys_of_the_house(permission: Permission) -> None:
    assert {role for role, held in ROLE_PERMISSIONS.items() if permission in held} == {Role.ADMINISTRATOR}


def test_nobody_who_enters_applications_approves_them() -> None:
    both = {P.APPLICATIONS_WRITE, P.APPLICATIONS_APPROVE}
    assert {role for role, held in ROLE_PERMISSIONS.items() if both <= held} == {Role.ADMINISTRATOR}


def test_the_whole_company_needs_no_condition() -> None:
    assert within(Branch.id, _actor()) is None


async def test_rows_are_kept_to_the_actors_branches(database: Database, branch: BranchId) -> None:
    async with database.transaction(system("test")) as tx:
        other = tx.new_id()
        tx.add(Branch(id=other, code="other", name="Other", kind="branch", parent_id=branch))
        await tx.flush()
        for branches, seen in (
            (None, {branch, other}),
            (frozenset({other}), {other}),
            (frozenset({uuid4()}), set()),
            (frozenset(), set()),
        ):
            assert set(await tx.scalars(visible(select(Branch.id), Branch.id, _actor(branches=branches)))) == seen
