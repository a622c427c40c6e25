"""Branches, accounts, tokens and log-ins on the real database."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from hub.core.errors import Conflict, InvalidInput, NotAllowed, NotAuthenticated, NotFound, RuleBroken
from hub.core.ids import BranchId, StaffId
from hub.infra import audit, passwords, sign_in, staff
from hub.infra.access import ROLE_PERMISSIONS, Actor, Permission, Role
from hub.infra.database import Database
from hub.infra.records import ApiToken, BranchKind, LoginAttempt, Staff, StaffState
from hub.infra.sign_in import log_in
from hub.sdk.clock import VirtualClock

PASSWORD = "a-long-enough-phrase"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 as everywhere, with parameters for tests."""
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    monkeypatch.setattr(passwords, "_HASHER", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)))
    passwords._nobodys_hash.cache_clear()


async def _add(
    database: Database, actor: Actor, branch: UUID, login: str = "wang.li", roles: tuple[Role, ...] = (Role.SALES,)
) -> StaffId:
    async with database.transaction(actor) as tx:
        return await staff.add_staff(
            tx, login=login, display_name="Wang Li", branch_id=branch, roles=roles, password=PASSWORD
        )


async def _token(database: Database, actor: Actor, staff_id: UUID, valid_days: int = 1) -> str:
    async with database.transaction(actor) as tx:
        return await staff.issue_token(tx, staff_id=staff_id, name="test", valid_days=valid_days)


async def _actor(database: Database, system_actor: Actor, branch: UUID, login: str, *roles: Role) -> Actor:
    member = await _add(database, system_actor, branch, login, roles)
    actor = await staff.actor_of_token(database, await _token(database, system_actor, member))
    assert actor is not None
    return actor


# Branches


async def test_a_branch_sees_itself_and_all_below_it(database: Database, system_actor: Actor, branch: BranchId) -> None:
    async with database.transaction(system_actor) as tx:
        east = await staff.add_branch(tx, code="east", name="East", parent_id=branch)
        store = await staff.add_branch(tx, code="east-1", name="Store", kind=BranchKind.STORE, parent_id=east)
        await staff.add_branch(tx, code="west", name="West", parent_id=branch)
    actor = await _actor(database, system_actor, east, "east.sales", Role.SALES)
    assert actor.branches == {east, store}
    async with database.transaction(actor) as tx:
        assert [found.code for found in await staff.branches(tx)] == ["east", "east-1"]


@pytest.mark.parametrize("role", list(Role))
async def test_at_headquarters_administrators_and_auditors_see_the_whole_company(
    database: Database, system_actor: Actor, branch: BranchId, role: Role
) -> None:
    async with database.transaction(system_actor) as tx:
        east = await staff.add_branch(tx, code="east", name="East", parent_id=branch)
    top = await _actor(database, system_actor, branch, "at.top", role)
    below = await _actor(database, system_actor, east, "below", role)
    assert top.permissions == below.permissions == ROLE_PERMISSIONS[role]
    assert below.branches == {east}
    assert top.branches == (None if role in {Role.ADMINISTRATOR, Role.AUDITOR} else {branch, east})


async def test_bad_branches_are_refused(database: Database, system_actor: Actor, branch: BranchId) -> None:
    async with database.transaction(system_actor) as tx:
        with pytest.raises(InvalidInput, match="code"):
            await staff.add_branch(tx, code="no spaces", name="x")
        with pytest.raises(InvalidInput, match="name"):
            await staff.add_branch(tx, code="x", name="  ")
        with pytest.raises(InvalidInput, match="parent_id"):
            await staff.add_branch(tx, code="x", name="x", parent_id=uuid4())
        with pytest.raises(InvalidInput, match="on top"):
            await staff.add_branch(tx, code="x", name="x", kind=BranchKind.HEADQUARTERS, parent_id=branch)
        with pytest.raises(Conflict, match="north"):
            await staff.add_branch(tx, code="north", name="again", parent_id=branch)
        await staff.add_branch(tx, code="south", name="the transaction goes on", parent_id=branch)


async def test_a_scoped_administrator_stays_below_their_branch(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    async with database.transaction(system_actor) as tx:
        east = await staff.add_branch(tx, code="east", name="East", parent_id=branch)
    outsider = await _add(database, system_actor, branch)
    chief = await _actor(database, system_actor, east, "east.chief", Role.ADMINISTRATOR)
    async with database.transaction(chief) as tx:
        await staff.add_branch(tx, code="east-1", name="Store", kind=BranchKind.STORE, parent_id=east)
        for parent in (None, branch):
            with pytest.raises(InvalidInput, match="among yours"):
                await staff.add_branch(tx, code="mine", name="Mine", parent_id=parent)
        with pytest.raises(InvalidInput, match="among yours"):
            await staff.add_staff(
                tx, login="spy", display_name="S", branch_id=branch, roles=[Role.AUDITOR], password=PASSWORD
            )
        for act in (
            lambda: staff.set_roles(tx, staff_id=outsider, roles=[]),
            lambda: staff.set_state(tx, staff_id=outsider, state=StaffState.LOCKED),
            lambda: staff.change_password(tx, staff_id=outsider, password=PASSWORD + "1"),
            lambda: staff.issue_token(tx, staff_id=outsider, name="x"),
            lambda: staff.tokens_of(tx, outsider),
            lambda: staff.member(tx, outsider),
        ):
            with pytest.raises(NotFound):
                await act()
        assert [found.login for found in await staff.members(tx)] == ["east.chief"]


# Accounts


async def test_an_account_is_listed_with_its_roles(
    database: Database, system_actor: Actor, branch: BranchId, clock: VirtualClock
) -> None:
    first = await _add(database, system_actor, branch, "First.One ", (Role.SALES, Role.APPROVER))
    clock.advance(timedelta(seconds=1))
    second = await _add(database, system_actor, branch, "second.one", ())
    async with database.transaction(system_actor) as tx:
        one, two = await staff.members(tx)
        assert (one.id, one.login, one.roles) == (first, "first.one", {Role.SALES, Role.APPROVER})
        assert (two.id, two.roles, two.state) == (second, frozenset(), StaffState.ACTIVE)
        assert await staff.members(tx, after=first, limit=5) == [two]
        assert await staff.member(tx, second) == two


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("login", {"login": "x"}),
        ("login", {"login": "with space"}),
        ("login", {"login": "王丽"}),
        ("display_name", {"display_name": ""}),
        ("branch_id", {"branch_id": UUID(int=1)}),
        ("password", {"password": "short"}),
        ("password", {"password": "x" * 129}),
    ],
)
async def test_a_bad_account_is_refused_by_field(
    database: Database, system_actor: Actor, branch: BranchId, field: str, changes: dict[str, object]
) -> None:
    good: dict[str, object] = {
        "login": "wang.li", "display_name": "Wang", "branch_id": branch, "roles": [], "password": PASSWORD
    }  # fmt: skip
    async with database.transaction(system_actor) as tx:
        with pytest.raises(InvalidInput) as caught:
            await staff.add_staff(tx, **{**good, **changes})  # type: ignore[arg-type]
    assert caught.value.field == field


async def test_a_login_is_given_once(database: Database, system_actor: Actor, branch: BranchId) -> None:
    await _add(database, system_actor, branch)
    with pytest.raises(Conflict, match=r"wang\.li"):
        await _add(database, system_actor, branch, "WANG.LI")


@pytest.mark.parametrize(
    "password",
    [
        "short", "password1234", "Password!2026", "qwertyuiop12", "123456789012", "1111111111111", "abababababab",
        "administrator", "woaini1314520", "correct horse battery staple", "wang.li-2026-x", "x" * 200,
    ],
)  # fmt: skip
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        passwords.check_strength(password, login="wang.li")
    assert caught.value.field == "password"
    assert password not in str(caught.value)


@pytest.mark.parametrize("password", [PASSWORD, "我的车牌号不告诉任何一个人", "T7#kd92-mmQx"])
def test_strong_passwords_are_taken(password: str) -> None:
    passwords.check_strength(password, login="wang.li")


async def test_the_hash_is_argon2id_and_never_the_password(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    staff_id = await _add(database, system_actor, branch)
    async with database.transaction(system_actor) as tx:
        row = await tx.get_one(Staff, staff_id)
        assert row.password_hash.startswith("$argon2id$")
        assert PASSWORD not in repr((await audit.entries(tx))[0].detail)


# Administrators


async def test_nobody_takes_their_own_administrator_role(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    await _add(database, system_actor, branch, "other.admin", (Role.ADMINISTRATOR,))
    actor = await _actor(database, system_actor, branch, "first.admin", Role.ADMINISTRATOR)
    assert actor.staff_id is not None
    async with database.transaction(actor) as tx:
        with pytest.raises(RuleBroken, match="own_administrator_role"):
            await staff.set_roles(tx, staff_id=actor.staff_id, roles=[Role.SALES])
        with pytest.raises(RuleBroken, match="own_administrator_role"):
            await staff.set_state(tx, staff_id=actor.staff_id, state=StaffState.LEFT)
        await staff.set_roles(tx, staff_id=actor.staff_id, roles=[Role.ADMINISTRATOR, Role.SALES])


async def test_the_last_administrator_stays(database: Database, system_actor: Actor, branch: BranchId) -> None:
    last = await _add(database, system_actor, branch, "last.admin", (Role.ADMINISTRATOR,))
    async with database.transaction(system_actor) as tx:
        with pytest.raises(RuleBroken, match="last_administrator"):
            await staff.set_roles(tx, staff_id=last, roles=[])
        with pytest.raises(RuleBroken, match="last_administrator"):
            await staff.set_state(tx, staff_id=last, state=StaffState.LOCKED)


async def test_two_administrators_who_remove_each_other_do_not_both_succeed(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    pair = [await _actor(database, system_actor, branch, f"admin.{n}", Role.ADMINISTRATOR) for n in (1, 2)]

    async def remove(actor: Actor, other: Actor) -> None:
        async with database.transaction(actor) as tx:
            assert other.staff_id is not None
            await staff.set_roles(tx, staff_id=other.staff_id, roles=[])

    ended = await asyncio.gather(remove(*pair), remove(*pair[::-1]), return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["NoneType", "RuleBroken"]


# Tokens


async def test_a_token_speaks_for_its_owner_and_only_its_digest_is_kept(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    staff_id = await _add(database, system_actor, branch)
    clear = await _token(database, system_actor, staff_id)
    assert clear.startswith("lh_")
    actor = await staff.actor_of_token(database, clear)
    assert actor is not None
    assert (actor.name, actor.staff_id) == ("wang.li", staff_id)
    async with database.transaction(system_actor) as tx:
        assert await staff.actor_of_token(tx, clear) == actor
        kept = (await tx.scalars(select(ApiToken))).one()
        assert clear.encode() not in kept.token_hash
        (shown,) = await staff.tokens_of(tx, staff_id)
        assert (shown.last4, shown.revoked_at) == (clear[-4:], None)


@pytest.mark.parametrize("token", ["", "lh_", "lh_wrong", "Bearer x", "\0", "lh_\0", "lh_" + "x" * 10_000, "口令"])
async def test_an_unknown_token_is_nobody(database: Database, token: str) -> None:
    assert await staff.actor_of_token(database, token) is None


async def test_a_token_ends_on_time(
    database: Database, system_actor: Actor, branch: BranchId, clock: VirtualClock
) -> None:
    clear = await _token(database, system_actor, await _add(database, system_actor, branch), valid_days=1)
    clock.advance(timedelta(days=1, seconds=-1))
    assert await staff.actor_of_token(database, clear) is not None
    clock.advance(timedelta(seconds=1))
    assert await staff.actor_of_token(database, clear) is None


async def test_a_revoked_token_is_nobody_at_once(database: Database, system_actor: Actor, branch: BranchId) -> None:
    staff_id = await _add(database, system_actor, branch)
    clear, other = [await _token(database, system_actor, staff_id) for _ in range(2)]
    async with database.transaction(system_actor) as tx:
        newest, oldest = await staff.tokens_of(tx, staff_id)
        first = oldest if oldest.last4 == clear[-4:] else newest
        await staff.revoke_token(tx, token_id=first.id)
        await staff.revoke_token(tx, token_id=first.id)
        with pytest.raises(NotFound):
            await staff.revoke_token(tx, token_id=uuid4())
    assert await staff.actor_of_token(database, clear) is None
    assert await staff.actor_of_token(database, other) is not None


@pytest.mark.parametrize("state", [StaffState.LOCKED, StaffState.LEFT])
async def test_who_is_not_active_has_no_token_and_gets_none(
    database: Database, system_actor: Actor, branch: BranchId, state: StaffState
) -> None:
    staff_id = await _add(database, system_actor, branch)
    clear = await _token(database, system_actor, staff_id)
    async with database.transaction(system_actor) as tx:
        await staff.set_state(tx, staff_id=staff_id, state=state)
        with pytest.raises(Conflict, match=state):
            await staff.issue_token(tx, staff_id=staff_id, name="again")
    assert await staff.actor_of_token(database, clear) is None
    with pytest.raises(NotAuthenticated):
        await log_in(database, login="wang.li", password=PASSWORD, ip="10.0.0.1")


async def test_who_has_left_does_not_come_back(database: Database, system_actor: Actor, branch: BranchId) -> None:
    staff_id = await _add(database, system_actor, branch)
    async with database.transaction(system_actor) as tx:
        await staff.set_state(tx, staff_id=staff_id, state=StaffState.LOCKED)
        await staff.set_state(tx, staff_id=staff_id, state=StaffState.ACTIVE)
        await staff.set_state(tx, staff_id=staff_id, state=StaffState.LEFT)
        with pytest.raises(Conflict):
            await staff.set_state(tx, staff_id=staff_id, state=StaffState.ACTIVE)


async def test_a_new_password_ends_every_token(database: Database, system_actor: Actor, branch: BranchId) -> None:
    staff_id = await _add(database, system_actor, branch)
    clear = await _token(database, system_actor, staff_id)
    async with database.transaction(system_actor) as tx:
        await staff.change_password(tx, staff_id=staff_id, password="another-long-phrase")
    assert await staff.actor_of_token(database, clear) is None
    with pytest.raises(NotAuthenticated):
        await log_in(database, login="wang.li", password=PASSWORD, ip="10.0.0.1")
    await log_in(database, login="wang.li", password="another-long-phrase", ip="10.0.0.1")


@pytest.mark.parametrize("valid_days", [0, -1, 367])
async def test_a_token_is_valid_for_a_year_at_most(
    database: Database, system_actor: Actor, branch: BranchId, valid_days: int
) -> None:
    staff_id = await _add(database, system_actor, branch)
    with pytest.raises(InvalidInput, match="valid_days"):
        await _token(database, system_actor, staff_id, valid_days)


# Logging in


async def _fail(database: Database, login: str, ip: str = "10.0.0.1") -> str:
    try:
        await log_in(database, login=login, password="not the password", ip=ip)
    except NotAuthenticated:
        return "wrong"
    except NotAllowed as refused:
        return refused.reason
    return "in"


async def test_logging_in_gives_a_token_for_half_a_day(
    database: Database, system_actor: Actor, branch: BranchId, clock: VirtualClock
) -> None:
    staff_id = await _add(database, system_actor, branch)
    issued = await log_in(database, login=" Wang.Li ", password=PASSWORD, ip="10.0.0.1")
    assert issued.staff_id == staff_id
    assert issued.expires_at == clock.now() + timedelta(hours=12)
    assert issued.clear not in repr(issued)
    actor = await staff.actor_of_token(database, issued.clear)
    assert actor is not None
    assert actor.permissions == ROLE_PERMISSIONS[Role.SALES]
    async with database.transaction(system_actor) as tx:
        assert "staff.logged_in" in [entry.action for entry in await audit.entries(tx, subject="staff")]


async def test_an_unknown_login_and_a_wrong_password_look_alike(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    await _add(database, system_actor, branch)
    answers = []
    for login in ("wang.li", "nobody", "", "x" * 500, "a\0b"):
        with pytest.raises(NotAuthenticated) as caught:
            await log_in(database, login=login, password="not the password", ip="10.0.0.1")
        answers.append(str(caught.value))
    assert len(set(answers)) == 1


@pytest.mark.parametrize("login", ["wang.li", "nobody"])
async def test_after_five_failures_a_login_waits_for_a_quarter_of_an_hour(
    database: Database, system_actor: Actor, branch: BranchId, clock: VirtualClock, login: str
) -> None:
    await _add(database, system_actor, branch)
    for n in range(5):
        assert await _fail(database, login, f"10.0.1.{n}") == "wrong"
        clock.advance(timedelta(minutes=1))
    assert "in 10 minutes" in await _fail(database, login, "10.0.1.9")
    with pytest.raises(NotAllowed):
        await log_in(database, login=login, password=PASSWORD, ip="10.0.1.9")
    clock.advance(timedelta(minutes=10))
    assert await _fail(database, login, "10.0.1.9") == "wrong"
    assert "minute" in await _fail(database, login, "10.0.1.9")


async def test_a_success_forgives_the_failures_of_the_login(
    database: Database, system_actor: Actor, branch: BranchId, clock: VirtualClock
) -> None:
    await _add(database, system_actor, branch)
    for _ in range(3):
        for _ in range(4):
            assert await _fail(database, "wang.li", str(uuid4())) == "wrong"
        clock.advance(timedelta(seconds=1))
        await log_in(database, login="wang.li", password=PASSWORD, ip="10.0.0.2")
        clock.advance(timedelta(seconds=1))


async def test_after_twenty_failures_an_address_waits_whatever_it_succeeds_in(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    await _add(database, system_actor, branch)
    for n in range(20):
        assert await _fail(database, f"login{n}") == "wrong"
    with pytest.raises(NotAllowed, match="too many"):
        await log_in(database, login="wang.li", password=PASSWORD, ip="10.0.0.1")
    await log_in(database, login="wang.li", password=PASSWORD, ip="10.0.0.2")


async def test_tries_made_at_once_are_counted_one_by_one(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    await _add(database, system_actor, branch)
    answers = await asyncio.gather(*(_fail(database, "wang.li", f"10.0.2.{n}") for n in range(15)))
    assert answers.count("wrong") == sign_in.MOST_FAILURES_OF_A_LOGIN
    async with database.transaction(system_actor) as tx:
        assert await tx.scalar(select(func.count()).select_from(LoginAttempt)) == 5


async def test_attempts_keep_no_login_in_clear(database: Database, system_actor: Actor) -> None:
    await _fail(database, "my-password-typed-here")
    async with database.transaction(system_actor) as tx:
        attempt = (await tx.scalars(select(LoginAttempt))).one()
        assert attempt.login_index == tx.vault.blind_index("login", "my-password-typed-here")


async def test_an_unknown_login_takes_as_long_as_a_known_one(
    database: Database, system_actor: Actor, branch: BranchId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: both verify exactly one hash."""
    await _add(database, system_actor, branch)
    verified: list[str] = []
    plain = passwords._HASHER.verify_and_update
    monkeypatch.setattr(
        passwords._HASHER, "verify_and_update", lambda *given: (verified.append(given[1]), plain(*given))[1]
    )
    for login in ("wang.li", "nobody"):
        await _fail(database, login)
    assert len(verified) == 2
    assert verified[0].split("$")[:4] == verified[1].split("$")[:4]


async def test_hashing_leaves_the_loop_free(monkeypatch: pytest.MonkeyPatch) -> None:
    turned = threading.Event()

    class Slow:
        def hash(self, password: str) -> str:
            return "the loop has turned" if turned.wait(120) else "the loop has stood still"

    monkeypatch.setattr(passwords, "_HASHER", Slow())
    hashing = asyncio.create_task(passwords.hashed("x"))
    for _ in range(5):
        await asyncio.sleep(0.01)
    assert not hashing.done()
    turned.set()
    assert await hashing == "the loop has turned"


def test_every_role_has_permissions_and_every_permission_a_role_besides_the_administrator() -> None:
    assert set(ROLE_PERMISSIONS) == set(Role)
    assert ROLE_PERMISSIONS[Role.ADMINISTRATOR] == set(Permission)
