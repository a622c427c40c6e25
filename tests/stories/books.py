"""What must be true after every stage: the books balance, and each vendor's own books say the same to the cent."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from hub.ledger import service as ledger
from hub.ledger.chart import Account
from tests.stories.lease import Lease
from tests.stories.world import Json

NOTHING = Decimal(0)


async def prove(lease: Lease, **expected: str) -> None:
    """The whole books are sound, the payment vendor agrees, and the contract's accounts stand at these balances.

    `expected` is debit less credit, by the account's name in small letters; what is not named is not looked at.
    """
    world = lease.world
    auditor = world.people["auditor"]
    assert await auditor.get("/ledger/check") == {"sound": True, "findings": []}
    books = await auditor.get("/ledger/trial-balance")
    assert books["balances"]
    assert books["debit"] == books["credit"]
    async with world.transaction() as tx:
        held = {instance: money.minor for instance, money in (await ledger.clearing_balances(tx)).items() if money}
    assert held == await world.held()
    found = await balances(lease)
    assert {name: found[Account[name.upper()].value] for name in expected} == {
        name: Decimal(amount) for name, amount in expected.items()
    }


async def balances(lease: Lease) -> Counter[str]:
    """Debit less credit of every account, of what has been booked on the lease, by account code."""
    found: Counter[str] = Counter()
    for entry in await _entries(lease):
        for line in entry["lines"]:
            found[line["account"]] += Decimal(line["debit"]) - Decimal(line["credit"])
    return found


async def _entries(lease: Lease) -> Json:
    entries: list[Json] = []
    while True:
        after = {"after": entries[-1]["id"]} if entries else {}
        page = await lease.by("auditor").get(f"/ledger/contracts/{lease.contract}/entries", limit=200, **after)
        entries += page
        if len(page) < 200:
            return entries


async def prove_calls_masked(lease: Lease, *operations: str) -> None:
    """Every call of the lease was recorded under its own key, and nobody reads from the log whom it was about."""
    calls = await lease.by("operations").get("/calls", limit=200)
    about = [call for call in calls if call["lease_id"] == lease.contract or call["idempotency_key"] == lease.check]
    assert set(operations) <= {call["operation"] for call in about}
    shown = str(calls)
    assert [secret for secret in lease.lessee.secrets if secret in shown] == []
    keys = [(call["operation"], call["idempotency_key"]) for call in about if call["effect"] in ("money", "legal")]
    assert len(keys) == len(set(keys))
