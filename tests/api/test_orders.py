"""The order of providers over the API: what stands, another order, and what calls then do."""

from __future__ import annotations

from uuid import UUID

from hub.core.provider import Capability
from hub.integrations.routing import RouteFacts, decide
from hub.wiring import reload_providers
from tests.stories.spare import MAIN, SPARE, a_spare_of_messages
from tests.stories.world import Json, Person, World

SMS = "/providers/orders/sms"


async def _sms(boss: Person) -> Json:
    [found] = [one for one in await boss.get("/providers/orders") if one["capability"] == "sms"]
    return found


def _tried_first(world: World) -> str:
    generation = world.hub.house.registry.current
    decision = decide(
        operation="messaging_send",
        facts=RouteFacts(lease_id=UUID(int=1)),
        routes=generation.routes[Capability.SMS],
        standings=generation.standings,
    )
    return decision.candidates[0]


async def test_new_calls_follow_another_order_without_a_restart(world: World) -> None:
    boss = world.people["admin"]
    async with a_spare_of_messages(world):
        assert (await _sms(boss))["order"] == [MAIN, SPARE]
        before = world.hub.house.registry.current.number
        put = await boss.http.put(f"/api/v1{SMS}", json={"order": [SPARE, MAIN], "reason": "the first is slow"})
        assert (put.status_code, put.json()["order"]) == (202, [SPARE, MAIN]), put.text
        stands = await _sms(boss)
        assert (stands["configured"], stands["changed"]["actor"]) == ([MAIN, SPARE], "admin")
        await reload_providers(world.hub.house)  # what every process does when it sees the mark
        assert world.hub.house.registry.current.number == before + 1
        assert _tried_first(world) == SPARE
        await boss.http.put(f"/api/v1{SMS}", json={"order": None, "reason": "they are back"})
        await reload_providers(world.hub.house)
        assert ((await _sms(boss))["changed"], _tried_first(world)) == (None, MAIN)


async def test_an_order_that_names_others_is_refused_with_the_field(world: World) -> None:
    boss = world.people["admin"]
    for order, reason, field in (([MAIN, "nobody"], "why", "order"), ([MAIN, SPARE], " ", "reason")):
        async with a_spare_of_messages(world):
            answer = await boss.http.put(f"/api/v1{SMS}", json={"order": order, "reason": reason})
            assert (answer.status_code, answer.json()["error"]["field"]) == (422, field), answer.text
    unknown = await boss.http.put("/api/v1/providers/orders/fax", json={"order": None, "reason": "why"})
    assert unknown.status_code == 422
