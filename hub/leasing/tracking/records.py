"""The tables of tracking: devices, their bindings to cars, questions for a position, positions, alarms.

The database holds one live binding a device, and one live device of each kind a car.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.infra.database import Base, one_of
from hub.leasing.tracking.rules import AlarmKind, DeviceKind, DeviceState, LocateState


class DeviceRecord(Base):
    """A device by its terminal id; `instance` is the provider instance that it reports through."""

    __tablename__ = "device"
    __table_args__ = (one_of("kind", DeviceKind), one_of("state", DeviceState), Index(None, "branch_id", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    terminal_id: Mapped[str] = mapped_column(String(40), unique=True)
    instance: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(20))
    registered_at: Mapped[datetime]


class BindingRecord(Base):
    """A device in a car, from installation to removal."""

    __tablename__ = "device_binding"
    __table_args__ = (
        one_of("kind", DeviceKind),
        CheckConstraint("removed_at >= installed_at", name="removed_after_installed"),
        Index("uq_device_binding_device", "device_id", unique=True, postgresql_where=text("removed_at is null")),
        Index(
            "uq_device_binding_vehicle_kind",
            "vehicle_id",
            "kind",
            unique=True,
            postgresql_where=text("removed_at is null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("device.id"))
    vehicle_id: Mapped[UUID] = mapped_column(ForeignKey("vehicle.id"))
    kind: Mapped[str] = mapped_column(String(10))
    installed_at: Mapped[datetime]
    installed_by: Mapped[str] = mapped_column(String(200))
    removed_at: Mapped[datetime | None]
    removal_reason: Mapped[str | None] = mapped_column(String(300))


class LocateRecord(Base):
    """A question for a device's position; one that waits at a time is enough."""

    __tablename__ = "locate_request"
    __table_args__ = (
        one_of("state", LocateState),
        Index(
            "uq_locate_request_waiting",
            "device_id",
            unique=True,
            postgresql_where=text("state in ('requested', 'sent')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("device.id"))
    state: Mapped[str] = mapped_column(String(20))
    requested_at: Mapped[datetime]
    requested_by: Mapped[str] = mapped_column(String(200))
    claimed_until_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    code: Mapped[str | None] = mapped_column(String(80))


class PositionRecord(Base):
    """A position, once for each device and instant; `vehicle_id` is the car the device sat in."""

    __tablename__ = "position"
    __table_args__ = (Index(None, "vehicle_id", "fixed_at"),)

    device_id: Mapped[UUID] = mapped_column(ForeignKey("device.id"), primary_key=True)
    fixed_at: Mapped[datetime] = mapped_column(primary_key=True)
    vehicle_id: Mapped[UUID | None] = mapped_column(ForeignKey("vehicle.id"))
    lat: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    lon: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    speed_kmh: Mapped[Decimal | None] = mapped_column(Numeric(5, 1))
    source: Mapped[str] = mapped_column(String(20))
    received_at: Mapped[datetime]


class AlarmRecord(Base):
    """An alarm, once for each event of its provider."""

    __tablename__ = "device_alarm"
    __table_args__ = (
        one_of("kind", AlarmKind),
        UniqueConstraint("device_id", "event_key"),
        Index(None, "vehicle_id", "raised_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(ForeignKey("device.id"))
    vehicle_id: Mapped[UUID | None] = mapped_column(ForeignKey("vehicle.id"))
    kind: Mapped[str] = mapped_column(String(20))
    event_key: Mapped[str] = mapped_column(String(160))
    raised_at: Mapped[datetime]
    received_at: Mapped[datetime]
