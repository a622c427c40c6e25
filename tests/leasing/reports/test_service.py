"""The summary: every room's counts, the calls and the books side by side."""

from __future__ import annotations

from datetime import timedelta

from hub.infra.access import Actor
from hub.leasing.reports import service
from hub.leasing.reports.rules import Summary
from hub.ledger.chart import Account
from tests.leasing.running import Lease


async def summary(lease: Lease, actor: Actor) -> Summary:
    async with lease.house.database.transaction(actor) as tx:
        return await service.summary(tx)


async def test_the_business_on_one_day(lease: Lease) -> None:
    await lease.house.go_to(await lease.due_on(1) + timedelta(days=1))
    await lease.house.night()
    found = await summary(lease, lease.house.seller)
    assert found.as_of == lease.house.today
    assert (found.applications["approved"], sum(found.applications.values())) == (1, 1)
    assert (found.contracts["active"], sum(found.contracts.values())) == (1, 1)
    assert (found.accounts["active"], found.accounts["overdue"]) == (1, 1)
    assert found.calls["payments_collect", "ok"] == 3  # down payment, deposit, service fee
    assert found.books_balance
    assert found.findings == ()
    held = {total.account: total.balance for total in found.books.totals}
    assert held[Account.RENT_RECEIVABLE] == (await lease.account()).owed


async def test_another_branch_counts_nothing_of_it_but_the_books_are_the_companys(
    lease: Lease, outsider: Actor
) -> None:
    found = await summary(lease, outsider)
    assert not any((*found.applications.values(), *found.contracts.values(), *found.accounts.values()))
    assert found.books == (await summary(lease, lease.house.seller)).books
