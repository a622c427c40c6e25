"""A contract with everything around it that its page, its alerts and its actions look at, loaded once a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from hub.console.visit import Visit
from hub.core.errors import NotFound
from hub.core.ids import ContractId
from hub.core.money import Money
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.collections import service as collections
from hub.leasing.collections.rules import PromiseState, PromiseView
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractState, ContractView
from hub.leasing.funding import service as funding
from hub.leasing.funding.rules import SigningPaymentView
from hub.leasing.instalments.rules import OWED
from hub.leasing.inventory import service as inventory
from hub.leasing.inventory.rules import VehicleView
from hub.leasing.mandates import service as mandates
from hub.leasing.mandates.rules import MandateState, MandateView
from hub.leasing.parties import listing as party_listing
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import MovementView
from hub.leasing.servicing import service as servicing
from hub.leasing.servicing.rules import AccountState, AccountView
from hub.leasing.settlements import service as settlements
from hub.leasing.settlements.rules import PayoffState, PayoffView
from hub.leasing.signatures import service as signatures
from hub.leasing.signatures.rules import EnvelopeView
from hub.leasing.suspense import service as suspense
from hub.leasing.suspense.rules import SuspenseView
from hub.leasing.tracking import service as tracking
from hub.leasing.tracking.rules import DeviceView
from hub.leasing.warnings import listing as warning_listing
from hub.leasing.warnings.rules import WarningView

# The states in which rent has run: only then is there an account.
_HAS_ACCOUNT = frozenset({ContractState.ACTIVE, ContractState.SETTLED, ContractState.CLOSED, ContractState.TERMINATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What the pages of one contract know of it. Only its template and its permissions decide who sees which part."""

    contract: ContractView
    today: date
    customer: str | None
    account: AccountView | None
    vehicle: VehicleView | None
    devices: Sequence[DeviceView]
    envelopes: Sequence[EnvelopeView]
    signing: Sequence[SigningPaymentView]
    mandates: Sequence[MandateView]
    charges: Sequence[MovementView]
    payouts: Sequence[MovementView]
    payoffs: Sequence[PayoffView]
    promises: Sequence[PromiseView]
    suspense: SuspenseView | None
    warnings: Sequence[WarningView]

    @property
    def id(self) -> ContractId:
        """The contract's id."""
        return self.contract.id

    @property
    def state(self) -> ContractState:
        """The contract's state."""
        return self.contract.state

    @property
    def mandate(self) -> MandateView | None:
        """The newest mandate under which money may be debited."""
        return next((one for one in self.mandates if one.state is MandateState.ACTIVE), None)

    @property
    def owed(self) -> Money:
        """What has fallen due and is not paid."""
        return Money.zero() if self.account is None else self.account.owed

    @property
    def owed_rents(self) -> int:
        """How many rents have fallen due and are not paid."""
        return 0 if self.account is None else sum(one.state in OWED for one in self.account.instalments)

    @property
    def runs(self) -> bool:
        """Whether rent runs."""
        return self.account is not None and self.account.state is AccountState.ACTIVE

    @property
    def open_promise(self) -> PromiseView | None:
        """The promise that is neither kept nor broken yet."""
        return next((one for one in self.promises if one.state is PromiseState.OPEN), None)

    @property
    def offers(self) -> list[PayoffView]:
        """The early settlements that can be accepted today."""
        return [
            one
            for one in self.payoffs
            if one.state is PayoffState.OFFERED and one.as_of_on <= self.today <= one.valid_until_on
        ]

    @property
    def waiting(self) -> Money:
        """What waits in suspense."""
        return Money.zero() if self.suspense is None else self.suspense.waiting


async def load_lease(visit: Visit, subject_id: UUID) -> Lease:
    """A contract that the visitor may see, with what is around it; raises NotFound."""
    tx, contract_id = visit.tx, ContractId(subject_id)
    contract = await contracts.view(tx, contract_id)
    has_account = contract.state in _HAS_ACCOUNT and contract.commenced_on is not None
    names = await party_listing.names_of(tx, [contract.party_id]) if visit.actor.may(P.PARTIES_READ) else {}
    return Lease(
        contract=contract,
        today=tx.today,
        customer=names.get(contract.party_id),
        account=await servicing.get_account(tx, contract_id) if has_account else None,
        vehicle=await _vehicle(tx, contract),
        devices=() if contract.vehicle_id is None else await tracking.devices_in(tx, contract.vehicle_id),
        envelopes=await signatures.envelopes(tx, contract_id),
        signing=await funding.signing_payments_of(tx, contract_id),
        mandates=await mandates.mandates_of(tx, contract_id),
        charges=await payments.charges_of(tx, contract_id),
        payouts=await payments.payouts_of(tx, contract_id),
        payoffs=await settlements.payoffs_of(tx, contract_id) if has_account else (),
        promises=await collections.promises_of(tx, contract_id),
        suspense=await suspense.get_suspense(tx, contract_id) if has_account else None,
        warnings=await warning_listing.unsettled_of(tx, contract_id),
    )


async def _vehicle(tx: Tx, contract: ContractView) -> VehicleView | None:
    """The contract's car; one that stands in a branch that the visitor does not see is left out."""
    if contract.vehicle_id is None:
        return None
    try:
        return await inventory.get(tx, contract.vehicle_id)
    except NotFound:
        return None
