"""From what has happened to a balanced draft: one pure function for each fact of the business, named after it.

Amounts come in positive; parts of nothing leave no line. `value_on` is the day that counts for the customer. Each
draft's `ref` is made of the kind and the id of its cause, so the same cause is booked once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from hub.core.errors import InvalidInput, RuleBroken
from hub.core.money import Money
from hub.ledger.chart import Account
from hub.ledger.rules import EntryDraft, EntryView, Line

NOTHING = Money(0)


class SigningPurpose(StrEnum):
    """What a customer pays at signing."""

    DOWN_PAYMENT = "down_payment"
    SECURITY_DEPOSIT = "security_deposit"
    SERVICE_FEE = "service_fee"
    THIRD_PARTY_FEES = "third_party_fees"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptParts:
    """How money received is allocated: to rent, to penalty, and what nothing is due for (yet)."""

    rent: Money = NOTHING
    penalty: Money = NOTHING
    unallocated: Money = NOTHING

    @property
    def total(self) -> Money:
        """All of it."""
        return self.rent + self.penalty + self.unallocated


@dataclass(frozen=True, slots=True, kw_only=True)
class Commencement:
    """What a lease starts from. `car_price` is what the customer agreed to, `car_cost` what the car stands in for."""

    financed: Money
    down_payment: Money
    car_price: Money
    car_cost: Money
    third_party_fees: Money = NOTHING
    service_fees: Money = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Payoff:
    """What an early settlement comes to. `rebate` is the interest that is forgiven."""

    principal: Money
    interest: Money
    fee: Money = NOTHING
    rebate: Money = NOTHING

    @property
    def total(self) -> Money:
        """What the customer pays."""
        return self.principal + self.interest + self.fee - self.rebate


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What is given up: principal not yet due, rent due, penalty due."""

    principal: Money = NOTHING
    rent: Money = NOTHING
    penalty: Money = NOTHING

    @property
    def total(self) -> Money:
        """All of it."""
        return self.principal + self.rent + self.penalty


def _debit(account: Account, amount: Money, instance: str | None = None) -> tuple[Line, ...]:
    """A debit; a credit when the amount is negative, no line when it is nothing."""
    return (Line(account=account, amount=amount, instance=instance),) if amount else ()


def _credit(account: Account, amount: Money, instance: str | None = None) -> tuple[Line, ...]:
    """A credit; a debit when the amount is negative, no line when it is nothing."""
    return _debit(account, -amount, instance)


def _till(instance: str | None) -> Account:
    """Where money is held: with the provider instance, or in our own bank account when there is none."""
    return Account.BANK if instance is None else Account.PROVIDER_CLEARING


def _positive(**amounts: Money) -> None:
    for name, amount in amounts.items():
        if amount.minor <= 0:
            raise InvalidInput(name, "must be more than nothing")


def _not_negative(**amounts: Money) -> None:
    for name, amount in amounts.items():
        if amount.minor < 0:
            raise InvalidInput(name, "must not be negative")


def _draft(
    kind: str,
    cause: object,
    value_on: date,
    contract_id: UUID | None,
    lines: Iterable[tuple[Line, ...]],
    memo: str = "",
) -> EntryDraft:
    return EntryDraft(
        ref=f"{kind}:{cause}",
        kind=kind,
        value_on=value_on,
        contract_id=contract_id,
        lines=tuple(line for part in lines for line in part),
        memo=memo,
    )


def _owed_for(purpose: SigningPurpose) -> Account:
    """The account on which money paid at signing waits, or the income that it is."""
    match purpose:
        case SigningPurpose.DOWN_PAYMENT:
            return Account.CUSTOMER_PREPAYMENTS
        case SigningPurpose.SECURITY_DEPOSIT:
            return Account.SECURITY_DEPOSITS
        case SigningPurpose.SERVICE_FEE:
            return Account.SERVICE_FEE_INCOME
        case SigningPurpose.THIRD_PARTY_FEES:
            return Account.PAYABLES
        case _:
            assert_never(purpose)


def signing_payment_received(
    *, charge_id: UUID, contract_id: UUID, value_on: date, instance: str | None, purpose: SigningPurpose, amount: Money
) -> EntryDraft:
    """The customer has paid the down payment, the deposit, the service fee or fees that we pass on."""
    _positive(amount=amount)
    lines = _debit(_till(instance), amount, instance), _credit(_owed_for(purpose), amount)
    return _draft("signing_payment_received", charge_id, value_on, contract_id, lines, purpose.value)


def signing_payment_refunded(
    *, payout_id: UUID, contract_id: UUID, value_on: date, instance: str | None, purpose: SigningPurpose, amount: Money
) -> EntryDraft:
    """The lease does not come about, and what was paid at signing has been given back."""
    _positive(amount=amount)
    lines = _debit(_owed_for(purpose), amount), _credit(_till(instance), amount, instance)
    return _draft("signing_payment_refunded", payout_id, value_on, contract_id, lines, purpose.value)


def vehicle_purchased(*, vehicle_id: UUID, contract_id: UUID | None, value_on: date, cost: Money) -> EntryDraft:
    """The car is ours, and its price is owed to the dealer (or, on a leaseback, to the lessee)."""
    _positive(cost=cost)
    lines = _debit(Account.LEASED_ASSETS, cost), _credit(Account.PAYABLES, cost)
    return _draft("vehicle_purchased", vehicle_id, value_on, contract_id, lines)


def vehicle_paid(
    *, payout_id: UUID, contract_id: UUID | None, value_on: date, instance: str | None, amount: Money
) -> EntryDraft:
    """The dealer has been paid, through a provider or from our bank account."""
    _positive(amount=amount)
    lines = _debit(Account.PAYABLES, amount), _credit(_till(instance), amount, instance)
    return _draft("vehicle_paid", payout_id, value_on, contract_id, lines)


def third_party_paid(
    *, payout_id: UUID, contract_id: UUID, value_on: date, instance: str | None, amount: Money, payee: str
) -> EntryDraft:
    """The insurer, the tax office or another third party has been paid what we owed for the customer."""
    _positive(amount=amount)
    lines = _debit(Account.PAYABLES, amount), _credit(_till(instance), amount, instance)
    return _draft("third_party_paid", payout_id, value_on, contract_id, lines, payee)


def lease_commenced(*, contract_id: UUID, value_on: date, start: Commencement) -> EntryDraft:
    """The car is delivered: it leaves the stock and becomes principal receivable.

    Raises RuleBroken unless financed amount and down payment pay for car and fees exactly. What the price is above or
    below the car's cost is our result as its seller. Source: CAS 21 (2018), article 38.
    """
    paid_for = start.car_price + start.third_party_fees + start.service_fees
    if start.financed + start.down_payment != paid_for:
        raise RuleBroken(
            "financed_amount_is_what_was_bought", financed=start.financed, down=start.down_payment, bought=paid_for
        )
    lines = (
        _debit(Account.LEASE_PRINCIPAL, start.financed),
        _debit(Account.CUSTOMER_PREPAYMENTS, start.down_payment),
        _credit(Account.LEASED_ASSETS, start.car_cost),
        _credit(Account.DISPOSAL_RESULT, start.car_price - start.car_cost),
        _credit(Account.PAYABLES, start.third_party_fees),
        _credit(Account.SERVICE_FEE_INCOME, start.service_fees),
    )
    return _draft("lease_commenced", contract_id, value_on, contract_id, lines)


def rent_fell_due(
    *, instalment_id: UUID, contract_id: UUID, value_on: date, principal: Money, interest: Money
) -> EntryDraft:
    """An instalment is due: its principal and the interest earned become rent receivable."""
    _not_negative(principal=principal, interest=interest)
    _positive(rent=principal + interest)
    lines = (
        _debit(Account.RENT_RECEIVABLE, principal + interest),
        _credit(Account.LEASE_PRINCIPAL, principal),
        _credit(Account.FINANCE_INCOME, interest),
    )
    return _draft("rent_fell_due", instalment_id, value_on, contract_id, lines)


def penalty_accrued(*, instalment_id: UUID, contract_id: UUID, value_on: date, amount: Money) -> EntryDraft:
    """One day's penalty on an overdue instalment; the day is part of the reference, so a day is charged once."""
    _positive(amount=amount)
    lines = _debit(Account.PENALTY_RECEIVABLE, amount), _credit(Account.PENALTY_INCOME, amount)
    return _draft("penalty_accrued", f"{instalment_id}:{value_on}", value_on, contract_id, lines)


def penalty_waived(*, waiver_id: UUID, contract_id: UUID, value_on: date, amount: Money, reason: str) -> EntryDraft:
    """Penalty that was charged is given up."""
    _positive(amount=amount)
    lines = _debit(Account.PENALTY_INCOME, amount), _credit(Account.PENALTY_RECEIVABLE, amount)
    return _draft("penalty_waived", waiver_id, value_on, contract_id, lines, reason)


def _settled(parts: ReceiptParts) -> tuple[tuple[Line, ...], ...]:
    _not_negative(rent=parts.rent, penalty=parts.penalty, unallocated=parts.unallocated)
    _positive(amount=parts.total)
    return (
        _credit(Account.RENT_RECEIVABLE, parts.rent),
        _credit(Account.PENALTY_RECEIVABLE, parts.penalty),
        _credit(Account.UNALLOCATED_RECEIPTS, parts.unallocated),
    )


def receipt_from_provider(
    *, charge_id: UUID, contract_id: UUID | None, value_on: date, instance: str | None, parts: ReceiptParts
) -> EntryDraft:
    """Money has been collected: by a provider, or on our own bank account when `instance` is None.

    What is not allocated waits on the suspense account; money that has come is never left out of the books.
    """
    lines = _debit(_till(instance), parts.total, instance), *_settled(parts)
    return _draft("receipt_from_provider", charge_id, value_on, contract_id, lines)


def receipt_allocated_from_suspense(
    *, allocation_id: UUID, contract_id: UUID, value_on: date, rent: Money = NOTHING, penalty: Money = NOTHING
) -> EntryDraft:
    """Money that waited on the suspense account has been allocated to what is due."""
    lines = _debit(Account.UNALLOCATED_RECEIPTS, rent + penalty), *_settled(ReceiptParts(rent=rent, penalty=penalty))
    return _draft("receipt_allocated_from_suspense", allocation_id, value_on, contract_id, lines)


def refund_owed(*, refund_id: UUID, contract_id: UUID | None, value_on: date, amount: Money) -> EntryDraft:
    """Money that nothing is due for is to be given back."""
    _positive(amount=amount)
    lines = _debit(Account.UNALLOCATED_RECEIPTS, amount), _credit(Account.REFUNDS_PAYABLE, amount)
    return _draft("refund_owed", refund_id, value_on, contract_id, lines)


def refund_paid(
    *, refund_id: UUID, contract_id: UUID | None, value_on: date, instance: str | None, amount: Money
) -> EntryDraft:
    """Money that was owed back has been sent."""
    _positive(amount=amount)
    lines = _debit(Account.REFUNDS_PAYABLE, amount), _credit(_till(instance), amount, instance)
    return _draft("refund_paid", refund_id, value_on, contract_id, lines)


def payoff_agreed(*, settlement_id: UUID, contract_id: UUID, value_on: date, payoff: Payoff) -> EntryDraft:
    """The customer settles early: all remaining principal, interest to the day and the fee become receivable."""
    _not_negative(principal=payoff.principal, interest=payoff.interest, fee=payoff.fee, rebate=payoff.rebate)
    _positive(payoff=payoff.total)
    lines = (
        _debit(Account.RENT_RECEIVABLE, payoff.total),
        _credit(Account.LEASE_PRINCIPAL, payoff.principal),
        _credit(Account.FINANCE_INCOME, payoff.interest - payoff.rebate),
        _credit(Account.SETTLEMENT_FEE_INCOME, payoff.fee),
    )
    return _draft("payoff_agreed", settlement_id, value_on, contract_id, lines)


def deposit_offset(
    *, offset_id: UUID, contract_id: UUID, value_on: date, rent: Money = NOTHING, penalty: Money = NOTHING
) -> EntryDraft:
    """The security deposit pays what is due."""
    lines = _debit(Account.SECURITY_DEPOSITS, rent + penalty), *_settled(ReceiptParts(rent=rent, penalty=penalty))
    return _draft("deposit_offset", offset_id, value_on, contract_id, lines)


def deposit_returned(
    *, payout_id: UUID, contract_id: UUID, value_on: date, instance: str | None, amount: Money
) -> EntryDraft:
    """The security deposit, or what is left of it, has been sent back to the customer."""
    _positive(amount=amount)
    lines = _debit(Account.SECURITY_DEPOSITS, amount), _credit(_till(instance), amount, instance)
    return _draft("deposit_returned", payout_id, value_on, contract_id, lines)


def provider_settled(
    *, settlement_ref: str, value_on: date, instance: str, amount: Money, fee: Money = NOTHING
) -> EntryDraft:
    """A provider has paid out what it collected for us, less its fee. `amount` is before the fee."""
    _not_negative(fee=fee)
    _positive(amount=amount)
    lines = (
        _debit(Account.BANK, amount - fee),
        _debit(Account.PROVIDER_FEES, fee),
        _credit(Account.PROVIDER_CLEARING, amount, instance),
    )
    return _draft("provider_settled", f"{instance}:{settlement_ref}", value_on, None, lines)


def provider_fee(*, instance: str, value_on: date, amount: Money) -> EntryDraft:
    """A provider has kept its fees of a day from what it holds for us; negative where it has given some back."""
    lines = _debit(Account.PROVIDER_FEES, amount), _credit(Account.PROVIDER_CLEARING, amount, instance)
    return _draft("provider_fee", f"{instance}:{value_on}", value_on, None, lines)


def provider_funded(*, funding_ref: str, value_on: date, instance: str, amount: Money) -> EntryDraft:
    """We have put money into a provider's hands, to pay out of."""
    _positive(amount=amount)
    lines = _debit(Account.PROVIDER_CLEARING, amount, instance), _credit(Account.BANK, amount)
    return _draft("provider_funded", f"{instance}:{funding_ref}", value_on, None, lines)


def capital_paid_in(*, payment_ref: str, value_on: date, amount: Money) -> EntryDraft:
    """The company's owners have paid capital into its bank account."""
    _positive(amount=amount)
    return _draft(
        "capital_paid_in", payment_ref, value_on, None, (_debit(Account.BANK, amount), _credit(Account.CAPITAL, amount))
    )


def written_off(*, write_off_id: UUID, contract_id: UUID, value_on: date, loss: Loss, reason: str) -> EntryDraft:
    """What will not be paid is taken off the books as a loss. Source: CAS 22 (2017), article 43."""
    _not_negative(principal=loss.principal, rent=loss.rent, penalty=loss.penalty)
    lines = (
        _debit(Account.CREDIT_LOSSES, loss.total),
        _credit(Account.LEASE_PRINCIPAL, loss.principal),
        _credit(Account.RENT_RECEIVABLE, loss.rent),
        _credit(Account.PENALTY_RECEIVABLE, loss.penalty),
    )
    return _draft("written_off", write_off_id, value_on, contract_id, lines, reason)


def title_transferred(*, contract_id: UUID, value_on: date, price: Money, residual: Money = NOTHING) -> EntryDraft:
    """The lessee takes the purchase option: its price becomes receivable, the residual principal leaves the books.

    The difference is our result. A transfer for nothing with no residual moves no money and has no entry.
    """
    _not_negative(price=price, residual=residual)
    lines = (
        _debit(Account.RENT_RECEIVABLE, price),
        _credit(Account.LEASE_PRINCIPAL, residual),
        _credit(Account.DISPOSAL_RESULT, price - residual),
    )
    return _draft("title_transferred", contract_id, value_on, contract_id, lines)


def reversal(entry: EntryView, *, reason: str) -> EntryDraft:
    """The mirror of an entry on its own value day; raises RuleBroken for the mirror of a mirror."""
    if entry.reverses_id is not None:
        raise RuleBroken("a_reversal_is_not_reversed", entry=entry.ref)
    if not reason.strip():
        raise InvalidInput("reason", "say why the entry is reversed")
    return EntryDraft(
        ref=f"reversal:{entry.id}",
        kind="reversal",
        value_on=entry.value_on,
        contract_id=entry.contract_id,
        lines=tuple(Line(account=line.account, amount=-line.amount, instance=line.instance) for line in entry.lines),
        memo=reason,
        reverses_id=entry.id,
    )
