"""The desk of reconciliation: statements and differences with what is done about each; the company's, not a branch's."""

from __future__ import annotations

from datetime import timedelta

from hub.core.money import Money
from hub.infra.access import Role
from hub.ledger import service as ledger
from hub.ledger.chart import Account
from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.stories.world import World


async def test_a_difference_is_booked_from_its_page_after_a_preview(world: World, rows: Rows, reader: Reader) -> None:
    statement, difference = f"/reconciliation/{rows['statement_id']}", f"/differences/{rows['difference_id']}"
    listed = await reader.see("/reconciliation", params={"state": "differs", "instance": "psp_main"})
    assert f'href="{statement}"' in listed
    page = await reader.see(statement)
    assert "Fees of the provider" in page
    assert f'href="{difference}"' in page
    assert "−¥0.60" in page or "-¥0.60" in page
    assert "The provider has kept its fees. Book them." in await reader.see(difference)
    shown = await reader.send(f"{difference}/do/book")
    assert "6603 Payment provider fees" in shown.text
    assert "1012 Provider clearing" in shown.text
    assert "¥0.60" in shown.text
    done = await reader.send(f"{difference}/do/book", seen="yes")
    assert done.headers["location"] == f"{difference}?done=book"
    async with world.transaction() as tx:
        assert await ledger.balance(tx, Account.PROVIDER_FEES) == Money(60)


async def test_a_difference_is_explained_with_a_reason_and_stands_in_the_export(rows: Rows, reader: Reader) -> None:
    difference = f"/differences/{rows['difference_id']}"
    answer = await reader.send(f"{difference}/do/explain", reason="")
    assert answer.status_code == 422
    exported = await reader.see("/differences.csv")
    assert exported.startswith("\ufeffDay,Provider,What differs,State")
    assert "psp_main,Fees of the provider" in exported
    days = await reader.see("/reconciliation.csv")
    assert "psp_main" in days
    assert "To look at" in days


async def test_the_night_fetches_and_matches_what_the_sandbox_says(world: World, rows: Rows, reader: Reader) -> None:
    """The stand-in's own book of the days of the lease agrees with ours, but for money that a test has made up."""
    world.clock.advance(timedelta(days=1))
    for _ in range(2):
        await world.tick("statements.perform")
    listed = await world.people["admin"].get("/statements", instance="psp_main")
    fetched = [one for one in listed["statements"] if one["fetched_at"]]
    assert fetched
    for one in fetched:
        found = await world.people["admin"].get(f"/statements/{one['id']}/differences")
        named = [row for row in found if row["state"] != "gone"]
        assert {row["kind"] for row in named} <= {"booked_alone"}
        assert one["matched"] > 0
        again = await reader.send(f"/reconciliation/{one['id']}/do/fetch")
        assert again.status_code == 303


async def test_whoever_is_kept_to_a_branch_sees_no_statement(world: World, rows: Rows) -> None:
    await world.hire("north-books", Role.ACCOUNTANT)
    clerk = await enter(world, "north-books")
    assert rows["statement_id"] not in await clerk.see("/reconciliation")
    assert (await clerk.http.get(f"/reconciliation/{rows['statement_id']}")).status_code == 404
    assert (await clerk.http.get(f"/differences/{rows['difference_id']}")).status_code == 404
    await clerk.http.aclose()
