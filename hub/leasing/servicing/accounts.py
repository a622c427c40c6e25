"""A lease account with its rents, loaded as one thing, and read as the rules see it. Whoever changes one holds its
contract first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import aliased

from hub.core.errors import NotFound
from hub.core.ids import ContractId, InstalmentId
from hub.infra.database import Tx
from hub.leasing.instalments.rules import OPEN, OWED, Instalment, InstalmentState, PenaltyTerms
from hub.leasing.instalments.waterfall import Part
from hub.leasing.products.rules import InterestUntil
from hub.leasing.servicing.records import AccountRecord, InstalmentRecord
from hub.leasing.servicing.rules import AccountState, PayoffTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The rows of one account; `rents` in order of their numbers."""

    row: AccountRecord
    rents: Sequence[InstalmentRecord]

    @property
    def contract_id(self) -> ContractId:
        """Whose account it is."""
        return ContractId(self.row.contract_id)

    @property
    def state(self) -> AccountState:
        """Whether rent still runs."""
        return AccountState(self.row.state)

    def waits_on(self, today: date) -> bool:
        """Whether the night of today has anything to close."""
        next_on = self.row.next_event_on
        return self.state is AccountState.ACTIVE and next_on is not None and next_on <= today

    @property
    def open_rents(self) -> list[InstalmentRecord]:
        """What is still to be paid, now or later."""
        return [rent for rent in self.rents if rent.state in OPEN]

    @property
    def owed_rents(self) -> list[InstalmentRecord]:
        """What has fallen due and is not paid."""
        return [rent for rent in self.rents if rent.state in OWED]

    @property
    def instalments(self) -> tuple[Instalment, ...]:
        """Every rent as the rules see it."""
        return tuple(instalment_of(rent) for rent in self.rents)

    @property
    def penalty_terms(self) -> PenaltyTerms:
        """The penalty rule that the contract was written on."""
        return PenaltyTerms(
            daily_rate=self.row.penalty_daily_rate,
            grace_days=self.row.penalty_grace_days,
            cap_share=self.row.penalty_cap_share,
        )

    @property
    def payoff_terms(self) -> PayoffTerms:
        """The early-settlement rule that the contract was written on."""
        return PayoffTerms(
            lock_in_months=self.row.payoff_lock_in_months,
            fee_share=self.row.payoff_fee_share,
            interest_until=InterestUntil(self.row.payoff_interest_until),
        )

    @property
    def allocation_order(self) -> tuple[Part, ...]:
        """In which order a receipt pays the parts of a rent."""
        return tuple(Part(word) for word in self.row.allocation_order)


async def load(tx: Tx, contract_id: ContractId, *, scoped: bool = False) -> Account:
    """An account as it stands; with `scoped`, only one that the actor may see. Raises NotFound."""
    account = await find(tx, contract_id)
    if account is None or (scoped and not tx.actor.sees(account.row.branch_id)):
        raise NotFound("lease_account", contract_id)
    return account


async def find(tx: Tx, contract_id: ContractId) -> Account | None:
    """The account of a contract, or None while it has none."""
    found = await _load(tx, [contract_id], select(InstalmentRecord))
    return found[0] if found else None


async def load_for_night(tx: Tx, contract_ids: Sequence[ContractId], today: date) -> list[Account]:
    """The accounts of these contracts, in two queries however many they are, with what a night can touch of their rents.

    That is what is open, up to the first rent that is still to come.
    """
    later = aliased(InstalmentRecord)
    first_to_come = (
        select(func.min(later.number))
        .where(
            later.contract_id == InstalmentRecord.contract_id,
            later.state == InstalmentState.SCHEDULED,
            later.due_on > today,
        )
        .scalar_subquery()
    )
    until_then = or_(first_to_come.is_(None), InstalmentRecord.number <= first_to_come)
    touched = select(InstalmentRecord).where(InstalmentRecord.state.in_(sorted(OPEN)), until_then)
    return await _load(tx, contract_ids, touched)


async def _load(tx: Tx, contract_ids: Sequence[ContractId], rents: Select[InstalmentRecord]) -> list[Account]:
    await tx.flush()
    theirs: dict[UUID, list[InstalmentRecord]] = {contract_id: [] for contract_id in contract_ids}
    rows = select(AccountRecord).where(AccountRecord.contract_id.in_(contract_ids))
    found = (await tx.scalars(rows.execution_options(populate_existing=True))).all()
    wanted = rents.where(InstalmentRecord.contract_id.in_(contract_ids)).order_by(InstalmentRecord.number)
    for rent in await tx.scalars(wanted.execution_options(populate_existing=True)):
        theirs[rent.contract_id].append(rent)
    return [Account(row=row, rents=theirs[row.contract_id]) for row in found]


def instalment_of(rent: InstalmentRecord) -> Instalment:
    """A rent as the rules see it."""
    return Instalment(
        id=InstalmentId(rent.id),
        number=rent.number,
        due_on=rent.due_on,
        principal=rent.principal_amount,
        interest=rent.interest_amount,
        penalty=rent.penalty_amount,
        paid_principal=rent.paid_principal_amount,
        paid_interest=rent.paid_interest_amount,
        paid_penalty=rent.paid_penalty_amount,
        state=InstalmentState(rent.state),
        charge_on=rent.charge_on,
        attempts=rent.attempts,
        penalty_through_on=rent.penalty_through_on,
    )


def write(rent: InstalmentRecord, closed: Instalment) -> None:
    """Write down what the close of a day has made of a rent."""
    rent.state, rent.penalty_amount, rent.penalty_through_on = closed.state, closed.penalty, closed.penalty_through_on
