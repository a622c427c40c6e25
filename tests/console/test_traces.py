"""The desk of traces: the audit trail with its filters and as a spreadsheet, and the jobs with who works on them."""

from __future__ import annotations

import sqlalchemy as sa

from hub.infra import audit
from hub.infra.access import Role
from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.stories.world import World


async def test_the_trail_is_filtered_by_who_what_and_about_whom(world: World, rows: Rows, reader: Reader) -> None:
    async with world.transaction() as tx:
        await audit.record(tx, action="thing.lost", subject="thing", subject_id="T-1", detail={"where": "yard"})
        await audit.record(tx, action="thing.found", subject="thing", subject_id="T-2")
    page = await reader.see("/audit")
    assert page.index("thing.found") < page.index("thing.lost"), "the newest stands first"
    assert "where=yard" in page
    only = await reader.see("/audit", params={"action": "thing.lo"})
    assert ("thing.lost" in only, "thing.found" in only) == (True, False)
    assert "thing.found" in await reader.see("/audit", params={"subject": "thing", "subject_id": "T-2"})
    assert "Nothing here fits" in await reader.see("/audit", params={"actor": "nobody-at-all"})
    assert "Nothing here fits" in await reader.see("/audit", params={"action": "%"})
    lines = (await reader.http.get("/audit.csv", params={"subject": "thing"})).text.splitlines()
    assert len(lines) == 3
    assert "list.exported" in await reader.see("/audit", params={"subject": "list"})


async def test_a_line_leads_to_what_it_is_about(rows: Rows, reader: Reader) -> None:
    page = await reader.see("/audit", params={"subject": "contract"})
    assert f"/contracts/{rows['contract_id']}" in page


async def test_who_is_kept_to_branches_reads_of_their_branches_alone(world: World) -> None:
    async with world.transaction() as tx:
        await audit.record(tx, action="thing.secret", subject="thing", subject_id="T-3")
    await world.hire("southern-auditor", *Role, branch="south")
    stranger = await enter(world, "southern-auditor")
    assert "thing.secret" not in await stranger.see("/audit")


async def test_jobs_are_told_by_task_and_workers_by_their_heartbeat(world: World, reader: Reader) -> None:
    async with world.transaction() as tx:
        job = "insert into jobs.procrastinate_jobs (queue_name, task_name, status, args) values "
        await tx.execute(
            sa.text(
                job
                + "('default', 'test.broken', 'failed', '{}'), ('default', 'test.slow', 'doing', '{\"failures\": 7}')"
            )
        )
        await tx.execute(sa.text("insert into jobs.procrastinate_workers (last_heartbeat) values ('2026-01-01Z')"))
    page = await reader.see("/jobs")
    for text in ("test.broken", "test.slow", '<span class="badge warn">7</span>', "not heard of"):
        assert text in page
    async with world.transaction() as tx:
        await tx.execute(sa.text("delete from jobs.procrastinate_jobs where task_name like 'test.%'"))
        await tx.execute(sa.text("delete from jobs.procrastinate_workers where last_heartbeat = '2026-01-01Z'"))
