"""What instances were used for: counted by outcome and day, no cost where none was said, within the actor's branches."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import func, select, update

from hub.core.errors import InvalidInput, NotFound
from hub.core.money import Money
from hub.core.provider import Mode
from hub.infra import audit, staff
from hub.infra.access import Actor, system
from hub.infra.database import Database
from hub.infra.records import BranchKind
from hub.integrations import switches
from hub.integrations.call_log import open_unknowns
from hub.integrations.credentials import SecretSource
from hub.integrations.generation import Generation, Instance
from hub.integrations.plugins import ProviderState
from hub.integrations.provenance import SettingCard, SettingSource
from hub.integrations.records import InboxDelivery, ProviderCall, UsageHour
from hub.integrations.secret_files import replace_secret
from hub.integrations.usage import Lag, Usage, inbox_lag, tally, unknowns_by_instance, usage
from hub.sdk.clock import VirtualClock

ACTOR = system("test")
INSTANCES = ("psp_main", "psp_spare", "psp_idle")


async def _call(database: Database, number: int, state: str, **more: Any) -> None:
    async with database.transaction(ACTOR) as tx:
        row: dict[str, Any] = {
            "id": tx.new_id(),
            "tenant": "t",
            "correlation_id": "c",
            "operation": "payments_collect",
            "effect": "money",
            "idempotency_key": f"k{number}",
            "sent_key": f"k{number}",
            "holds_key": True,
            "request_hash": b"h",
            "request_masked": {},
            "instance": "psp_main",
            "generation": 1,
            "route": {},
            "state": state,
            "attempt": 1,
            "detail": "",
            "created_at": tx.now,
            "reconcile_count": 0,
            "no_record_count": 0,
        }
        tx.add(ProviderCall(**(row | more)))


async def test_usage_is_counted_since_an_instant(database: Database) -> None:
    now = database.clock.now()
    await _call(database, 1, "ok", duration_ms=10.0, cost_amount=Money.of("0.30"))
    await _call(database, 2, "ok", duration_ms=30.0, cost_amount=Money.of("0.20"))
    await _call(database, 3, "unknown", duration_ms=50.0)
    await _call(database, 4, "rejected", duration_ms=20.0, created_at=now - timedelta(hours=25))
    await _call(database, 5, "ok", instance="psp_spare", branch="north")
    async with database.transaction(ACTOR) as tx:
        assert await usage(tx, instances=INSTANCES, since=now - timedelta(hours=24)) == {
            "psp_main": Usage(calls=3, errors=1, median_ms=30.0, spend=Money.of("0.50")),
            "psp_spare": Usage(calls=1, errors=0, median_ms=None, spend=None),
        }
        assert await unknowns_by_instance(tx) == {"psp_main": 1}
        assert await open_unknowns(tx) == 1


async def _used(database: Database, actor: Actor = ACTOR) -> Mapping[str, Usage]:
    async with database.transaction(actor) as tx:
        return await usage(tx, instances=INSTANCES, since=tx.now - timedelta(hours=24))


async def test_hours_that_are_counted_and_moments_that_are_not_yet_are_summed_up(
    database: Database, clock: VirtualClock
) -> None:
    await _call(database, 1, "ok", duration_ms=10.0, cost_amount=Money.of("0.30"), branch="north")
    clock.advance(timedelta(hours=3))
    await _call(database, 2, "rejected", duration_ms=20.0)
    clock.advance(timedelta(minutes=5))
    await tally(database, INSTANCES)
    clock.advance(timedelta(minutes=1))
    await _call(database, 3, "ok", duration_ms=90.0, cost_amount=Money.of("0.20"))
    async with database.transaction(ACTOR) as tx:
        rows = await tx.execute(select(UsageHour.branch, UsageHour.calls, UsageHour.errors).order_by(UsageHour.hour_at))
        assert [tuple(row) for row in rows] == [("north", 1, 0), ("", 1, 1)]
    assert await _used(database) == {"psp_main": Usage(calls=3, errors=1, median_ms=20.0, spend=Money.of("0.50"))}
    await tally(database, INSTANCES)  # what is counted already is not counted twice
    await tally(database, INSTANCES)
    assert (await _used(database))["psp_main"].calls == 3


async def test_an_hour_with_an_open_call_is_counted_anew_until_it_is_settled(
    database: Database, clock: VirtualClock
) -> None:
    await _call(database, 1, "unknown", reconcile_at=clock.now())
    await tally(database, INSTANCES)
    clock.advance(timedelta(hours=5))
    await tally(database, INSTANCES)
    assert await _used(database) == {"psp_main": Usage(calls=1, errors=1)}
    async with database.transaction(ACTOR) as tx:
        await tx.execute(update(ProviderCall).values(state="ok", reconcile_at=None, cost_amount=Money.of("0.30")))
    await tally(database, INSTANCES)
    assert await _used(database) == {"psp_main": Usage(calls=1, errors=0, spend=Money.of("0.30"))}
    clock.advance(timedelta(hours=26))
    await tally(database, INSTANCES)
    assert await _used(database) == {}
    async with database.transaction(ACTOR) as tx:
        assert await tx.scalar(select(func.count()).select_from(UsageHour)) == 0, "an hour is kept for a day"


async def test_usage_is_that_of_the_branches_that_somebody_sees(database: Database) -> None:
    async with database.transaction(ACTOR) as tx:
        top = await staff.add_branch(tx, code="top", name="Top", kind=BranchKind.HEADQUARTERS)
        north = await staff.add_branch(tx, code="north", name="North", kind=BranchKind.BRANCH, parent_id=top)
    for number, branch in enumerate(("north", "top", None)):
        await _call(database, number, "ok", branch=branch, duration_ms=float(number))
    reader = replace(ACTOR, branches=frozenset({north}))
    for counting in (False, True):
        if counting:
            await tally(database, INSTANCES)
        assert await _used(database, reader) == {"psp_main": Usage(calls=1, median_ms=0.0)}
        assert await _used(database) == {"psp_main": Usage(calls=3, median_ms=1.0)}


async def test_callbacks_that_wait_are_told_by_instance(database: Database) -> None:
    async with database.transaction(ACTOR) as tx:
        for number, (state, waits) in enumerate([("received", True), ("failed", False), ("applied", False)]):
            tx.add(
                InboxDelivery(
                    id=tx.new_id(),
                    instance="psp_main",
                    event_key=str(number),
                    received_at=tx.now,
                    method="POST",
                    path="/",
                    headers={},
                    request_sealed=b"x",
                    verified=True,
                    events=[],
                    state=state,
                    apply_at=tx.now if waits else None,
                    tries=0,
                    error="",
                    replayed_count=0,
                )
            )
    async with database.transaction(ACTOR) as tx:
        assert await inbox_lag(tx) == {"psp_main": Lag(waiting=1, oldest_at=tx.now, failed=1)}


class _Registry:
    """Holds one instance whose settings are given; a registry's real one is loaded from distributions."""

    def __init__(self, folder: Path, card: SettingCard) -> None:
        self.secrets = SecretSource(folder=folder, environment={})
        made = Instance(
            name="psp_main",
            plugin="acme",
            distribution="acme",
            mode=Mode.SANDBOX,
            state=ProviderState.LOADED,
            settings=(card,),
        )
        self.current = Generation(number=1, instances=MappingProxyType({"psp_main": made}))


def _registry(folder: Path, source: SettingSource = SettingSource.SECRET_FILE) -> Any:
    return _Registry(folder, SettingCard(name="api_key", source=source, place="key", is_secret=True, is_set=True))


async def test_a_new_secret_is_written_audited_without_its_value_and_read_anew(
    database: Database, tmp_path: Path
) -> None:
    async with database.transaction(ACTOR) as tx:
        await replace_secret(tx, _registry(tmp_path), instance="psp_main", setting="api_key", value="canary-77")
    assert (tmp_path / "key").read_text() == "canary-77"
    async with database.transaction(ACTOR) as tx:
        [line] = await audit.entries(tx, subject="provider", subject_id="psp_main")
        assert (line.action, line.detail) == ("provider.secret_replaced", {"setting": "api_key", "file": "key"})
        assert await switches.last_change(tx)


@pytest.mark.parametrize(
    ("instance", "source", "value", "error"),
    [
        ("psp_main", SettingSource.ENVIRONMENT, "canary-77", InvalidInput),
        ("nobody", SettingSource.SECRET_FILE, "canary-77", NotFound),
        ("psp_main", SettingSource.SECRET_FILE, " ", InvalidInput),
    ],
)
async def test_a_secret_that_cannot_be_replaced_changes_nothing(
    database: Database, tmp_path: Path, instance: str, source: SettingSource, value: str, error: type[Exception]
) -> None:
    registry = _registry(tmp_path, source)
    async with database.transaction(ACTOR) as tx:
        with pytest.raises(error):
            async with tx.attempt():
                await replace_secret(tx, registry, instance=instance, setting="api_key", value=value)
    assert not os.listdir(tmp_path)
    async with database.transaction(ACTOR) as tx:
        assert await audit.entries(tx, subject="provider") == []
