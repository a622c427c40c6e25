"""What a request for a second pair of eyes looks like, whichever room it waits in: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hub.core.ids import BranchId, ContractId
from hub.core.money import Money
from hub.leasing.applications.rules import CreditOutcome


class RequestKind(StrEnum):
    """What is asked for."""

    APPLICATION = "application"
    DISBURSEMENT = "disbursement"


class Whose(StrEnum):
    """Whether the reader had a hand in a request."""

    OTHERS = "others"
    OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """One request: what for, who asked and when. `is_own` when the reader had a hand in it, and so cannot decide it.

    `fee_kind` is the fee that a disbursement is for; one without is for a car. `refused_code` is why a provider refused what was approved before, and so is asked for once more.
    """

    kind: RequestKind
    id: UUID
    branch_id: BranchId
    name: str
    number: str | None
    what_for: str
    fee_kind: str | None
    amount: Money
    contract_id: ContractId | None
    credit_outcome: CreditOutcome | None
    refused_code: str | None
    asked_by: str
    asked_at: datetime
    is_own: bool
    may_decide: bool
