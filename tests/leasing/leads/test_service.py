"""Leads on a real database: plans make tasks, contacts do them, ends are final, and branches are apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from hub.core.errors import InvalidInput, NotFound, RuleBroken
from hub.core.ids import BranchId, ChannelId, LeadId, PartyId
from hub.infra.access import Actor
from hub.infra.database import Database, Tx
from hub.leasing.channels import service as channels
from hub.leasing.channels.rules import PartnerKind
from hub.leasing.leads import service as leads
from hub.leasing.leads.rules import (
    ContactMeans,
    ContactOutcome,
    IntentLevel,
    LeadConverted,
    LeadLost,
    LeadOpened,
    LeadSource,
    LeadState,
    LossReason,
    TaskPurpose,
    TaskState,
)
from hub.sdk.clock import VirtualClock

Register = Callable[[Tx], Awaitable[PartyId]]


@pytest.fixture
async def lead_id(database: Database, seller: Actor, branch: BranchId) -> LeadId:
    async with database.transaction(seller) as tx:
        return await leads.open_lead(
            tx, branch_id=branch, name="李娜", phone="13912345678", source=LeadSource.WALK_IN, wanted="Sedan, white"
        )


async def _states(database: Database, actor: Actor, lead_id: LeadId) -> list[tuple[TaskPurpose, TaskState]]:
    async with database.transaction(actor) as tx:
        return [(task.purpose, task.state) for task in await leads.list_follow_ups(tx, lead_id)]


async def test_a_lead_starts_open_and_masked_with_a_first_call(
    database: Database, seller: Actor, lead_id: LeadId, clock: VirtualClock
) -> None:
    async with database.transaction(seller) as tx:
        lead = await leads.get_lead(tx, lead_id)
        assert (lead.state, lead.name, lead.phone) == (LeadState.OPEN, "李*", "+86139****5678")
        (task,) = await leads.list_follow_ups(tx, lead_id)
        assert (task.purpose, task.due_at) == (TaskPurpose.FIRST_CALL, clock.now() + timedelta(hours=2))
        assert [found.id for found in await leads.find_by_phone(tx, phone="139 1234 5678")] == [lead_id]
        stored = await tx.scalar(text("select to_jsonb(l)::text from lead l"))
        assert "13912345678" not in stored
        assert "李娜" not in stored


async def test_a_new_level_plans_anew(database: Database, seller: Actor, lead_id: LeadId) -> None:
    async with database.transaction(seller) as tx:
        await leads.set_intent(tx, lead_id=lead_id, level=IntentLevel.WITHIN_THREE_DAYS)
        assert (await leads.get_lead(tx, lead_id)).state is LeadState.QUALIFIED
    assert sorted(await _states(database, seller, lead_id)) == sorted(
        [
            (TaskPurpose.FIRST_CALL, TaskState.CANCELLED),
            (TaskPurpose.OFFER, TaskState.OPEN),
            (TaskPurpose.APPOINTMENT, TaskState.OPEN),
        ]
    )


async def test_a_contact_does_what_is_due_first_even_when_late(
    database: Database, seller: Actor, system_actor: Actor, lead_id: LeadId, clock: VirtualClock
) -> None:
    async with database.transaction(seller) as tx:
        await leads.set_intent(tx, lead_id=lead_id, level=IntentLevel.WITHIN_THREE_DAYS)
    clock.advance(timedelta(hours=3))
    for marked in (1, 0):
        async with database.transaction(system_actor) as tx:
            assert await leads.mark_overdue(tx) == marked
    async with database.transaction(seller) as tx:
        await leads.log_contact(
            tx, lead_id=lead_id, means=ContactMeans.PHONE, outcome=ContactOutcome.REACHED, note="wants a blue one"
        )
    states = dict(await _states(database, seller, lead_id))
    assert states[TaskPurpose.OFFER] is TaskState.DONE
    assert states[TaskPurpose.APPOINTMENT] is TaskState.OPEN
    async with database.transaction(seller) as tx:
        (contact,) = await leads.list_contacts(tx, lead_id)
        assert (contact.by, contact.outcome) == ("seller", ContactOutcome.REACHED)


async def test_a_lead_becomes_a_customer_once(
    database: Database, seller: Actor, lead_id: LeadId, register: Register
) -> None:
    async with database.transaction(seller) as tx:
        party_id, other = await register(tx), await register(tx)
        tx.facts.clear()
        for _ in range(2):
            await leads.convert(tx, lead_id=lead_id, party_id=party_id)
        assert list(tx.facts) == [LeadConverted(lead_id=lead_id, party_id=party_id, channel_id=None)]
        with pytest.raises(RuleBroken, match="lead_state"):
            await leads.convert(tx, lead_id=lead_id, party_id=other)
    async with database.transaction(seller) as tx:
        lead = await leads.get_lead(tx, lead_id)
        assert (lead.state, lead.converted_party_id) == (LeadState.CONVERTED, party_id)
    assert await _states(database, seller, lead_id) == [(TaskPurpose.FIRST_CALL, TaskState.CANCELLED)]


async def test_a_lost_lead_stays_lost(database: Database, seller: Actor, lead_id: LeadId, register: Register) -> None:
    async with database.transaction(seller) as tx:
        await leads.lose(tx, lead_id=lead_id, reason=LossReason.BOUGHT_ELSEWHERE)
        assert LeadLost(lead_id=lead_id, reason=LossReason.BOUGHT_ELSEWHERE) in tx.facts
    async with database.transaction(seller) as tx:
        with pytest.raises(RuleBroken):
            await leads.set_intent(tx, lead_id=lead_id, level=IntentLevel.APPLIED)
        with pytest.raises(RuleBroken):
            await leads.log_contact(tx, lead_id=lead_id, means=ContactMeans.PHONE, outcome=ContactOutcome.NO_ANSWER)
        with pytest.raises(RuleBroken):
            await leads.lose(tx, lead_id=lead_id, reason=LossReason.GAVE_UP)
        assert [lead.id for lead in await leads.list_leads(tx, state=LeadState.LOST)] == [lead_id]
        assert await leads.list_leads(tx, state=LeadState.OPEN) == ()


async def test_a_lead_names_the_channel_that_brought_it(
    database: Database, seller: Actor, branch: BranchId, system_actor: Actor
) -> None:
    async with database.transaction(seller) as tx:
        channel_id = await channels.add_partner(tx, branch_id=branch, kind=PartnerKind.DEALER, name="某某 4S 店")
        someone = {"branch_id": branch, "name": "王芳", "phone": "13712345678", "source": LeadSource.CHANNEL}
        lead_id = await leads.open_lead(tx, channel_id=channel_id, **someone)
        assert LeadOpened(lead_id=lead_id, branch_id=branch, channel_id=channel_id) in tx.facts
        with pytest.raises(NotFound, match="channel_partner"):
            await leads.open_lead(tx, channel_id=ChannelId(tx.new_id()), **someone)


@pytest.mark.parametrize(("field", "value"), [("name", " "), ("phone", "12"), ("wanted", "x" * 201)])
async def test_bad_input_names_its_field(
    database: Database, seller: Actor, branch: BranchId, field: str, value: str
) -> None:
    good = {"name": "李娜", "phone": "13912345678", "wanted": ""}
    async with database.transaction(seller) as tx:
        with pytest.raises(InvalidInput) as refused:
            await leads.open_lead(tx, branch_id=branch, source=LeadSource.PHONE, **(good | {field: value}))
        assert refused.value.field == field


async def test_another_branch_sees_nothing_and_writes_nothing(
    database: Database, seller: Actor, outsider: Actor, branch: BranchId, lead_id: LeadId, register: Register
) -> None:
    async with database.transaction(seller) as tx:
        party_id = await register(tx)
    async with database.transaction(outsider) as tx:
        assert await leads.list_leads(tx) == ()
        assert await leads.find_by_phone(tx, phone="13912345678") == ()
        tries: list[Awaitable[object]] = [
            leads.get_lead(tx, lead_id),
            leads.list_follow_ups(tx, lead_id),
            leads.list_contacts(tx, lead_id),
            leads.set_intent(tx, lead_id=lead_id, level=IntentLevel.APPLIED),
            leads.log_contact(tx, lead_id=lead_id, means=ContactMeans.PHONE, outcome=ContactOutcome.REACHED),
            leads.convert(tx, lead_id=lead_id, party_id=party_id),
            leads.lose(tx, lead_id=lead_id, reason=LossReason.DUPLICATE),
            leads.open_lead(tx, branch_id=branch, name="x", phone="13912345678", source=LeadSource.PHONE),
        ]
        for attempt in tries:
            with pytest.raises(NotFound):
                await attempt
