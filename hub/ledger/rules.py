"""What an entry is: a reference, a kind, dates and lines that add up to nothing. Views of the books stand here too.

A line's amount is signed: debit positive, credit negative. How business becomes lines is in `postings`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from hub.core.errors import InvalidInput
from hub.core.ids import EntryId
from hub.core.money import Money
from hub.ledger.chart import CHART, Account, AccountKind, Side

REF_LENGTH = 120
MEMO_LENGTH = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One side of an entry. `amount` debit positive, credit negative, never zero."""

    account: Account
    amount: Money
    instance: str | None = None

    def __post_init__(self) -> None:
        if not self.amount:
            raise InvalidInput("lines", f"{self.account} has a line of nothing")
        if CHART[self.account].by_instance != (self.instance is not None):
            needs = "needs" if self.instance is None else "does not take"
            raise InvalidInput("lines", f"{self.account} {needs} a provider instance")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDraft:
    """A balanced entry before it is posted; one that does not balance cannot be made.

    `ref` names the one event that it books ("charge:<id>"): the same event posted twice is one entry. `value_on` is
    the day that counts for the customer; the day of booking is the ledger's own.
    """

    ref: str
    kind: str
    value_on: date
    lines: tuple[Line, ...]
    contract_id: UUID | None = None
    memo: str = ""
    reverses_id: EntryId | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.ref) <= REF_LENGTH:
            raise InvalidInput("ref", f"must have 1 to {REF_LENGTH} characters")
        if len(self.memo) > MEMO_LENGTH:
            raise InvalidInput("memo", f"must have at most {MEMO_LENGTH} characters")
        if len({line.amount.currency for line in self.lines}) != 1:
            raise InvalidInput("lines", "must be in one currency")
        if excess := sum(line.amount.minor for line in self.lines):
            raise InvalidInput(
                "lines", f"do not balance: {Money(excess, self.lines[0].amount.currency)} too much debit"
            )

    @property
    def fingerprint(self) -> str:
        """A digest of what is booked, so that the same reference with another content is noticed.

        Memo and order of lines do not count.
        """
        parts = sorted(f"{line.account}|{line.amount.minor}|{line.instance or ''}" for line in self.lines)
        head = f"{self.kind}|{self.value_on}|{self.contract_id or ''}|{self.reverses_id or ''}"
        return hashlib.sha256("\n".join([head, *parts]).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A posted line. `debit` and `credit` are its two columns on paper, one of them zero."""

    account: Account
    amount: Money
    instance: str | None

    @property
    def debit(self) -> Money:
        """The amount if it is a debit, else zero."""
        return max(self.amount, Money.zero(self.amount.currency))

    @property
    def credit(self) -> Money:
        """The amount if it is a credit, else zero."""
        return max(-self.amount, Money.zero(self.amount.currency))


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """A posted entry with its lines in their order; `number` rises in the order of posting."""

    id: EntryId
    number: int
    ref: str
    kind: str
    value_on: date
    posted_on: date
    posted_by: str
    contract_id: UUID | None
    memo: str
    reverses_id: EntryId | None
    lines: tuple[LineView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTotal:
    """One account in a trial balance: turnover on both sides since the books were opened, both positive."""

    account: Account
    debit: Money
    credit: Money

    @property
    def balance(self) -> Money:
        """Debit less credit."""
        return self.debit - self.credit

    @property
    def normal_balance(self) -> Money:
        """The balance as a person reads it: positive when it stands on the account's normal side."""
        return self.balance if CHART[self.account].normal_side is Side.DEBIT else -self.balance

    @property
    def kind(self) -> AccountKind:
        """Asset, liability, equity, income or expense."""
        return CHART[self.account].kind


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalance:
    """Every account of the chart with its turnover, in order of code; `as_of` is None for all that is posted."""

    as_of: date | None
    totals: tuple[AccountTotal, ...]

    @property
    def debit(self) -> Money:
        """All debits."""
        return Money.total(total.debit for total in self.totals)

    @property
    def credit(self) -> Money:
        """All credits."""
        return Money.total(total.credit for total in self.totals)

    @property
    def balances(self) -> bool:
        """Whether debits equal credits."""
        return self.debit == self.credit


class FindingKind(StrEnum):
    """What a check of the books can find wrong."""

    ENTRY_UNBALANCED = "entry_unbalanced"
    LINES_MISSING = "lines_missing"
    TOTAL_NOT_ZERO = "total_not_zero"
    REVERSAL_NOT_MIRRORED = "reversal_not_mirrored"
    CHART_DIFFERS = "chart_differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with the books: which rule, where, and by how much."""

    kind: FindingKind
    subject: str
    detail: str


def one_of_each(drafts: Iterable[EntryDraft]) -> tuple[EntryDraft, ...]:
    """The drafts in order of reference, each reference once; raises InvalidInput when two of one reference differ."""
    chosen: dict[str, EntryDraft] = {}
    for draft in drafts:
        if chosen.setdefault(draft.ref, draft).fingerprint != draft.fingerprint:
            raise InvalidInput("ref", f"{draft.ref} stands for two different entries")
    return tuple(chosen[ref] for ref in sorted(chosen))
