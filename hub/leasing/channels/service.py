"""Keep the partners who bring deals, and accrue what they earn."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from hub.core.errors import InvalidInput, NotFound
from hub.core.ids import BranchId, ChannelId, ContractId
from hub.core.money import Money
from hub.infra import audit, staff
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.leasing.channels.records import ChannelPartnerRecord, CommissionAccrualRecord
from hub.leasing.channels.rules import (
    AccrualState,
    AccrualView,
    CommissionAccrued,
    CommissionRule,
    PartnerKind,
    PartnerState,
    PartnerView,
    check_rate,
    commission,
)

_NAME = "channel_partner.name"
_LONGEST_NAME = 100


async def add_partner(
    tx: Tx, *, branch_id: BranchId, kind: PartnerKind, name: str, commission_rate: Decimal = Decimal(0)
) -> ChannelId:
    """Add a partner who brings deals to a branch; `commission_rate` is a fraction of the financed amount."""
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidInput("name", f"must have 1 to {_LONGEST_NAME} printable characters")
    check_rate(commission_rate)
    await staff.check_branch(tx, branch_id)
    partner_id = ChannelId(tx.new_id())
    tx.add(
        ChannelPartnerRecord(
            id=partner_id,
            branch_id=branch_id,
            kind=kind,
            name_sealed=tx.vault.seal(name, column=_NAME, row=partner_id),
            commission_rate=commission_rate,
            state=PartnerState.ACTIVE,
        )
    )
    await tx.flush()
    detail = {"kind": kind, "commission_rate": commission_rate}
    await audit.record(tx, action="partner.added", subject="channel_partner", subject_id=partner_id, detail=detail)
    return partner_id


async def set_partner_state(tx: Tx, *, partner_id: ChannelId, state: PartnerState) -> None:
    """Suspend, end or take back a partner."""
    partner = await _partner(tx, partner_id)
    partner.state = state
    await audit.record(
        tx, action="partner.state_set", subject="channel_partner", subject_id=partner_id, detail={"state": state}
    )


async def accrue(
    tx: Tx,
    *,
    partner_id: ChannelId,
    contract_id: ContractId,
    financed: Money,
    rule: CommissionRule = CommissionRule.FINANCED_SHARE,
) -> AccrualView | None:
    """Accrue a partner's commission for a contract, once for each rule; None when the partner earns nothing by it."""
    partner = await _partner(tx, partner_id)
    amount = commission(financed, partner.commission_rate)
    if not amount:
        return None
    added = await tx.scalar(
        insert(CommissionAccrualRecord)
        .values(
            id=tx.new_id(),
            partner_id=partner_id,
            contract_id=contract_id,
            rule=rule,
            amount=amount,
            state=AccrualState.ACCRUED,
            accrued_at=tx.now,
        )
        .on_conflict_do_nothing(index_elements=["contract_id", "partner_id", "rule"])
        .returning(CommissionAccrualRecord)
    )
    if added is None:
        return await _known_accrual(tx, partner_id, contract_id, rule)
    await audit.record(
        tx, action="commission.accrued", subject="contract", subject_id=contract_id, detail={"amount": amount}
    )
    tx.emit(
        CommissionAccrued(
            accrual_id=added.id,
            partner_id=partner_id,
            partner_kind=PartnerKind(partner.kind),
            contract_id=contract_id,
            amount=amount,
        )
    )
    return _accrual_view(added)


async def _known_accrual(tx: Tx, partner_id: ChannelId, contract_id: ContractId, rule: CommissionRule) -> AccrualView:
    query = select(CommissionAccrualRecord).where(
        CommissionAccrualRecord.contract_id == contract_id,
        CommissionAccrualRecord.partner_id == partner_id,
        CommissionAccrualRecord.rule == rule,
    )
    return _accrual_view((await tx.scalars(query)).one())


async def get_partner(tx: Tx, partner_id: ChannelId) -> PartnerView:
    """One partner."""
    return _view(tx, await _partner(tx, partner_id))


async def names_of(tx: Tx, partner_ids: Collection[ChannelId]) -> Mapping[ChannelId, str]:
    """What these partners are called, as far as the actor sees them."""
    partners = visible(select(ChannelPartnerRecord), ChannelPartnerRecord.branch_id, tx.actor)
    found = await tx.scalars(partners.where(ChannelPartnerRecord.id.in_(partner_ids)))
    return {one.id: one.name for one in (_view(tx, partner) for partner in found)}


async def list_partners(tx: Tx, *, after: UUID | None = None, limit: int = 50) -> tuple[PartnerView, ...]:
    """Partners of the actor's branches, newest first, from behind `after`."""
    partners = visible(select(ChannelPartnerRecord), ChannelPartnerRecord.branch_id, tx.actor)
    query = partners.order_by(ChannelPartnerRecord.id.desc()).limit(limit)
    if after is not None:
        query = query.where(ChannelPartnerRecord.id < after)
    return tuple(_view(tx, partner) for partner in await tx.scalars(query))


async def list_accruals(
    tx: Tx, partner_id: ChannelId, *, after: UUID | None = None, limit: int = 50
) -> tuple[AccrualView, ...]:
    """A partner's commissions, newest first, from behind `after`."""
    await _partner(tx, partner_id)
    accruals = select(CommissionAccrualRecord).where(CommissionAccrualRecord.partner_id == partner_id)
    query = accruals.order_by(CommissionAccrualRecord.id.desc()).limit(limit)
    if after is not None:
        query = query.where(CommissionAccrualRecord.id < after)
    return tuple(map(_accrual_view, await tx.scalars(query)))


async def _partner(tx: Tx, partner_id: ChannelId) -> ChannelPartnerRecord:
    partners = visible(select(ChannelPartnerRecord), ChannelPartnerRecord.branch_id, tx.actor)
    partner = await tx.scalar(partners.where(ChannelPartnerRecord.id == partner_id))
    if partner is None:
        raise NotFound("channel_partner", partner_id)
    return partner


def _view(tx: Tx, partner: ChannelPartnerRecord) -> PartnerView:
    return PartnerView(
        id=ChannelId(partner.id),
        branch_id=BranchId(partner.branch_id),
        kind=PartnerKind(partner.kind),
        name=tx.vault.open(partner.name_sealed, column=_NAME, row=partner.id),
        commission_rate=partner.commission_rate,
        state=PartnerState(partner.state),
    )


def _accrual_view(accrual: CommissionAccrualRecord) -> AccrualView:
    return AccrualView(
        id=accrual.id,
        partner_id=ChannelId(accrual.partner_id),
        contract_id=ContractId(accrual.contract_id),
        rule=CommissionRule(accrual.rule),
        amount=accrual.amount,
        state=AccrualState(accrual.state),
        accrued_at=accrual.accrued_at,
    )
