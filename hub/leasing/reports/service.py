"""Put the rooms' counts and the books side by side."""

from __future__ import annotations

from hub.infra.database import Tx
from hub.integrations import call_log
from hub.leasing.applications import service as applications
from hub.leasing.contracts import service as contracts
from hub.leasing.reports.rules import Summary
from hub.leasing.servicing import service as servicing
from hub.ledger import service as ledger


async def summary(tx: Tx) -> Summary:
    """The business as the actor sees it today; the books are the whole company's."""
    return Summary(
        as_of=tx.today,
        applications=await applications.count_by_state(tx),
        contracts=await contracts.count_by_state(tx),
        accounts=await servicing.count_by_state(tx),
        calls=await call_log.count_by_outcome(tx),
        books=await ledger.trial_balance(tx),
        findings=await ledger.check(tx),
    )
