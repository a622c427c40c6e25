"""The books as an accountant or auditor reads them: trial balance, entries of a contract, and the proof.

The books are the whole company's: somebody kept to branches does not see them, whatever their role. Nothing is
posted through this door; entries come from what happens in the rooms.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from hub.api.deps import AmountText, ThePage, acting
from hub.api.once import OnceRoute
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.ledger import service
from hub.ledger.chart import CHART, Account, AccountKind
from hub.ledger.rules import AccountTotal, EntryView, FindingKind

router = APIRouter(prefix="/ledger", tags=["ledger"], route_class=OnceRoute)


Books = Annotated[Tx, acting(P.LEDGER_READ)]


class AccountTotalOut(BaseModel):
    """One account: turnover on both sides, and its balance on its normal side."""

    code: str
    name_zh: str
    name_en: str
    kind: AccountKind
    debit: AmountText
    credit: AmountText
    balance: AmountText

    @classmethod
    def of(cls, total: AccountTotal) -> AccountTotalOut:
        """The line of a trial balance as it is shown."""
        facts = CHART[total.account]
        return cls(
            code=total.account.value,
            name_zh=facts.name_zh,
            name_en=facts.name_en,
            kind=facts.kind,
            debit=total.debit,
            credit=total.credit,
            balance=total.normal_balance,
        )


class TrialBalanceOut(BaseModel):
    """Every account, and whether the two sides agree."""

    as_of: date | None
    accounts: list[AccountTotalOut]
    debit: AmountText
    credit: AmountText
    balances: bool


class LineOut(BaseModel):
    """One line of an entry, on its side."""

    model_config = ConfigDict(from_attributes=True)

    account: Account
    debit: AmountText
    credit: AmountText
    instance: str | None


class EntryOut(BaseModel):
    """One entry with its lines."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: int
    ref: str
    kind: str
    value_on: date
    posted_on: date
    posted_by: str
    memo: str
    reverses_id: UUID | None
    lines: list[LineOut]

    @classmethod
    def of(cls, entry: EntryView) -> EntryOut:
        """The entry as it is shown."""
        return cls.model_validate(entry)


class FindingOut(BaseModel):
    """One thing that is wrong with the books."""

    model_config = ConfigDict(from_attributes=True)

    kind: FindingKind
    subject: str
    detail: str


class CheckOut(BaseModel):
    """Whether a recount of the whole books found anything wrong."""

    sound: bool
    findings: list[FindingOut]


@router.get("/trial-balance")
async def trial_balance(tx: Books, as_of: date | None = None) -> TrialBalanceOut:
    """Every account with its turnover, of all that had been posted by the end of a day."""
    tx.actor.require_whole_company(P.LEDGER_READ)
    books = await service.trial_balance(tx, as_of)
    return TrialBalanceOut(
        as_of=books.as_of,
        accounts=[AccountTotalOut.of(total) for total in books.totals],
        debit=books.debit,
        credit=books.credit,
        balances=books.balances,
    )


@router.get("/contracts/{contract_id}/entries")
async def entries_of_contract(contract_id: UUID, tx: Books, page: ThePage) -> list[EntryOut]:
    """What has been booked on a contract, in the order of posting."""
    tx.actor.require_whole_company(P.LEDGER_READ)
    entries = await service.entries_of_contract(tx, contract_id, after=page.after, limit=page.limit)
    return [EntryOut.of(entry) for entry in entries]


@router.get("/check")
async def check(tx: Books) -> CheckOut:
    """Recount the whole books."""
    tx.actor.require_whole_company(P.LEDGER_READ)
    findings = await service.check(tx)
    return CheckOut(sound=not findings, findings=[FindingOut.model_validate(finding) for finding in findings])
