"""Health and metrics: every thing that a process needs is tested and named; who may scrape; what is counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import text

from hub import fitness
from hub.api.watch import create_watch
from hub.infra import tracing
from hub.infra.keyring import Keyring
from hub.infra.vault import KeyVault
from hub.integrations.registry import ProviderState
from tests.api.rows import Rows
from tests.stories.world import World

TOKEN = "scrape-token-0123456789"


@asynccontextmanager
async def asking(app: Any, *, client: str = "127.0.0.1", **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(client, 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers) as http:
        yield http


@pytest.fixture
async def nobody(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(world.app) as client:
        yield client


async def numbers(client: httpx.AsyncClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def _checks(client: httpx.AsyncClient, status: int) -> dict[str, str]:
    answer = await client.get("/health/ready")
    assert answer.status_code == status, answer.text
    checks: dict[str, str] = answer.json()["checks"]
    return checks


async def test_ready_names_everything_that_is_needed(world: World, rows: Rows, nobody: httpx.AsyncClient) -> None:
    async with world.transaction() as tx:
        await tx.execute(text("delete from procrastinate_workers"))
    checks = await _checks(nobody, 503)
    assert checks.pop("worker").startswith("nobody works on jobs")
    assert checks == dict.fromkeys(("database", "migrations", "keyring", "providers"), "ok")
    async with world.hub.working():
        for _ in range(2400):
            if (await nobody.get("/health/ready")).status_code == 200:
                break
            await asyncio.sleep(0.05)
        assert set((await _checks(nobody, 200)).values()) == {"ok"}
    assert (await nobody.get("/health/live")).json()["status"] == "live"


async def test_a_database_that_is_behind_is_not_ready_and_one_that_is_ahead_is(
    world: World, nobody: httpx.AsyncClient
) -> None:
    async def at(revision: str) -> str:
        async with world.transaction() as tx:
            await tx.execute(text("update alembic_version set version_num = :to"), {"to": revision})
        return (await nobody.get("/health/ready")).json()["checks"]["migrations"]

    async with world.transaction() as tx:
        head = await tx.scalar(text("select version_num from alembic_version"))
    try:
        assert "run `hub migrate`" in await at("0001")
        assert await at("9999") == "ok", "a newer version is being rolled out, and we go on"
    finally:
        assert await at(head) == "ok"


async def test_another_keyring_is_not_ready(world: World, rows: Rows, nobody: httpx.AsyncClient) -> None:
    vault = world.hub.house.database.vault
    world.hub.house.database.vault = KeyVault(Keyring.fresh())
    try:
        assert "another keyring" in (await _checks(nobody, 503))["keyring"]
    finally:
        world.hub.house.database.vault = vault


async def test_a_required_provider_that_cannot_be_used_is_named(world: World, nobody: httpx.AsyncClient) -> None:
    tenure = world.hub.house.registry._tenure
    whole = tenure.generation
    lost = replace(whole.instances["psp_main"], required=True, state=ProviderState.AUTH_FAILED, reason="key abc")
    tenure.generation = replace(whole, instances=MappingProxyType({**whole.instances, "psp_main": lost}))
    try:
        assert (await _checks(nobody, 503))["providers"] == "psp_main is auth_failed"
        off = replace(lost, state=ProviderState.DISABLED)
        tenure.generation = replace(whole, instances=MappingProxyType({**whole.instances, "psp_main": off}))
        assert (await nobody.get("/health/ready")).json()["checks"]["providers"] == "ok"
    finally:
        tenure.generation = whole


async def test_keys_that_were_found_right_are_not_opened_again_for_a_minute(
    world: World, rows: Rows, nobody: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await nobody.get("/health/ready")
    opened = []

    async def counted(*_: object) -> None:
        opened.append(1)

    monkeypatch.setattr(fitness, "require_keys", counted)
    await nobody.get("/health/ready")
    world.clock.advance(timedelta(seconds=61))
    await nobody.get("/health/ready")
    await nobody.get("/health/ready")
    assert len(opened) == 1


async def test_without_a_token_only_this_machine_may_scrape(world: World) -> None:
    for client, headers, status in (
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.7", {}, 401),
        ("10.0.0.7", {"authorization": f"Bearer {TOKEN}"}, 401),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, 401),
        ("127.0.0.1", {"forwarded": "for=127.0.0.1"}, 401),
        ("testclient", {}, 401),
    ):
        async with asking(world.app, client=client, **headers) as http:
            assert (await http.get("/metrics")).status_code == status, (client, headers)


async def test_with_a_token_whoever_shows_it_may_scrape_and_nobody_else(world: World) -> None:
    house = world.hub.house
    settings = house.settings.model_copy(update={"metrics_token": SecretStr(TOKEN)})
    app = create_watch(replace(house, settings=settings))
    for headers, status in (
        ({}, 401),
        ({"authorization": f"Bearer {TOKEN}x"}, 401),
        ({"authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": f"Bearer {TOKEN}"}, 200),
    ):
        async with asking(app, **headers) as http:
            assert (await http.get("/metrics")).status_code == status, headers
    async with asking(app) as http:
        assert (await http.get("/health/live")).status_code == 200
        assert (await http.get("/api/v1/leads")).status_code == 404


async def test_requests_are_counted_by_template_and_never_by_what_was_typed(
    world: World, rows: Rows, nobody: httpx.AsyncClient
) -> None:
    def of(route: str, status: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        return "leasehub_requests_total", (("method", "GET"), ("route", route), ("status", status))

    before = await numbers(nobody)
    await world.people["admin"].get(f"/contracts/{rows['contract_id']}")
    await nobody.get("/api/v1/contracts/13812345678")
    await nobody.get("/api/v1/no/such/13812345678")
    after = await numbers(nobody)
    seen = {key: after[key] - before.get(key, 0) for key in after if key[0] == "leasehub_requests_total"}
    template = "/api/v1/contracts/{contract_id}"
    assert (seen[of(template, "200")], seen[of(template, "401")], seen[of("(none)", "404")]) == (1, 1, 1)
    assert not [key for key in after if "13812345678" in str(key)]
    timed = ("leasehub_request_seconds_count", (("method", "GET"), ("route", template)))
    assert after[timed] - before.get(timed, 0) == 2


async def test_calls_jobs_and_what_stands_open_are_there(world: World, rows: Rows, nobody: httpx.AsyncClient) -> None:
    async with world.transaction() as tx:
        await tx.execute(
            text("update provider_call set state = 'unknown' where id = (select id from provider_call limit 1)")
        )
        await tx.execute(text("update webhook_inbox set apply_at = received_at where instance = 'psp_main'"))
    shown = await numbers(nobody)
    names = {name for name, _ in shown}
    assert sum(value for (name, _), value in shown.items() if name == "leasehub_calls_unsettled") == 1
    assert shown["leasehub_inbox_waiting", (("instance", "psp_main"),)] > 0
    called = {labels: value for (name, labels), value in shown.items() if name == "leasehub_provider_calls_total"}
    assert called[("instance", "bureau_main"), ("operation", "credit_pull"), ("outcome", "ok")] > 0
    assert names >= {
        "leasehub_provider_call_seconds_count",
        "leasehub_jobs_total",
        "leasehub_breaker",
        "leasehub_pool",
        "leasehub_workers",
        "leasehub_night_left",
        "leasehub_horizon_age_seconds",
        "leasehub_provider_usable",
    }
    async with world.transaction() as tx:
        await tx.execute(text("update provider_call set state = 'ok' where state = 'unknown'"))
        await tx.execute(text("update webhook_inbox set apply_at = null"))


async def test_an_open_transaction_that_writes_is_seen(world: World, nobody: httpx.AsyncClient) -> None:
    async with world.hub.house.database.engine.connect() as connection:
        await connection.execute(text("select pg_current_xact_id()"))
        await asyncio.sleep(0.3)
        assert (await numbers(nobody))["leasehub_horizon_age_seconds", ()] >= 0.3


async def test_a_request_and_the_call_that_it_leads_to_are_one_trace_without_ids_of_rows(
    world: World, rows: Rows
) -> None:
    await world.settle()  # a job that waits already would be somebody else's
    exporter = InMemorySpanExporter()
    tracing.send_through(SimpleSpanProcessor(exporter))
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    device = rows["device_id"]
    try:
        boss = world.people["admin"]
        headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        asked = await boss.ask("POST", f"/devices/{device}/locate", headers=headers)
        assert asked.status_code == 202, asked.text
        await world.settle()
    finally:
        tracing.stop()
    spans = [one for one in exporter.get_finished_spans() if one.context and f"{one.context.trace_id:032x}" == trace]
    assert {one.name for one in spans} == {
        "POST /api/v1/devices/{device_id}/locate",
        "job tracking.perform_locates",
        "provider gps_locate",
    }
    assert len({dict(one.attributes or {}).get("leasehub.correlation_id") for one in spans}) == 1
    shown = " ".join(f"{one.name} {dict(one.attributes or {})}" for one in spans)
    assert device not in shown
    assert "'leasehub.outcome': 'ok'" in shown
