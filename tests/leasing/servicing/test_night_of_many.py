"""A night over many accounts: as many questions to the database as over one. Counts do not jitter, so they are the gate."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import event

from hub.infra.access import system
from hub.infra.database import Database
from hub.leasing.instalments.rules import InstalmentState
from hub.leasing.payments import service as payments
from hub.leasing.servicing import service
from hub.sdk.clock import VirtualClock
from tests.faults.portfolio import open_portfolio

ACCOUNTS = 12
MOST = 16  # the accounts, their rents, doubt, entries with lines, mandates, debits under way and new, updates


async def test_a_night_of_many_accounts_takes_a_fixed_number_of_statements(
    database: Database, clock: VirtualClock
) -> None:
    opened_on = clock.now().date()
    contract_ids = await open_portfolio(database, ACCOUNTS, commenced_on=opened_on, term=24)
    statements: list[str] = []

    def asked(conn: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", asked)
    try:
        for days in (31, 32, 38):  # the first rents are due, overdue, bear penalties
            clock.move_to(clock.now().replace(year=2026, month=1, day=5) + timedelta(days=days))
            statements.clear()
            assert await service.close_due_accounts(database) == ACCOUNTS
            assert len(statements) <= MOST, "\n".join(statements)
            assert await service.close_due_accounts(database) == 0
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", asked)
    async with database.transaction(system("test")) as tx:
        for contract_id in contract_ids:
            account = await service.get_account(tx, contract_id)
            assert account.instalments[0].state is InstalmentState.OVERDUE
            assert account.instalments[0].penalty.minor > 0
        assert await payments.under_way(tx, *contract_ids) == frozenset()  # their mandates are not active yet
