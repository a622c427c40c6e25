"""Lease accounts as they are listed: how each of many stands, and which are in arrears, by how long."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, Subquery, case, func, literal, select, type_coerce

from hub.core.ids import ContractId
from hub.core.money import Money
from hub.infra.access import visible
from hub.infra.database import Amount, Tx
from hub.infra.paging import Count, Order, Slice, Window, count, sliced, together
from hub.leasing.instalments.rules import OWED, InstalmentState, days_past_due
from hub.leasing.servicing.records import AccountRecord, InstalmentRecord
from hub.leasing.servicing.rules import AccountState, Bucket

# From which day past due each bucket begins, the longest first. Source: the usual M1 to M4 of Chinese servicing (30 days each).
_BEGINS = ((Bucket.M4, 91), (Bucket.M3, 61), (Bucket.M2, 31), (Bucket.M1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an account stands: its state, what is owed, since when the oldest rent is overdue, and how many are."""

    contract_id: ContractId
    state: AccountState
    owed: Money
    overdue_since_on: date | None
    overdue_rents: int
    days_past_due: int


async def standings_of(tx: Tx, contract_ids: Collection[ContractId]) -> Mapping[ContractId, Standing]:
    """How the accounts of these contracts stand, in two queries; a contract without an account is left out."""
    if not contract_ids:
        return {}
    accounts = select(AccountRecord.contract_id, AccountRecord.state).where(AccountRecord.contract_id.in_(contract_ids))
    states = dict((await tx.execute(accounts)).all())
    owed = (
        select(InstalmentRecord.contract_id, _left(), _overdue_since(), _overdue_rents())
        .where(InstalmentRecord.contract_id.in_(states), InstalmentRecord.state.in_(sorted(OWED)))
        .group_by(InstalmentRecord.contract_id)
    )
    found = {row[0]: (row[1], row[2], row[3]) for row in await tx.execute(owed)}
    return {
        ContractId(contract_id): _standing(
            ContractId(contract_id), AccountState(state), found.get(contract_id, (Money.zero(), None, 0)), tx.today
        )
        for contract_id, state in states.items()
    }


def _standing(
    contract_id: ContractId, state: AccountState, owed: tuple[Money, date | None, int], today: date
) -> Standing:
    left, since, rents = owed
    return Standing(
        contract_id=contract_id,
        state=state,
        owed=left,
        overdue_since_on=since,
        overdue_rents=rents,
        days_past_due=0 if since is None else days_past_due(since, today),
    )


def _left() -> Any:
    """Everything that is still to be paid of some rents."""
    row = InstalmentRecord
    return type_coerce(
        func.sum(
            row.principal_amount
            + row.interest_amount
            + row.penalty_amount
            - row.paid_principal_amount
            - row.paid_interest_amount
            - row.paid_penalty_amount
        ),
        Amount(),
    )


def _overdue_since() -> Any:
    return func.min(InstalmentRecord.due_on).filter(InstalmentRecord.state == InstalmentState.OVERDUE)


def _overdue_rents() -> Any:
    return func.count().filter(InstalmentRecord.state == InstalmentState.OVERDUE)


# Arrears


async def arrears(tx: Tx, window: Window) -> Slice[Standing]:
    """Accounts with overdue rents in a window; filter `bucket` for how late they are."""
    late = _late()
    query = _seen(tx, late)
    if (wanted := window.filters.get("bucket")) is not None:
        query = query.where(_bucket(late, tx.today) == wanted)
    order = Order(
        key=late.c.contract_id,
        columns={"since": late.c.since, "owed": type_coerce(late.c.owed, Amount())},
        standard="since",
    )
    found = await sliced(tx, query, order, window, ContractId)
    known = await standings_of(tx, found.rows)
    return Slice(rows=[known[contract_id] for contract_id in found.rows], after=found.after, before=found.before)


async def arrears_counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many accounts there are in each bucket."""
    late = _late()
    bucket = _bucket(late, tx.today)
    counted = _seen(tx, late).with_only_columns(bucket, func.count()).group_by(bucket)
    numbers = {str(word): number for word, number in (await tx.execute(counted)).all()}
    found = {word.value: Count(number=numbers.get(word.value, 0)) for word in Bucket}
    return {"": together(found.values())} | found


async def count_overdue(tx: Tx) -> Count:
    """How many accounts with overdue rents the actor sees."""
    return await count(tx, _seen(tx, _late()))


def _late() -> Subquery:
    """The contracts with overdue rents: since when, and what they owe."""
    return (
        select(InstalmentRecord.contract_id, func.min(InstalmentRecord.due_on).label("since"), _left().label("owed"))
        .where(InstalmentRecord.state == InstalmentState.OVERDUE)
        .group_by(InstalmentRecord.contract_id)
        .subquery("late")
    )


def _seen(tx: Tx, late: Subquery) -> Select[Any]:
    """Those of them that the actor sees; whoever sees all of them looks at no account."""
    rows: Select[Any] = select(late.c.contract_id)
    if tx.actor.branches is None:
        return rows
    rows = rows.join(AccountRecord, AccountRecord.contract_id == late.c.contract_id)
    return visible(rows, AccountRecord.branch_id, tx.actor)


def _bucket(late: Subquery, today: date) -> Any:
    """The bucket of a contract by the day since which it is overdue."""
    whens = [(late.c.since <= today - timedelta(days=begins), literal(bucket.value)) for bucket, begins in _BEGINS]
    return case(*whens, else_=literal(Bucket.M1.value))
