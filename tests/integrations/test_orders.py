"""In which order calls try the providers of a capability: as hub.toml has it, until an operator wants another."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from hub.core.errors import Conflict, InvalidInput, LeaseHubError, NotFound, RuleBroken
from hub.core.provider import Capability
from hub.infra import audit
from hub.infra.access import system
from hub.infra.database import Database
from hub.integrations import orders, switches
from hub.integrations.generation import Generation
from hub.integrations.routing import Routes, Strategy, in_order, ordered

SMS = Capability.SMS
ROUTES = Routes(default=("first", "second", "third"))
GENERATION = Generation(
    number=1,
    configured=MappingProxyType(
        {
            SMS: ROUTES,
            Capability.ESIGN: Routes(default=("one", "two"), strategy=Strategy.WEIGHTED, weights={"one": 1}),
        }
    ),
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ((), ("first", "second", "third")),
        (("third", "first", "second"), ("third", "first", "second")),
        (("third", "third"), ("third", "first", "second")),  # who was not named comes last, as written
        (("gone", "second"), ("second", "first", "third")),  # who is not configured any more is not called
    ],
)
def test_an_order_never_adds_or_loses_anybody(wanted: tuple[str, ...], found: tuple[str, ...]) -> None:
    assert in_order(ROUTES, wanted).default == found
    assert ordered({SMS: ROUTES}, {SMS: wanted})[SMS].default == found


async def _change(database: Database, order: list[str] | None, **more: object) -> None:
    async with database.transaction(system("operator")) as tx:
        await orders.change(tx, GENERATION, SMS, order, **{"reason": "they are down", **more})  # type: ignore[arg-type]


async def _stands(database: Database) -> orders.RouteView:
    async with database.transaction(system("operator")) as tx:
        return await orders.route(tx, GENERATION, SMS)


async def test_another_order_and_back_again(database: Database) -> None:
    before = await _stands(database)
    assert (before.order, before.changed, before.may_change) == (ROUTES.default, None, True)
    await _change(database, ["second", "first", "third"])
    await _change(database, ["third", "second", "first"], reason="cheaper")
    now = await _stands(database)
    assert now.order == ("third", "second", "first")
    assert now.changed is not None
    assert (now.changed.actor, now.changed.reason) == ("system:operator", "cheaper")
    async with database.transaction(system("operator")) as tx:
        assert await orders.orders(tx) == {SMS: now.order}
        assert await switches.last_change(tx)  # what every process watches
        assert await switches.standings(tx) == {}  # and nobody was switched by it
    await _change(database, None, reason="they are back")
    assert (await _stands(database)).changed is None
    async with database.transaction(system("operator")) as tx:
        lines = await audit.entries(tx, subject="capability", subject_id="sms")
    assert [line.action for line in lines].count("provider.order_changed") == 2
    [back] = [line for line in lines if line.action == "provider.order_reset"]
    assert back.detail == {"before": list(now.order), "after": list(ROUTES.default), "reason": "they are back"}


@pytest.mark.parametrize(
    ("order", "more", "error"),
    [
        (["first", "second"], {}, InvalidInput),
        (["first", "second", "second"], {}, InvalidInput),
        (["first", "second", "third", "fourth"], {}, InvalidInput),
        (["second", "first", "third"], {"reason": " "}, InvalidInput),
        (["second", "first", "third"], {"seen": ("third", "first", "second")}, Conflict),
    ],
)
async def test_what_is_no_order_of_theirs_changes_nothing(
    database: Database, order: list[str], more: dict[str, object], error: type[LeaseHubError]
) -> None:
    with pytest.raises(error):
        await _change(database, order, **more)
    assert (await _stands(database)).changed is None


async def test_only_a_route_by_priority_has_an_order(database: Database) -> None:
    async with database.transaction(system("operator")) as tx:
        with pytest.raises(RuleBroken):
            await orders.change(tx, GENERATION, Capability.ESIGN, ["two", "one"], reason="cheaper")
        with pytest.raises(NotFound):
            await orders.change(tx, GENERATION, Capability.PAYMENTS, ["two", "one"], reason="cheaper")
