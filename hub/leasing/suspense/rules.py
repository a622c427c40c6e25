"""The states of a refund, and what is seen of the money that waits: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from hub.core.ids import ContractId
from hub.core.money import Money
from hub.leasing.instalments.waterfall import Allocation
from hub.leasing.receipts.rules import Waiting


class RefundState(StrEnum):
    """How far a refund has come."""

    OWED = "owed"
    PAID = "paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundView:
    """Money that is given back to the lessee."""

    id: UUID
    contract_id: ContractId
    money: Money
    state: RefundState
    owed_on: date
    paid_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspenseView:
    """What waits in suspense for a lease, what it would pay today and what would remain, and what is given back."""

    contract_id: ContractId
    waiting: Money
    receipts: tuple[Waiting, ...]
    would_pay: tuple[Allocation, ...]
    would_remain: Money
    refunds: tuple[RefundView, ...]
