"""The desk of vehicles: every car by where it is in its life with the company, with its moves, orders and trackers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter

from hub.console.contract_tabs import places
from hub.console.creation import add_creation
from hub.console.forms import choices
from hub.console.i18n import N_
from hub.console.page import Column, Fact, Filter, Link, Listing, Look, add_listing
from hub.console.subject import Alert, Subject, Tab, add_subject
from hub.console.vehicle_actions import ACTIONS, NEW_VEHICLE, Parked, load
from hub.console.visit import Visit
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Slice, Window
from hub.leasing.contracts import listing as contract_listing
from hub.leasing.inventory import listing
from hub.leasing.inventory import service as inventory
from hub.leasing.inventory.listing import Car
from hub.leasing.inventory.rules import VehicleStatus
from hub.leasing.tracking import service as tracking

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A car as a line, with the name of its branch."""

    car: Car
    branch: str


async def _page(visit: Visit, window: Window) -> Slice[Line]:
    found = await listing.page(visit.tx, window)
    branches = await visit.branch_names()
    lines = [Line(car=one, branch=branches.get(one.branch_id, "")) for one in found.rows]
    return Slice(rows=lines, after=found.after, before=found.before)


async def _counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.counts(visit.tx, window)


VEHICLES: Listing[Line] = Listing(
    path="/vehicles",
    title=N_("Vehicles"),
    permission=P.INVENTORY_READ,
    columns=(
        Column(
            label=N_("VIN"),
            value=lambda line: line.car.vin,
            look=Look.CODE,
            href=lambda line: f"/vehicles/{line.car.id}",
        ),
        Column(label=N_("Model"), value=lambda line: line.car.model, look=Look.NAME),
        Column(label=N_("Plate"), value=lambda line: line.car.plate, look=Look.CODE),
        Column(label=N_("Branch"), value=lambda line: line.branch, look=Look.NAME),
        Column(label=N_("State"), value=lambda line: line.car.status, look=Look.STATE),
        Column(label=N_("Cost"), value=lambda line: line.car.cost, look=Look.MONEY, sort="cost"),
    ),
    fetch=_page,
    tab="status",
    tabs=(
        VehicleStatus.ORDERED,
        VehicleStatus.IN_STOCK,
        VehicleStatus.RESERVED,
        VehicleStatus.LEASED,
        VehicleStatus.REPOSSESSED,
        VehicleStatus.TITLE_TRANSFERRED,
    ),
    counts=_counts,
    filters=(
        Filter(name="text", label=N_("VIN, plate or model")),
        Filter(name="status", label=N_("State"), options=choices(VehicleStatus)),
    ),
    links=(Link(label=N_("Order for the stock"), path="/vehicles/new", permission=P.INVENTORY_WRITE),),
    empty=N_("There is no car yet. A car is ordered for a signed contract or for the stock."),
)


async def _facts(visit: Visit, parked: Parked) -> Sequence[Fact]:
    car = parked.car
    numbers = await contract_listing.numbers_of(visit.tx, [car.held_for] if car.held_for else [])
    branches = await visit.branch_names()
    return (
        Fact(label=N_("Model"), value=car.model, look=Look.NAME),
        Fact(label=N_("Plate"), value=car.plate, look=Look.CODE),
        Fact(label=N_("Branch"), value=branches.get(car.branch_id), look=Look.NAME),
        Fact(label=N_("Colour"), value=car.colour, look=Look.NAME),
        Fact(label=N_("Cost"), value=car.cost, look=Look.MONEY),
        Fact(label=N_("Title with"), value=car.title_holder, look=Look.WORD),
        Fact(
            label=N_("Held for"),
            value=next(iter(numbers.values()), None),
            look=Look.CODE,
            href=f"/contracts/{car.held_for}" if numbers else None,
        ),
    )


async def _alerts(visit: Visit, parked: Parked) -> Sequence[Alert]:
    return [Alert(text=N_("The VIN's check digit does not match."))] if parked.car.vin_warning else []


async def _moves(visit: Visit, parked: Parked) -> Mapping[str, Any]:
    return {"moves": await inventory.history(visit.tx, parked.id), "orders": parked.orders}


async def _map(visit: Visit, parked: Parked) -> Mapping[str, Any]:
    return await places(visit, parked.id) | {"devices": await tracking.devices_in(visit.tx, parked.id)}


VEHICLE: Subject[Parked] = Subject(
    path="/vehicles",
    kind="vehicle",
    noun=N_("Vehicle"),
    plural=N_("Vehicles"),
    permission=P.INVENTORY_READ,
    load=load,
    id_of=lambda parked: parked.id,
    title=lambda parked: parked.car.vin,
    state=lambda parked: parked.status,
    facts=_facts,
    alerts=_alerts,
    tabs=(
        Tab(key="overview", label=N_("Overview"), template="vehicle.html", load=_moves),
        Tab(
            key="map",
            label=N_("Map"),
            template="vehicle_map.html",
            load=_map,
            permission=P.TRACKING_READ,
            styles=("leaflet.css", "map.css"),
            scripts=("leaflet.js", "map.js"),
        ),
    ),
    actions=ACTIONS,
)

add_listing(router, VEHICLES)
add_creation(router, NEW_VEHICLE)
add_subject(router, VEHICLE)
