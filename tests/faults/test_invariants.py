"""Each invariant is planted wrong in the books of a real lease, past every trigger, and found under its name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from hub.commands import proof
from hub.commands.proof import Movement, VendorBooks, violations
from hub.infra.sealing import seal_due
from tests.faults.invariants import vendor_books
from tests.stories.company import company_at_work
from tests.stories.lease import Lease, open_product
from tests.stories.world import World


@dataclass(frozen=True, slots=True)
class _Scene:
    """A lease with a rent paid in time and one paid late, with its penalty; and the vendor's books of it."""

    url: str
    now: datetime
    books: VendorBooks


@pytest.fixture(scope="module")
async def scene(
    database_url: str, _empty: Callable[[], None], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[_Scene]:
    """Told once; every plant is taken back."""
    async with company_at_work(database_url, _empty, tmp_path_factory.mktemp("world")) as world:
        lease = Lease(world=world, version=await open_product(world))
        await lease.run()
        await world.live_through(await lease.due_on(1))
        await _late(world, lease)
        async with asyncio.timeout(120):  # the horizon is the whole server's, other tests included
            while await seal_due(world.hub.house.database) == 0:  # noqa: ASYNC110 - nobody tells of others' transactions
                await asyncio.sleep(0.05)
        books = vendor_books(await world.books("payments"), await world.callbacks("payments"))
        yield _Scene(database_url, world.clock.now(), books)


async def _late(world: World, lease: Lease) -> None:
    due_on = await lease.due_on(2)
    refusal = {"agreement": lease.number, "due_on": due_on.isoformat(), "reason": "nsf", "times": 3}
    await world.control("payments", "declines", declines=[refusal])
    for days in range(9):
        await world.live_through(due_on + timedelta(days=days))
    assert (await lease.rent(2))["paid_penalty"] != "0.00"


@pytest.fixture
def connection(scene: _Scene) -> Iterator[psycopg.Connection]:
    """A transaction that is rolled back, in which no trigger and no foreign key stands in the way."""
    with psycopg.connect(scene.url) as connection:
        connection.execute("set local session_replication_role = replica")
        yield connection
        connection.rollback()


_RECEIPT = "(select id from entry where kind = 'receipt_from_provider' order by number limit 1)"
_LATE = "(select id from instalment where number = 2)"
_PAID = "(select id from instalment where number = 1)"
_CHARGE = "(select id from charge where state = 'succeeded' and purpose = 'rent' order by id limit 1)"
_COPY = "insert into {table} select (jsonb_populate_record(x, '{change}')).* from {table} x where x.id = {row}"
_NEW = "00000000-0000-7000-8000-000000000001"


def _copy(table: str, row: str, change: str) -> str:
    return _COPY.format(table=table, row=row, change=f'{{"id": "{_NEW}", {change}}}')


PLANTS = {
    "L1 entry_balances": f"update line set amount = amount + 0.01 where entry_id = {_RECEIPT} and position = 1",
    "L1 entry_is_whole": f"delete from line where entry_id = {_RECEIPT} and position = 1",
    "L2 rent_receivable_is_what_rents_owe": f"update line set account_code = '2202' where entry_id = {_RECEIPT}"
    " and account_code = '1122'",
    "L2 penalty_receivable_is_what_rents_owe": "update line set account_code = '2202' where account_code = '1221'"
    " and amount > 0",
    "L2 suspense_is_what_receipts_left": "update receipt set suspense_amount = 0.01 where id ="
    " (select id from receipt limit 1)",
    "L3 entry_is_as_it_was_posted": f"update line set amount = amount * 2 where entry_id = {_RECEIPT}",
    "L3 books_are_append_only": "alter table line disable trigger line_append_only",
    "L4 rents_repay_what_was_financed": "update instalment set principal_amount = principal_amount + 1 where number = 4",
    "L4 principal_in_the_books_is_what_is_to_come": "update instalment set state = 'due' where number = 3",
    "L4 rent_is_paid_by_receipts": f"update receipt_allocation set amount = amount - 0.01 where instalment_id = {_PAID}"
    " and part = 'principal'",
    "L4 receipt_is_spent_once": "update receipt set amount = amount - 0.01",
    "P1 one_live_charge_a_subject": "drop index uq_charge_live_subject; update charge set state = 'pending',"
    " subject_id = (select id from instalment where number = 2)",
    "P3 what_is_unknown_is_asked_after": "update provider_call set state = 'unknown', reconcile_at = null"
    " where operation = 'payments_collect'",
    "P3 what_is_unknown_is_a_persons_in_the_end": "update provider_call set state = 'unknown', reconcile_at ="
    " started_at + interval '1 year', started_at = started_at - interval '9 days' where operation = 'payments_collect'",
    "P3 a_charge_in_doubt_has_a_call_that_is": f"update charge set state = 'unknown' where id = {_CHARGE}",
    "P4 a_success_has_its_receipt": f"update entry set ref = 'receipt_from_provider:x' where ref ="
    f" 'receipt_from_provider:' || {_CHARGE}",
    "P4 a_receipt_has_its_success": f"update charge set state = 'rejected' where id = {_CHARGE}",
    "P4 a_callback_of_success_has_its_entry": f"update charge set state = 'rejected' where id = {_CHARGE}",
    "M2 a_delivery_is_applied_or_waits": "update webhook_inbox set applied_at = null",
    "M2 an_event_is_taken_once": "alter table webhook_inbox drop constraint uq_webhook_inbox_instance_event_key;"
    + _copy("webhook_inbox", "(select id from webhook_inbox limit 1)", '"tries": 1'),
    "S1 a_contracts_story_hangs_together": "update contract_event set after_state = 'drafted', before_state = 'active'"
    " where number = 2",
    "S1 a_contract_stands_where_its_story_ends": "update contract set state = 'settled'",
    "S1 a_car_moves_as_the_table_allows": "update vehicle_movement set to_status = 'written_off' where number = 1",
    "S1 a_charges_end_fits_its_facts": f"update charge set settled_on = null where id = {_CHARGE}",
    "S1 a_settled_account_owes_nothing": "update lease_account set state = 'settled'",
    "B1 a_rent_falls_due_once": f"delete from entry where ref = 'rent_fell_due:' || {_PAID}",
    "B1 a_day_bears_one_penalty": "drop index uq_penalty_accrual_day;"
    + _copy("penalty_accrual", "(select id from penalty_accrual where amount > 0 limit 1)", '"amount": 1'),
    "B1 a_rents_penalty_is_that_of_its_days": "delete from penalty_accrual where id ="
    " (select id from penalty_accrual where amount > 0 order by accrued_on limit 1)",
    "D1 no_penalty_within_grace": "update penalty_accrual set accrued_on = accrued_on - 3",
    "D1 no_penalty_on_what_was_paid_in_time": "update receipt_allocation set paid_on = paid_on - 30;"
    f" update instalment set penalty_amount = penalty_amount + 1, state = 'overdue' where id = {_LATE}",
    "A1 the_trail_is_as_it_was_sealed": "update audit_entry set actor = 'nobody' where action = 'account.opened'",
}


def _twice(books: VendorBooks) -> VendorBooks:
    """The newest rent once more, under the key of an older charge that was refused."""
    *_, newest = [row for row in books.movements if row.status == "settled" and row.kind == "charge"]
    changed = [replace(newest, key=row.key) if row.status == "declined" else row for row in books.movements]
    return replace(books, movements=changed)


def _other_amount(books: VendorBooks) -> VendorBooks:
    return replace(books, movements=[replace(row, minor=row.minor + 1) for row in books.movements])


def _without_last(books: VendorBooks) -> VendorBooks:
    return replace(books, movements=books.movements[:-1])


def _one_more(books: VendorBooks) -> VendorBooks:
    lost = Movement(key=_NEW, kind="charge", status="settled", minor=5, settled_at="2026-01-05T00:00:00+00:00")
    return replace(books, movements=[*books.movements, lost])


def _told(books: VendorBooks) -> VendorBooks:
    return replace(books, delivered=[*books.delivered, "evt-lost"])


VENDORS_PLANTS: dict[str, Callable[[VendorBooks], VendorBooks]] = {
    "P1 a_rent_is_captured_once": _twice,
    "P1 what_is_captured_was_asked_for": _other_amount,
    "P2 the_vendor_holds_what_the_books_say": _other_amount,
    "P4 what_the_vendor_took_is_booked": _one_more,
    "P4 what_we_booked_the_vendor_took": _without_last,
    "M2 an_accepted_callback_is_in_the_inbox": _told,
}


def _found(connection: psycopg.Connection, scene: _Scene, books: VendorBooks) -> set[str]:
    return {f"{one.invariant} {one.name}" for one in violations(connection, scene.now, {"psp_main": books})}


def test_nothing_is_violated_by_an_honest_lease(connection: psycopg.Connection, scene: _Scene) -> None:
    assert violations(connection, scene.now, {"psp_main": scene.books}) == []
    assert violations(connection, scene.now) == []


@pytest.mark.parametrize("name", PLANTS)
def test_what_is_planted_in_our_books_is_found(name: str, connection: psycopg.Connection, scene: _Scene) -> None:
    for statement in PLANTS[name].split(";"):
        assert connection.execute(statement.encode()).rowcount != 0
    assert name in _found(connection, scene, scene.books)


@pytest.mark.parametrize("name", VENDORS_PLANTS)
def test_what_differs_from_the_vendors_books_is_found(name: str, connection: psycopg.Connection, scene: _Scene) -> None:
    assert name in _found(connection, scene, VENDORS_PLANTS[name](scene.books))


def test_no_invariant_is_without_its_plant() -> None:
    assert {*PLANTS, *VENDORS_PLANTS} == set(proof.NAMES)
    assert {name.split()[0] for name in proof.NAMES} >= {
        *["L1", "L2", "L3", "L4", "P1", "P2", "P3", "P4", "M2", "S1", "B1", "D1", "A1"]
    }


def test_the_proof_shares_nothing_with_what_it_proves() -> None:
    assert "hub" not in {line.split()[1].split(".")[0] for line in _imports(Path(proof.__file__).read_text())}


def _imports(source: str) -> Iterator[str]:
    return (line for line in source.splitlines() if line.startswith(("import ", "from ")))
