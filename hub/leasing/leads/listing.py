"""Leads as a list: by state, source and level, the newest first; names and phones masked."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Select, select

from hub.core.identity import mask_name, mask_phone
from hub.core.ids import BranchId, ChannelId, LeadId, PartyId
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.infra.paging import Count, Order, Slice, Tabs, Window, count_by, sliced
from hub.leasing.leads.records import LeadRecord
from hub.leasing.leads.rules import IntentLevel, LeadSource, LeadState, LeadView, LossReason

NAME, PHONE = "lead.name", "lead.phone"

# Ids rise with time, so they stand for when a lead was opened.
_ORDER = Order(key=LeadRecord.id, columns={"opened": LeadRecord.id}, standard="opened")
_TABS = Tabs(name="state", column=LeadRecord.state, words=LeadState, beside=frozenset({"source", "level"}))


async def page(tx: Tx, window: Window) -> Slice[LeadView]:
    """Leads in a window; filters `state`, `source` and `level`."""
    return await sliced(tx, _wanted(tx, window), _ORDER, window, lambda lead: shown(tx, lead), _TABS)


async def counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many leads there are in each state, under the other filters."""
    return await count_by(tx, _wanted(tx, window), _TABS)


def _wanted(tx: Tx, window: Window) -> Select[LeadRecord]:
    query = visible(select(LeadRecord), LeadRecord.branch_id, tx.actor)
    if source := window.filters.get("source"):
        query = query.where(LeadRecord.source == source)
    if level := window.filters.get("level"):
        query = query.where(LeadRecord.intent_level == level)
    return query


def shown(tx: Tx, lead: LeadRecord) -> LeadView:
    """A lead as everybody may see it."""
    return LeadView(
        id=LeadId(lead.id),
        branch_id=BranchId(lead.branch_id),
        name=mask_name(tx.vault.open(lead.name_sealed, column=NAME, row=lead.id)),
        phone=mask_phone(tx.vault.open(lead.phone_sealed, column=PHONE, row=lead.id)),
        source=LeadSource(lead.source),
        channel_id=None if lead.channel_id is None else ChannelId(lead.channel_id),
        wanted=lead.wanted,
        intent_level=IntentLevel(lead.intent_level),
        state=LeadState(lead.state),
        opened_at=lead.opened_at,
        closed_at=lead.closed_at,
        converted_party_id=None if lead.converted_party_id is None else PartyId(lead.converted_party_id),
        loss_reason=None if lead.loss_reason is None else LossReason(lead.loss_reason),
    )
