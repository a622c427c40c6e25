"""Traces with an exporter in memory: what is in them, and that there are none unless somebody wants them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from hub.core.json import JsonValue
from hub.infra import tracing
from hub.infra.access import Actor
from hub.infra.database import Database
from hub.infra.jobs import ProcrastinateJobs
from hub.infra.logs import correlated, correlation_id


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.send_through(SimpleSpanProcessor(exporter))
    yield exporter
    tracing.stop()


def test_without_an_address_nothing_is_traced_nor_imported() -> None:
    code = (
        "import sys; from hub.infra import tracing; tracing.start({})\n"
        "with tracing.span('x') as one: one.note('a', 1); one.rename('b'); one.failed('c')\n"
        "assert tracing.traceparent() is None\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_span_has_the_correlation_id_and_the_kind_of_an_error_but_not_its_text(spans: InMemorySpanExporter) -> None:
    with (
        correlated("c-1"),
        pytest.raises(ValueError, match="张伟"),
        tracing.span("look", leasehub__instance="psp_main"),
    ):
        raise ValueError("张伟 13812345678")
    [span] = spans.get_finished_spans()
    assert span.attributes is not None
    assert dict(span.attributes) == {
        "leasehub.instance": "psp_main",
        "leasehub.correlation_id": "c-1",
        "error.type": "ValueError",
    }
    assert span.events == ()
    assert span.status.description is None
    assert not span.status.is_ok


async def test_a_job_goes_on_with_the_correlation_id_and_the_trace_of_whoever_woke_it(
    database: Database,
    jobs: ProcrastinateJobs,
    system_actor: Actor,
    drain: Callable[[], Awaitable[None]],
    spans: InMemorySpanExporter,
) -> None:
    seen: list[str | None] = []
    left = 2

    async def run(_: Mapping[str, JsonValue]) -> None:
        nonlocal left
        seen.append(correlation_id())
        left -= 1
        if left:
            raise RuntimeError("again")

    jobs.register("test.woken", run)
    with correlated("request-1"), tracing.span("GET /x"):
        async with database.transaction(system_actor) as tx:
            await jobs.enqueue(tx, "test.woken")
    await drain()
    assert seen == ["request-1"]
    [request, job] = spans.get_finished_spans()
    assert job.parent is not None
    assert request.context is not None
    assert (job.name, job.parent.span_id) == ("job test.woken", request.context.span_id)
    async with database.engine.connect() as connection:
        waiting = await connection.exec_driver_sql("select args from procrastinate_jobs where status = 'todo'")
        [(again,)] = waiting.fetchall()
    assert again["correlation_id"] == "request-1", "a job that is tried again stays whoever's it was"


async def test_a_job_of_the_clock_has_an_id_of_its_own(
    jobs: ProcrastinateJobs, database: Database, drain: Callable[[], Awaitable[None]]
) -> None:
    seen: list[str | None] = []

    async def run(_: Mapping[str, JsonValue]) -> None:
        seen.append(correlation_id())

    jobs.register("test.ticked", run)
    await jobs.wake("test.ticked")
    await drain()
    [only] = seen
    assert only is not None
    assert only.startswith("test.ticked-")
