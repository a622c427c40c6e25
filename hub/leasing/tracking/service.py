"""Register devices, install them in cars, ask where they are, and take what they report: positions and alarms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import assert_never
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from hub.core.errors import Conflict, InvalidInput, NotFound
from hub.core.ids import BranchId, DeviceId, VehicleId
from hub.core.ports import NoRecord
from hub.core.ports.gps_tracker import Datum, Fix, LocateRequest
from hub.core.ports.webhooks import WebhookKind
from hub.infra import audit, staff
from hub.infra.access import system, visible
from hub.infra.database import Database, Tx
from hub.integrations.executor import Answer, Ask, CallOutcome, Executor
from hub.integrations.facts import ProviderEventReceived
from hub.integrations.routing import RouteFacts
from hub.leasing.tracking.datum import to_wgs84
from hub.leasing.tracking.records import AlarmRecord, BindingRecord, DeviceRecord, LocateRecord, PositionRecord
from hub.leasing.tracking.rules import (
    LOCATE_MOVES,
    AlarmKind,
    AlarmView,
    DeviceAlarmRaised,
    DeviceBound,
    DeviceKind,
    DeviceState,
    DeviceUnbound,
    DeviceView,
    LocateState,
    PositionRecorded,
    PositionView,
    alarm_kind,
    device_moved,
    position_of,
)

PERFORM_LOCATES = "tracking.perform_locates"
CHUNK = 200
_TERMINAL = re.compile(r"[0-9A-Za-z-]{1,40}")
AT_ONCE = 16
MOST_OF_TRACK = 1000
LONGEST_TRACK = timedelta(days=31)
# A claim that outlives this belongs to a worker that has died; asking where a car is may be repeated.
CLAIM = timedelta(seconds=45)

_LIVE: ColumnElement[bool] = BindingRecord.removed_at.is_(None)


# Devices and the cars they sit in


async def register_device(
    tx: Tx, *, branch_id: BranchId, terminal_id: str, instance: str, kind: DeviceKind = DeviceKind.MAIN
) -> DeviceId:
    """Take a device into stock; raises InvalidInput for its words, Conflict when the terminal is known."""
    terminal = terminal_id.strip()
    if not _TERMINAL.fullmatch(terminal):
        raise InvalidInput("terminal_id", "must be 1 to 40 letters, digits and -")
    if not 0 < len(instance) <= 60:
        raise InvalidInput("instance", "names the provider that the device reports through")
    await staff.check_branch(tx, branch_id)
    device = DeviceRecord(
        id=tx.new_id(),
        branch_id=branch_id,
        terminal_id=terminal,
        instance=instance,
        kind=kind,
        state=DeviceState.IN_STOCK,
        registered_at=tx.now,
    )
    tx.add(device)
    await _flush(tx, "device_known")
    await audit.record(tx, action="device.registered", subject="device", subject_id=device.id, branch_id=branch_id)
    return DeviceId(device.id)


async def bind(tx: Tx, device_id: DeviceId, vehicle_id: VehicleId) -> None:
    """Write down that a device has been installed in a car.

    Raises RuleBroken when it sits somewhere already or is faulty, Conflict when the car has a device of this kind.
    """
    device = await _device(tx, device_id, lock=True)
    device.state = device_moved(DeviceState(device.state), DeviceState.INSTALLED)
    tx.add(
        BindingRecord(
            id=tx.new_id(),
            device_id=device.id,
            vehicle_id=vehicle_id,
            kind=device.kind,
            installed_at=tx.now,
            installed_by=tx.actor.name,
        )
    )
    await _flush(tx, "vehicle_has_device_of_kind")
    await _record(tx, "device.bound", device, vehicle_id)
    tx.emit(DeviceBound(device_id=device_id, vehicle_id=vehicle_id, kind=DeviceKind(device.kind)))


async def unbind(tx: Tx, device_id: DeviceId, *, reason: str) -> None:
    """Write down that a device has been taken out of its car; raises RuleBroken when it sits in none."""
    device = await _device(tx, device_id, lock=True)
    device.state = device_moved(DeviceState(device.state), DeviceState.REMOVED)
    binding = (await tx.scalars(select(BindingRecord).where(BindingRecord.device_id == device.id, _LIVE))).one()
    binding.removed_at, binding.removal_reason = tx.now, reason
    vehicle_id = VehicleId(binding.vehicle_id)
    await _record(tx, "device.unbound", device, vehicle_id)
    tx.emit(DeviceUnbound(device_id=device_id, vehicle_id=vehicle_id))


async def _record(tx: Tx, action: str, device: DeviceRecord, vehicle_id: VehicleId) -> None:
    await audit.record(
        tx,
        action=action,
        subject="device",
        subject_id=device.id,
        detail={"vehicle_id": vehicle_id},
        branch_id=device.branch_id,
    )


# Asking where they are


async def request_locate(tx: Tx, device_id: DeviceId) -> None:
    """Have a device asked for its position; while a question is open, another one is not needed."""
    device = await _device(tx, device_id)
    asked = await tx.execute(
        insert(LocateRecord)
        .values(
            id=tx.new_id(),
            device_id=device.id,
            state=LocateState.REQUESTED,
            requested_at=tx.now,
            requested_by=tx.actor.name,
        )
        .on_conflict_do_nothing()
        .returning(LocateRecord.id)
    )
    if asked.scalar() is None:
        return
    await audit.record(
        tx, action="device.locate_requested", subject="device", subject_id=device.id, branch_id=device.branch_id
    )
    await tx.jobs.enqueue(tx, PERFORM_LOCATES, key=PERFORM_LOCATES)


@dataclass(frozen=True, slots=True)
class _Errand:
    """A claimed question and what to ask of the provider for it."""

    id: UUID
    ask: Ask


async def perform_locates(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Ask the providers for the positions that are wanted; returns how many were asked for."""
    errands = await _claim(database, limit)
    places = asyncio.Semaphore(AT_ONCE)

    async def one(errand: _Errand) -> None:
        async with places:
            answer = await executor.call(errand.ask)
            async with database.transaction(system("tracking")) as tx:
                await record_locate(tx, errand.id, answer)

    async with asyncio.TaskGroup() as group:
        for errand in errands:
            group.create_task(one(errand))
    return len(errands)


async def _claim(database: Database, limit: int) -> list[_Errand]:
    async with database.transaction(system("tracking")) as tx:
        forsaken = and_(LocateRecord.state == LocateState.SENT, LocateRecord.claimed_until_at < tx.now)
        due = (
            select(LocateRecord)
            .where(or_(LocateRecord.state == LocateState.REQUESTED, forsaken))
            .order_by(LocateRecord.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = (await tx.scalars(due)).all()
        for row in rows:
            row.state, row.claimed_until_at = LocateState.SENT, tx.now + CLAIM
        return [_Errand(row.id, await _locate_ask(tx, row)) for row in rows]


async def _locate_ask(tx: Tx, row: LocateRecord) -> Ask:
    device = await tx.get_one(DeviceRecord, row.device_id)
    branch = await staff.branch_code(tx, device.branch_id)
    return Ask(
        operation="gps_locate",
        request=LocateRequest(device_ref=device.terminal_id),
        key=str(row.id),
        branch=branch,
        pin=device.instance,
        route=RouteFacts(branch=branch),
    )


async def record_locate(tx: Tx, request_id: UUID, answer: Answer) -> None:
    """Write down what a provider said to the question for a position."""
    row = await tx.get_one(LocateRecord, request_id, with_for_update=True)
    state = await _taken(tx, DeviceId(row.device_id), answer)
    if state not in LOCATE_MOVES[LocateState(row.state)]:
        return
    row.state, row.code, row.answered_at = state, answer.error_code, tx.now


async def _taken(tx: Tx, device_id: DeviceId, answer: Answer) -> LocateState:
    match answer.outcome:
        case CallOutcome.OK if isinstance(answer.result, NoRecord):
            return LocateState.SILENT
        case CallOutcome.OK:
            assert isinstance(answer.result, Fix)
            await record_fix(tx, device_id, answer.result)
            return LocateState.ANSWERED
        case CallOutcome.REJECTED | CallOutcome.NOT_EXECUTED | CallOutcome.UNKNOWN:
            return LocateState.FAILED
        case _:
            assert_never(answer.outcome)


# Taking what they report


async def record_fix(tx: Tx, device_id: DeviceId, fix: Fix) -> bool:
    """Store a position on WGS-84, once; False when it was known. Raises InvalidInput for an instant in the future."""
    latitude, longitude = to_wgs84(fix.latitude, fix.longitude, fix.datum)
    position = position_of(replace(fix, latitude=latitude, longitude=longitude, datum=Datum.WGS84), tx.now)
    vehicle_id = await _vehicle_of(tx, device_id)
    stored = await tx.scalar(
        insert(PositionRecord)
        .values(
            device_id=device_id,
            fixed_at=position.fixed_at,
            vehicle_id=vehicle_id,
            lat=position.latitude,
            lon=position.longitude,
            speed_kmh=position.speed_kmh,
            source=position.source,
            received_at=tx.now,
        )
        .on_conflict_do_nothing()
        .returning(PositionRecord.device_id)
    )
    if stored is None:
        return False
    tx.emit(PositionRecorded(device_id=device_id, vehicle_id=vehicle_id, position=position))
    return True


async def record_position(tx: Tx, fact: ProviderEventReceived) -> None:
    """Take a position that a provider tells of; other news, and news of strangers' devices, are left alone."""
    if fact.kind is not WebhookKind.POSITION:
        return
    device_id, fix = await _told_device(tx, fact), _told_fix(fact)
    if device_id is not None and fix is not None:
        await record_fix(tx, device_id, fix)


async def record_alarm(tx: Tx, fact: ProviderEventReceived) -> None:
    """Take an alarm, once for each event of the provider; other news, and news of strangers' devices, are left alone."""
    if fact.kind is not WebhookKind.DEVICE_ALARM:
        return
    device_id = await _told_device(tx, fact)
    if device_id is not None:
        await _raise_alarm(tx, device_id, fact)


async def _told_device(tx: Tx, fact: ProviderEventReceived) -> DeviceId | None:
    found = await tx.scalar(
        select(DeviceRecord.id).where(
            DeviceRecord.terminal_id == fact.subject_ref, DeviceRecord.instance == fact.instance
        )
    )
    return None if found is None else DeviceId(found)


def _told_fix(fact: ProviderEventReceived) -> Fix | None:
    """The position inside an event; None when it is not complete, for then a query is what finds it."""
    detail: Mapping[str, str] = fact.detail
    try:
        return Fix(
            latitude=Decimal(detail["latitude"]),
            longitude=Decimal(detail["longitude"]),
            datum=Datum(detail.get("datum", Datum.WGS84)),
            fixed_at=fact.occurred_at,
        )
    except (KeyError, ValueError, InvalidOperation):
        return None


async def _raise_alarm(tx: Tx, device_id: DeviceId, fact: ProviderEventReceived) -> None:
    kind, vehicle_id = alarm_kind(fact.status), await _vehicle_of(tx, device_id)
    stored = await tx.scalar(
        insert(AlarmRecord)
        .values(
            id=tx.new_id(),
            device_id=device_id,
            vehicle_id=vehicle_id,
            kind=kind,
            event_key=f"{fact.status[:80]}@{fact.occurred_at.isoformat()}",
            raised_at=fact.occurred_at,
            received_at=tx.now,
        )
        .on_conflict_do_nothing()
        .returning(AlarmRecord.id)
    )
    if stored is not None:
        tx.emit(
            DeviceAlarmRaised(
                alarm_id=stored, device_id=device_id, vehicle_id=vehicle_id, kind=kind, raised_at=fact.occurred_at
            )
        )


async def _vehicle_of(tx: Tx, device_id: DeviceId) -> VehicleId | None:
    found = await tx.scalar(select(BindingRecord.vehicle_id).where(BindingRecord.device_id == device_id, _LIVE))
    return None if found is None else VehicleId(found)


# Looking


async def latest(tx: Tx, vehicle_id: VehicleId) -> PositionView | None:
    """The newest position of a car by any device that the actor may see, or None; looking is audited."""
    rows = select(PositionRecord).join(DeviceRecord, DeviceRecord.id == PositionRecord.device_id)
    rows = rows.where(PositionRecord.vehicle_id == vehicle_id).order_by(PositionRecord.fixed_at.desc()).limit(1)
    row = await tx.scalar(visible(rows, DeviceRecord.branch_id, tx.actor))
    await audit.record(tx, action="position.viewed", subject="vehicle", subject_id=vehicle_id)
    return None if row is None else _position_view(row)


async def track(
    tx: Tx, vehicle_id: VehicleId, *, since: datetime, until: datetime, purpose: str
) -> tuple[PositionView, ...]:
    """Where a car was from one instant to another, oldest first, the last `MOST_OF_TRACK`; who has looked and why is kept.

    Raises InvalidInput for a span that ends before it begins or is longer than `LONGEST_TRACK`.
    """
    if until < since:
        raise InvalidInput("until", "lies before the beginning")
    if until - since > LONGEST_TRACK:
        raise InvalidInput("until", f"is more than {LONGEST_TRACK.days} days away")
    rows = select(PositionRecord).join(DeviceRecord, DeviceRecord.id == PositionRecord.device_id)
    rows = rows.where(PositionRecord.vehicle_id == vehicle_id, PositionRecord.fixed_at.between(since, until))
    rows = visible(rows, DeviceRecord.branch_id, tx.actor).order_by(PositionRecord.fixed_at.desc()).limit(MOST_OF_TRACK)
    found = [_position_view(row) for row in await tx.scalars(rows)]
    detail = {"purpose": purpose, "since": since.isoformat(), "until": until.isoformat(), "positions": len(found)}
    await audit.record(tx, action="track.viewed", subject="vehicle", subject_id=vehicle_id, detail=detail)
    return tuple(reversed(found))


async def devices_in(tx: Tx, vehicle_id: VehicleId) -> tuple[DeviceView, ...]:
    """The devices that sit in a car now, as far as the actor may see."""
    rows = select(DeviceRecord).join(BindingRecord, BindingRecord.device_id == DeviceRecord.id)
    rows = visible(rows, DeviceRecord.branch_id, tx.actor)
    rows = rows.where(BindingRecord.vehicle_id == vehicle_id, _LIVE).order_by(DeviceRecord.kind)
    return tuple(_view(row, vehicle_id) for row in await tx.scalars(rows))


async def get_device(tx: Tx, device_id: DeviceId) -> DeviceView:
    """A device that the actor may see; raises NotFound."""
    return _view(await _device(tx, device_id), await _vehicle_of(tx, device_id))


async def list_devices(tx: Tx, *, after: UUID | None = None, limit: int = 50) -> tuple[DeviceView, ...]:
    """A page of devices by key, newest first."""
    rows = select(DeviceRecord, BindingRecord.vehicle_id).outerjoin(
        BindingRecord, and_(BindingRecord.device_id == DeviceRecord.id, _LIVE)
    )
    if after is not None:
        rows = rows.where(DeviceRecord.id < after)
    rows = visible(rows, DeviceRecord.branch_id, tx.actor).order_by(DeviceRecord.id.desc()).limit(limit)
    return tuple(
        _view(device, None if vehicle_id is None else VehicleId(vehicle_id))
        for device, vehicle_id in await tx.execute(rows)
    )


async def alarms_of(tx: Tx, vehicle_id: VehicleId, *, limit: int = 50) -> tuple[AlarmView, ...]:
    """The alarms of a car's devices, newest first."""
    rows = select(AlarmRecord).join(DeviceRecord, DeviceRecord.id == AlarmRecord.device_id)
    rows = visible(rows, DeviceRecord.branch_id, tx.actor).where(AlarmRecord.vehicle_id == vehicle_id)
    return tuple(
        AlarmView(
            id=row.id,
            device_id=DeviceId(row.device_id),
            vehicle_id=vehicle_id,
            kind=AlarmKind(row.kind),
            raised_at=row.raised_at,
        )
        for row in await tx.scalars(rows.order_by(AlarmRecord.raised_at.desc()).limit(limit))
    )


async def _device(tx: Tx, device_id: DeviceId, *, lock: bool = False) -> DeviceRecord:
    query = visible(select(DeviceRecord), DeviceRecord.branch_id, tx.actor).where(DeviceRecord.id == device_id)
    device = await tx.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)
    if device is None:
        raise NotFound("device", device_id)
    return device


async def _flush(tx: Tx, reason: str) -> None:
    """Write now; somebody who was first is a Conflict of that reason."""
    try:
        await tx.flush()
    except IntegrityError as error:
        raise Conflict(reason) from error


def _view(row: DeviceRecord, vehicle_id: VehicleId | None) -> DeviceView:
    return DeviceView(
        id=DeviceId(row.id),
        branch_id=BranchId(row.branch_id),
        terminal_id=row.terminal_id,
        instance=row.instance,
        kind=DeviceKind(row.kind),
        state=DeviceState(row.state),
        vehicle_id=vehicle_id,
    )


def _position_view(row: PositionRecord) -> PositionView:
    return PositionView(
        vehicle_id=None if row.vehicle_id is None else VehicleId(row.vehicle_id),
        device_id=DeviceId(row.device_id),
        latitude=row.lat,
        longitude=row.lon,
        fixed_at=row.fixed_at,
        speed_kmh=row.speed_kmh,
        source=row.source,
    )
