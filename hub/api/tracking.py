"""GPS devices, the cars they sit in, where those are, and the alarms that came."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from hub.api.deps import Body, ThePage, acting
from hub.api.once import OnceRoute
from hub.core.ids import BranchId, DeviceId, VehicleId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.inventory import service as inventory
from hub.leasing.tracking import service
from hub.leasing.tracking.rules import AlarmKind, DeviceKind, DeviceState

router = APIRouter(tags=["tracking"], route_class=OnceRoute)

Reading = Annotated[Tx, acting(P.TRACKING_READ)]
Writing = Annotated[Tx, acting(P.TRACKING_WRITE)]


class RegisterDevice(Body):
    """A device by its terminal id, and the provider instance that it reports through."""

    branch_id: UUID
    terminal_id: str
    instance: str
    kind: DeviceKind = DeviceKind.MAIN


class Bind(Body):
    """The car that the device has been installed in."""

    vehicle_id: UUID


class Unbind(Body):
    """Why the device has been taken out."""

    reason: str


class DeviceOut(BaseModel):
    """A device."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    branch_id: UUID
    terminal_id: str
    instance: str
    kind: DeviceKind
    state: DeviceState
    vehicle_id: UUID | None


class PositionOut(BaseModel):
    """A place on the WGS-84 earth, in degrees; speed in km/h."""

    model_config = ConfigDict(from_attributes=True)

    device_id: UUID
    latitude: Decimal
    longitude: Decimal
    fixed_at: datetime
    speed_kmh: Decimal | None
    source: str


class AlarmOut(BaseModel):
    """An alarm."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    device_id: UUID
    kind: AlarmKind
    raised_at: datetime


async def _shown(tx: Tx, device_id: UUID) -> DeviceOut:
    return DeviceOut.model_validate(await service.get_device(tx, DeviceId(device_id)))


@router.post("/devices", status_code=201)
async def register_device(body: RegisterDevice, tx: Writing) -> DeviceOut:
    """Take a device into stock."""
    device_id = await service.register_device(
        tx,
        branch_id=BranchId(body.branch_id),
        terminal_id=body.terminal_id,
        instance=body.instance,
        kind=body.kind,
    )
    return await _shown(tx, device_id)


@router.get("/devices")
async def list_devices(page: ThePage, tx: Reading) -> list[DeviceOut]:
    """Devices, newest first, a page at a time."""
    return [DeviceOut.model_validate(one) for one in await service.list_devices(tx, after=page.after, limit=page.limit)]


@router.get("/devices/{device_id}")
async def device(device_id: UUID, tx: Reading) -> DeviceOut:
    """One device."""
    return await _shown(tx, device_id)


@router.put("/devices/{device_id}/binding")
async def bind(device_id: UUID, body: Bind, tx: Writing) -> DeviceOut:
    """Write down that a device has been installed in a car."""
    vehicle = await inventory.get(tx, VehicleId(body.vehicle_id))
    await service.bind(tx, DeviceId(device_id), vehicle.id)
    return await _shown(tx, device_id)


@router.post("/devices/{device_id}/unbinding")
async def unbind(device_id: UUID, body: Unbind, tx: Writing) -> DeviceOut:
    """Write down that a device has been taken out of its car."""
    await service.unbind(tx, DeviceId(device_id), reason=body.reason)
    return await _shown(tx, device_id)


@router.post("/devices/{device_id}/locate", status_code=202)
async def request_locate(device_id: UUID, tx: Writing) -> Response:
    """Have a device asked for its position; it is with the car when it has come."""
    await service.request_locate(tx, DeviceId(device_id))
    return Response(status_code=202)


@router.get("/vehicles/{vehicle_id}/position")
async def position(vehicle_id: UUID, tx: Reading) -> PositionOut | None:
    """Where a car was last; nothing when it has never been heard of. Looking is audited."""
    vehicle = await inventory.get(tx, VehicleId(vehicle_id))
    latest = await service.latest(tx, vehicle.id)
    return None if latest is None else PositionOut.model_validate(latest)


@router.get("/vehicles/{vehicle_id}/devices")
async def devices_in(vehicle_id: UUID, tx: Reading) -> list[DeviceOut]:
    """The devices that sit in a car now."""
    vehicle = await inventory.get(tx, VehicleId(vehicle_id))
    return [DeviceOut.model_validate(one) for one in await service.devices_in(tx, vehicle.id)]


@router.get("/vehicles/{vehicle_id}/alarms")
async def alarms(vehicle_id: UUID, tx: Reading) -> list[AlarmOut]:
    """The alarms of a car's devices, newest first."""
    vehicle = await inventory.get(tx, VehicleId(vehicle_id))
    return [AlarmOut.model_validate(one) for one in await service.alarms_of(tx, vehicle.id)]
