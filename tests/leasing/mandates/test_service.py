"""Mandates are asked for and taken back through the real executor, and a payer's own revocation is found out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.core.errors import InvalidInput, NotFound, NotSent, Rejected, RuleBroken, UnknownOutcome
from hub.core.ids import MandateId
from hub.core.money import Money
from hub.core.ports.payments import Mandate, MandateStatus
from hub.core.ports.webhooks import WebhookKind
from hub.infra.access import Actor
from hub.infra.audit import AuditEntry
from hub.integrations import reconcile
from hub.integrations.facts import NewsAfterwards
from hub.leasing.mandates import service as mandates
from hub.leasing.mandates.rules import (
    MandateActivated,
    MandateRejected,
    MandateRevoked,
    MandateState,
    MandateView,
    RevocationRejected,
)
from hub.leasing.parties import service as parties
from tests.integrations.fakes import Step
from tests.leasing.till import Till

REVOKED = Mandate(mandate_ref="m-1", status=MandateStatus.REVOKED)
ACTIVE = Mandate(mandate_ref="m-1", status=MandateStatus.ACTIVE)


async def test_a_mandate_is_asked_for_and_becomes_active(till: Till) -> None:
    mandate_id = await till.active_mandate()
    async with till.database.transaction(till.house.seller) as tx:
        active = await mandates.active_mandate(tx, till.contract_id)
        assert active is not None
        assert (active.id, active.state, active.instance) == (mandate_id, MandateState.ACTIVE, "bank")
        assert active.limit == Money.of("5000.00")
        assert await mandates.mandates_of(tx, till.contract_id) == [active]
    assert till.house.told(MandateActivated) == [MandateActivated(mandate_id=mandate_id, contract_id=till.contract_id)]
    [sent] = till.house.bank.of("payments_mandate")
    assert (sent.request.account.number, sent.ctx.idempotency_key) == ("6222021234567890128", str(mandate_id))


async def test_a_mandate_that_waits_for_the_payer_becomes_active_by_late_news(till: Till) -> None:
    waiting = Mandate(mandate_ref="m-7", status=MandateStatus.PENDING, hosted_url="https://bank.example/agree")
    till.house.bank.steps["payments_mandate"] = [waiting]
    mandate_id = await till.active_mandate()
    async with till.database.transaction(till.house.seller) as tx:
        [mandate] = await mandates.mandates_of(tx, till.contract_id)
        assert (mandate.state, mandate.hosted_url) == (MandateState.PENDING, "https://bank.example/agree")
        assert await mandates.active_mandate(tx, till.contract_id) is None
    agreed = Mandate(mandate_ref="m-7", status=MandateStatus.ACTIVE)
    await till.news("payments_mandate", mandate_id, result=agreed)
    await till.news("payments_mandate", mandate_id, result=agreed)
    await till.news("payments_mandate", mandate_id, result=waiting)  # stale
    assert len(till.house.told(MandateActivated)) == 1
    async with till.database.transaction(till.house.seller) as tx:
        assert await mandates.active_mandate(tx, till.contract_id) is not None


@pytest.mark.parametrize(
    ("step", "state"),
    [
        (Rejected("card_blocked"), MandateState.REJECTED),
        (Mandate(mandate_ref="m", status=MandateStatus.REJECTED), MandateState.REJECTED),
        (Mandate(mandate_ref="m", status=MandateStatus.REVOKED), MandateState.REVOKED),
        (UnknownOutcome("reset"), MandateState.UNKNOWN),
    ],
)
async def test_a_mandate_that_does_not_come_about(till: Till, step: Step, state: MandateState) -> None:
    till.house.bank.steps["payments_mandate"] = [step]
    await till.active_mandate()
    async with till.database.transaction(till.house.seller) as tx:
        [mandate] = await mandates.mandates_of(tx, till.contract_id)
    assert mandate.state is state
    assert len(till.house.told(MandateRejected)) == (state is not MandateState.UNKNOWN)
    till.house.clock.advance(timedelta(minutes=5))
    assert await mandates.perform_mandates(till.database, till.house.executor) == 0


async def test_a_mandate_is_for_the_payers_own_account_and_more_than_nothing(till: Till) -> None:
    with pytest.raises(InvalidInput, match="limit"):
        await till.mandate("0.00")
    async with till.database.transaction(till.house.seller) as tx:
        other = await till.house.register(tx)
        till.bank_account_id = await parties.add_bank_account(
            tx, party_id=other, bank_code="ICBC", number="6222020000000000008"
        )
    with pytest.raises(InvalidInput, match="bank_account_id"):
        await till.mandate()


# Taking back


async def _mandate(till: Till) -> MandateView:
    async with till.database.transaction(till.house.system) as tx:
        return (await mandates.mandates_of(tx, till.contract_id))[0]


async def _revoke(till: Till, mandate_id: MandateId, *steps: Step, reason: str = "the lessee pays by transfer") -> None:
    till.house.bank.steps["payments_revoke_mandate"] = list(steps)
    async with till.database.transaction(till.house.seller) as tx:
        await mandates.request_revocation(
            tx, till.contract_id, mandate_id, reason=reason, offered=till.house.executor.offers
        )
    await mandates.perform_revocations(till.database, till.house.executor)


async def test_a_mandate_is_taken_back_once_with_its_reason(till: Till) -> None:
    mandate_id = await till.active_mandate()
    await _revoke(till, mandate_id, REVOKED)
    mandate = await _mandate(till)
    assert (mandate.state, mandate.revocation_reason) == (MandateState.REVOKED, "the lessee pays by transfer")
    assert mandate.revoked_at == till.house.clock.now()
    [sent] = till.house.bank.of("payments_revoke_mandate")
    assert (sent.request.mandate_ref, sent.request.reason) == ("m-1", "the lessee pays by transfer")
    [told] = till.house.told(MandateRevoked)
    assert told.by_payer is False
    assert await mandates.perform_revocations(till.database, till.house.executor) == 0
    with pytest.raises(RuleBroken, match="mandate_not_active"):
        await _revoke(till, mandate_id)
    with pytest.raises(RuleBroken, match="mandate_not_active"):
        await till.charge(mandate_id)
    async with till.database.transaction(till.house.system) as tx:
        actions = list(await tx.scalars(select(AuditEntry.action)))
    assert actions.count("mandate.revocation_requested") == actions.count("mandate.revoked") == 1


async def test_from_the_wish_on_nothing_is_debited(till: Till) -> None:
    mandate_id = await till.active_mandate()
    async with till.database.transaction(till.house.seller) as tx:
        await mandates.request_revocation(
            tx, till.contract_id, mandate_id, reason="sold", offered=till.house.executor.offers
        )
        assert await mandates.active_mandate(tx, till.contract_id) is None
    assert (await _mandate(till)).state is MandateState.REVOKING
    with pytest.raises(RuleBroken, match="mandate_not_active"):
        await till.charge(mandate_id)


@pytest.mark.parametrize("step", [Rejected("CONTRACT_ERROR"), NotSent("refused")])
async def test_a_mandate_that_the_provider_keeps_is_active_as_before(till: Till, step: Step) -> None:
    mandate_id = await till.active_mandate()
    till.house.heard.clear()
    await _revoke(till, mandate_id, step)
    mandate = await _mandate(till)
    assert (mandate.state, mandate.code is not None) == (MandateState.ACTIVE, True)
    assert [fact.code for fact in till.house.told(RevocationRejected)] == [mandate.code]
    assert till.house.told(MandateActivated) == []
    await _revoke(till, mandate_id, REVOKED)
    assert (await _mandate(till)).state is MandateState.REVOKED


async def test_a_lost_answer_is_asked_after_and_never_debited_under(till: Till) -> None:
    mandate_id = await till.active_mandate()
    await _revoke(till, mandate_id, UnknownOutcome("reset"))
    assert (await _mandate(till)).state is MandateState.REVOKING
    till.house.bank.steps["payments_mandate_status"] = [REVOKED]
    till.house.clock.advance(timedelta(minutes=1))
    await reconcile.reconcile_due(till.database, till.house.executor)
    assert (await _mandate(till)).state is MandateState.REVOKED
    assert len(till.house.bank.of("payments_revoke_mandate")) == 1


async def test_a_provider_that_is_still_at_it_is_waited_for(till: Till) -> None:
    mandate_id = await till.active_mandate()
    pending = Mandate(mandate_ref="m-1", status=MandateStatus.PENDING)
    await _revoke(till, mandate_id, pending)
    assert (await _mandate(till)).state is MandateState.REVOKING
    till.house.bank.steps["payments_mandate_status"] = [REVOKED]
    till.house.clock.advance(timedelta(hours=7))
    await reconcile.reconcile_due(till.database, till.house.executor)
    assert (await _mandate(till)).state is MandateState.REVOKED


async def test_a_reason_is_needed_and_another_branchs_mandate_is_not_there(till: Till, outsider: Actor) -> None:
    mandate_id = await till.active_mandate()
    with pytest.raises(InvalidInput, match="reason"):
        await _revoke(till, mandate_id, reason=" ")
    async with till.database.transaction(outsider) as tx:
        with pytest.raises(NotFound):
            await mandates.request_revocation(
                tx, till.contract_id, mandate_id, reason="mine", offered=till.house.executor.offers
            )
    assert (await _mandate(till)).state is MandateState.ACTIVE


# Revoked by the payer


async def _knock(till: Till, mandate_id: MandateId) -> None:
    fact = NewsAfterwards(
        operation="payments_mandate", key=str(mandate_id), instance="bank", kind=WebhookKind.MANDATE, status="revoked"
    )
    await till.in_tx(lambda tx: mandates.note_news(tx, fact))


async def test_what_a_callback_says_is_asked_for_before_it_is_believed(till: Till) -> None:
    mandate_id = await till.active_mandate()
    till.house.bank.steps["payments_mandate_status"] = [ACTIVE, ACTIVE, REVOKED]
    await _knock(till, mandate_id)
    states = []
    for wait in (timedelta(0), timedelta(seconds=30), timedelta(minutes=5)):
        till.house.clock.advance(wait)
        assert await mandates.perform_looks(till.database, till.house.executor) == 1
        assert await mandates.perform_looks(till.database, till.house.executor) == 0
        states.append((await _mandate(till)).state)
    assert states == [MandateState.ACTIVE, MandateState.ACTIVE, MandateState.REVOKED]
    assert [fact.by_payer for fact in till.house.told(MandateRevoked)] == [True]
    await _knock(till, mandate_id)
    assert await mandates.perform_looks(till.database, till.house.executor) == 0


async def test_a_false_alarm_ends_by_itself(till: Till) -> None:
    mandate_id = await till.active_mandate()
    till.house.bank.steps["payments_mandate_status"] = [ACTIVE]
    await _knock(till, mandate_id)
    looked = 0
    for _ in range(12):
        looked += await mandates.perform_looks(till.database, till.house.executor)
        till.house.clock.advance(timedelta(hours=6))
    assert (looked, (await _mandate(till)).state) == (5, MandateState.ACTIVE)


async def test_a_provider_that_goes_on_denying_a_mandate_has_ended_it(till: Till) -> None:
    mandate_id = await till.active_mandate()
    till.house.bank.steps["payments_mandate_status"] = [Mandate(mandate_ref="m-1", status=MandateStatus.PENDING)]
    await _knock(till, mandate_id)
    states = []
    for _ in range(5):
        assert await mandates.perform_looks(till.database, till.house.executor) == 1
        states.append((await _mandate(till)).state)
        till.house.clock.advance(timedelta(hours=6))
    assert states == [MandateState.ACTIVE] * 4 + [MandateState.REVOKED]


async def test_a_debit_that_was_refused_for_want_of_a_mandate_has_the_provider_asked(till: Till) -> None:
    await till.active_mandate()
    till.house.bank.steps["payments_mandate_status"] = [REVOKED]
    await till.in_tx(lambda tx: mandates.note_refusal(tx, till.contract_id))
    assert await mandates.perform_looks(till.database, till.house.executor) == 1
    assert (await _mandate(till)).state is MandateState.REVOKED
