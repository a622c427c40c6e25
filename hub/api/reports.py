"""The summary of the business."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from hub.api.deps import AmountText, acting
from hub.api.once import OnceRoute
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.reports import service
from hub.leasing.reports.rules import Summary

router = APIRouter(prefix="/reports", tags=["reports"], route_class=OnceRoute)


class AccountLine(BaseModel):
    """One ledger account: its turnover and its balance."""

    account: str
    debit: AmountText
    credit: AmountText


class CallCount(BaseModel):
    """How often an operation of the contract ended so."""

    operation: str
    outcome: str
    calls: int


class SummaryOut(BaseModel):
    """The business on one day."""

    as_of: date
    applications: dict[str, int]
    contracts: dict[str, int]
    accounts: dict[str, int]
    calls: list[CallCount]
    books: list[AccountLine]
    books_balance: bool

    @classmethod
    def of(cls, summary: Summary) -> SummaryOut:
        """The summary as it goes out."""
        return cls(
            as_of=summary.as_of,
            applications=dict(summary.applications),
            contracts=dict(summary.contracts),
            accounts=dict(summary.accounts),
            calls=[
                CallCount(operation=operation, outcome=outcome, calls=count)
                for (operation, outcome), count in summary.calls.items()
            ],
            books=[
                AccountLine(account=total.account.value, debit=total.debit, credit=total.credit)
                for total in summary.books.totals
            ],
            books_balance=summary.books_balance,
        )


@router.get("/summary")
async def summary(tx: Annotated[Tx, acting(P.REPORTS_READ)]) -> SummaryOut:
    """Applications, contracts and accounts by state, the provider calls, and whether the books balance."""
    tx.actor.require_whole_company(P.REPORTS_READ)  # the books in it are the whole company's
    return SummaryOut.of(await service.summary(tx))
