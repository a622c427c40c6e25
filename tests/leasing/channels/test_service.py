"""Partners and commissions on a real database: accrued once, and kept to the branch."""

from __future__ import annotations

from collections.abc import Awaitable
from decimal import Decimal

import pytest
from sqlalchemy import text

from hub.core.errors import InvalidInput, NotFound
from hub.core.ids import BranchId, ChannelId, ContractId
from hub.core.money import Money
from hub.infra.access import Actor
from hub.infra.database import Database
from hub.leasing.channels import service as channels
from hub.leasing.channels.rules import CommissionAccrued, PartnerKind, PartnerState


@pytest.fixture
async def partner_id(database: Database, seller: Actor, branch: BranchId) -> ChannelId:
    async with database.transaction(seller) as tx:
        return await channels.add_partner(
            tx, branch_id=branch, kind=PartnerKind.BROKER, name="陈经纪", commission_rate=Decimal("0.015")
        )


async def test_a_commission_is_accrued_once_for_a_contract(
    database: Database, seller: Actor, partner_id: ChannelId
) -> None:
    async with database.transaction(seller) as tx:
        contract_id = ContractId(tx.new_id())
        first = await channels.accrue(
            tx, partner_id=partner_id, contract_id=contract_id, financed=Money.of("100000.33")
        )
        again = await channels.accrue(
            tx, partner_id=partner_id, contract_id=contract_id, financed=Money.of("100000.33")
        )
        assert first is not None
        assert first == again
        assert first.amount == Money.of("1500.00")
        (fact,) = tx.facts
        assert isinstance(fact, CommissionAccrued)
        assert (fact.partner_kind, fact.amount) == (PartnerKind.BROKER, Money.of("1500.00"))
    async with database.transaction(seller) as tx:
        assert await channels.list_accruals(tx, partner_id) == (first,)


async def test_who_earns_nothing_is_accrued_nothing(database: Database, seller: Actor, branch: BranchId) -> None:
    async with database.transaction(seller) as tx:
        partner_id = await channels.add_partner(tx, branch_id=branch, kind=PartnerKind.DEALER, name="某某 4S 店")
        contract_id = ContractId(tx.new_id())
        nothing = await channels.accrue(tx, partner_id=partner_id, contract_id=contract_id, financed=Money.of("100"))
        assert nothing is None
        assert not tx.facts
        assert await channels.list_accruals(tx, partner_id) == ()


async def test_a_partner_is_suspended_and_named_only_through_the_service(
    database: Database, seller: Actor, partner_id: ChannelId
) -> None:
    async with database.transaction(seller) as tx:
        await channels.set_partner_state(tx, partner_id=partner_id, state=PartnerState.SUSPENDED)
    async with database.transaction(seller) as tx:
        (partner,) = await channels.list_partners(tx)
        assert (partner.state, partner.name) == (PartnerState.SUSPENDED, "陈经纪")
        assert "陈经纪" not in await tx.scalar(text("select to_jsonb(p)::text from channel_partner p"))


@pytest.mark.parametrize(("field", "value"), [("name", ""), ("name", "x" * 101), ("commission_rate", Decimal("0.5"))])
async def test_bad_input_names_its_field(
    database: Database, seller: Actor, branch: BranchId, field: str, value: object
) -> None:
    partner = {"name": "x", "commission_rate": Decimal(0), field: value}
    async with database.transaction(seller) as tx:
        with pytest.raises(InvalidInput) as refused:
            await channels.add_partner(tx, branch_id=branch, kind=PartnerKind.DEALER, **partner)  # type: ignore[arg-type]
        assert refused.value.field == field


async def test_another_branch_sees_nothing_and_writes_nothing(
    database: Database, outsider: Actor, branch: BranchId, partner_id: ChannelId
) -> None:
    async with database.transaction(outsider) as tx:
        assert await channels.list_partners(tx) == ()
        contract_id = ContractId(tx.new_id())
        tries: list[Awaitable[object]] = [
            channels.get_partner(tx, partner_id),
            channels.list_accruals(tx, partner_id),
            channels.set_partner_state(tx, partner_id=partner_id, state=PartnerState.ENDED),
            channels.accrue(tx, partner_id=partner_id, contract_id=contract_id, financed=Money.of("1")),
            channels.add_partner(tx, branch_id=branch, kind=PartnerKind.DEALER, name="x"),
        ]
        for attempt in tries:
            with pytest.raises(NotFound):
                await attempt
