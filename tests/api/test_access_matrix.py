"""Who may do what, where: made from the routes as they are served, so a route that is forgotten fails by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from hub.infra.access import ROLE_PERMISSIONS, Role
from tests.api.bodies import good_body
from tests.api.routes import Door, doors
from tests.api.rows import DEALER, Rows
from tests.stories.lease import Lease, deal
from tests.stories.world import PASSWORD, Person, World

DOORS = doors()
GUARDED = [door for door in DOORS if len(door.declares) == 1 and door.permission]
NOBODY = {"kind": "identity_document", "language": "en", "name": "nobody"}
# What belongs to no branch is the whole company's: a role is not enough for somebody who is kept to branches.
WHOLE_COMPANY = (
    "/api/v1/ledger",
    "/api/v1/callbacks",
    "/api/v1/reports",
    "/api/v1/statements",
    "/api/v1/webhooks",
    "/api/v1/audit/verification",
)
# What no branch owns: everybody with the permission sees the same.
OF_NO_BRANCH = {
    "product_id": "products are the company's",
    "version_id": "products are the company's",
    "entry_id": "the blacklist is the company's",
    "name": "providers serve every branch",
    "capability": "providers serve every branch",
    "call_id": "calls are looked at by whoever runs the providers",
    "delivery_id": "callbacks are looked at by whoever runs the providers",
    "subscription_id": "webhooks are the company's",
    "dispatch_id": "webhooks are the company's",
    "statement_id": "what providers say of their days is the company's",
    "difference_id": "what providers say of their days is the company's",
}
OF_A_BRANCH = [door for door in GUARDED if door.ids and not set(door.ids) & set(OF_NO_BRANCH)]


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_every_route_declares_who_may_call_it(door: Door) -> None:
    assert len(door.declares) == 1, "declare it with acting(…), holding(…) or public(why), once"


@pytest.fixture(scope="module")
async def clerks(world: World) -> dict[Role, httpx.AsyncClient]:
    """Somebody of each role in the branch north, who has no other."""
    return {role: (await world.hire(f"only-{role.value}", role)).http for role in Role}


@pytest.fixture(scope="module")
async def stranger(world: World) -> Person:
    """Somebody of the branch south who may do everything there."""
    return await world.hire("stranger", *Role, branch="south")


@pytest.fixture(scope="module")
async def nobody(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has shown nothing."""
    async with world.anybody() as client:
        yield client


def _path(door: Door, ids: dict[str, str]) -> str:
    return door.path.format(**{name: ids.get(name, str(UUID(int=0))) for name in door.ids})


@pytest.mark.parametrize("door", GUARDED, ids=str)
async def test_without_a_valid_token_nothing_is_shown(nobody: httpx.AsyncClient, rows: Rows, door: Door) -> None:
    for given in ({}, {"authorization": "Bearer lh_made-up"}):
        answer = await nobody.request(door.method, _path(door, rows), headers=given)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"]["code"] == "not_authenticated"


@pytest.mark.parametrize("door", GUARDED, ids=str)
async def test_a_role_opens_the_doors_of_its_permissions_and_no_other(
    clerks: dict[Role, httpx.AsyncClient], door: Door
) -> None:
    assert door.permission is not None
    # Elsewhere a body that is missing comes first; here the whole company is asked for by the work itself.
    read = door.body is not None and door.path.startswith(WHOLE_COMPANY)
    body = good_body(door, {"branch_id": str(UUID(int=0))}) if read else None
    for role, client in clerks.items():
        answer = await client.request(door.method, _path(door, NOBODY), json=body)
        reason = answer.json()["error"].get("reason", "") if answer.status_code == 403 else ""
        if door.permission not in ROLE_PERMISSIONS[role]:
            assert (answer.status_code, reason) == (403, "permission missing"), role
        elif door.path.startswith(WHOLE_COMPANY):
            assert (answer.status_code, reason) == (403, "needs the whole company"), role
        else:
            assert answer.status_code not in (401, 403), role
            assert answer.status_code < 500, (role, answer.text)


@pytest.mark.parametrize("door", OF_A_BRANCH, ids=str)
async def test_a_row_of_another_branch_is_not_there(world: World, stranger: Person, rows: Rows, door: Door) -> None:
    """Asked for by a stranger it is not found; asked for by whoever sees the branch it is."""
    body = None if door.body is None else good_body(door, rows)
    takes_file = door.path.endswith(("/materials/{kind}", "/imports/{application_id}"))
    files = {"file": ("a.pdf", b"%PDF-1.7\n%%EOF", "application/pdf")} if takes_file else None
    read = {"bureau": "pboc", "report_number": "1", "reported_on": str(world.today)} if files else None
    request: dict[str, Any] = {"json": body, "files": files, "data": read}
    answer = await stranger.http.request(door.method, _path(door, rows), **request)
    if door.path.startswith(WHOLE_COMPANY):
        assert answer.status_code == 403
        return
    assert answer.status_code == 404, answer.text
    own = await world.people["admin"].http.request(door.method, _path(door, rows), **request)
    assert own.status_code not in (401, 403, 422), own.text
    assert own.status_code < 500
    if own.status_code == 404:
        assert own.json()["error"]["kind"] != answer.json()["error"]["kind"]


async def test_nothing_is_tied_to_what_another_branch_has(stranger: Person, world: World, rows: Rows) -> None:
    """Ids of another branch's rows in a body are as unknown as ids of nothing, one by one."""
    own = await _of_the_stranger(stranger, world, rows)
    tries = {
        "/leads": (LEAD, ["branch_id", "channel_id"]),
        "/parties/persons": (PERSON, ["branch_id"]),
        "/parties/companies": (COMPANY, ["branch_id"]),
        f"/leads/{own['lead_id']}/convert": ({}, ["party_id"]),
        "/quotes": (deal(world, rows["version_id"]), ["branch_id", "lead_id"]),
        "/applications": ({}, ["party_id", "quote_id", "channel_id"]),
        "/credit/checks": ({}, ["application_id"]),
        "/contracts": ({}, ["application_id"]),
        "/vehicles": (CAR, ["branch_id", "channel_id"]),
        f"/vehicles/{own['vehicle_id']}/reservation": ({}, ["contract_id"]),
        "/devices": ({"terminal_id": "T-9", "instance": "gps_main"}, ["branch_id"]),
        "/channels": (DEALER, ["branch_id"]),
        "/payees": ({"name": "x"}, ["branch_id", "party_id", "bank_account_id", "channel_id"]),
        "/disbursements": ({"amount": "1.00", "what_for": "x"}, ["contract_id", "payee_id"]),
        "/staff": (CLERK, ["branch_id"]),
        "/branches": ({"code": "STORE-9", "name": "store"}, ["parent_id"]),
    }
    found = []
    for path, (body, names) in tries.items():
        mine = {name: own.get(name, own["branch_id"]) for name in names}
        for name in names:
            answer = await stranger.ask("POST", path, body | mine | {name: rows.get(name, rows["branch_id"])})
            if answer.status_code not in (404, 422):
                found.append((path, name, answer.status_code, answer.text[:200]))
    bound = await stranger.ask("PUT", f"/devices/{own['device_id']}/binding", {"vehicle_id": rows["vehicle_id"]})
    assert (found, bound.status_code) == ([], 404)


LEAD = {"name": "王芳", "phone": "13711112222", "source": "walk_in"}
PERSON = {"name": "王芳", "document_number": "110101199003070011", "phone": "13711112222"}
COMPANY = {"name": "东方公司", "company_code": "91110108MA01KPGK0L", "phone": "13711112222"}
CAR = {"vin": "LFP90WER3T8888888", "model": "轩逸", "cost": "100000.00", "dealer": "东方"}
CLERK = {"login": "clerk-9", "display_name": "Clerk", "roles": ["sales"], "password": PASSWORD}


async def _of_the_stranger(stranger: Person, world: World, rows: Rows) -> Rows:
    """What the stranger has of their own, in the south."""
    branch = {"branch_id": world.branches["south"]}
    own = Lease(world=world, version=rows["version_id"]).lessee
    person = {"name": own.name, "document_number": own.identity, "phone": own.phone}
    quote = deal(world, rows["version_id"]) | branch
    device = {"terminal_id": "T-8", "instance": "gps_main"}
    return branch | {
        "lead_id": (await stranger.post("/leads", LEAD | branch))["id"],
        "party_id": (await stranger.post("/parties/persons", person | branch))["id"],
        "quote_id": (await stranger.post("/quotes", quote))["id"],
        "channel_id": (await stranger.post("/channels", DEALER | branch))["id"],
        "vehicle_id": (await stranger.post("/vehicles", CAR | branch | {"vin": own.vin}))["id"],
        "device_id": (await stranger.post("/devices", device | branch))["id"],
        "parent_id": world.branches["south"],
    }


def test_public_doors_are_these_and_say_why() -> None:
    public = {str(door): door.declares[0].why for door in DOORS if door.permission is None}  # type: ignore[union-attr]
    assert set(public) == {
        "POST /api/v1/session",
        "POST /webhooks/{instance}",
        "GET /health/live",
        "GET /health/ready",
        "GET /metrics",
    }
    assert all(public.values())


async def test_a_token_ends_with_its_time_its_owner_and_its_revocation(world: World, rows: Rows) -> None:
    boss, temp = world.people["admin"], await world.hire("temp", Role.SALES)
    assert len(await temp.get("/leads")) > 0
    short = await boss.post(f"/staff/{temp.id}/tokens", {"name": "short", "valid_days": 1})
    async with world.anybody({"authorization": f"Bearer {short['token']}"}) as client:
        assert (await client.get("/api/v1/leads")).status_code == 200
        world.clock.advance(timedelta(days=1, seconds=1))
        assert (await client.get("/api/v1/leads")).status_code == 401
    await boss.put(f"/staff/{temp.id}/state", {"state": "locked"})
    assert (await temp.ask("GET", "/leads")).status_code == 401
    await boss.put(f"/staff/{temp.id}/state", {"state": "active"})
    assert (await temp.ask("GET", "/leads")).status_code == 401, "locking has revoked every token"


async def test_logging_in_gives_a_token_for_half_a_day(world: World, rows: Rows, nobody: httpx.AsyncClient) -> None:
    answer = await nobody.post("/api/v1/session", json={"login": "sales", "password": "wrong, and long enough"})
    assert answer.status_code == 401
    answer = await nobody.post("/api/v1/session", json={"login": "sales", "password": PASSWORD})
    assert answer.status_code == 200
    async with world.anybody({"authorization": f"bearer {answer.json()['token']}"}) as client:
        assert (await client.get("/api/v1/leads")).status_code == 200
        assert (await client.get("/api/v1/staff")).status_code == 403
        world.clock.advance(timedelta(hours=12, seconds=1))
        assert (await client.get("/api/v1/leads")).status_code == 401
