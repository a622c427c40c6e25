"""Mandates, charges and payouts through the real executor: each wish has one effect, whatever happens on the way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from hub.core.errors import Conflict, NotFound, NotSent, Rejected, RetryAdvice, RuleBroken, UnknownOutcome
from hub.core.ids import ContractId
from hub.core.money import Money
from hub.core.ports.payments import PaymentOutcome, PaymentResult, RejectionAdvice
from hub.infra.access import Actor
from hub.infra.database import Tx
from hub.integrations import reconcile
from hub.integrations.answers import Answer, CallOutcome
from hub.integrations.dispatch import AT_ONCE, CLAIM
from hub.integrations.executor import Executor
from hub.integrations.records import ProviderCall
from hub.integrations.verdicts import CallState
from hub.leasing.mandates import service as mandates
from hub.leasing.mandates.rules import MandateActivated
from hub.leasing.payments import service
from hub.leasing.payments.rules import (
    ChargeInDoubt,
    ChargeRejected,
    ChargeSucceeded,
    MovementState,
    MovementView,
    PayoutInDoubt,
    PayoutPurpose,
    PayoutRejected,
    PayoutSucceeded,
)
from tests.integrations.fakes import Step
from tests.leasing.running import PENDING, refused, settled, taken
from tests.leasing.till import RENT, Till

# Charges


async def test_a_charge_is_sent_once_under_its_own_key_to_where_the_mandate_is(till: Till) -> None:
    charge = await till.charged(settled())
    assert (charge.state, charge.instance, charge.payment_ref) == (MovementState.SUCCEEDED, "bank", "p")
    [sent] = till.house.bank.of("payments_collect")
    assert (sent.ctx.idempotency_key, sent.request.money, sent.request.mandate_ref) == (str(charge.id), RENT, "m-1")
    [told] = till.house.told(ChargeSucceeded)
    assert (told.charge_id, told.money, told.settled_on) == (charge.id, RENT, till.house.today)
    assert await service.perform_charges(till.database, till.house.executor) == 0


async def test_a_subject_has_one_live_charge(till: Till) -> None:
    mandate_id, subject_id = await till.active_mandate(), uuid4()
    await till.charge(mandate_id, subject_id)
    with pytest.raises(Conflict, match="charge_under_way"):
        await till.charge(mandate_id, subject_id)
    async with till.database.transaction(till.house.system) as tx:
        assert await service.under_way(tx, till.contract_id) == {subject_id}
    till.house.bank.steps["payments_collect"] = [refused()]
    await service.perform_charges(till.database, till.house.executor)
    await till.charge(mandate_id, subject_id)  # refused: the next one may be tried


async def test_two_that_ask_at_once_get_one_charge(till: Till) -> None:
    mandate_id, subject_id = await till.active_mandate(), uuid4()
    asked = await asyncio.gather(*(till.charge(mandate_id, subject_id) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in asked) == 5
    assert len(await till.charges()) == 1


async def test_a_charge_needs_an_active_mandate_of_the_contract_and_keeps_to_its_limit(till: Till) -> None:
    mandate_id = await till.mandate("50.00")
    with pytest.raises(RuleBroken, match="mandate_not_active"):
        await till.charge(mandate_id)
    await mandates.perform_mandates(till.database, till.house.executor)
    with pytest.raises(RuleBroken, match="over_mandate_limit"):
        await till.charge(mandate_id)
    till.contract_id = ContractId(uuid4())
    with pytest.raises(NotFound):
        await till.charge(mandate_id, money=Money.of("1.00"))


@pytest.mark.parametrize(
    ("step", "code", "advice"),
    [
        (refused(RejectionAdvice.NEW_MANDATE), "insufficient_funds", RejectionAdvice.NEW_MANDATE),
        (Rejected("closed", advice=RetryAdvice.NEVER), "closed", RejectionAdvice.DO_NOT_RETRY),
        (NotSent("refused"), "not_sent", RejectionAdvice.RETRY_LATER),
    ],
)
async def test_a_refusal_is_told_with_its_advice(till: Till, step: Step, code: str, advice: RejectionAdvice) -> None:
    charge = await till.charged(step)
    assert (charge.state, charge.code) == (MovementState.REJECTED, code)
    [told] = till.house.told(ChargeRejected)
    assert (told.code, told.advice) == (code, advice)


async def test_a_long_code_of_a_vendor_does_not_get_in_the_way(till: Till) -> None:
    charge = await till.charged(Rejected("x" * 500))
    assert charge.state is MovementState.REJECTED


async def test_refused_and_settled_after_all_is_recorded(till: Till) -> None:
    charge = await till.charged(refused())
    await till.news("payments_collect", charge.id, result=taken(RENT))
    assert (await till.charges())[0].state is MovementState.SUCCEEDED
    assert len(till.house.told(ChargeSucceeded)) == 1


@pytest.mark.parametrize("wrong", [settled(more="0.01"), settled(more="-40.00")])
async def test_another_amount_is_a_dispute_and_never_a_success(till: Till, wrong: Step) -> None:
    charge = await till.charged(wrong)
    assert (charge.state, charge.code) == (MovementState.DISPUTED, "amount_differs")
    [told] = till.house.told(ChargeInDoubt)
    assert told.disputed
    assert not till.house.told(ChargeSucceeded)
    async with till.database.transaction(till.house.system) as tx:
        assert await service.in_doubt(tx, till.contract_id)
    await till.news("payments_collect", charge.id, result=taken(RENT))
    assert (await till.charges())[0].state is MovementState.SUCCEEDED


async def test_an_unknown_outcome_is_asked_after_and_then_known(till: Till) -> None:
    charge = await till.charged(UnknownOutcome("read time-out"))
    assert charge.state is MovementState.UNKNOWN
    assert len(till.house.told(ChargeInDoubt)) == 1
    till.house.bank.steps["payments_status"] = [taken(RENT)]
    till.house.clock.advance(timedelta(seconds=31))
    assert await reconcile.reconcile_due(till.database, till.house.executor) == 1
    assert (await till.charges())[0].state is MovementState.SUCCEEDED
    assert len(till.house.bank.of("payments_collect")) == 1
    assert len(till.house.told(ChargeSucceeded)) == 1


async def test_a_pending_charge_is_settled_by_reconcile(till: Till) -> None:
    charge = await till.charged(PENDING)
    assert charge.state is MovementState.PENDING
    till.house.bank.steps["payments_status"] = [PENDING, refused()]
    for minutes in (1, 10):
        till.house.clock.advance(timedelta(minutes=minutes))
        await reconcile.reconcile_due(till.database, till.house.executor)
    assert (await till.charges())[0].state is MovementState.REJECTED
    assert len(till.house.told(ChargeRejected)) == 1


@pytest.mark.parametrize(
    "stale", [PENDING, refused(), PaymentResult(outcome=PaymentOutcome.UNKNOWN), taken(Money.of("1.00"))]
)
async def test_stale_news_changes_nothing(till: Till, stale: PaymentResult) -> None:
    charge = await till.charged(settled())
    await till.news("payments_collect", charge.id, result=stale)
    await till.news("payments_collect", charge.id, outcome=CallOutcome.NOT_EXECUTED, error_code="not_sent")
    assert await till.charges() == [charge]
    assert [type(fact) for fact in till.house.heard] == [MandateActivated, ChargeSucceeded]


async def test_what_a_machine_cannot_find_out_is_in_doubt_until_a_person_has(till: Till) -> None:
    charge = await till.charged(UnknownOutcome("reset"))
    await till.escalate("payments_collect", charge.id)
    assert [fact.disputed for fact in till.house.told(ChargeInDoubt)] == [False, False]
    await till.news("payments_collect", charge.id, outcome=CallOutcome.REJECTED, error_code="decided_by_hand")
    await till.escalate("payments_collect", charge.id)  # late, and no news any more
    assert len(till.house.told(ChargeInDoubt)) == 2
    assert (await till.charges())[0].state is MovementState.REJECTED


@pytest.mark.parametrize("slow", [taken(RENT), PENDING], ids=["a success", "a promise"])
async def test_an_answer_that_is_taken_after_the_call_was_given_up(till: Till, slow: PaymentResult) -> None:
    charge = await till.charged(PENDING)
    async with till.database.transaction(till.house.system) as tx:
        call = await tx.scalar(sa.select(ProviderCall).where(ProviderCall.idempotency_key == str(charge.id)))
        assert call is not None
        call.state = CallState.ESCALATED
    await till.escalate("payments_collect", charge.id)
    assert (await till.charges())[0].state is MovementState.UNKNOWN
    answer = Answer(call_id=call.id, instance="bank", outcome=CallOutcome.OK, result=slow)
    await till.in_tx(lambda tx: service.record_charge(tx, charge.id, answer))
    counts = MovementState.UNKNOWN if slow is PENDING else MovementState.SUCCEEDED
    assert (await till.charges())[0].state is counts


async def test_news_of_other_operations_is_not_ours(till: Till) -> None:
    await till.news("messaging_send", uuid4())
    await till.escalate("esign_create", uuid4())
    with pytest.raises(NotFound):
        await till.news("payments_collect", uuid4(), result=PENDING)


# Workers


async def test_two_workers_at_once_send_every_charge_once(till: Till) -> None:
    mandate_id = await till.active_mandate()
    for _ in range(12):
        await till.charge(mandate_id)
    other = Executor(database=till.database, registry=till.house.registry, tenant="test")  # type: ignore[arg-type]
    done = await asyncio.gather(
        *(
            service.perform_charges(till.database, executor, limit=5)
            for executor in (till.house.executor, other, till.house.executor, other)
        )
    )
    assert sum(done) == 12
    keys = [sent.ctx.idempotency_key for sent in till.house.bank.of("payments_collect")]
    assert len(keys) == len(set(keys)) == 12
    assert {charge.state for charge in await till.charges()} == {MovementState.SUCCEEDED}


async def _claim_and_die(till: Till) -> None:
    """A worker that has claimed everything and is never heard of again."""
    await till.in_tx(
        lambda tx: tx.execute(
            sa.text("update charge set state = 'sent', claimed_until_at = :until"),
            {"until": tx.now + CLAIM},
        )
    )


async def test_a_claim_of_a_dead_worker_is_taken_over_when_it_has_run_out(till: Till) -> None:
    await till.charge(await till.active_mandate())
    await _claim_and_die(till)
    assert await service.perform_charges(till.database, till.house.executor) == 0
    till.house.clock.advance(CLAIM + timedelta(seconds=1))
    assert await service.perform_charges(till.database, till.house.executor) == 1
    assert (await till.charges())[0].state is MovementState.SUCCEEDED
    assert len(till.house.bank.of("payments_collect")) == 1


async def test_a_worker_that_died_after_the_call_leaves_the_answer_to_the_next(till: Till) -> None:
    charge = await till.charged(settled())
    till.house.heard.clear()
    await till.in_tx(lambda tx: tx.execute(sa.text("update charge set settled_on = null")))
    await _claim_and_die(till)
    till.house.clock.advance(CLAIM + timedelta(seconds=1))
    await service.perform_charges(till.database, till.house.executor)
    assert (await till.charges())[0].state is MovementState.SUCCEEDED
    assert [fact.charge_id for fact in till.house.told(ChargeSucceeded)] == [charge.id]
    assert len(till.house.bank.of("payments_collect")) == 1  # the executor knew the answer


async def test_a_call_that_could_outlive_its_claim_is_left_to_the_next(till: Till) -> None:
    mandate_id = await till.active_mandate()
    for _ in range(AT_ONCE + 1):
        await till.charge(mandate_id)

    async def slowly(request: object, ctx: object) -> PaymentResult:
        till.house.clock.advance(timedelta(seconds=3))
        await asyncio.sleep(0)
        return taken(RENT)

    till.house.bank.steps["payments_collect"] = [lambda request, ctx: slowly(request, ctx)]
    assert await service.perform_charges(till.database, till.house.executor) == AT_ONCE + 1
    states = [charge.state for charge in await till.charges()]
    assert states.count(MovementState.SUCCEEDED) == AT_ONCE
    assert states.count(MovementState.SENT) == 1
    till.house.bank.steps["payments_collect"] = [settled()]
    till.house.clock.advance(CLAIM)
    await service.perform_charges(till.database, till.house.executor)
    assert {charge.state for charge in await till.charges()} == {MovementState.SUCCEEDED}


async def test_one_that_goes_wrong_stops_no_other(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    mandate_id = await till.active_mandate()
    bad = await till.charge(mandate_id)
    await till.charge(mandate_id)
    record = service.record_charge

    async def trip(tx: Tx, charge_id: UUID, answer: object) -> None:
        if charge_id == bad:
            raise RuntimeError("the database went away")
        await record(tx, charge_id, answer)  # type: ignore[arg-type]

    monkeypatch.setattr(service, "record_charge", trip)
    with pytest.raises(ExceptionGroup, match="1 of 2"):
        await service.perform_charges(till.database, till.house.executor)
    states = {charge.id: charge.state for charge in await till.charges()}
    assert states.pop(bad) is MovementState.SENT
    assert set(states.values()) == {MovementState.SUCCEEDED}
    monkeypatch.undo()
    till.house.clock.advance(CLAIM + timedelta(seconds=1))
    await service.perform_charges(till.database, till.house.executor)
    assert {charge.state for charge in await till.charges()} == {MovementState.SUCCEEDED}
    assert len(till.house.bank.of("payments_collect")) == 2


# Payouts


async def _pay_out(till: Till, subject_id: UUID) -> None:
    await till.in_tx(
        lambda tx: service.request_payout(
            tx,
            contract_id=till.contract_id,
            branch_id=till.house.branch,
            bank_account_id=till.bank_account_id,
            purpose=PayoutPurpose.DEPOSIT_RETURN,
            subject_id=subject_id,
            money=RENT,
        )
    )


async def _payouts(till: Till) -> list[MovementView]:
    async with till.database.transaction(till.house.seller) as tx:
        return await service.payouts_of(tx, till.contract_id)


async def test_a_payout_is_made_once_for_good(till: Till) -> None:
    subject_id = uuid4()
    await _pay_out(till, subject_id)
    await service.perform_payouts(till.database, till.house.executor)
    [payout] = await _payouts(till)
    assert (payout.state, payout.money) == (MovementState.SUCCEEDED, RENT)
    [told] = till.house.told(PayoutSucceeded)
    assert (told.payout_id, told.money, told.subject_id) == (payout.id, RENT, subject_id)
    with pytest.raises(Conflict, match="payout_under_way"):
        await _pay_out(till, subject_id)
    assert len(till.house.bank.of("payments_payout")) == 1


async def test_a_payout_that_was_refused_may_be_made_again(till: Till) -> None:
    subject_id = uuid4()
    till.house.bank.steps["payments_payout"] = [refused(), settled()]
    for _ in range(2):
        await _pay_out(till, subject_id)
        await service.perform_payouts(till.database, till.house.executor)
    assert [payout.state for payout in await _payouts(till)] == [MovementState.SUCCEEDED, MovementState.REJECTED]
    assert len(till.house.told(PayoutRejected)) == 1


@pytest.mark.parametrize(("step", "disputed"), [(UnknownOutcome("reset"), False), (settled(more="1.00"), True)])
async def test_a_payout_in_doubt_is_told_and_not_made_again(till: Till, step: Step, disputed: bool) -> None:
    subject_id = uuid4()
    till.house.bank.steps["payments_payout"] = [step]
    await _pay_out(till, subject_id)
    await service.perform_payouts(till.database, till.house.executor)
    assert [fact.disputed for fact in till.house.told(PayoutInDoubt)] == [disputed]
    with pytest.raises(Conflict):
        await _pay_out(till, subject_id)


# Looking


async def test_nobody_outside_the_branch_sees_movements(till: Till, outsider: Actor) -> None:
    await till.charged(settled())
    await _pay_out(till, uuid4())
    async with till.database.transaction(outsider) as tx:
        assert await service.charges_of(tx, till.contract_id) == []
        assert await service.list_charges(tx) == []
        assert await service.payouts_of(tx, till.contract_id) == []
        assert await mandates.mandates_of(tx, till.contract_id) == []


async def test_charges_are_listed_a_page_at_a_time(till: Till) -> None:
    mandate_id = await till.active_mandate()
    ids = [await till.charge(mandate_id) for _ in range(5)]
    async with till.database.transaction(till.house.seller) as tx:
        first = await service.list_charges(tx, limit=3)
        rest = await service.list_charges(tx, after=first[-1].id, limit=3)
        assert [charge.id for charge in (*first, *rest)] == ids
        assert await service.list_charges(tx, state=MovementState.SUCCEEDED) == []
