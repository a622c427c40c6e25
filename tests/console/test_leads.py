"""The desk of leads: what the list shows and finds, a new lead, and what can be done with one."""

from __future__ import annotations

import re

from tests.api.rows import Rows
from tests.console.conftest import Reader
from tests.stories.lease import somebody
from tests.stories.world import World


async def a_lead(world: World, reader: Reader, name: str = "王小明") -> str:
    """A lead that is taken down at the desk; its page."""
    new = {"branch_id": world.branches["north"], "name": name, "phone": "13900001234", "source": "phone"}
    answer = await reader.send("/leads/new", **new, wanted="轩逸")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def test_a_lead_is_taken_down_and_listed_masked(world: World, rows: Rows, reader: Reader) -> None:
    lead = await a_lead(world, reader)
    page = await reader.see("/leads")
    assert f'href="{lead}"' in page
    assert "王**" in page
    assert "王小明" not in page
    assert "13900001234" not in page
    assert lead in await reader.see("/leads", params={"state": "open", "source": "phone", "level": "new"})
    assert lead not in await reader.see("/leads", params={"source": "walk_in"})
    assert lead not in await reader.see("/leads", params={"state": "converted"})


async def test_what_is_wrong_with_a_new_lead_is_said_at_its_field(world: World, rows: Rows, reader: Reader) -> None:
    new = {"branch_id": world.branches["north"], "name": "王小明", "phone": "12", "source": "phone"}
    answer = await reader.send("/leads/new", **new)
    assert answer.status_code == 422
    assert re.search(r'id="wrong-phone">not a phone number', answer.text)
    assert 'value="王小明"' in answer.text


async def test_a_contact_does_the_follow_up_and_a_level_plans_anew(world: World, rows: Rows, reader: Reader) -> None:
    lead = await a_lead(world, reader)
    assert "First call" in await reader.see(lead)
    done = await reader.send(f"{lead}/do/contact", means="phone", outcome="reached", note="wants a white one")
    assert done.headers["location"] == f"{lead}?done=contact"
    page = await reader.see(lead)
    assert "Reached" in page
    assert "Done" in page
    assert "wants a white one" not in page
    await reader.send(f"{lead}/do/intent", level="within_three_days")
    page = await reader.see(lead)
    assert "Appointment" in page
    assert "Qualified" in page


async def test_a_lead_becomes_a_customer_who_is_known_or_is_registered(
    world: World, rows: Rows, reader: Reader
) -> None:
    lead, who = await a_lead(world, reader), somebody()
    document = {"document_kind": "cn_identity_card", "document_number": who.identity}
    nobody = await reader.send(f"{lead}/do/convert", **document)
    assert nobody.status_code == 422
    assert "No customer is registered under this document" in nobody.text
    nameless = await reader.send(f"{lead}/do/convert", **document, is_new="yes")
    assert 'id="wrong-name">is needed for a new customer' in nameless.text
    made = await reader.send(f"{lead}/do/convert", **document, is_new="yes", name=who.name, phone=who.phone)
    assert made.status_code == 303, made.text
    page = await reader.see(lead)
    [party] = set(re.findall(r'href="(/parties/[0-9a-f-]+)"', page))
    assert "The lead is converted or lost." in page
    again = await a_lead(world, reader)
    assert (await reader.send(f"{again}/do/convert", **document)).status_code == 303
    assert party in await reader.see(again)


async def test_a_lost_lead_has_its_reason_and_nothing_more_to_do(world: World, rows: Rows, reader: Reader) -> None:
    lead = await a_lead(world, reader)
    assert (await reader.send(f"{lead}/do/lose", reason="bought_elsewhere")).status_code == 303
    page = await reader.see(lead)
    assert "Bought elsewhere" in page
    assert f'href="{lead}/do/lose"' not in page
    refused = await reader.send(f"{lead}/do/contact", means="phone", outcome="reached")
    assert refused.status_code == 422
    assert "Lead closed" not in refused.text, "a rule is told in a sentence"
