"""The work queue shows what waits for whom, and the search finds by what people know."""

from __future__ import annotations

import pytest

from hub.infra.access import Role
from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.stories.world import World


async def test_everybody_sees_what_waits_for_them(world: World, rows: Rows, reader: Reader) -> None:
    page = await reader.see("/")
    for queue in ("Follow-ups", "To approve", "Warnings", "Outcomes that nobody knows"):
        assert queue in page
    collector = await enter(world, "collector")
    theirs = await collector.see("/")
    assert "Warnings" in theirs
    assert "To approve" not in theirs
    assert f"/contracts/{rows['contract_id']}" in theirs


async def test_the_start_says_how_the_company_stands_and_every_number_leads_to_its_list(reader: Reader) -> None:
    page = await reader.see("/")
    for path in ("/arrears?bucket=m4", "/contracts?state=active", "/calls?state=unknown", "/providers"):
        assert f'href="{path}"' in page
        await reader.see(path)
    assert '<progress max="1" value="1" aria-label="Active">' in page
    assert "Nothing waits here" in page


async def test_a_contract_is_found_by_the_beginning_of_its_number(world: World, rows: Rows, reader: Reader) -> None:
    number = (await world.people["admin"].get(f"/contracts/{rows['contract_id']}"))["number"]
    answer = await reader.http.get("/search", params={"q": number.lower()[:10]})
    assert answer.status_code == 200 or answer.headers["location"] == f"/contracts/{rows['contract_id']}"


async def test_a_customer_is_found_by_name_phone_and_document(world: World, rows: Rows, reader: Reader) -> None:
    party = await world.people["admin"].post(f"/parties/{rows['party_id']}/reveal", {"purpose": "service"})
    for text in (
        party["name"],
        party["phones"][0]["phone"] if party.get("phones") else party["phone"],
        party["document_number"],
    ):
        answer = await reader.http.get("/search", params={"q": text})
        found = answer.headers.get("location", "") + answer.text
        assert f"/parties/{rows['party_id']}" in found, text


async def test_a_car_is_found_by_its_vin(world: World, rows: Rows, reader: Reader) -> None:
    vin = (await world.people["admin"].get(f"/vehicles/{rows['vehicle_id']}"))["vin"]
    answer = await reader.http.get("/search", params={"q": vin.lower()})
    assert f"/vehicles/{rows['vehicle_id']}" in answer.headers.get("location", "") + answer.text


@pytest.mark.parametrize("text", ["", "   ", "nobody", "%", "_", "'; drop table party; --", "\x00", "x" * 5000])
async def test_whatever_is_typed_gets_an_answer(reader: Reader, text: str) -> None:
    answer = await reader.http.get("/search", params={"q": text})
    assert answer.status_code == 200
    assert "whole name" in answer.text


async def test_who_sees_another_branch_finds_nothing_here(world: World, rows: Rows) -> None:
    await world.hire("southerner", *Role, branch="south")
    stranger = await enter(world, "southerner")
    vin = (await world.people["admin"].get(f"/vehicles/{rows['vehicle_id']}"))["vin"]
    assert "Nothing was found" in await stranger.see("/search", params={"q": vin})
