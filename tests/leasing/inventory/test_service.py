"""A car's way through the warehouse on the real database: order, receipt, hold, delivery, title, and what is refused."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.events import Fact
from hub.core.ids import BranchId, ContractId, VehicleId
from hub.core.money import Money
from hub.infra.access import Actor
from hub.infra.database import Database, Tx
from hub.leasing.inventory import service
from hub.leasing.inventory.rules import (
    CarToOrder,
    Inspection,
    MovementKind,
    TitleHolder,
    TitleTransferred,
    VehicleDelivered,
    VehicleOrdered,
    VehicleReceived,
    VehicleStatus,
    transitions,
)
from hub.ledger import service as ledger
from hub.ledger.chart import Account

CONTRACT, OTHER = ContractId(UUID(int=11)), ContractId(UUID(int=12))
COST = Money.of("150000.00")
VIN = "LSVAA4182E2184847"
TODAY = date(2026, 1, 5)


@pytest.fixture
def facts(database: Database) -> list[Fact]:
    heard: list[Fact] = []

    async def listen(tx: Tx, fact: Fact) -> None:
        heard.append(fact)

    database.listener = listen
    return heard


async def _ordered(database: Database, actor: Actor, branch: BranchId, vin: str = VIN) -> VehicleId:
    async with database.transaction(actor) as tx:
        return await service.order_for_contract(
            tx, contract_id=CONTRACT, vin=vin, model="帕萨特", cost=COST, branch_id=branch, dealer="东方汽车"
        )


async def _in_stock(database: Database, actor: Actor, branch: BranchId, vin: str = VIN) -> VehicleId:
    async with database.transaction(actor) as tx:
        car = CarToOrder(vin=vin, model="帕萨特", cost=COST, branch_id=branch)
        vehicle_id = await service.order_for_stock(tx, car, dealer="东方汽车")
        await service.receive(tx, vehicle_id, inspection=Inspection.OK)
    return vehicle_id


async def _reserved(database: Database, actor: Actor, branch: BranchId) -> VehicleId:
    vehicle_id = await _ordered(database, actor, branch)
    async with database.transaction(actor) as tx:
        await service.confirm(tx, vehicle_id)
        await service.receive(tx, vehicle_id, inspection=Inspection.OK, paper_ref="RK-1", mileage_km=12)
    return vehicle_id


async def _deliver(tx: Tx, vehicle_id: VehicleId, contract_id: ContractId = CONTRACT) -> None:
    await service.deliver(tx, vehicle_id, contract_id=contract_id, delivered_on=TODAY, mileage_km=15, paper_ref="JC-1")


async def test_a_car_goes_from_order_to_the_lessees_title(
    database: Database, system_actor: Actor, branch: BranchId, facts: list[Fact]
) -> None:
    vehicle_id = await _reserved(database, system_actor, branch)
    async with database.transaction(system_actor) as tx:
        await _deliver(tx, vehicle_id)
        await service.register_plate(tx, vehicle_id, "京A12345")
        await service.transfer_title(
            tx, vehicle_id, contract_id=CONTRACT, transferred_on=date(2026, 1, 5), paper_ref="GH-1"
        )
    async with database.transaction(system_actor) as tx:
        car = await service.get(tx, vehicle_id)
        moves = await service.history(tx, vehicle_id)
        order = (await service.orders_of(tx, vehicle_id))[0]
    assert (car.status, car.title_holder, car.held_for) == (VehicleStatus.TITLE_TRANSFERRED, TitleHolder.LESSEE, None)
    assert order.number.startswith("PO2026-")
    assert (car.plate, order.state) == ("京A12345", "received")
    assert [move.kind.value for move in moves] == [
        "ordered", "shipped_by_dealer", "received", "reserved", "delivered", "title_transferred",
    ]  # fmt: skip
    assert [move.number for move in moves] == [1, 2, 3, 4, 5, 6]
    told = (VehicleOrdered, VehicleReceived, VehicleDelivered, TitleTransferred)
    assert tuple(type(fact) for fact in facts if isinstance(fact, told)) == told


async def test_a_received_car_is_on_the_books_once(database: Database, system_actor: Actor, branch: BranchId) -> None:
    await _reserved(database, system_actor, branch)
    async with database.transaction(system_actor) as tx:
        assert await ledger.balance(tx, Account.LEASED_ASSETS) == COST


async def test_a_car_for_stock_is_free_and_can_be_reserved_and_released(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    vehicle_id = await _in_stock(database, system_actor, branch)
    async with database.transaction(system_actor) as tx:
        await service.reserve(tx, vehicle_id, contract_id=CONTRACT)
        assert (await service.get(tx, vehicle_id)).held_for == CONTRACT
        await service.release(tx, vehicle_id, contract_id=CONTRACT, reason="customer changed their mind")
        car = await service.get(tx, vehicle_id)
    assert (car.status, car.held_for) == (VehicleStatus.IN_STOCK, None)


async def test_two_contracts_never_hold_one_car(database: Database, system_actor: Actor, branch: BranchId) -> None:
    vehicle_id = await _in_stock(database, system_actor, branch)
    async with database.transaction(system_actor) as tx:
        await service.reserve(tx, vehicle_id, contract_id=CONTRACT)
    with pytest.raises(Conflict, match="vehicle_held"):
        async with database.transaction(system_actor) as tx:
            await service.reserve(tx, vehicle_id, contract_id=OTHER)
    with pytest.raises(DBAPIError, match="uq_vehicle_hold_vehicle"):
        async with database.transaction(system_actor) as tx:
            await tx.execute(
                text("insert into vehicle_hold (id, vehicle_id, contract_id, held_at) values (:i, :v, :c, now())"),
                {"i": UUID(int=1), "v": vehicle_id, "c": OTHER},
            )


async def test_one_contract_never_holds_two_cars(database: Database, system_actor: Actor, branch: BranchId) -> None:
    first = await _in_stock(database, system_actor, branch)
    second = await _in_stock(database, system_actor, branch, "1M8GDM9AXKP042788")
    async with database.transaction(system_actor) as tx:
        await service.reserve(tx, first, contract_id=CONTRACT)
    with pytest.raises(Conflict, match="vehicle_held"):
        async with database.transaction(system_actor) as tx:
            await service.reserve(tx, second, contract_id=CONTRACT)


async def test_an_abnormal_car_waits_until_it_is_cleared(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    vehicle_id = await _ordered(database, system_actor, branch)
    async with database.transaction(system_actor) as tx:
        await service.receive(tx, vehicle_id, inspection=Inspection.ABNORMAL)
        assert (await service.get(tx, vehicle_id)).status is VehicleStatus.ABNORMAL
        with pytest.raises(RuleBroken, match="vehicle_movement"):
            await _deliver(tx, vehicle_id)
        await service.clear(tx, vehicle_id, reason="scratch polished")
        assert (await service.get(tx, vehicle_id)).status is VehicleStatus.RESERVED


async def test_a_car_is_delivered_only_to_the_contract_that_holds_it(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    vehicle_id = await _reserved(database, system_actor, branch)
    async with database.transaction(system_actor) as tx:
        with pytest.raises(RuleBroken, match="vehicle_not_held_for_contract"):
            await _deliver(tx, vehicle_id, OTHER)


async def test_a_vin_is_on_the_books_once(database: Database, system_actor: Actor, branch: BranchId) -> None:
    await _ordered(database, system_actor, branch)
    with pytest.raises(Conflict, match="vehicle_known"):
        await _ordered(database, system_actor, branch)


@pytest.mark.parametrize(
    ("field", "changes"), [("vin", {"vin": "short"}), ("cost", {"cost": Money(0)}), ("model", {"model": " "})]
)
async def test_what_cannot_be_a_car_is_refused_whole(
    database: Database, system_actor: Actor, branch: BranchId, field: str, changes: dict[str, object]
) -> None:
    words: dict[str, object] = {"vin": VIN, "model": "帕萨特", "cost": COST, **changes}
    with pytest.raises(InvalidInput) as refused:
        async with database.transaction(system_actor) as tx:
            await service.order_for_contract(
                tx,
                contract_id=CONTRACT,
                branch_id=branch,
                dealer="东方汽车",
                **words,  # type: ignore[arg-type]
            )
    assert refused.value.field == field
    async with database.transaction(system_actor) as tx:
        assert sum((await service.status_counts(tx)).values()) == 0


async def test_a_car_on_order_comes_in_only_by_receipt(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    vehicle_id = await _ordered(database, system_actor, branch)
    async with database.transaction(system_actor) as tx:
        with pytest.raises(RuleBroken, match="movement_has_its_own_verb"):
            await service.move(tx, vehicle_id, MovementKind.RECEIVED, reason="it is here")


async def test_a_transfer_goes_out_and_comes_in(database: Database, system_actor: Actor, branch: BranchId) -> None:
    vehicle_id = await _in_stock(database, system_actor, branch)
    async with database.transaction(system_actor) as tx:
        for kind in (MovementKind.TRANSFER_SHIPPED, MovementKind.TRANSSHIPPED, MovementKind.RECEIVED):
            await service.move(tx, vehicle_id, kind, reason="to the south store")
        counts = await service.status_counts(tx)
    assert counts[VehicleStatus.IN_STOCK] == 1
    assert sum(counts.values()) == 1


async def test_another_branchs_car_is_not_found(database: Database, system_actor: Actor, branch: BranchId) -> None:
    vehicle_id = await _ordered(database, system_actor, branch)
    stranger = Actor(name="s", staff_id=None, permissions=system_actor.permissions, branches=frozenset({UUID(int=9)}))
    async with database.transaction(stranger) as tx:
        with pytest.raises(NotFound):
            await service.get(tx, vehicle_id)
        with pytest.raises(NotFound):
            await service.confirm(tx, vehicle_id)
        assert await service.list_vehicles(tx) == ()
        assert sum((await service.status_counts(tx)).values()) == 0


# What the database refuses by itself


async def _refused(database: Database, actor: Actor, statement: str, **values: object) -> None:
    with pytest.raises(DBAPIError):
        async with database.transaction(actor) as tx:
            await tx.execute(text(statement), values)


async def test_the_database_changes_a_status_only_through_a_movement(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    vehicle_id = await _in_stock(database, system_actor, branch)
    for statement in (
        "update vehicle set status = 'leased' where id = :id",
        "update vehicle set status = 'reserved' where id = :id",
        "update vehicle set status = 'in_stock', movement_count = movement_count + 1 where id = :id",
        "update vehicle set movement_count = movement_count - 1 where id = :id",
    ):
        await _refused(database, system_actor, statement, id=vehicle_id)


async def test_the_database_keeps_movements_as_they_are(
    database: Database, system_actor: Actor, branch: BranchId
) -> None:
    vehicle_id = await _in_stock(database, system_actor, branch)
    insert = (
        "insert into vehicle_movement (id, vehicle_id, number, kind, from_status, to_status, at, actor, reason)"
        " values (gen_random_uuid(), :id, 3, :kind, :before, :after, now(), 'x', 'x')"
    )
    await _refused(
        database, system_actor, "update vehicle_movement set reason = 'other' where vehicle_id = :id", id=vehicle_id
    )
    await _refused(database, system_actor, "delete from vehicle_movement where vehicle_id = :id", id=vehicle_id)
    illegal = {"kind": "delivered", "before": "in_stock", "after": "leased"}
    unfollowed = {"kind": "reserved", "before": "in_stock", "after": "reserved"}
    for move in (illegal, unfollowed):
        await _refused(database, system_actor, insert, id=vehicle_id, **move)


async def test_the_database_holds_the_same_table_of_moves(database: Database, system_actor: Actor) -> None:
    async with database.transaction(system_actor) as tx:
        rows = await tx.execute(text("select kind, from_status, to_status from vehicle_transition"))
    assert sorted(map(tuple, rows), key=str) == sorted(transitions(), key=str)
