"""A payer's till: mandates and charges of one contract against a bank that does as it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from hub.core.ids import BankAccountId, ChargeId, ContractId, MandateId, PartyId
from hub.core.money import Money
from hub.infra.database import Database, Tx
from hub.integrations.answers import CallOutcome
from hub.integrations.facts import OutcomeEscalated, OutcomeKnown
from hub.leasing.mandates import service as mandates
from hub.leasing.parties import service as parties
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import ChargePurpose, MovementView
from tests.integrations.fakes import Step
from tests.leasing.running import House

RENT = Money.of("100.00")


@dataclass(kw_only=True)
class Till:
    """A payer with an account, a contract's id, and nobody who listens but this room."""

    house: House
    party_id: PartyId
    bank_account_id: BankAccountId
    contract_id: ContractId

    @property
    def database(self) -> Database:
        return self.house.database

    async def in_tx(self, work: Callable[[Tx], object]) -> None:
        async with self.database.transaction(self.house.system) as tx:
            await work(tx)  # type: ignore[misc]

    async def mandate(self, limit: str = "5000.00") -> MandateId:
        async with self.database.transaction(self.house.seller) as tx:
            return await mandates.request_mandate(
                tx,
                contract_id=self.contract_id,
                branch_id=self.house.branch,
                party_id=self.party_id,
                bank_account_id=self.bank_account_id,
                limit=Money.of(limit),
                contract_number="LC-1",
            )

    async def active_mandate(self) -> MandateId:
        mandate_id = await self.mandate()
        await mandates.perform_mandates(self.database, self.house.executor)
        return mandate_id

    async def charge(self, mandate_id: MandateId, subject_id: UUID | None = None, money: Money = RENT) -> ChargeId:
        async with self.database.transaction(self.house.system) as tx:
            return await payments.request_charge(
                tx,
                contract_id=self.contract_id,
                mandate_id=mandate_id,
                purpose=ChargePurpose.RENT,
                subject_id=subject_id or tx.new_id(),
                money=money,
                due_on=tx.today,
            )

    async def charged(self, *steps: Step) -> MovementView:
        """One charge, performed against that script."""
        self.house.bank.steps["payments_collect"] = list(steps)
        await self.charge(await self.active_mandate())
        await payments.perform_charges(self.database, self.house.executor)
        return (await self.charges())[0]

    async def charges(self) -> list[MovementView]:
        async with self.database.transaction(self.house.system) as tx:
            return await payments.charges_of(tx, self.contract_id)

    async def news(self, operation: str, key: object, **changes: object) -> None:
        fields = {"outcome": CallOutcome.OK, "result": None, "error_code": None, **changes}
        fact = OutcomeKnown(call_id=UUID(int=1), operation=operation, key=str(key), instance="bank", **fields)  # type: ignore[arg-type]
        await self.in_tx(lambda tx: mandates.record_outcome_known(tx, fact))
        await self.in_tx(lambda tx: payments.record_outcome_known(tx, fact))

    async def escalate(self, operation: str, key: object) -> None:
        fact = OutcomeEscalated(
            call_id=UUID(int=1), operation=operation, key=str(key), instance="bank", reason="nobody knows"
        )
        await self.in_tx(lambda tx: mandates.record_escalated(tx, fact))
        await self.in_tx(lambda tx: payments.record_escalated(tx, fact))


@pytest.fixture
async def till(house: House) -> Till:
    house.table = {OutcomeKnown: (mandates.record_outcome_known, payments.record_outcome_known)}
    async with house.database.transaction(house.seller) as tx:
        party_id = await house.register(tx)
        account_id = await parties.add_bank_account(
            tx, party_id=party_id, bank_code="ICBC", number="6222021234567890128"
        )
        contract_id = ContractId(tx.new_id())
    house.heard.clear()
    return Till(house=house, party_id=party_id, bank_account_id=account_id, contract_id=contract_id)
