"""What a contract is given to live by: a car from the stock, and the mandate under which it is paid."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hub.console.actions import Action
from hub.console.forms import Field, Kind, Option, Values
from hub.console.i18n import N_, money
from hub.console.labels import label
from hub.console.lease import Lease
from hub.console.page import Fact, Look
from hub.console.visit import Visit
from hub.core.ids import BankAccountId, MandateId, VehicleId
from hub.infra.access import Permission as P
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractState
from hub.leasing.funding.rules import mandate_limit
from hub.leasing.inventory import listing as stock
from hub.leasing.inventory import service as inventory
from hub.leasing.mandates import service as mandates
from hub.leasing.mandates.rules import MANDATE_ON_ITS_WAY, REASON_LENGTH, MandateState
from hub.leasing.parties import service as parties
from hub.leasing.quotes import service as quotes

_S = ContractState
_MOST_CARS = 100


# A car from the stock


async def _cars(visit: Visit, lease: Lease) -> Sequence[Field]:
    free = await stock.free(visit.tx, model=lease.contract.car_model, limit=_MOST_CARS)
    options = tuple(
        Option(value=str(car.id), label=f"{car.model} · {car.vin} · {visit.say(label(car.status))}", is_name=True)
        for car in free
    )
    text = N_("Cars that nobody holds, those of the contract's model first.")
    return (Field(name="vehicle_id", label=N_("Car"), kind=Kind.CHOICE, options=options, help=text),)


async def _assign(visit: Visit, lease: Lease, values: Values) -> None:
    await contracts.assign_vehicle(visit.tx, lease.id, VehicleId(UUID(values["vehicle_id"])))


async def _assign_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    car = await inventory.get(visit.tx, VehicleId(UUID(values["vehicle_id"])))
    return (
        Fact(label=N_("Car in the contract"), value=lease.contract.car_model, look=Look.NAME),
        Fact(label=N_("Car from the stock"), value=car.model, look=Look.NAME),
        Fact(label=N_("VIN"), value=car.vin, look=Look.CODE),
        Fact(label=N_("State"), value=car.status, look=Look.STATE),
        Fact(label=N_("Price in the contract"), value=lease.contract.car_price, look=Look.MONEY),
        Fact(label=N_("Cost"), value=car.cost, look=Look.MONEY),
    )


def _has_car(lease: Lease) -> str | None:
    return N_("The contract has its car already.") if lease.contract.vehicle_id else None


# A mandate


async def _mandate_fields(visit: Visit, lease: Lease) -> Sequence[Field]:
    accounts = await parties.list_bank_accounts(visit.tx, lease.contract.party_id)
    options = tuple(
        Option(value=str(one.id), label=f"{one.bank_code} •••• {one.last_four}", is_name=True) for one in accounts
    )
    usual = mandate_limit((await quotes.get_quote(visit.tx, lease.contract.quote_id)).price)
    account = lease.contract.bank_account_id
    return (
        Field(
            name="bank_account_id",
            label=N_("Debited from"),
            kind=Kind.CHOICE,
            options=options,
            start="" if account is None else str(account),
        ),
        Field(
            name="limit",
            label=N_("Most that one debit may take"),
            kind=Kind.MONEY,
            start=str(usual.amount),
            help=visit.say(N_("The deal asks for %(usual)s."), usual=money(usual, visit.manner.language)),
        ),
    )


async def _request_mandate(visit: Visit, lease: Lease, values: Values) -> str:
    contract = lease.contract
    await mandates.request_mandate(
        visit.tx,
        contract_id=contract.id,
        branch_id=contract.branch_id,
        party_id=contract.party_id,
        bank_account_id=BankAccountId(UUID(values["bank_account_id"])),
        limit=values["limit"],
        contract_number=contract.number,
    )
    return f"/contracts/{contract.id}/money"


async def _mandate_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    accounts = await parties.list_bank_accounts(visit.tx, lease.contract.party_id)
    account = next(one for one in accounts if str(one.id) == values["bank_account_id"])
    return (
        Fact(label=N_("Payer"), value=lease.customer, look=Look.NAME),
        Fact(label=N_("Debited from"), value=f"{account.bank_code} •••• {account.last_four}", look=Look.CODE),
        Fact(label=N_("Most that one debit may take"), value=values["limit"], look=Look.MONEY),
        Fact(label=N_("Mandate now"), value=lease.mandate.state if lease.mandate else None, look=Look.STATE),
    )


def _mandate_off(lease: Lease) -> str | None:
    if any(one.state in MANDATE_ON_ITS_WAY for one in lease.mandates):
        return N_("A mandate is on its way already.")
    return None


# Taking a mandate back


async def _revocation_fields(visit: Visit, lease: Lease) -> Sequence[Field]:
    active = [one for one in lease.mandates if one.state is MandateState.ACTIVE]
    language = visit.manner.language
    options = tuple(
        Option(value=str(one.id), label=f"{one.instance} · {money(one.limit, language)}", is_name=True)
        for one in active
    )
    return (
        Field(
            name="mandate_id",
            label=N_("Mandate"),
            kind=Kind.CHOICE,
            options=options,
            start=options[0].value if options else "",
        ),
        Field(
            name="reason",
            label=N_("Reason"),
            kind=Kind.LONG_TEXT,
            longest=REASON_LENGTH,
            help=N_("The provider may show it to the payer."),
        ),
    )


async def _revoke(visit: Visit, lease: Lease, values: Values) -> str:
    mandate_id, offered = MandateId(UUID(values["mandate_id"])), visit.house.executor.offers
    await mandates.request_revocation(visit.tx, lease.id, mandate_id, reason=values["reason"], offered=offered)
    return f"/contracts/{lease.id}/money"


async def _revocation_preview(visit: Visit, lease: Lease, values: Values) -> Sequence[Fact]:
    mandate = next(one for one in lease.mandates if str(one.id) == values["mandate_id"])
    return (
        Fact(label=N_("Payer"), value=lease.customer, look=Look.NAME),
        Fact(label=N_("Provider"), value=mandate.instance, look=Look.CODE),
        Fact(label=N_("Most that one debit may take"), value=mandate.limit, look=Look.MONEY),
        Fact(label=N_("Other active mandates"), value=_active(lease) - 1, look=Look.NUMBER),
    )


def _active(lease: Lease) -> int:
    return sum(one.state is MandateState.ACTIVE for one in lease.mandates)


ACTIONS: tuple[Action[Lease], ...] = (
    Action(
        key="assign",
        label=N_("Take a car from the stock"),
        permission=P.CONTRACTS_WRITE,
        perform=_assign,
        done=N_("The car is kept for the contract."),
        fields_for=_cars,
        off=_has_car,
        fits=lambda lease: lease.state in {_S.SIGNED, _S.FUNDED},
        preview=_assign_preview,
    ),
    Action(
        key="mandate",
        label=N_("Ask for a mandate"),
        permission=P.PAYMENTS_WRITE,
        perform=_request_mandate,
        done=N_("The payer is asked for the mandate."),
        fields_for=_mandate_fields,
        off=_mandate_off,
        fits=lambda lease: lease.state in {_S.SIGNED, _S.FUNDED, _S.ACTIVE, _S.SETTLED},
        preview=_mandate_preview,
        explain=N_("Debits are made under the newest active mandate: of another account, say, or with another limit."),
    ),
    Action(
        key="revoke-mandate",
        label=N_("Take the mandate back"),
        permission=P.PAYMENTS_WRITE,
        perform=_revoke,
        done=N_("The provider is asked to end the mandate. Nothing is debited under it from now on."),
        fields_for=_revocation_fields,
        fits=lambda lease: _active(lease) > 0,
        preview=_revocation_preview,
        explain=N_("The payer must agree anew before anything can be debited again. A debit under way is not stopped."),
        is_danger=True,
    ),
)
