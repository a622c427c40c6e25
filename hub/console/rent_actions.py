"""What can be done with the money of a lease: debits and promises, early settlement, what goes back, what waits in suspense.

Each shows what it would move before it moves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from hub.console.actions import Action
from hub.console.forms import Field, Kind, Option, Values
from hub.console.i18n import N_, money
from hub.console.lease import Lease
from hub.console.page import Fact, Look
from hub.console.visit import Visit
from hub.core.errors import InvalidInput
from hub.core.money import Money
from hub.infra.access import Permission as P
from hub.leasing.collections import service as collections
from hub.leasing.contracts.rules import ContractState
from hub.leasing.instalments.debits import day_problem
from hub.leasing.instalments.rules import OWED
from hub.leasing.instalments.waterfall import Part
from hub.leasing.parties import service as parties
from hub.leasing.payments.rules import LIVE, ChargePurpose, MovementState, MovementView, PayoutPurpose
from hub.leasing.servicing import service as servicing
from hub.leasing.settlements import service as settlements
from hub.leasing.settlements.rules import PayoffView
from hub.leasing.suspense import service as suspense
from hub.leasing.suspense.rules import RefundState

_NO_MANDATE = N_("There is no active mandate to debit.")
_IN_DOUBT = N_("The outcome of a payment is not known yet. Wait until it is, or settle it in the call log.")


def _active(lease: Lease) -> bool:
    return lease.state is ContractState.ACTIVE


def _settled(lease: Lease) -> bool:
    return lease.state is ContractState.SETTLED


async def _bank_account(visit: Visit, lease: Lease) -> str | None:
    """The account that the rent comes from, by its bank and last four digits."""
    if lease.account is None:
        return None
    accounts = await parties.list_bank_accounts(visit.tx, lease.contract.party_id)
    found = next((one for one in accounts if one.id == lease.account.bank_account_id), None)
    return None if found is None else f"{found.bank_code} •••• {found.last_four}"


async def _from_account(visit: Visit, lease: Lease) -> Fact:
    return Fact(label=N_("Debited from"), value=await _bank_account(visit, lease), look=Look.CODE)


async def _to_account(visit: Visit, lease: Lease) -> Fact:
    return Fact(label=N_("Paid to"), value=await _bank_account(visit, lease), look=Look.CODE)


def _amount(start: Money) -> Field:
    return Field(name="amount", label=N_("Amount"), kind=Kind.MONEY, start=str(start.amount))


# Debits and promises


async def _debit_day(visit: Visit, lease: Lease) -> Sequence[Field]:
    return (Field(name="on", label=N_("Day of the debit"), kind=Kind.DAY, start=lease.today.isoformat()),)


async def _charge_again(visit: Visit, lease: Lease, values: Values) -> str | None:
    await servicing.charge_again(visit.tx, contract_id=lease.id, on=values["on"])
    return None


async def _charge_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    return await _debit(visit, lease, "on", values["on"])


async def _debit(visit: Visit, lease: Lease, field: str, on: date) -> tuple[Fact, ...]:
    if problem := day_problem(on, lease.today):
        raise InvalidInput(field, problem)
    return (
        Fact(label=N_("Debited on"), value=on, look=Look.DAY),
        Fact(label=N_("Owed today"), value=lease.owed, look=Look.MONEY),
        Fact(label=N_("Rents"), value=lease.owed_rents, look=Look.NUMBER),
        Fact(label=N_("On top"), value=N_("Penalties and rents that run until that day")),
        await _from_account(visit, lease),
    )


def _not_chargeable(lease: Lease) -> str | None:
    if not lease.owed:
        return N_("Nothing is owed.")
    return _NO_MANDATE if lease.mandate is None else None


async def _promise(visit: Visit, lease: Lease, values: Values) -> str | None:
    await collections.record_promise(
        visit.tx, contract_id=lease.id, money=values["amount"], promised_on=values["promised_on"]
    )
    return f"/contracts/{lease.id}/collections"


async def _promised(visit: Visit, lease: Lease) -> Sequence[Field]:
    return (_amount(lease.owed), Field(name="promised_on", label=N_("Promised for"), kind=Kind.DAY))


async def _promise_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    return (
        Fact(label=N_("Promised"), value=values["amount"], look=Look.MONEY),
        *await _debit(visit, lease, "promised_on", values["promised_on"]),
    )


def _not_promisable(lease: Lease) -> str | None:
    if lease.account is None or not lease.account.days_past_due:
        return N_("Nothing is overdue.")
    return N_("A promise is open already.") if lease.open_promise else None


# Early settlement


async def _quote(visit: Visit, lease: Lease, values: Values) -> str | None:
    await settlements.quote_payoff(visit.tx, contract_id=lease.id, as_of_on=values["as_of_on"])
    return f"/contracts/{lease.id}/money"


def _not_quotable(lease: Lease) -> str | None:
    return None if lease.runs else N_("An early settlement is being paid already.")


async def _offers(visit: Visit, lease: Lease) -> Sequence[Field]:
    options = tuple(Option(value=str(one.id), label=_offer(visit, one), is_name=True) for one in lease.offers)
    return (Field(name="payoff_id", label=N_("Quote"), kind=Kind.CHOICE, options=options),)


def _offer(visit: Visit, one: PayoffView) -> str:
    total, until = money(one.total, visit.manner.language), one.valid_until_on
    return visit.say(N_("%(total)s, valid until %(until)s"), total=total, until=until.isoformat())


async def _accept(visit: Visit, lease: Lease, values: Values) -> str | None:
    await settlements.accept_payoff(visit.tx, contract_id=lease.id, payoff_id=UUID(values["payoff_id"]))
    return f"/contracts/{lease.id}/money"


async def _accept_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    one = next(one for one in lease.offers if str(one.id) == values["payoff_id"])
    return (
        Fact(label=N_("Overdue rent"), value=one.arrears, look=Look.MONEY),
        Fact(label=N_("Penalty"), value=one.penalty, look=Look.MONEY),
        Fact(label=N_("Principal"), value=one.principal, look=Look.MONEY),
        Fact(label=N_("Interest"), value=one.interest, look=Look.MONEY),
        Fact(label=N_("Settlement fee"), value=one.fee, look=Look.MONEY),
        Fact(label=N_("Debited today"), value=one.total, look=Look.MONEY),
        await _from_account(visit, lease),
        Fact(label=N_("Deposit that goes back then"), value=lease.contract.deposit_amount, look=Look.MONEY),
    )


def _not_acceptable(lease: Lease) -> str | None:
    if not lease.offers:
        return N_("No quote is valid today: quote the early settlement first.")
    if lease.account is not None and lease.account.in_doubt:
        return _IN_DOUBT
    return _NO_MANDATE if lease.mandate is None else None


# What remains at the end


def _last(movements: Sequence[MovementView], purpose: str) -> MovementView | None:
    return next((one for one in movements if one.purpose == purpose), None)


async def _return_deposit(visit: Visit, lease: Lease, values: Values) -> str | None:
    await settlements.return_deposit_again(visit.tx, lease.id)
    return f"/contracts/{lease.id}/money"


async def _deposit_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    deposit = lease.account.deposit if lease.account else None
    return (
        Fact(label=N_("Deposit"), value=deposit, look=Look.MONEY),
        await _to_account(visit, lease),
    )


def _deposit_off(lease: Lease) -> str | None:
    if lease.account is None or not lease.account.deposit:
        return N_("There was no deposit.")
    payout = _last(lease.payouts, PayoutPurpose.DEPOSIT_RETURN)
    if payout is not None and payout.state is not MovementState.REJECTED:
        return N_("The deposit is on its way or has been returned.")
    return None


async def _charge_option(visit: Visit, lease: Lease, values: Values) -> str | None:
    await settlements.charge_option_again(visit.tx, lease.id)
    return f"/contracts/{lease.id}/money"


async def _option_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    return (
        Fact(label=N_("Purchase option"), value=lease.contract.purchase_option_amount, look=Look.MONEY),
        await _from_account(visit, lease),
    )


def _option_off(lease: Lease) -> str | None:
    if not lease.contract.purchase_option_amount:
        return N_("The contract has no purchase option to pay.")
    charges = [one for one in lease.charges if one.purpose == ChargePurpose.PURCHASE_OPTION]
    if any(one.state is MovementState.SUCCEEDED for one in charges):
        return N_("The purchase option is paid.")
    if any(one.state in LIVE for one in charges):
        return N_("A debit of it is under way.")
    return _NO_MANDATE if lease.mandate is None else None


# Suspense


async def _apply(visit: Visit, lease: Lease, values: Values) -> str | None:
    await suspense.apply_suspense(visit.tx, contract_id=lease.id, amount=values["amount"])
    return f"/contracts/{lease.id}/money"


async def _waiting(visit: Visit, lease: Lease) -> Sequence[Field]:
    return (_amount(lease.waiting),)


async def _apply_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    assert lease.suspense is not None
    would = lease.suspense.would_pay
    parts = [(part, Money.total(one.money for one in would if one.part is part)) for part in Part]
    return (
        Fact(label=N_("Used"), value=values["amount"], look=Look.MONEY),
        Fact(label=N_("Waits now"), value=lease.waiting, look=Look.MONEY),
        Fact(label=N_("Waits afterwards"), value=lease.waiting - values["amount"], look=Look.MONEY),
        Fact(label=N_("All of it would pay"), value=Money.total(total for _, total in parts), look=Look.MONEY),
        *(Fact(label=_PARTS[part], value=total, look=Look.MONEY) for part, total in parts if total),
    )


_PARTS = {
    Part.PENALTY: N_("Penalty"),
    Part.INTEREST: N_("Interest"),
    Part.PRINCIPAL: N_("Principal"),
}


def _nothing_to_pay(lease: Lease) -> str | None:
    account = lease.account
    if account is None or not any(one.state in OWED for one in account.instalments):
        return N_("Nothing is owed.")
    return _IN_DOUBT if account.in_doubt else None


async def _refund(visit: Visit, lease: Lease, values: Values) -> str | None:
    await suspense.refund_suspense(visit.tx, contract_id=lease.id, amount=values["amount"])
    return f"/contracts/{lease.id}/money"


async def _refund_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    return (
        Fact(label=N_("Given back"), value=values["amount"], look=Look.MONEY),
        Fact(label=N_("Waits afterwards"), value=lease.waiting - values["amount"], look=Look.MONEY),
        await _to_account(visit, lease),
    )


async def _refunds(visit: Visit, lease: Lease) -> Sequence[Field]:
    language = visit.manner.language
    options = tuple(
        Option(value=str(one.id), label=f"{money(one.money, language)} · {one.owed_on.isoformat()}", is_name=True)
        for one in (lease.suspense.refunds if lease.suspense else ())
        if one.state is RefundState.OWED
    )
    return (Field(name="refund_id", label=N_("Refund"), kind=Kind.CHOICE, options=options),)


async def _send_refund(visit: Visit, lease: Lease, values: Values) -> str | None:
    await suspense.send_refund_again(visit.tx, contract_id=lease.id, refund_id=UUID(values["refund_id"]))
    return f"/contracts/{lease.id}/money"


async def _send_refund_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    assert lease.suspense is not None
    one = next(one for one in lease.suspense.refunds if str(one.id) == values["refund_id"])
    return (
        Fact(label=N_("Given back"), value=one.money, look=Look.MONEY),
        await _to_account(visit, lease),
    )


def _stranded_refund(lease: Lease) -> bool:
    """Whether a refund is owed whose payout was refused."""
    refunds = lease.suspense.refunds if lease.suspense else ()
    held = {one.subject_id for one in lease.payouts if one.state is not MovementState.REJECTED}
    return any(one.state is RefundState.OWED and one.id not in held for one in refunds)


ACTIONS: tuple[Action[Lease], ...] = (
    Action(
        key="charge-again",
        label=N_("Debit again"),
        permission=P.SERVICING_WRITE,
        perform=_charge_again,
        done=N_("The debit is scheduled."),
        fields_for=_debit_day,
        off=_not_chargeable,
        fits=_active,
        preview=_charge_preview,
    ),
    Action(
        key="promise",
        label=N_("Record a promise"),
        permission=P.COLLECTIONS_WRITE,
        perform=_promise,
        done=N_("The promise is recorded, and the debit is scheduled for its day."),
        fields_for=_promised,
        off=_not_promisable,
        fits=_active,
        preview=_promise_preview,
    ),
    Action(
        key="quote-payoff",
        label=N_("Quote early settlement"),
        permission=P.SERVICING_WRITE,
        perform=_quote,
        done=N_("The early settlement is quoted; nothing moves until the quote is accepted."),
        fields=(
            Field(
                name="as_of_on",
                label=N_("Day of settlement"),
                kind=Kind.DAY,
                required=False,
                help=N_("Today when it is left out."),
            ),
        ),
        off=_not_quotable,
        fits=_active,
    ),
    Action(
        key="accept-payoff",
        label=N_("Settle early"),
        permission=P.SERVICING_WRITE,
        perform=_accept,
        done=N_("The sum is being debited; rent stands still meanwhile."),
        fields_for=_offers,
        off=_not_acceptable,
        fits=lambda lease: _active(lease) and lease.runs,
        preview=_accept_preview,
    ),
    Action(
        key="return-deposit",
        label=N_("Return the deposit again"),
        permission=P.SERVICING_WRITE,
        perform=_return_deposit,
        done=N_("The deposit is sent once more."),
        off=_deposit_off,
        fits=_settled,
        preview=_deposit_preview,
    ),
    Action(
        key="charge-option",
        label=N_("Debit the purchase option again"),
        permission=P.SERVICING_WRITE,
        perform=_charge_option,
        done=N_("The purchase option is being debited."),
        off=_option_off,
        fits=_settled,
        preview=_option_preview,
    ),
    Action(
        key="apply-suspense",
        label=N_("Use what waits"),
        permission=P.SERVICING_WRITE,
        perform=_apply,
        done=N_("What waited has paid what was owed."),
        fields_for=_waiting,
        off=_nothing_to_pay,
        fits=lambda lease: _active(lease) and bool(lease.waiting),
        preview=_apply_preview,
        explain=N_("Money that came without being owed pays what is owed today, the oldest rent first."),
    ),
    Action(
        key="refund-suspense",
        label=N_("Give back what waits"),
        permission=P.PAYMENTS_WRITE,
        perform=_refund,
        done=N_("The refund is on its way."),
        fields_for=_waiting,
        fits=lambda lease: bool(lease.waiting),
        preview=_refund_preview,
        explain=N_("Money that came without being owed goes back to the account that the rent came from."),
    ),
    Action(
        key="send-refund",
        label=N_("Send the refund again"),
        permission=P.PAYMENTS_WRITE,
        perform=_send_refund,
        done=N_("The refund is sent once more."),
        fields_for=_refunds,
        fits=_stranded_refund,
        preview=_send_refund_preview,
    ),
)
