"""What can be done with a contract: signed, paid for, its car ordered and handed over, put into force, ended.

What is done with the money of a lease that runs is in `rent_actions`.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.console.actions import Action
from hub.console.forms import Field, Kind, Values
from hub.console.i18n import N_
from hub.console.lease import Lease
from hub.console.page import Fact, Look
from hub.console.visit import Visit
from hub.core.money import Money
from hub.infra.access import Permission as P
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import CANCELLABLE, ContractState
from hub.leasing.funding import service as funding
from hub.leasing.funding.rules import SigningPaymentState
from hub.leasing.inventory.rules import VehicleStatus
from hub.leasing.payments.rules import ChargePurpose, MovementState
from hub.leasing.quotes import service as quotes
from hub.leasing.signatures import service as signatures
from hub.leasing.signatures.rules import EnvelopeState
from hub.ledger.postings import SigningPurpose

_S = ContractState
_BEFORE = frozenset({_S.DRAFTED, _S.OUT_FOR_SIGNATURE, _S.SIGNED, _S.FUNDED})
_REASON = Field(name="reason", label=N_("Reason"), kind=Kind.LONG_TEXT, longest=300)


# Signature


async def _send_out(visit: Visit, lease: Lease, values: Values) -> str | None:
    await signatures.request_signature(visit.tx, lease.id)
    return None


async def _withdraw(visit: Visit, lease: Lease, values: Values) -> str | None:
    await signatures.withdraw_signature(visit.tx, lease.id, reason=values["reason"])
    return None


def _nothing_out(lease: Lease) -> str | None:
    if any(one.state is EnvelopeState.SENT for one in lease.envelopes):
        return None
    return N_("The provider has not taken the papers yet.")


# What is due at signing


def _due_at_signing(lease: Lease) -> dict[SigningPurpose, Money]:
    """What has not come yet of what is due at signing."""
    contract = lease.contract
    amounts = {
        SigningPurpose.DOWN_PAYMENT: contract.down_payment_amount,
        SigningPurpose.SECURITY_DEPOSIT: contract.deposit_amount,
        SigningPurpose.SERVICE_FEE: contract.service_fee_amount,
        SigningPurpose.THIRD_PARTY_FEES: contract.third_party_fees_amount,
    }
    settled = {one.purpose for one in lease.signing if one.state is not SigningPaymentState.DUE}
    return {purpose: money for purpose, money in amounts.items() if money and purpose not in settled}


async def _ask_payments(visit: Visit, lease: Lease, values: Values) -> str | None:
    await funding.request_signing_payments(visit.tx, lease.id)
    return f"/contracts/{lease.id}/money"


async def _payments_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    due = _due_at_signing(lease)
    asked = N_("Debited under the mandate") if lease.mandate else N_("The mandate is asked for first, then debited")
    return (
        *(Fact(label=_label(purpose), value=money, look=Look.MONEY) for purpose, money in due.items()),
        Fact(label=N_("Together"), value=Money.total(due.values()), look=Look.MONEY),
        Fact(label=N_("How"), value=asked),
    )


def _label(purpose: SigningPurpose) -> str:
    return {
        SigningPurpose.DOWN_PAYMENT: N_("Down payment"),
        SigningPurpose.SECURITY_DEPOSIT: N_("Security deposit"),
        SigningPurpose.SERVICE_FEE: N_("Service fee"),
        SigningPurpose.THIRD_PARTY_FEES: N_("Third party fees"),
    }[purpose]


def _nothing_due(lease: Lease) -> str | None:
    if _due_at_signing(lease):
        return None
    return N_("Everything that is due at signing has been asked for.")


# The car


async def _order(visit: Visit, lease: Lease, values: Values) -> str | None:
    await contracts.order_vehicle(
        visit.tx,
        lease.id,
        vin=values["vin"],
        cost=values["cost"],
        dealer=values["dealer"],
        colour=values["colour"] or None,
        engine_number=values["engine_number"] or None,
    )
    return None


async def _order_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    return (
        Fact(label=N_("Car"), value=lease.contract.car_model, look=Look.NAME),
        Fact(label=N_("VIN"), value=values["vin"], look=Look.CODE),
        Fact(label=N_("Dealer"), value=values["dealer"], look=Look.NAME),
        Fact(label=N_("Owed to the dealer"), value=values["cost"], look=Look.MONEY),
        Fact(label=N_("Price in the contract"), value=lease.contract.car_price, look=Look.MONEY),
        Fact(label=N_("Difference"), value=lease.contract.car_price - values["cost"], look=Look.MONEY),
    )


def _has_car(lease: Lease) -> str | None:
    return N_("The contract has its car already.") if lease.contract.vehicle_id else None


async def _deliver(visit: Visit, lease: Lease, values: Values) -> str | None:
    await contracts.deliver(
        visit.tx,
        lease.id,
        delivered_on=values["delivered_on"],
        mileage_km=values["mileage_km"],
        paper_ref=values["paper_ref"],
    )
    return None


async def _delivery(visit: Visit, lease: Lease) -> Sequence[Field]:
    return (
        _day(lease, "delivered_on", N_("Day of delivery")),
        Field(name="mileage_km", label=N_("Mileage in km"), kind=Kind.NUMBER),
        Field(name="paper_ref", label=N_("Delivery note"), longest=120),
    )


def _day(lease: Lease, name: str, label: str) -> Field:
    return Field(name=name, label=label, kind=Kind.DAY, start=lease.today.isoformat())


def _not_deliverable(lease: Lease) -> str | None:
    if lease.state is not _S.FUNDED:
        return N_("What is due at signing has not come in yet.")
    if lease.vehicle is None:
        return N_("The contract has no car yet.")
    if lease.vehicle.status is VehicleStatus.LEASED:
        return N_("The car is with the lessee already.")
    if lease.vehicle.status is not VehicleStatus.RESERVED:
        return N_("The car has not arrived in the warehouse yet.")
    return None


# The life of the lease


async def _commence(visit: Visit, lease: Lease, values: Values) -> str | None:
    await contracts.commence(visit.tx, lease.id, commenced_on=values["commenced_on"])
    return None


async def _commencement(visit: Visit, lease: Lease) -> Sequence[Field]:
    return (_day(lease, "commenced_on", N_("Rent runs from")),)


async def _commence_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    rents = await quotes.schedule_of(visit.tx, lease.contract.quote_id, starts_on=values["commenced_on"])
    return (
        Fact(label=N_("Rent runs from"), value=values["commenced_on"], look=Look.DAY),
        Fact(label=N_("First rent due"), value=rents[0].due_on, look=Look.DAY),
        Fact(label=N_("Last rent due"), value=rents[-1].due_on, look=Look.DAY),
        Fact(label=N_("Rents"), value=len(rents), look=Look.NUMBER),
        Fact(label=N_("First rent"), value=rents[0].principal + rents[0].interest, look=Look.MONEY),
        Fact(
            label=N_("All rents together"),
            value=Money.total(one.principal + one.interest for one in rents),
            look=Look.MONEY,
        ),
    )


def _not_commenceable(lease: Lease) -> str | None:
    if lease.state is not _S.FUNDED:
        return N_("What is due at signing has not come in yet.")
    if lease.vehicle is None or lease.vehicle.status is not VehicleStatus.LEASED:
        return N_("The car is not with the lessee yet.")
    if not lease.devices:
        return N_("No tracker is installed in the car.")
    if lease.contract.bank_account_id is None:
        return N_("There is no bank account to debit.")
    return None


async def _cancel(visit: Visit, lease: Lease, values: Values) -> str | None:
    await contracts.cancel(visit.tx, lease.id, reason=values["reason"])
    return None


def _not_cancellable(lease: Lease) -> str | None:
    if lease.state not in CANCELLABLE:
        return N_("Only a drafted or signed contract can be cancelled.")
    signing = [one for one in lease.charges if one.purpose == ChargePurpose.SIGNING]
    if any(one.state is not MovementState.REJECTED for one in signing):
        return N_("Money of this contract is under way or has come in.")
    return None


async def _close(visit: Visit, lease: Lease, values: Values) -> str | None:
    await contracts.close(visit.tx, lease.id, closed_on=values["closed_on"], paper_ref=values["paper_ref"] or None)
    return None


async def _closing(visit: Visit, lease: Lease) -> Sequence[Field]:
    return (
        _day(lease, "closed_on", N_("Day of transfer")),
        Field(
            name="paper_ref",
            label=N_("Paper"),
            required=False,
            longest=120,
            help=N_("Without one the title passes by the contract itself."),
        ),
    )


async def _close_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    return (
        Fact(label=N_("Title passes to"), value=lease.customer, look=Look.NAME),
        Fact(label=N_("Car"), value=lease.contract.car_model, look=Look.NAME),
        Fact(label=N_("VIN"), value=lease.vehicle.vin if lease.vehicle else None, look=Look.CODE),
        Fact(label=N_("Day of transfer"), value=values["closed_on"], look=Look.DAY),
        Fact(label=N_("Paper"), value=values["paper_ref"] or lease.contract.number, look=Look.CODE),
    )


ACTIONS: tuple[Action[Lease], ...] = (
    Action(
        key="sign",
        label=N_("Send out for signature"),
        permission=P.CONTRACTS_WRITE,
        perform=_send_out,
        done=N_("The papers are being set and sent out."),
        fits=lambda lease: lease.state is _S.DRAFTED,
        explain=N_("The contract is set in Chinese and English, and goes to the lessee and to us for signature."),
        is_main=True,
    ),
    Action(
        key="withdraw",
        label=N_("Withdraw from signature"),
        permission=P.CONTRACTS_WRITE,
        perform=_withdraw,
        done=N_("The papers are being taken back; then the contract is a draft again."),
        fields=(_REASON,),
        off=_nothing_out,
        fits=lambda lease: lease.state is _S.OUT_FOR_SIGNATURE,
    ),
    Action(
        key="signing-payments",
        label=N_("Ask for signing payments"),
        permission=P.CONTRACTS_WRITE,
        perform=_ask_payments,
        done=N_("What is due at signing has been asked for."),
        off=_nothing_due,
        fits=lambda lease: lease.state is _S.SIGNED,
        preview=_payments_preview,
        is_main=True,
    ),
    Action(
        key="order",
        label=N_("Order the car"),
        permission=P.CONTRACTS_WRITE,
        perform=_order,
        done=N_("The car is ordered."),
        fields=(
            Field(name="vin", label=N_("VIN"), longest=17),
            Field(name="cost", label=N_("Cost"), kind=Kind.MONEY, help=N_("What the dealer is owed for the car.")),
            Field(name="dealer", label=N_("Dealer"), longest=120),
            Field(name="colour", label=N_("Colour"), required=False, longest=40),
            Field(name="engine_number", label=N_("Engine number"), required=False, longest=40),
        ),
        off=_has_car,
        fits=lambda lease: lease.state in {_S.SIGNED, _S.FUNDED},
        preview=_order_preview,
    ),
    Action(
        key="deliver",
        label=N_("Hand over the car"),
        permission=P.CONTRACTS_WRITE,
        perform=_deliver,
        done=N_("The car is with the lessee."),
        fields_for=_delivery,
        off=_not_deliverable,
        fits=lambda lease: lease.state in {_S.SIGNED, _S.FUNDED},
    ),
    Action(
        key="commence",
        label=N_("Put into force"),
        permission=P.CONTRACTS_WRITE,
        perform=_commence,
        done=N_("The lease is in force."),
        fields_for=_commencement,
        off=_not_commenceable,
        fits=lambda lease: lease.state in {_S.SIGNED, _S.FUNDED},
        preview=_commence_preview,
        is_main=True,
    ),
    Action(
        key="close",
        label=N_("Close with title transfer"),
        permission=P.CONTRACTS_WRITE,
        perform=_close,
        done=N_("The title has passed, and the contract is closed."),
        fields_for=_closing,
        fits=lambda lease: lease.state is _S.SETTLED,
        preview=_close_preview,
        explain=N_("Everything is paid: the car becomes the lessee's. This cannot be taken back."),
    ),
    Action(
        key="cancel",
        label=N_("Cancel contract"),
        permission=P.CONTRACTS_WRITE,
        perform=_cancel,
        done=N_("The contract is cancelled."),
        fields=(_REASON,),
        off=_not_cancellable,
        fits=lambda lease: lease.state in _BEFORE,
        explain=N_("The lease does not come about. A car that was reserved for it is free again."),
        is_danger=True,
    ),
)
