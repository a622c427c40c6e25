"""The desk of providers: who does what in which order, where each setting comes from, and what an operator can do."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from importlib.metadata import EntryPoint, entry_points

import pytest

from hub.console.labels import label
from hub.console.providers import PERSONAL_DATA, ProviderView, routes_of, sections, span
from hub.core.provider import Capability, Credential, CredentialKind, Mode, PluginDescriptor
from hub.infra.access import Role, system
from hub.integrations import switches
from hub.integrations.generation import Instance
from hub.integrations.orders import RouteView
from hub.integrations.plugins import ProviderState
from hub.integrations.routing import Condition, Routes, Rule, Strategy
from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.stories.spare import a_spare_of_messages
from tests.stories.world import World


def _instance(name: str, *capabilities: Capability) -> Instance:
    return Instance(
        name=name,
        plugin="acme",
        distribution="acme",
        mode=Mode.SANDBOX,
        state=ProviderState.LOADED,
        capabilities=frozenset(capabilities),
    )


def test_providers_stand_in_the_order_in_which_calls_would_try_them() -> None:
    made = [_instance(name, Capability.SMS) for name in ("first", "second", "spare")] + [_instance("broken")]
    rule = Rule(when=Condition(country="KR"), use=("spare",))
    route = RouteView(
        capability=Capability.SMS,
        strategy=Strategy.PRIORITY,
        order=("second", "first"),
        configured=("first", "second"),
        changed=None,
    )
    found = sections([route], {one.name: ProviderView(instance=one) for one in made})
    assert [(one.capability, [(place, view.name) for place, view in one.rows]) for one in found] == [
        (Capability.SMS, [(1, "second"), (2, "first"), (None, "spare")]),
        (None, [(None, "broken")]),
    ]
    moves = [(found[0].moved(name, -1), found[0].moved(name, 1)) for name in ("second", "first", "spare")]
    assert moves == [("", "first,second"), ("first,second", ""), ("", "")]
    routes = {Capability.SMS: Routes(default=("second", "first"), rules=(rule,))}
    [line] = routes_of(routes, "spare")
    assert (line.place, line.of, line.when) == (1, 1, Condition(country="KR"))


def test_a_length_of_time_is_said_in_its_largest_whole_unit() -> None:
    lengths = [timedelta(days=2), timedelta(hours=25), timedelta(minutes=5), timedelta(seconds=90), timedelta(0), None]
    assert [span(one) for one in lengths] == ["2 d", "25 h", "5 min", "90 s", "0 s", None]


@pytest.fixture(autouse=True)
async def switched_on(world: World) -> AsyncIterator[None]:
    yield
    async with world.transaction() as tx:
        await switches.switch(tx, "sms_main", enabled=True, reason="the test is over")


async def test_every_provider_is_listed_with_what_it_was_used_for(reader: Reader, rows: Rows) -> None:
    page = await reader.see("/providers")
    for name in ("bureau_main", "sms_main", "gps_main", "esign_main", "psp_main"):
        assert f'href="/providers/{name}"' in page
    assert page.count('role="switch"') == 5
    assert 'aria-checked="true"' in page
    assert "Credit bureaus" in page
    assert "/calls?instance=psp_main" in page


async def test_a_provider_is_switched_off_with_a_reason_and_on_again(world: World, reader: Reader) -> None:
    refused = await reader.send("/providers/sms_main/do/off", reason="")
    assert refused.status_code == 422
    answer = await reader.send("/providers/sms_main/do/off", reason="they are <down>")
    assert (answer.status_code, answer.headers["location"]) == (303, "/providers/sms_main?done=off")
    page = await reader.see("/providers/sms_main")
    assert "Switched off by admin: they are &lt;down&gt;" in page
    listed = await reader.see("/providers")
    assert 'id="switch-sms-sms_main" aria-checked="false"' in listed
    assert "It is switched off already." in await reader.see("/providers/sms_main/do/off")
    assert (await reader.send("/providers/sms_main/do/on", reason="they are back")).status_code == 303
    assert 'id="switch-sms-sms_main" aria-checked="true"' in await reader.see("/providers")


async def test_who_may_only_read_sees_no_switch(world: World, rows: Rows) -> None:
    await world.hire("reader-of-providers", Role.OPERATIONS)
    clerk = await enter(world, "reader-of-providers")
    page = await clerk.see("/providers")
    assert "psp_main" in page
    assert 'role="switch"' not in page


async def test_a_page_tells_routes_operations_and_what_leaves_the_house(reader: Reader) -> None:
    page = await reader.see("/providers/psp_main")
    for text in ("1 of 1", "Calls pass", "leasehub-payments-sandbox", "Personal data that leaves the house"):
        assert text in page
    operations = await reader.see("/providers/psp_main/operations")
    assert "payments_collect" in operations
    assert "Money" in operations


async def test_settings_say_where_they_come_from_and_secrets_only_that_they_are_set(reader: Reader) -> None:
    page = await reader.see("/providers/psp_main/settings")
    for name in ("base_url", "api_key", "timeout_s"):
        assert f">{name}</span>" in page
    assert "hub.toml" in page
    assert "sandbox-api-key" not in page
    assert "sandbox-webhook-secret" not in page


async def test_a_test_call_asks_the_provider_and_its_answer_is_kept(reader: Reader) -> None:
    answer = await reader.send("/providers/psp_main/do/test")
    assert answer.headers["location"] == "/providers/psp_main?done=test"
    page = await reader.see("/providers/psp_main")
    assert "In service" in page
    assert " ms</td>" in page


async def test_a_secret_without_a_file_is_not_replaced_here(reader: Reader) -> None:
    page = await reader.see("/providers/psp_main/do/secret")
    assert "None of its secrets is kept in a file" in page
    answer = await reader.send("/providers/psp_main/do/secret", setting="api_key", value="new-secret-9")
    assert answer.status_code == 422


async def test_a_provider_that_is_not_there_is_a_page_that_says_so(reader: Reader) -> None:
    assert (await reader.http.get("/providers/nobody")).status_code == 404
    assert (await reader.send("/providers/nobody/do/test")).status_code == 404


async def test_a_reload_is_asked_of_every_process(world: World, reader: Reader) -> None:
    async with world.hub.house.database.transaction(system("test")) as tx:
        before = await switches.last_change(tx)
    assert (await reader.send("/providers/psp_main/do/reload")).status_code == 303
    async with world.hub.house.database.transaction(system("test")) as tx:
        assert await switches.last_change(tx) >= before


async def test_a_certificate_that_ends_is_shown_and_waits_in_the_work_queue(
    world: World, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, now = world.hub.house.registry, world.clock.now()
    psp = registry.current.instances["psp_main"]
    ends = Credential(
        name="certificate", kind=CredentialKind.CERTIFICATE, fingerprint="5CA1", not_after=now + timedelta(days=9)
    )
    instances = {**registry.current.instances, "psp_main": dataclasses.replace(psp, credentials=(ends,))}
    generation = dataclasses.replace(registry.current, instances=instances)
    monkeypatch.setattr(registry, "_tenure", dataclasses.replace(registry._tenure, generation=generation))
    day = (now + timedelta(days=9)).date().isoformat()
    assert f"certificate counts until {day}" in await reader.see("/providers/psp_main")
    settings = await reader.see("/providers/psp_main/settings")
    assert "5CA1" in settings
    assert "Ends soon" in settings
    assert 'href="/providers/psp_main/settings"' in await reader.see("/")
    [listed] = [one for one in await world.people["admin"].get("/providers/credentials") if one["name"] == ends.name]
    assert (listed["validity"], listed["days_left"]) == ("ends_soon", 9)


async def test_keys_that_a_plugin_names_are_shown_without_themselves(reader: Reader) -> None:
    page = await reader.see("/providers/psp_main/settings")
    assert "Keys and certificates" in page
    assert "no end" in page


async def test_the_providers_are_exported_as_they_are_listed(reader: Reader) -> None:
    answer = await reader.http.get("/providers.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    head, *lines = answer.text.removeprefix("\ufeff").splitlines()
    assert head.startswith("Capability,Place,Provider,Distribution")
    assert [line for line in lines if line.startswith("Payments,1,psp_main,leasehub-payments-sandbox,")]


async def test_the_order_is_moved_by_links_and_kept_with_a_reason(world: World, reader: Reader) -> None:
    async with a_spare_of_messages(world):
        listed = await reader.see("/providers")
        moved = "/providers/order/sms?order=sms_spare%2Csms_main&amp;moved=sms_spare&amp;at=1"
        assert moved in listed
        assert "/providers/order/esign" not in listed  # one alone has no order
        draft = await reader.see(moved.replace("&amp;", "&"))
        assert draft.index(">sms_spare</td>") < draft.index(">sms_main</td>")
        form = {"order": "sms_spare,sms_main", "seen": "sms_main,sms_spare"}
        assert (await reader.send("/providers/order/sms", **form, reason="")).status_code == 422
        kept = await reader.send("/providers/order/sms", **form, reason="the first is <slow>")
        assert (kept.status_code, kept.headers["location"]) == (303, "/providers?done=order")
        again = await reader.send("/providers/order/sms", **form, reason="once more")
        assert (again.status_code, "Somebody else has changed the order" in again.text) == (422, True)
        listed = await reader.see("/providers")
        assert listed.index('href="/providers/sms_spare"') < listed.index('href="/providers/sms_main"')
        assert "order changed by admin" in listed
        page = await reader.see("/providers/order/sms")
        assert "the first is &lt;slow&gt;" in page
        assert "order=sms_main%2Csms_spare" in page  # the way back to hub.toml
        assert "2 of 2" in await reader.see("/providers/sms_main")


async def test_who_may_only_read_moves_nobody(world: World, rows: Rows) -> None:
    await world.hire("reader-of-orders", Role.OPERATIONS)
    clerk = await enter(world, "reader-of-orders")
    async with a_spare_of_messages(world):
        assert "/providers/order/" not in await clerk.see("/providers")


def test_every_category_of_personal_data_that_a_plugin_declares_has_its_words() -> None:
    declared = {word for point in entry_points(group="leasehub.plugins") for word in _descriptor(point).data_categories}
    assert len(declared) > 8
    assert {word for word in declared if label(word) not in PERSONAL_DATA} == set()


def _descriptor(point: EntryPoint) -> PluginDescriptor:
    found = point.load()
    return found if isinstance(found, PluginDescriptor) else found()
