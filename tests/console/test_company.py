"""The desk of people: who works here, roles, locking, tokens, the tree of branches, and what each role may do."""

from __future__ import annotations

from uuid import UUID, uuid4

from hub.console.company import tree
from hub.core.ids import BranchId
from hub.infra import staff
from hub.infra.access import Role
from hub.infra.records import BranchKind
from hub.infra.staff import BranchView
from tests.console.conftest import Reader, enter
from tests.stories.world import PASSWORD, World


async def _hired(world: World, login: str, *roles: Role) -> str:
    await world.hire(login, *roles)
    return world.people[login].id


async def test_people_are_listed_and_found(world: World, reader: Reader) -> None:
    found = await _hired(world, "zhao.found", Role.SALES)
    assert f"/staff/{found}" in await reader.see("/staff", params={"text": "ZHAO"})
    assert f"/staff/{found}" in await reader.see("/staff", params={"role": "sales", "branch_code": "north"})
    assert f"/staff/{found}" not in await reader.see("/staff", params={"role": "collector"})
    assert (await reader.http.get("/staff", params={"role": "king"})).status_code == 422
    lines = (await reader.http.get("/staff.csv", params={"text": "zhao"})).text.splitlines()
    assert lines[1].endswith("At work,Sales")


async def test_roles_are_set_as_chosen_and_the_form_shows_those_held(world: World, reader: Reader) -> None:
    person = await _hired(world, "qian.roles", Role.SALES)
    form = await reader.see(f"/staff/{person}/do/roles")
    assert 'value="sales" checked' in form
    assert 'value="collector" checked' not in form
    answer = await reader.send(f"/staff/{person}/do/roles", roles=["collector", "approver"])
    assert answer.status_code == 303
    async with world.transaction() as tx:
        assert (await staff.member(tx, UUID(person))).roles == {Role.COLLECTOR, Role.APPROVER}
    assert (await reader.send(f"/staff/{person}/do/roles", roles=["king"])).status_code == 422


async def test_nobody_takes_their_own_administrator_role(world: World, reader: Reader) -> None:
    me = world.people["admin"].id
    answer = await reader.send(f"/staff/{me}/do/roles", roles=["sales"])
    assert answer.status_code == 422
    assert "Nobody takes their own administrator role away." in answer.text


async def test_who_is_locked_is_out_at_once_until_unlocked_and_who_left_stays_out(world: World, reader: Reader) -> None:
    person = await _hired(world, "sun.lock", Role.SALES)
    clerk = await enter(world, "sun.lock")
    assert (await reader.send(f"/staff/{person}/do/lock")).status_code == 303
    assert (await clerk.http.get("/")).status_code == 303
    assert "The account is locked already." in await reader.see(f"/staff/{person}/do/lock")
    assert (await reader.send(f"/staff/{person}/do/unlock")).status_code == 303
    await enter(world, "sun.lock")
    assert (await reader.send(f"/staff/{person}/do/leave")).status_code == 303
    assert (await reader.send(f"/staff/{person}/do/unlock")).status_code == 422


async def test_a_token_is_revoked(world: World, reader: Reader) -> None:
    person = await _hired(world, "li.token", Role.SALES)
    async with world.transaction() as tx:
        [token, *_] = await staff.tokens_of(tx, UUID(person))
    assert f"…{token.last4}" in await reader.see(f"/staff/{person}")
    assert (await reader.send(f"/staff/{person}/do/revoke", token=str(uuid4()))).status_code == 422
    assert (await reader.send(f"/staff/{person}/do/revoke", token=str(token.id))).status_code == 303
    assert "revoked</span>" in await reader.see(f"/staff/{person}")


async def test_somebody_is_added_and_gets_in(world: World, reader: Reader) -> None:
    form = {"login": "zhou.new", "display_name": "周新", "branch_id": world.branches["north"], "roles": ["sales"]}
    weak = await reader.send("/new/staff", **form, new_password="short")
    assert (weak.status_code, 'id="wrong-new_password"' in weak.text) == (422, True)
    assert "short" not in weak.text.replace("shortcuts", "")
    answer = await reader.send("/new/staff", **form, new_password=PASSWORD)
    assert answer.status_code == 303
    assert "周新" in await reader.see(answer.headers["location"])
    await enter(world, "zhou.new")
    again = await reader.send("/new/staff", **form, new_password=PASSWORD)
    assert again.status_code == 422


async def test_a_branch_is_added_below_another(world: World, reader: Reader) -> None:
    form = {"code": "harbour", "name": "Harbour store", "kind": "store", "parent_id": world.branches["north"]}
    assert (await reader.send("/new/branch", **form)).status_code == 303
    assert "Harbour store" in await reader.see("/branches")
    assert (await reader.send("/new/branch", **form)).status_code == 422


def test_a_tree_hangs_each_branch_below_its_own() -> None:
    ids = [BranchId(uuid4()) for _ in range(4)]
    above = [None, ids[0], ids[1], BranchId(uuid4())]
    given = [
        BranchView(id=one, code=str(number), name="", kind=BranchKind.BRANCH, parent_id=parent)
        for number, (one, parent) in enumerate(zip(ids, above, strict=True))
    ]
    assert [(depth, one.code) for depth, one in tree(given)] == [(0, "0"), (1, "1"), (2, "2"), (0, "3")]


async def test_every_role_and_permission_is_in_the_table(reader: Reader) -> None:
    page = await reader.see("/roles")
    for text in ("Credit officer", "disbursements.approve", "parties.reveal"):
        assert text in page
