"""How a charge or a payout moves on when news of it comes, and what that makes known.

Whoever calls holds the contract and the row. News comes forward only: what is older than the row's state is stale and
changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from hub.core.ids import BranchId, ChargeId, ContractId, PayoutId
from hub.core.money import Money
from hub.core.ports.payments import PaymentResult
from hub.infra.clock import BUSINESS_ZONE
from hub.infra.database import Tx
from hub.integrations.answers import CallOutcome
from hub.integrations.dispatch import News
from hub.leasing.payments.records import ChargeRecord, PayoutRecord
from hub.leasing.payments.rules import (
    DOUBTFUL,
    LIVE,
    ChargeInDoubt,
    ChargePurpose,
    ChargeRejected,
    ChargeSucceeded,
    MovementState,
    PayoutInDoubt,
    PayoutPurpose,
    PayoutRejected,
    PayoutSucceeded,
    Verdict,
    judge,
    may_move,
    refused,
)

# What a provider has been asked for, and may have promised: nothing is known of it once its end is not to be had.
_UNDER_WAY = frozenset({MovementState.SENT, MovementState.PENDING})


def take_charge(tx: Tx, charge: ChargeRecord, news: News) -> None:
    """Move a charge on by what its provider has said."""
    charge.instance = news.instance or charge.instance
    _move_charge(tx, charge, _verdict(charge.amount, news))


def take_payout(tx: Tx, payout: PayoutRecord, news: News) -> None:
    """Move a payout on by what its provider has said."""
    payout.instance = news.instance or payout.instance
    _move_payout(tx, payout, _verdict(payout.amount, news))


def _verdict(asked: Money, news: News) -> Verdict:
    match news.outcome:
        case CallOutcome.OK:
            assert isinstance(news.result, PaymentResult)
            verdict = judge(asked, news.result)
            promised = verdict.state is MovementState.PENDING
            return replace(verdict, state=MovementState.UNKNOWN) if promised and news.given_up else verdict
        case CallOutcome.UNKNOWN:
            return Verdict(state=MovementState.UNKNOWN)
        case CallOutcome.REJECTED | CallOutcome.NOT_EXECUTED:
            return refused(news.error_code, news.advice)
        case _:
            assert_never(news.outcome)


def _apply(tx: Tx, row: ChargeRecord | PayoutRecord, verdict: Verdict) -> bool:
    """Move a row forward; False when the news is stale."""
    if not may_move(MovementState(row.state), verdict.state):
        return False
    row.payment_ref = verdict.payment_ref or row.payment_ref
    row.state, row.code, row.answered_at = verdict.state, verdict.code, tx.now
    if verdict.state is MovementState.SUCCEEDED:
        # A provider's clock that runs ahead does not make tomorrow's money.
        row.settled_on = min((verdict.settled_at or tx.now).astimezone(BUSINESS_ZONE).date(), tx.today)
    return True


def _move_charge(tx: Tx, charge: ChargeRecord, verdict: Verdict) -> None:
    if not _apply(tx, charge, verdict):
        return
    match verdict.state:
        case MovementState.SUCCEEDED:
            assert charge.instance is not None
            assert charge.settled_on is not None
            tx.emit(
                ChargeSucceeded(
                    charge_id=ChargeId(charge.id),
                    contract_id=ContractId(charge.contract_id),
                    purpose=ChargePurpose(charge.purpose),
                    subject_id=charge.subject_id,
                    money=charge.amount,
                    instance=charge.instance,
                    settled_on=charge.settled_on,
                )
            )
        case MovementState.REJECTED:
            tx.emit(
                ChargeRejected(
                    charge_id=ChargeId(charge.id),
                    contract_id=ContractId(charge.contract_id),
                    purpose=ChargePurpose(charge.purpose),
                    subject_id=charge.subject_id,
                    code=charge.code or "rejected",
                    advice=verdict.advice,
                )
            )
        case MovementState.UNKNOWN | MovementState.DISPUTED:
            doubt_charge(tx, charge)
        case _:
            pass


def doubt_charge(tx: Tx, charge: ChargeRecord) -> None:
    """Tell that nobody knows what became of a charge; one that was decided meanwhile is left alone."""
    if charge.state in _UNDER_WAY:
        charge.state = MovementState.UNKNOWN
    if charge.state in LIVE | DOUBTFUL:
        tx.emit(
            ChargeInDoubt(
                charge_id=ChargeId(charge.id),
                contract_id=ContractId(charge.contract_id),
                purpose=ChargePurpose(charge.purpose),
                subject_id=charge.subject_id,
                disputed=charge.state == MovementState.DISPUTED,
            )
        )


def _move_payout(tx: Tx, payout: PayoutRecord, verdict: Verdict) -> None:
    if not _apply(tx, payout, verdict):
        return
    if verdict.state is MovementState.SUCCEEDED:
        assert payout.instance is not None
        assert payout.settled_on is not None
        tx.emit(
            PayoutSucceeded(
                payout_id=PayoutId(payout.id),
                branch_id=BranchId(payout.branch_id),
                contract_id=_contract_of(payout),
                purpose=PayoutPurpose(payout.purpose),
                subject_id=payout.subject_id,
                money=payout.amount,
                instance=payout.instance,
                settled_on=payout.settled_on,
            )
        )
    elif verdict.state is MovementState.REJECTED:
        tx.emit(
            PayoutRejected(
                payout_id=PayoutId(payout.id),
                branch_id=BranchId(payout.branch_id),
                contract_id=_contract_of(payout),
                purpose=PayoutPurpose(payout.purpose),
                subject_id=payout.subject_id,
                code=payout.code or "rejected",
            )
        )
    elif verdict.state in DOUBTFUL:
        doubt_payout(tx, payout)


def doubt_payout(tx: Tx, payout: PayoutRecord) -> None:
    """Tell that nobody knows what became of a payout; one that was decided meanwhile is left alone."""
    if payout.state in _UNDER_WAY:
        payout.state = MovementState.UNKNOWN
    if payout.state in LIVE | DOUBTFUL:
        tx.emit(
            PayoutInDoubt(
                payout_id=PayoutId(payout.id),
                branch_id=BranchId(payout.branch_id),
                contract_id=_contract_of(payout),
                purpose=PayoutPurpose(payout.purpose),
                subject_id=payout.subject_id,
                disputed=payout.state == MovementState.DISPUTED,
            )
        )


def _contract_of(payout: PayoutRecord) -> ContractId | None:
    return None if payout.contract_id is None else ContractId(payout.contract_id)
