"""A year of collections under faults by chance, then a quiet time: the vendor's books and ours say the same.

Two phases as in a simulation: while faults strike nothing may be taken twice; when they end everything must settle.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.core.ids import ContractId
from hub.core.money import Money
from hub.infra.access import system
from hub.integrations import call_log, reconcile
from hub.integrations.answers import CallOutcome
from hub.integrations.verdicts import CallState
from hub.leasing.instalments.rules import OWED, InstalmentState
from hub.leasing.servicing import service as servicing
from hub.leasing.servicing.rules import AccountView
from hub.ledger import service as ledger
from tests.faults.invariants import nothing_is_violated, vendor_books
from tests.faults.portfolio import open_portfolio, renew_mandates
from tests.faults.street import Street, open_street

START = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
LAST_RENT_ON = date(2026, 12, 5)  # the eleventh of twelve
_PERSON = system("a person")
RENTS = 11
OPERATIONS = ["collect", "status", "webhook"]
FAULTS = [
    "timeout_before_effect",
    "timeout_after_effect",
    "http_500_before",
    "http_500_after",
    "connection_drop_before",
    "connection_drop_after",
    "garbage_body",
    "wrong_type",
    "duplicate",
    "reorder",
    "delay",
    "drop",
    "bad_signature",
    "stale_timestamp",
]


SOAK = [
    pytest.param(20260105, 0, 56, marks=pytest.mark.soak),
    *(pytest.param(seed, 90 * seed % 90_000, 90, marks=pytest.mark.soak) for seed in range(100, 110)),
]


@pytest.mark.long
@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("seed", "settle_s", "number"), [(20260105, 0, 24), (7, 120, 28), (1, 100_000, 8), *SOAK])
async def test_nothing_is_taken_twice_and_nothing_is_lost(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, settle_s: int, number: int
) -> None:
    """Some of the debits settle at once, some after minutes, some a day later; a thousand of them in all.

    The longer a debit takes, the more often it is asked after, so that the fewest leases have the slowest bank.
    """
    print(f"seed {seed}")
    async with open_street(database_url, tmp_path, START, seed, monkeypatch) as street:
        leases = await open_portfolio(street.database, number, commenced_on=START.date(), term=RENTS + 1)
        await street.live_through(START.date())
        while await renew_mandates(street.database, leases):  # refused where the vendor was too slow for us
            await street.live_through(street.today + timedelta(days=1))
        await street.tell("script", settle_s=settle_s)
        await street.tell("declines", declines=_declines(number))
        await street.tell("faults", faults=_denials())
        await street.tell("chaos", seed=seed, rate=0.3, seconds=7200, faults=FAULTS, operations=OPERATIONS)
        await _live_until(street, LAST_RENT_ON)
        print(await street.struck())
        await street.tell("chaos", rate=0)
        await street.tell("script", settle_s=0)
        await _come_to_rest(street, leases)
        await _prove(street, leases)
        await _prove_alone(street, database_url)


def _declines(number: int) -> list[dict[str, object]]:
    """Every fifth lessee's account is empty once or twice."""
    return [
        {"agreement": f"LC-{one:06}", "due_on": f"2026-{2 + one % 10:02}-05", "reason": "nsf", "times": 1 + one % 2}
        for one in range(1, number + 1, 5)
    ]


def _denials() -> list[dict[str, object]]:
    """Every seventh question is answered with "no record", whether that is true or not."""
    return [{"operation": "status", "fault": "not_found_yet", "nth": nth} for nth in range(2, 500, 7)]


async def _live_until(street: Street, last: date) -> None:
    while (day := await street.next_day()) is not None and day <= last:
        await street.live_through(day)
        await _open_escalated(street)


async def _open_escalated(street: Street) -> None:
    """A person opens every lease of which a call was given up by the machine: that asks the vendor once more."""
    async with street.database.transaction(_PERSON) as tx:
        escalated = await call_log.list_calls(tx, state=CallState.ESCALATED, limit=200)
    for lease_id in {call.lease_id for call in escalated if call.lease_id}:
        await reconcile.reconcile_lease(street.database, street.hub.house.executor, lease_id)


async def _come_to_rest(street: Street, leases: list[ContractId]) -> None:
    """Live on without faults until the eve of the next rent; in between a person sees to what the machine gave up."""
    await _live_until(street, LAST_RENT_ON + timedelta(days=10))
    await _decide_escalated(street)
    for contract_id in leases:
        async with street.database.transaction(_PERSON) as tx:
            account = await servicing.get_account(tx, contract_id)
            if any(one.state in OWED and one.charge_on is None for one in account.instalments):
                await servicing.charge_again(tx, contract_id=contract_id, on=tx.today + timedelta(days=1))
    await _live_until(street, LAST_RENT_ON + timedelta(days=29))


async def _decide_escalated(street: Street) -> None:
    """What was never executed by the vendor's own books is said to be so; anything else must have been found out."""
    booked = {row["key"] for row in (await street.books())["charges"]}
    async with street.database.transaction(_PERSON) as tx:
        escalated = await call_log.list_calls(tx, state=CallState.ESCALATED, limit=200)
        print(f"{len(escalated)} for a person")
        for call in escalated:
            assert call.idempotency_key not in booked
            await reconcile.decide_by_hand(
                tx, call_id=call.id, outcome=CallOutcome.NOT_EXECUTED, reason="not in the vendor's books"
            )


_CHARGES = "select cast(id as text), cast(subject_id as text), cast(amount * 100 as bigint), state from charge"
_RECEIPTS = "select cast(charge_id as text), count(*) from receipt group by 1"
_ENTRIES = "select ref, count(*) from entry where kind = 'receipt_from_provider' group by 1"
_WAITING = "select count(*) from webhook_inbox where state in ('received', 'failed')"


async def _prove(street: Street, leases: list[ContractId]) -> None:
    """The vendor's books against the hub's: by charge, by rent, and to the cent."""
    captured = {row["key"]: row for row in (await street.books())["charges"] if row["status"] == "settled"}
    async with street.database.transaction(system("auditor")) as tx:
        charges = (await tx.execute(text(_CHARGES))).all()
        receipts = dict((await tx.execute(text(_RECEIPTS))).all())
        entries = dict((await tx.execute(text(_ENTRIES))).all())
        assert await tx.scalar(text(_WAITING)) == 0
        assert await call_log.open_unknowns(tx) == 0
        assert await ledger.check(tx) == ()
        held = await ledger.clearing_balances(tx)
        accounts = [await servicing.get_account(tx, contract_id) for contract_id in leases]
    assert Counter(state for *_, state in charges).keys() <= {"succeeded", "rejected"}
    taken = {charge: (subject, minor) for charge, subject, minor, state in charges if state == "succeeded"}
    assert {charge: minor for charge, (_, minor) in taken.items()} == {
        key: row["amount_minor"] for key, row in captured.items()
    }
    assert receipts == dict.fromkeys(taken, 1)
    assert entries == {f"receipt_from_provider:{charge}": 1 for charge in taken}
    assert held == {"psp_main": Money(sum(row["amount_minor"] for row in captured.values()))}
    for account in accounts:
        _prove_account(account, [minor for subject, minor in taken.values() if subject in _rents(account)])
        whole = [subject for subject, minor in taken.values() if minor >= _rents(account).get(subject, minor + 1)]
        assert len(whole) == len(set(whole)), "a rent was captured twice"


async def _prove_alone(street: Street, url: str) -> None:
    """The same and more, by questions that share nothing with the hub."""
    callbacks = (await street.vendor.get("/_sandbox/webhooks")).json()
    books = vendor_books(await street.books(), callbacks)
    assert books.delivered
    await nothing_is_violated(url, street.clock.now(), psp_main=books)


def _rents(account: AccountView) -> dict[str, int]:
    """What each rent of an account is, without penalties."""
    return {str(one.id): one.rent.minor for one in account.instalments}


def _prove_account(account: AccountView, taken: list[int]) -> None:
    """All that fell due is paid, nothing beyond it was taken, and nothing is in doubt."""
    paid = [one for one in account.instalments if one.state is InstalmentState.PAID]
    assert len(paid) == RENTS
    assert sum(taken) == Money.total(one.rent + one.penalty for one in paid).minor
    assert not account.owed
    assert not account.in_doubt
