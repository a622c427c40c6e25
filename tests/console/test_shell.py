"""Every page of the console: who may see it, that it is drawn in both languages, and what keeps it safe."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping

import pytest

from hub.infra.access import ROLE_PERMISSIONS, Role
from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.console.routes import Door, doors
from tests.stories.world import World

DOORS = doors()
GUARDED = [door for door in DOORS if len(door.declares) == 1 and not door.is_open]
PAGES = [door for door in GUARDED if door.method == "GET"]
# Which of the rows a page's `subject_id` is, by the beginning of its path.
SUBJECTS: Mapping[str, str] = {
    "/contracts": "contract_id",
    "/disbursements": "disbursement_id",
    "/payees": "payee_id",
    "/vehicles": "vehicle_id",
    "/warnings": "warning_id",
    "/leads": "lead_id",
    "/applications": "application_id",
    "/parties": "party_id",
    "/quotes": "quote_id",
    "/blacklist": "entry_id",
    "/providers": "name",
    "/calls": "call_id",
    "/callbacks": "delivery_id",
    "/staff": "staff_id",
    "/reconciliation": "statement_id",
    "/differences": "difference_id",
}


def address(door: Door, rows: Rows) -> str:
    """The door's address with the ids of real rows in it."""
    kind = next((name for start, name in SUBJECTS.items() if door.path.startswith(start)), "")
    given = {name: rows[kind if name == "subject_id" else name] for name in door.ids}
    return door.path.format(**given)


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_every_route_declares_who_may_call_it(door: Door) -> None:
    assert len(door.declares) == 1, "declare it with visiting(…), calling(…) or opened(why), once"


@pytest.fixture(scope="module")
async def clerks(world: World) -> AsyncIterator[dict[Role, Reader]]:
    """Somebody of each role in the branch north, who has no other."""
    found = {}
    for role in Role:
        await world.hire(f"only-{role.value}", role)
        found[role] = await enter(world, f"only-{role.value}")
    yield found
    for clerk in found.values():
        await clerk.http.aclose()


@pytest.mark.parametrize("door", GUARDED, ids=str)
async def test_only_who_may_gets_in(door: Door, clerks: Mapping[Role, Reader], rows: Rows) -> None:
    for role, clerk in clerks.items():
        may = door.permission is None or door.permission in ROLE_PERMISSIONS[role]
        if door.method == "POST":
            if not may:
                answer = await clerk.send(address(door, rows))
                assert answer.status_code == 403, (role, answer.status_code)
            continue
        answer = await clerk.http.get(address(door, rows))
        assert (answer.status_code != 403) is may, (role, answer.status_code)
        assert answer.status_code < 500, (role, answer.text[:500])


@pytest.mark.parametrize("door", GUARDED, ids=str)
async def test_who_is_not_logged_in_is_sent_to_the_door(door: Door, world: World, rows: Rows) -> None:
    async with world.anybody() as nobody:
        answer = await nobody.request(door.method, address(door, rows))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=%2F")


@pytest.mark.parametrize("door", [door for door in GUARDED if door.method == "POST"], ids=str)
async def test_a_form_of_another_site_is_refused(door: Door, reader: Reader, rows: Rows) -> None:
    path = address(door, rows)
    assert (await reader.http.post(path, data={})).status_code == 403
    assert (await reader.http.post(path, data={"form_key": "0" * 64})).status_code == 403
    foreign = {"sec-fetch-site": "cross-site"}
    answer = await reader.http.post(path, data={"form_key": reader.form_key}, headers=foreign)
    assert answer.status_code == 403


@pytest.mark.parametrize("door", PAGES, ids=str)
async def test_every_page_is_drawn_whole_and_safe(door: Door, reader: Reader, rows: Rows) -> None:
    for language, tag in (("en", "en"), ("zh", "zh-CN")):
        answer = await reader.http.get(
            address(door, rows), headers={"cookie": f"language={language}; " + _cookies(reader)}
        )
        assert answer.status_code in {200, 303}, answer.text[:500]
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        if answer.status_code == 200 and answer.headers["content-type"].startswith("text/html"):
            assert f'<html lang="{tag}"' in answer.text
            assert " style=" not in answer.text
            assert "onclick=" not in answer.text


def _cookies(reader: Reader) -> str:
    return "; ".join(f"{name}={value}" for name, value in reader.http.cookies.items() if name != "language")


@pytest.mark.parametrize(
    "path", ["/nowhere", "/%00", "/contracts/not-an-id", "/contracts/00000000-0000-7000-8000-000000000000"]
)
async def test_what_is_not_there_is_a_page_that_says_so(reader: Reader, path: str) -> None:
    answer = await reader.http.get(path)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert answer.headers["x-correlation-id"]


async def test_what_is_refused_says_what_to_do(clerks: Mapping[Role, Reader]) -> None:
    answer = await clerks[Role.SALES].http.get("/providers")
    assert answer.status_code == 403
    assert "Your roles do not allow it: providers.read." in answer.text
    assert "can give you a role that does" in answer.text
    assert answer.headers["x-correlation-id"] in answer.text


async def test_the_keys_lead_where_the_menu_does(clerks: Mapping[Role, Reader]) -> None:
    page = await clerks[Role.SALES].see("/leads")
    assert re.findall(r'data-go="(\w)"', page) == ["h", "i", "l", "k", "a", "c", "v"]
    listed = page[page.index('<dialog id="keys"') :]
    assert re.findall(r"<kbd>g</kbd> <kbd>(\w)</kbd>", listed) == ["h", "i", "l", "k", "a", "c", "v"]
