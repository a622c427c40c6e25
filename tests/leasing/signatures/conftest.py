"""A deal as a paper to set, a provider by script, a store of files; and a lease while it is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from hub.core.identity import DocumentKind
from hub.core.ids import ApplicationId, BankAccountId, BranchId, ContractId, PartyId, ProductVersionId, QuoteId
from hub.core.money import Money
from hub.infra.files import Files
from hub.infra.vault import KeyVault
from hub.integrations.executor import Answer, Ask, CallOutcome
from hub.leasing.contracts.rules import ContractState, ContractView
from hub.leasing.parties.rules import ClearParty, PartyKind
from hub.leasing.signatures.document import Paper
from tests.leasing.writing import DEAL, DRAFTED_ON, PRICE, TERMS, approved, contract_id, facts

__all__ = ["approved", "contract_id", "facts"]

LESSEE = ClearParty(
    id=PartyId(UUID(int=4)),
    kind=PartyKind.PERSON,
    name="欧阳晓峰",
    document_kind=DocumentKind.CN_IDENTITY_CARD,
    document_number="11010519491231002X",
    phone="+8613812345678",
    email=None,
    addresses=("北京市朝阳区建国路 88 号 3 号楼 1204 室",),
)


def _contract() -> ContractView:
    nothing = Money(0)
    fields: dict[str, object] = {
        "id": ContractId(UUID(int=1)),
        "number": "LC20260105-000001",
        "branch_id": BranchId(UUID(int=2)),
        "application_id": ApplicationId(UUID(int=3)),
        "party_id": LESSEE.id,
        "bank_account_id": BankAccountId(UUID(int=5)),
        "product_version_id": ProductVersionId(UUID(int=6)),
        "quote_id": QuoteId(UUID(int=7)),
        "lease_type": TERMS.lease_type,
        "state": ContractState.OUT_FOR_SIGNATURE,
        "vehicle_id": None,
        "car_model": DEAL.car_model,
        "car_price": DEAL.car_price,
        "financed_amount": PRICE.financed,
        "down_payment_amount": DEAL.down_payment,
        "deposit_amount": DEAL.deposit,
        "service_fee_amount": DEAL.service_fee + Money.of("1280.00"),
        "third_party_fees_amount": Money.of("500.00"),
        "balloon_amount": nothing,
        "purchase_option_amount": TERMS.purchase_option,
        "total_rent_amount": PRICE.total_rent,
        "instalment_count": len(PRICE.schedule),
        "term_months": DEAL.term_months,
        "annual_rate": DEAL.annual_rate,
        "method": TERMS.method,
        "in_advance": False,
        "drafted_at": datetime(2026, 1, 5, 1, tzinfo=UTC),
        "signed_at": None,
        "funded_at": None,
        "commenced_on": None,
        "settled_on": None,
        "closed_on": None,
        "cancelled_reason": None,
    }
    return ContractView(**fields)  # type: ignore[arg-type]


@pytest.fixture
def paper() -> Paper:
    """The deal as a paper."""
    return Paper(
        contract=_contract(),
        lessor="远航汽车融资租赁有限公司",
        lessee=LESSEE,
        vin=None,
        deal=DEAL,
        price=PRICE,
        terms=TERMS,
        drafted_on=DRAFTED_ON,
    )


class Provider:
    """An e-signature provider by script: answers each ask by the next line, and remembers what it was asked."""

    def __init__(self, *script: object) -> None:
        self.asked: list[Ask] = []
        self._script = list(script)

    async def call(self, ask: Ask) -> Answer:
        """Say the next line; an outcome stands for an answer without a result."""
        self.asked.append(ask)
        line = self._script.pop(0)
        outcome, result = (line, None) if isinstance(line, CallOutcome) else (CallOutcome.OK, line)
        return Answer(
            call_id=UUID(int=1), instance="esign_main", outcome=outcome, result=result, error_code=outcome.value
        )


@pytest.fixture
def provider() -> Callable[..., Provider]:
    """Makes a provider with a script."""
    return Provider


@pytest.fixture
def files(tmp_path: Path, vault: KeyVault) -> Files:
    """A store of files."""
    return Files(tmp_path / "files", vault)
