"""One account's close of one day: what falls due, what is late, what it bears, what is debited; pure.

The same function serves the nightly job, the catch-up of missed days, and the simulation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from hub.core.ids import ContractId
from hub.leasing.instalments.penalty import Accrual, accruals
from hub.leasing.instalments.rules import OPEN, OWED, Instalment, InstalmentState, PenaltyTerms
from hub.ledger import postings
from hub.ledger.rules import EntryDraft


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What the close of a day makes of one instalment."""

    instalment: Instalment
    fell_due: bool
    became_overdue: bool
    accrued: tuple[Accrual, ...]
    to_charge: bool


def close_day(instalment: Instalment, terms: PenaltyTerms, today: date, *, may_charge: bool) -> Closed:
    """Close one instalment for `today`; closing the same day again changes nothing."""
    after = instalment
    fell_due = after.state is InstalmentState.SCHEDULED and after.due_on <= today
    if fell_due:
        after = replace(after, state=InstalmentState.DUE)
    became_overdue = after.state is InstalmentState.DUE and after.due_on < today and after.rent_left.minor > 0
    if became_overdue:
        after = replace(after, state=InstalmentState.OVERDUE)
    accrued = accruals(after, terms, today) if after.state is InstalmentState.OVERDUE else ()
    for row in accrued:
        after = replace(after, penalty=after.penalty + row.money, penalty_through_on=row.accrued_on)
    wanted = after.state in OWED and after.charge_on is not None and after.charge_on <= today
    return Closed(
        instalment=after,
        fell_due=fell_due,
        became_overdue=became_overdue,
        accrued=accrued,
        to_charge=may_charge and wanted and after.left.minor > 0,
    )


def entries(contract_id: ContractId, result: Closed) -> Iterator[EntryDraft]:
    """What the close of a day brings into the books: the rent that fell due, and each day's penalty."""
    one = result.instalment
    if result.fell_due:
        yield postings.rent_fell_due(
            instalment_id=one.id,
            contract_id=contract_id,
            value_on=one.due_on,
            principal=one.principal,
            interest=one.interest,
        )
    for row in result.accrued:
        yield postings.penalty_accrued(
            instalment_id=one.id, contract_id=contract_id, value_on=row.accrued_on, amount=row.money
        )


def next_event_on(instalments: Sequence[Instalment], today: date) -> date | None:
    """The next day on which this account has anything to close; None when never again."""
    open_ones = [one for one in instalments if one.state in OPEN]
    if not open_ones:
        return None
    if any(one.state in OWED for one in open_ones):
        return today + timedelta(days=1)
    return max(min(one.due_on for one in open_ones), today + timedelta(days=1))
