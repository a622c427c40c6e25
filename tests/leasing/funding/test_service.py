"""What is due at signing: asked for once, booked by its purpose, due again when it is refused."""

from __future__ import annotations

from uuid import UUID

import pytest

from hub.core.errors import NotFound, RuleBroken
from hub.core.events import Fact
from hub.core.ids import ChargeId, ContractId
from hub.core.money import Money
from hub.core.ports.payments import RejectionAdvice
from hub.infra.access import Actor
from hub.infra.database import Database
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractFunded, ContractState
from hub.leasing.funding import service
from hub.leasing.funding.rules import SigningPaymentReceived, SigningPaymentRejected, SigningPaymentState
from hub.leasing.payments import service as payments
from hub.leasing.payments.records import ChargeRecord
from hub.leasing.payments.rules import ChargePurpose, ChargeRejected, MovementState
from hub.ledger import service as ledger
from hub.ledger.chart import Account
from tests.leasing.writing import agree, charge, fund, sign, succeeded


async def test_money_at_signing_is_on_the_books_by_its_purpose(
    database: Database, seller: Actor, contract_id: ContractId
) -> None:
    async with database.transaction(seller) as tx:
        await fund(tx, contract_id)
        payment = (await service.signing_payments_of(tx, contract_id))[0]
        await service.record_signing_payment(tx, succeeded(contract_id, payment))
    async with database.transaction(seller) as tx:
        balances = {
            account: (await ledger.balance(tx, account)).amount
            for account in (Account.PROVIDER_CLEARING, Account.CUSTOMER_PREPAYMENTS, Account.SECURITY_DEPOSITS)
        }
    assert {account: abs(amount) for account, amount in balances.items()} == {
        Account.PROVIDER_CLEARING: Money.of("70210.00").amount,
        Account.CUSTOMER_PREPAYMENTS: Money.of("56940.00").amount,
        Account.SECURITY_DEPOSITS: Money.of("9490.00").amount,
    }


async def test_asking_twice_asks_for_one_mandate_and_one_charge_each(
    database: Database, seller: Actor, contract_id: ContractId
) -> None:
    async with database.transaction(seller) as tx:
        await sign(tx, contract_id)
        await service.request_signing_payments(tx, contract_id)
        await service.request_signing_payments(tx, contract_id)
        fact = await agree(tx, contract_id)
        await service.charge_signing_payments(tx, fact)
        await service.charge_signing_payments(tx, fact)
        await service.request_signing_payments(tx, contract_id)
        charges = await payments.charges_of(tx, contract_id)
        asked = await service.signing_payments_of(tx, contract_id)
    assert sorted(charge.id for charge in charges) == sorted(payment.charge_id or UUID(int=0) for payment in asked)
    assert {payment.state for payment in asked} == {SigningPaymentState.REQUESTED}
    assert len(asked) == 4


async def test_a_refused_payment_is_due_again_and_stale_news_of_it_changes_nothing(
    database: Database, seller: Actor, contract_id: ContractId, facts: list[Fact]
) -> None:
    async with database.transaction(seller) as tx:
        payment = (await charge(tx, contract_id))[0]
        assert payment.charge_id is not None
        for charge_id in (ChargeId(UUID(int=77)), payment.charge_id):
            await service.record_signing_payment_rejected(
                tx,
                ChargeRejected(
                    charge_id=charge_id,
                    contract_id=contract_id,
                    purpose=ChargePurpose.SIGNING,
                    subject_id=payment.id,
                    code="insufficient_funds",
                    advice=RejectionAdvice.RETRY_LATER,
                ),
            )
        (again,) = [one for one in await service.signing_payments_of(tx, contract_id) if one.id == payment.id]
        assert again.state is SigningPaymentState.DUE
    assert len([fact for fact in facts if isinstance(fact, SigningPaymentRejected)]) == 1


async def test_with_the_last_payment_the_contract_is_funded(
    database: Database, seller: Actor, contract_id: ContractId, facts: list[Fact]
) -> None:
    async with database.transaction(seller) as tx:
        first, *rest = await charge(tx, contract_id)
        for payment in rest:
            await service.record_signing_payment(tx, succeeded(contract_id, payment))
        assert (await contracts.view(tx, contract_id)).state is ContractState.SIGNED
        await service.record_signing_payment(tx, succeeded(contract_id, first))
        assert (await contracts.view(tx, contract_id)).state is ContractState.FUNDED
    assert [type(fact) for fact in facts if isinstance(fact, SigningPaymentReceived | ContractFunded)] == [
        *[SigningPaymentReceived] * 4,
        ContractFunded,
    ]


async def test_once_every_debit_is_refused_the_contract_may_be_cancelled(
    database: Database, seller: Actor, contract_id: ContractId
) -> None:
    async with database.transaction(seller) as tx:
        for payment in await charge(tx, contract_id):
            with pytest.raises(RuleBroken, match="signing_payment_under_way"):
                await contracts.cancel(tx, contract_id, reason="no money")
            row = await tx.get_one(ChargeRecord, payment.charge_id)
            row.state = MovementState.REJECTED
        await contracts.cancel(tx, contract_id, reason="no money")
        assert (await contracts.view(tx, contract_id)).state is ContractState.CANCELLED


async def test_nothing_is_paid_for_before_both_have_signed(
    database: Database, seller: Actor, contract_id: ContractId
) -> None:
    async with database.transaction(seller) as tx:
        with pytest.raises(RuleBroken, match="contract_state"):
            await service.request_signing_payments(tx, contract_id)


async def test_another_branchs_contract_is_not_found(
    database: Database, outsider: Actor, contract_id: ContractId
) -> None:
    async with database.transaction(outsider) as tx:
        for act in (service.request_signing_payments, service.signing_payments_of):
            with pytest.raises(NotFound):
                await act(tx, contract_id)
