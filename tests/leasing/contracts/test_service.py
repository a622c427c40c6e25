"""A contract from the approved application to the lessee's title, and everything that is refused on the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.events import Fact
from hub.core.ids import ApplicationId, BankAccountId, BranchId, ContractId, VehicleId
from hub.core.money import Money
from hub.infra.access import Actor
from hub.infra.database import Database, Tx
from hub.leasing.contracts import service
from hub.leasing.contracts.records import ContractRecord
from hub.leasing.contracts.rules import MOVES, ContractFunded, ContractState, LeaseClosed, LeaseCommenced
from hub.leasing.inventory import service as inventory
from hub.leasing.inventory.rules import CarToOrder, Inspection, TitleHolder, VehicleStatus
from hub.leasing.tracking import service as tracking
from tests.leasing.writing import charge, fund, sign

VIN = "LSVAA4182E2184847"
TODAY = date(2026, 1, 5)
Step = Callable[[], Awaitable[None]]


async def _with_car(tx: Tx, contract_id: ContractId) -> VehicleId:
    vehicle_id = await service.order_vehicle(tx, contract_id, vin=VIN, cost=Money.of("180000.00"), dealer="东方汽车")
    await inventory.receive(tx, vehicle_id, inspection=Inspection.OK)
    return vehicle_id


async def _device_in(tx: Tx, vehicle_id: VehicleId, branch: BranchId) -> None:
    device_id = await tracking.register_device(tx, branch_id=branch, terminal_id="138000000001", instance="gps_main")
    await tracking.bind(tx, device_id, vehicle_id)


async def _active(tx: Tx, contract_id: ContractId, branch: BranchId) -> VehicleId:
    await fund(tx, contract_id)
    vehicle_id = await _with_car(tx, contract_id)
    await service.deliver(tx, contract_id, delivered_on=TODAY, mileage_km=12, paper_ref="JC-1")
    await _device_in(tx, vehicle_id, branch)
    await service.commence(tx, contract_id, commenced_on=TODAY)
    return vehicle_id


async def test_a_contract_says_what_the_quote_said(
    database: Database, seller: Actor, contract_id: ContractId, approved: ApplicationId
) -> None:
    async with database.transaction(seller) as tx:
        contract = await service.view(tx, contract_id)
    assert contract.number.startswith("LC20260105-")
    assert contract.application_id == approved
    assert contract.financed_amount == Money.of("147488.73")
    assert contract.service_fee_amount == Money.of("3280.00")
    assert contract.third_party_fees_amount == Money.of("500.00")
    assert (contract.instalment_count, contract.state) == (36, ContractState.DRAFTED)
    assert contract.bank_account_id is not None


async def test_a_lease_runs_from_signing_to_the_lessees_title(
    database: Database, seller: Actor, contract_id: ContractId, branch: BranchId, facts: list[Fact]
) -> None:
    async with database.transaction(seller) as tx:
        vehicle_id = await _active(tx, contract_id, branch)
        assert (await service.of_vehicle(tx, vehicle_id) or pytest.fail("no contract")).id == contract_id
    async with database.transaction(seller) as tx:
        await service.mark_settled(tx, contract_id, settled_on=TODAY)
        await service.close(tx, contract_id, closed_on=TODAY, paper_ref="GH-1")
        await service.close(tx, contract_id, closed_on=TODAY)
    async with database.transaction(seller) as tx:
        contract = await service.view(tx, contract_id)
        car = await inventory.get(tx, vehicle_id)
        story = [event.after for event in await service.timeline(tx, contract_id)]
        counts = await service.count_by_state(tx)
        assert await service.of_vehicle(tx, vehicle_id) is None
    assert (contract.state, contract.commenced_on, contract.closed_on) == (ContractState.CLOSED, TODAY, TODAY)
    assert (car.status, car.title_holder, car.held_for) == (VehicleStatus.TITLE_TRANSFERRED, TitleHolder.LESSEE, None)
    assert story == [
        ContractState.DRAFTED,
        ContractState.FUNDED,
        ContractState.ACTIVE,
        ContractState.SETTLED,
        ContractState.CLOSED,
    ]
    assert (counts["closed"], counts["active"]) == (1, 0)
    (commenced,) = [fact for fact in facts if isinstance(fact, LeaseCommenced)]
    assert (commenced.vehicle_id, commenced.bank_account_id) == (vehicle_id, contract.bank_account_id)
    assert [type(fact) for fact in facts if isinstance(fact, ContractFunded | LeaseClosed)] == [
        ContractFunded,
        LeaseClosed,
    ]


async def test_an_application_has_one_contract(
    database: Database, seller: Actor, contract_id: ContractId, approved: ApplicationId
) -> None:
    with pytest.raises(Conflict, match="application_has_contract"):
        async with database.transaction(seller) as tx:
            await service.draft(tx, application_id=approved)


async def test_only_the_lessees_own_account_is_debited(
    database: Database, seller: Actor, approved: ApplicationId
) -> None:
    async with database.transaction(seller) as tx:
        with pytest.raises(InvalidInput) as refused:
            await service.draft(tx, application_id=approved, bank_account_id=BankAccountId(UUID(int=5)))
    assert refused.value.field == "bank_account_id"


async def test_nothing_is_bought_or_handed_over_before_its_time(
    database: Database, seller: Actor, contract_id: ContractId
) -> None:
    async with database.transaction(seller) as tx:
        with pytest.raises(RuleBroken, match="contract_state"):
            await service.order_vehicle(tx, contract_id, vin=VIN, cost=Money.of("1"), dealer="x")
        with pytest.raises(RuleBroken, match="contract_state"):
            await service.deliver(tx, contract_id, delivered_on=TODAY, mileage_km=1, paper_ref="x")
        with pytest.raises(RuleBroken, match="contract_has_no_vehicle"):
            await service.commence(tx, contract_id, commenced_on=TODAY)
        with pytest.raises(RuleBroken, match="contract_state"):
            await service.mark_settled(tx, contract_id, settled_on=TODAY)
        with pytest.raises(RuleBroken, match="contract_state"):
            await service.close(tx, contract_id, closed_on=TODAY)


async def test_a_lease_does_not_begin_without_delivery_and_device(
    database: Database, seller: Actor, contract_id: ContractId
) -> None:
    async with database.transaction(seller) as tx:
        await fund(tx, contract_id)
        await _with_car(tx, contract_id)
        with pytest.raises(RuleBroken, match="vehicle_not_delivered"):
            await service.commence(tx, contract_id, commenced_on=TODAY)
        await service.deliver(tx, contract_id, delivered_on=TODAY, mileage_km=12, paper_ref="JC-1")
        with pytest.raises(RuleBroken, match="device_not_bound"):
            await service.commence(tx, contract_id, commenced_on=TODAY)


async def test_a_contract_takes_a_car_from_stock_and_lets_go_of_it(
    database: Database, seller: Actor, contract_id: ContractId, branch: BranchId
) -> None:
    async with database.transaction(seller) as tx:
        car = CarToOrder(vin=VIN, model="汉", cost=Money.of("180000.00"), branch_id=branch)
        vehicle_id = await inventory.order_for_stock(tx, car, dealer="东方汽车")
        await inventory.receive(tx, vehicle_id, inspection=Inspection.OK)
        await sign(tx, contract_id)
        await service.assign_vehicle(tx, contract_id, vehicle_id)
        with pytest.raises(Conflict, match="contract_has_vehicle"):
            await service.assign_vehicle(tx, contract_id, vehicle_id)
        await service.cancel(tx, contract_id, reason="customer moved away")
        released = await inventory.get(tx, vehicle_id)
        contract = await service.view(tx, contract_id)
    assert (released.status, released.held_for) == (VehicleStatus.IN_STOCK, None)
    assert (contract.state, contract.cancelled_reason) == (ContractState.CANCELLED, "customer moved away")


async def test_a_contract_is_not_cancelled_while_its_money_moves(
    database: Database, seller: Actor, contract_id: ContractId
) -> None:
    async with database.transaction(seller) as tx:
        await charge(tx, contract_id)
        with pytest.raises(RuleBroken, match="signing_payment_under_way"):
            await service.cancel(tx, contract_id, reason="too late")


async def test_another_branchs_contract_is_not_found(
    database: Database, outsider: Actor, contract_id: ContractId
) -> None:
    async with database.transaction(outsider) as tx:
        for look in (service.view, service.lock, service.timeline):
            with pytest.raises(NotFound):
                await look(tx, contract_id)
        with pytest.raises(NotFound):
            await service.cancel(tx, contract_id, reason="not mine")
        assert await service.list_contracts(tx) == ()
        assert sum((await service.count_by_state(tx)).values()) == 0


async def test_the_database_allows_exactly_the_listed_changes_of_state(
    database: Database, seller: Actor, contract_id: ContractId, branch: BranchId
) -> None:
    async with database.transaction(seller) as tx:
        await _active(tx, contract_id, branch)
    change = text("update contract set state = :after where id = :id")
    for before in ContractState:
        for after in ContractState:
            async with database.transaction(seller) as tx:
                await tx.execute(text("alter table contract disable trigger contract_state_allowed"))
                await tx.execute(change, {"after": before.value, "id": contract_id})
                await tx.execute(text("alter table contract enable trigger contract_state_allowed"))
                allowed = await _goes(tx, change, after, contract_id)
            assert allowed == (before is after or after in MOVES[before]), (before, after)


async def _goes(tx: Tx, change: object, after: ContractState, contract_id: ContractId) -> bool:
    try:
        async with tx.begin_nested():
            await tx.execute(change, {"after": after.value, "id": contract_id})  # type: ignore[call-overload]
    except DBAPIError:
        return False
    return True


async def test_the_database_keeps_one_living_contract_a_car(
    database: Database, seller: Actor, contract_id: ContractId, branch: BranchId
) -> None:
    async with database.transaction(seller) as tx:
        await _active(tx, contract_id, branch)
    columns = [column.name for column in ContractRecord.__table__.columns]
    changed = {
        "id": "gen_random_uuid()",
        "number": "'LC2'",
        "application_id": "gen_random_uuid()",
        "state": "'drafted'",
    }
    copied = ", ".join(changed.get(column, column) for column in columns)
    statement = f"insert into contract ({', '.join(columns)}) select {copied} from contract"
    with pytest.raises(DBAPIError, match="uq_contract_vehicle"):
        async with database.transaction(seller) as tx:
            await tx.execute(text(statement))
