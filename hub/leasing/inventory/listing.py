"""The warehouse as a list: cars by status, VIN, plate and model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Select, or_, select

from hub.core.ids import BranchId, VehicleId
from hub.core.money import Money
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.infra.paging import Count, Order, Slice, Tabs, Window, count_by, sliced
from hub.leasing.inventory.records import HoldRecord, VehicleRecord
from hub.leasing.inventory.rules import HOLDABLE, VehicleStatus

_ORDER = Order(
    key=VehicleRecord.id,
    columns={"ordered": VehicleRecord.id, "cost": VehicleRecord.cost_amount},  # ids rise with time
    standard="ordered",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """A car as a line of the list."""

    id: VehicleId
    branch_id: BranchId
    vin: str
    model: str
    plate: str | None
    cost: Money
    status: VehicleStatus


_TABS = Tabs(name="status", column=VehicleRecord.status, words=VehicleStatus, of_branch=True)


async def page(tx: Tx, window: Window) -> Slice[Car]:
    """Cars in a window; filters `status`, and `text` for a plate or the beginning of a VIN or model."""
    return await sliced(tx, _wanted(tx, window), _ORDER, window, _shown, _TABS)


async def counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many cars there are in each status, under the other filters."""
    return await count_by(tx, _wanted(tx, window), _TABS)


async def free(tx: Tx, *, model: str, limit: int) -> list[Car]:
    """Cars that a contract could take: in stock or on order, held by nobody; those of a model first."""
    held = select(HoldRecord.vehicle_id).where(
        HoldRecord.vehicle_id == VehicleRecord.id, HoldRecord.released_at.is_(None)
    )
    query = visible(select(VehicleRecord), VehicleRecord.branch_id, tx.actor)
    query = query.where(VehicleRecord.status.in_(sorted(HOLDABLE)), ~held.exists())
    query = query.order_by((VehicleRecord.model == model).desc(), VehicleRecord.id).limit(limit)
    return [_shown(row) for row in await tx.scalars(query)]


def _wanted(tx: Tx, window: Window) -> Select[VehicleRecord]:
    query = visible(select(VehicleRecord), VehicleRecord.branch_id, tx.actor)
    if text := window.filters.get("text"):
        sought = text.upper()
        query = query.where(
            or_(
                VehicleRecord.plate == sought,
                VehicleRecord.vin.startswith(sought, autoescape=True),
                VehicleRecord.model.startswith(text, autoescape=True),
            )
        )
    return query


def _shown(row: VehicleRecord) -> Car:
    return Car(
        id=VehicleId(row.id),
        branch_id=BranchId(row.branch_id),
        vin=row.vin,
        model=row.model,
        plate=row.plate,
        cost=row.cost_amount,
        status=VehicleStatus(row.status),
    )
