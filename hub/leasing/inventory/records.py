"""The tables of the warehouse: cars, their moves, who holds them, and the orders they come by.

A car's `movement_count` is the number of its last move: the database changes a status only to what the move of that
number says, so status and history cannot drift apart.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    Sequence,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.inventory.rules import MovementKind, OrderState, TitleHolder, VehicleStatus

ORDER_NUMBERS = Sequence("purchase_order_number", metadata=Base.metadata)


class VehicleRecord(Base):
    """A car by its VIN. `location_id` is the branch, store or yard where it stands; None while it is on the road."""

    __tablename__ = "vehicle"
    __table_args__ = (
        one_of("status", VehicleStatus),
        one_of("title_holder", TitleHolder),
        CheckConstraint("vin ~ '^[A-HJ-NPR-Z0-9]{17}$'", name="vin"),
        CheckConstraint("cost_amount > 0", name="cost_positive"),
        Index(None, "branch_id", "status", "id"),
        Index("ix_vehicle_by_cost", "cost_amount", "id", postgresql_include=["status", "branch_id"]),
        Index(None, "plate"),
        Index(None, "model", postgresql_ops={"model": "text_pattern_ops"}),
        Index(None, "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    location_id: Mapped[UUID | None] = mapped_column(ForeignKey("branch.id"))
    vin: Mapped[str] = mapped_column(String(17), unique=True)
    model: Mapped[str] = mapped_column(String(120))
    colour: Mapped[str | None] = mapped_column(String(40))
    engine_number: Mapped[str | None] = mapped_column(String(40))
    cost_amount: Mapped[Money]
    status: Mapped[str] = mapped_column(String(30))
    movement_count: Mapped[int] = mapped_column(Integer)
    plate: Mapped[str | None] = mapped_column(String(16))
    title_holder: Mapped[str] = mapped_column(String(10))


class TransitionRecord(Base):
    """An allowed move, as `rules.MOVES` says; written by the migration, checked against the rules by a test."""

    __tablename__ = "vehicle_transition"
    __table_args__ = (
        Index(
            "uq_vehicle_transition", "kind", "from_status", "to_status", unique=True, postgresql_nulls_not_distinct=True
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    from_status: Mapped[str | None] = mapped_column(String(30))
    to_status: Mapped[str] = mapped_column(String(30))


class MovementRecord(Base):
    """One move of a car; written once, never changed. `number` counts from 1 for each car without a gap."""

    __tablename__ = "vehicle_movement"
    __table_args__ = (
        one_of("kind", MovementKind),
        UniqueConstraint("vehicle_id", "number"),
        CheckConstraint("(from_status is null) = (number = 1)", name="only_the_first_comes_from_nowhere"),
        CheckConstraint("mileage_km >= 0", name="mileage"),
        Index(None, "contract_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    vehicle_id: Mapped[UUID] = mapped_column(ForeignKey("vehicle.id"))
    number: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(30))
    from_status: Mapped[str | None] = mapped_column(String(30))
    to_status: Mapped[str] = mapped_column(String(30))
    location_id: Mapped[UUID | None] = mapped_column(ForeignKey("branch.id"))
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(300))
    paper_ref: Mapped[str | None] = mapped_column(String(120))
    mileage_km: Mapped[int | None] = mapped_column(Integer)
    contract_id: Mapped[UUID | None]


class HoldRecord(Base):
    """A contract's hold on a car; one live hold a car, and one live hold a contract."""

    __tablename__ = "vehicle_hold"
    __table_args__ = (
        Index("uq_vehicle_hold_vehicle", "vehicle_id", unique=True, postgresql_where=text("released_at is null")),
        Index("uq_vehicle_hold_contract", "contract_id", unique=True, postgresql_where=text("released_at is null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    vehicle_id: Mapped[UUID] = mapped_column(ForeignKey("vehicle.id"))
    contract_id: Mapped[UUID]
    held_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(300))


class OrderRecord(Base):
    """A purchase order to a dealer for one car; a car is on one live order at a time."""

    __tablename__ = "purchase_order"
    __table_args__ = (
        one_of("state", OrderState),
        CheckConstraint("price_amount > 0", name="price_positive"),
        Index("uq_purchase_order_vehicle", "vehicle_id", unique=True, postgresql_where=text("state <> 'cancelled'")),
        Index(None, "branch_id", "state", "id"),
        Index(None, "contract_id"),
        Index(None, "vehicle_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    vehicle_id: Mapped[UUID] = mapped_column(ForeignKey("vehicle.id"))
    contract_id: Mapped[UUID | None]
    dealer: Mapped[str] = mapped_column(String(120))
    channel_id: Mapped[UUID | None]
    price_amount: Mapped[Money]
    state: Mapped[str] = mapped_column(String(20))
    ordered_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
