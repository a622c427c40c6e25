"""Devices in cars, questions for a position, and what providers tell, on the real database with a scripted provider."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import text

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.events import Fact
from hub.core.ids import BranchId, DeviceId, VehicleId
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.gps_tracker import Datum, Fix, LocateRequest
from hub.core.ports.webhooks import WebhookKind
from hub.infra.access import Actor
from hub.infra.database import Database, Tx
from hub.infra.jobs import ProcrastinateJobs
from hub.integrations.executor import Answer, Ask, CallOutcome, Executor
from hub.integrations.facts import ProviderEventReceived
from hub.leasing.inventory import service as inventory
from hub.leasing.inventory.rules import CarToOrder
from hub.leasing.tracking import service
from hub.leasing.tracking.rules import (
    AlarmKind,
    DeviceAlarmRaised,
    DeviceBound,
    DeviceKind,
    DeviceState,
    PositionRecorded,
)

NOW = datetime(2026, 1, 5, 1, tzinfo=UTC)
FIX = Fix(
    latitude=Decimal("39.9087221"),
    longitude=Decimal("116.3974992"),
    datum=Datum.WGS84,
    fixed_at=NOW,
    speed_kmh=Decimal(31),
)


class Provider:
    """Answers every ask in the same way, and remembers what it was asked."""

    def __init__(self, result: object | None, outcome: CallOutcome = CallOutcome.OK) -> None:
        self.asked: list[Ask] = []
        self._result, self._outcome = result, outcome

    async def call(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        return Answer(call_id=UUID(int=1), instance=ask.pin, outcome=self._outcome, result=self._result)


@pytest.fixture(autouse=True)
def facts(database: Database, jobs: ProcrastinateJobs) -> list[Fact]:
    heard: list[Fact] = []

    async def listen(tx: Tx, fact: Fact) -> None:
        heard.append(fact)

    async def left_to_the_test(payload: object) -> None:
        pass

    database.listener = listen
    jobs.register(service.PERFORM_LOCATES, left_to_the_test)
    return heard


@pytest.fixture
async def vehicle(database: Database, system_actor: Actor, branch: BranchId) -> VehicleId:
    async with database.transaction(system_actor) as tx:
        car = CarToOrder(vin="LSVAA4182E2184847", model="帕萨特", cost=Money.of("1"), branch_id=branch)
        return await inventory.order_for_stock(tx, car, dealer="东方汽车")


async def _device(
    database: Database,
    actor: Actor,
    branch: BranchId,
    terminal: str = "138000000001",
    kind: DeviceKind = DeviceKind.MAIN,
) -> DeviceId:
    async with database.transaction(actor) as tx:
        return await service.register_device(tx, branch_id=branch, terminal_id=terminal, instance="gps_main", kind=kind)


async def _bound(database: Database, actor: Actor, branch: BranchId, vehicle: VehicleId) -> DeviceId:
    device_id = await _device(database, actor, branch)
    async with database.transaction(actor) as tx:
        await service.bind(tx, device_id, vehicle)
    return device_id


async def test_a_device_is_installed_and_taken_out(
    database: Database, system_actor: Actor, branch: BranchId, vehicle: VehicleId, facts: list[Fact]
) -> None:
    device_id = await _bound(database, system_actor, branch, vehicle)
    async with database.transaction(system_actor) as tx:
        (inside,) = await service.devices_in(tx, vehicle)
        await service.unbind(tx, device_id, reason="lease ended")
        after = await service.get_device(tx, device_id)
    assert (inside.id, inside.state, inside.vehicle_id) == (device_id, DeviceState.INSTALLED, vehicle)
    assert (after.state, after.vehicle_id) == (DeviceState.REMOVED, None)
    assert any(isinstance(fact, DeviceBound) for fact in facts)


async def test_a_device_sits_in_one_car_only(
    database: Database, system_actor: Actor, branch: BranchId, vehicle: VehicleId
) -> None:
    device_id = await _bound(database, system_actor, branch, vehicle)
    async with database.transaction(system_actor) as tx:
        with pytest.raises(RuleBroken, match="device_state"):
            await service.bind(tx, device_id, vehicle)


async def test_a_car_has_one_device_of_each_kind(
    database: Database, system_actor: Actor, branch: BranchId, vehicle: VehicleId
) -> None:
    await _bound(database, system_actor, branch, vehicle)
    second = await _device(database, system_actor, branch, "138000000002")
    hidden = await _device(database, system_actor, branch, "138000000003", DeviceKind.HIDDEN)
    with pytest.raises(Conflict, match="vehicle_has_device_of_kind"):
        async with database.transaction(system_actor) as tx:
            await service.bind(tx, second, vehicle)
    async with database.transaction(system_actor) as tx:
        await service.bind(tx, hidden, vehicle)
        assert len(await service.devices_in(tx, vehicle)) == 2


@pytest.mark.parametrize("terminal", ["", "a b", "x" * 41])
async def test_a_terminal_id_must_be_one(
    database: Database, system_actor: Actor, branch: BranchId, terminal: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await _device(database, system_actor, branch, terminal)
    assert refused.value.field == "terminal_id"


async def test_a_terminal_is_registered_once(database: Database, system_actor: Actor, branch: BranchId) -> None:
    await _device(database, system_actor, branch)
    with pytest.raises(Conflict, match="device_known"):
        await _device(database, system_actor, branch)


async def test_a_position_is_asked_for_at_the_devices_own_provider(
    database: Database, system_actor: Actor, branch: BranchId, vehicle: VehicleId, facts: list[Fact]
) -> None:
    device_id = await _bound(database, system_actor, branch, vehicle)
    async with database.transaction(system_actor) as tx:
        await service.request_locate(tx, device_id)
        await service.request_locate(tx, device_id)
    provider = Provider(FIX)
    assert await service.perform_locates(database, cast(Executor, provider)) == 1
    assert await service.perform_locates(database, cast(Executor, provider)) == 0
    (ask,) = provider.asked
    assert (ask.operation, ask.pin, ask.branch) == ("gps_locate", "gps_main", "north")
    assert ask.request == LocateRequest(device_ref="138000000001")
    async with database.transaction(system_actor) as tx:
        latest = await service.latest(tx, vehicle)
    assert latest is not None
    assert (latest.latitude, latest.longitude) == (Decimal("39.908722"), Decimal("116.397499"))
    assert next(fact for fact in facts if isinstance(fact, PositionRecorded)).vehicle_id == vehicle


@pytest.mark.parametrize(
    ("provider", "state"),
    [
        (Provider(NoRecord(query=StatusQuery(provider_ref="138000000001"))), "silent"),
        (Provider(None, CallOutcome.UNKNOWN), "failed"),
        (Provider(None, CallOutcome.NOT_EXECUTED), "failed"),
    ],
)
async def test_a_question_without_a_position_ends_as_such(
    database: Database, system_actor: Actor, branch: BranchId, provider: Provider, state: str
) -> None:
    device_id = await _device(database, system_actor, branch)
    async with database.transaction(system_actor) as tx:
        await service.request_locate(tx, device_id)
    await service.perform_locates(database, cast(Executor, provider))
    async with database.transaction(system_actor) as tx:
        assert await tx.scalar(text("select state from locate_request")) == state
        await service.request_locate(tx, device_id)


async def test_a_question_left_by_a_dead_worker_is_taken_over(
    database: Database, system_actor: Actor, branch: BranchId, clock: object
) -> None:
    device_id = await _device(database, system_actor, branch)
    async with database.transaction(system_actor) as tx:
        await service.request_locate(tx, device_id)
        await tx.execute(text("update locate_request set state = 'sent', claimed_until_at = :at"), {"at": NOW})
    provider = Provider(FIX)
    assert await service.perform_locates(database, cast(Executor, provider)) == 0
    clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]
    assert await service.perform_locates(database, cast(Executor, provider)) == 1


async def test_a_position_is_kept_once_and_the_newest_is_the_latest(
    database: Database, system_actor: Actor, branch: BranchId, vehicle: VehicleId
) -> None:
    device_id = await _bound(database, system_actor, branch, vehicle)
    older = Fix(latitude=Decimal(1), longitude=Decimal(2), datum=Datum.WGS84, fixed_at=NOW - timedelta(minutes=1))
    async with database.transaction(system_actor) as tx:
        assert await service.record_fix(tx, device_id, FIX)
        assert not await service.record_fix(tx, device_id, FIX)
        assert await service.record_fix(tx, device_id, older)
        latest = await service.latest(tx, vehicle)
    assert latest is not None
    assert latest.fixed_at == NOW


def _event(kind: WebhookKind, status: str = "power_cut", **changes: object) -> ProviderEventReceived:
    fields: dict[str, object] = {
        "instance": "gps_main",
        "kind": kind,
        "subject_ref": "138000000001",
        "status": status,
        "occurred_at": NOW,
    }
    return ProviderEventReceived(**{**fields, **changes})  # type: ignore[arg-type]


async def test_an_alarm_is_raised_once(
    database: Database, system_actor: Actor, branch: BranchId, vehicle: VehicleId, facts: list[Fact]
) -> None:
    await _bound(database, system_actor, branch, vehicle)
    for _ in range(2):
        async with database.transaction(system_actor) as tx:
            await service.record_alarm(tx, _event(WebhookKind.DEVICE_ALARM))
    async with database.transaction(system_actor) as tx:
        (alarm,) = await service.alarms_of(tx, vehicle)
    assert alarm.kind is AlarmKind.POWER_CUT
    assert len([fact for fact in facts if isinstance(fact, DeviceAlarmRaised)]) == 1


async def test_events_of_strangers_and_half_positions_are_left_alone(
    database: Database, system_actor: Actor, branch: BranchId, vehicle: VehicleId
) -> None:
    await _bound(database, system_actor, branch, vehicle)
    whole = {"latitude": "39.9", "longitude": "116.4", "datum": "wgs84"}
    async with database.transaction(system_actor) as tx:
        await service.record_alarm(tx, _event(WebhookKind.DEVICE_ALARM, instance="other"))
        await service.record_position(tx, _event(WebhookKind.POSITION, detail={"latitude": "39.9"}))
        await service.record_alarm(tx, _event(WebhookKind.PAYMENT))
        await service.record_position(tx, _event(WebhookKind.PAYMENT, detail=whole))
        assert await service.alarms_of(tx, vehicle) == ()
        assert await service.latest(tx, vehicle) is None
        await service.record_position(tx, _event(WebhookKind.POSITION, detail=whole))
        assert await service.latest(tx, vehicle) is not None


async def test_another_branch_sees_no_device_and_no_position(
    database: Database, system_actor: Actor, branch: BranchId, vehicle: VehicleId
) -> None:
    device_id = await _bound(database, system_actor, branch, vehicle)
    async with database.transaction(system_actor) as tx:
        await service.record_fix(tx, device_id, FIX)
    stranger = Actor(name="s", staff_id=None, permissions=system_actor.permissions, branches=frozenset({UUID(int=9)}))
    async with database.transaction(stranger) as tx:
        assert await service.latest(tx, vehicle) is None
        assert await service.devices_in(tx, vehicle) == ()
        assert await service.list_devices(tx) == ()
        with pytest.raises(NotFound):
            await service.request_locate(tx, device_id)
