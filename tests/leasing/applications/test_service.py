"""Applications on a real database: complete before they are submitted, judged before they are approved, by another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import pytest

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.ids import ApplicationId, BranchId, PartyId, QuoteId
from hub.core.money import Money
from hub.infra import audit, staff
from hub.infra.access import ROLE_PERMISSIONS, Actor, Role
from hub.infra.database import Database, Tx
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import (
    ApplicationApproved,
    ApplicationDeclined,
    ApplicationReturned,
    ApplicationState,
    ApplicationSubmitted,
    CreditOutcome,
    Decision,
    MaterialKind,
)
from hub.leasing.channels import service as channels
from hub.leasing.channels.rules import PartnerKind, PartnerState
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import ConsentMethod, ConsentPurpose
from hub.leasing.products.rules import LeaseType
from hub.sdk.clock import VirtualClock

Register = Callable[[Tx], Awaitable[PartyId]]
Quote = Callable[..., Awaitable[QuoteId]]
Apply = Callable[..., Awaitable[ApplicationId]]
A_FILE = "a" * 64


async def _judge(
    database: Database, actor: Actor, application_id: ApplicationId, outcome: CreditOutcome = CreditOutcome.PASS
) -> None:
    async with database.transaction(actor) as tx:
        await applications.record_credit_outcome(
            tx,
            application_id=application_id,
            outcome=outcome,
            reasons=("score_low",),
            valid_until_on=tx.today + timedelta(days=10),
        )


async def test_a_draft_copies_the_quote_and_lists_what_it_needs(
    database: Database, seller: Actor, branch: BranchId, register: Register, make_quote: Quote
) -> None:
    async with database.transaction(seller) as tx:
        quote_id = await make_quote(tx, lease_type=LeaseType.SALE_AND_LEASEBACK, price="98000.00")
        application_id = await applications.draft(
            tx, party_id=await register(tx), quote_id=quote_id, vin="lsvaa4182e2123456"
        )
    async with database.transaction(seller) as tx:
        application = await applications.get_application(tx, application_id)
        assert application.number == "AP20260105-000001"
        assert (application.branch_id, application.state) == (branch, ApplicationState.DRAFT)
        assert (application.car.model, application.car.vin) == ("Sedan 1.5T", "LSVAA4182E2123456")
        assert (application.price, application.financed) == (Money.of("98000"), Money.of("98000"))
        lines = await applications.list_materials(tx, application_id)
        assert {line.kind for line in lines} == {
            MaterialKind.IDENTITY_DOCUMENT,
            MaterialKind.INCOME_PROOF,
            MaterialKind.REGISTRATION_CERTIFICATE,
            MaterialKind.VEHICLE_PHOTOS,
        }
        assert not any(line.present for line in lines)


async def test_numbers_have_no_gap_and_no_twin_when_many_draft_at_once(
    database: Database, seller: Actor, register: Register, make_quote: Quote
) -> None:
    async with database.transaction(seller) as tx:
        pairs = [(await register(tx), await make_quote(tx)) for _ in range(6)]

    async def draft(party_id: PartyId, quote_id: QuoteId) -> None:
        async with database.transaction(seller) as tx:
            await applications.draft(tx, party_id=party_id, quote_id=quote_id)

    await asyncio.gather(*(draft(*pair) for pair in pairs))
    async with database.transaction(seller) as tx:
        numbers = sorted(application.number for application in await applications.list_applications(tx))
    assert numbers == [f"AP20260105-{sequence:06d}" for sequence in range(1, 7)]


async def test_a_quote_has_one_live_application(
    database: Database, seller: Actor, register: Register, make_quote: Quote
) -> None:
    async with database.transaction(seller) as tx:
        party_id, quote_id = await register(tx), await make_quote(tx)
        first = await applications.draft(tx, party_id=party_id, quote_id=quote_id)
    with pytest.raises(Conflict, match="quote_id"):
        async with database.transaction(seller) as tx:
            await applications.draft(tx, party_id=party_id, quote_id=quote_id)
    async with database.transaction(seller) as tx:
        await applications.withdraw(tx, application_id=first)
        await applications.draft(tx, party_id=party_id, quote_id=quote_id)


async def test_a_draft_needs_a_good_vin_a_binding_quote_and_an_active_partner(
    database: Database, seller: Actor, branch: BranchId, register: Register, make_quote: Quote, clock: VirtualClock
) -> None:
    async with database.transaction(seller) as tx:
        party_id, quote_id = await register(tx), await make_quote(tx)
        with pytest.raises(InvalidInput, match="vin"):
            await applications.draft(tx, party_id=party_id, quote_id=quote_id, vin="LSVOA4182E2123456")
        partner_id = await channels.add_partner(tx, branch_id=branch, kind=PartnerKind.DEALER, name="某某 4S 店")
        await channels.set_partner_state(tx, partner_id=partner_id, state=PartnerState.SUSPENDED)
        with pytest.raises(RuleBroken, match="partner_not_active"):
            await applications.draft(tx, party_id=party_id, quote_id=quote_id, channel_id=partner_id)
    clock.advance(timedelta(days=16))
    async with database.transaction(seller) as tx:
        with pytest.raises(RuleBroken, match="quote_expired"):
            await applications.draft(tx, party_id=party_id, quote_id=quote_id)


async def test_nothing_incomplete_or_without_consent_is_submitted(
    database: Database, seller: Actor, register: Register, make_quote: Quote
) -> None:
    async with database.transaction(seller) as tx:
        party_id = await register(tx)
        application_id = await applications.draft(tx, party_id=party_id, quote_id=await make_quote(tx))
        with pytest.raises(RuleBroken) as broken:
            await applications.submit(tx, application_id=application_id)
        assert broken.value.facts["missing"] == ["identity_document", "income_proof"]
        for kind in (MaterialKind.IDENTITY_DOCUMENT, MaterialKind.INCOME_PROOF, MaterialKind.OTHER):
            await applications.add_material(tx, application_id=application_id, kind=kind, file_sha256=A_FILE)
        with pytest.raises(InvalidInput, match="file_sha256"):
            await applications.add_material(
                tx, application_id=application_id, kind=MaterialKind.OTHER, file_sha256="A" * 64
            )
        with pytest.raises(RuleBroken, match="consent_missing"):
            await applications.submit(tx, application_id=application_id)
        await parties.record_consent(
            tx,
            party_id=party_id,
            purpose=ConsentPurpose.CREDIT_CHECK,
            text_version="2026-1",
            method=ConsentMethod.SIGNATURE,
        )
        tx.facts.clear()
        await applications.submit(tx, application_id=application_id)
        assert [type(fact) for fact in tx.facts] == [ApplicationSubmitted]
        with pytest.raises(RuleBroken, match="application_state"):
            await applications.submit(tx, application_id=application_id)


async def test_an_approval_stands_until_its_last_day(
    database: Database, seller: Actor, approver: Actor, apply: Apply, clock: VirtualClock
) -> None:
    async with database.transaction(seller) as tx:
        application_id = await apply(tx)
    await _judge(database, seller, application_id)
    async with database.transaction(approver) as tx:
        await applications.decide(tx, application_id=application_id, decision=Decision.APPROVE)
        (fact,) = tx.facts
        assert isinstance(fact, ApplicationApproved)
        assert fact.valid_until_on == date(2026, 2, 4)
    async with database.transaction(seller) as tx:
        application = await applications.approved(tx, application_id)
        assert (application.state, application.credit_reasons) == (ApplicationState.APPROVED, ("score_low",))
        (approval,) = await applications.list_approvals(tx, application_id)
        assert (approval.actor, approval.decision, approval.round) == ("approver", Decision.APPROVE, 1)
    clock.advance(timedelta(days=31))
    async with database.transaction(seller) as tx:
        with pytest.raises(RuleBroken, match="approval_expired"):
            await applications.approved(tx, application_id)


async def test_nobody_decides_before_the_credit_outcome_or_on_their_own(
    database: Database, seller: Actor, approver: Actor, apply: Apply
) -> None:
    async with database.transaction(seller) as tx:
        application_id = await apply(tx)
    async with database.transaction(approver) as tx:
        with pytest.raises(RuleBroken, match="application_state"):
            await applications.decide(tx, application_id=application_id, decision=Decision.APPROVE)
    await _judge(database, seller, application_id)
    async with database.transaction(seller) as tx:
        for decision in Decision:
            with pytest.raises(RuleBroken, match="own_application"):
                await applications.decide(tx, application_id=application_id, decision=decision, reason="mine")


async def test_a_credit_decline_cannot_be_approved_but_declined(
    database: Database, seller: Actor, approver: Actor, apply: Apply
) -> None:
    async with database.transaction(seller) as tx:
        application_id = await apply(tx)
    await _judge(database, seller, application_id, CreditOutcome.DECLINE)
    async with database.transaction(approver) as tx:
        with pytest.raises(RuleBroken, match="credit_declined"):
            await applications.decide(tx, application_id=application_id, decision=Decision.APPROVE)
        with pytest.raises(InvalidInput, match="reason"):
            await applications.decide(tx, application_id=application_id, decision=Decision.DECLINE)
        await applications.decide(
            tx, application_id=application_id, decision=Decision.DECLINE, reason="credit too weak"
        )
        assert [type(fact) for fact in tx.facts] == [ApplicationDeclined]
    async with database.transaction(seller) as tx:
        with pytest.raises(RuleBroken, match="application_state"):
            await applications.withdraw(tx, application_id=application_id)
        with pytest.raises(RuleBroken, match="application_state"):
            await applications.add_material(
                tx, application_id=application_id, kind=MaterialKind.OTHER, file_sha256=A_FILE
            )


async def test_a_returned_application_comes_back_in_a_new_round_without_a_new_inquiry(
    database: Database, seller: Actor, approver: Actor, apply: Apply
) -> None:
    async with database.transaction(seller) as tx:
        application_id = await apply(tx)
    await _judge(database, seller, application_id, CreditOutcome.REFER)
    async with database.transaction(approver) as tx:
        await applications.decide(
            tx, application_id=application_id, decision=Decision.RETURN, reason="bank statement, please"
        )
        assert [type(fact) for fact in tx.facts] == [ApplicationReturned]
    async with database.transaction(seller) as tx:
        await applications.add_material(
            tx, application_id=application_id, kind=MaterialKind.BANK_STATEMENT, file_sha256=A_FILE
        )
        await applications.submit(tx, application_id=application_id)
        assert not tx.facts
        assert (await applications.get_application(tx, application_id)).state is ApplicationState.UNDER_REVIEW
    async with database.transaction(approver) as tx:
        await applications.decide(tx, application_id=application_id, decision=Decision.APPROVE)
        rounds = [approval.round for approval in await applications.list_approvals(tx, application_id)]
        assert rounds == [1, 2]


async def test_of_two_approvers_at_once_one_decides(
    database: Database, seller: Actor, branch: BranchId, apply: Apply
) -> None:
    async with database.transaction(seller) as tx:
        application_id = await apply(tx)
    await _judge(database, seller, application_id)

    async def decide(name: str, decision: Decision) -> None:
        permissions = ROLE_PERMISSIONS[Role.APPROVER]
        actor = Actor(name=name, staff_id=None, permissions=permissions, branches=frozenset({branch}))
        async with database.transaction(actor) as tx:
            await applications.decide(tx, application_id=application_id, decision=decision, reason="so be it")

    ends = await asyncio.gather(
        decide("one", Decision.APPROVE), decide("two", Decision.DECLINE), return_exceptions=True
    )
    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "RuleBroken"]
    async with database.transaction(seller) as tx:
        assert len(await applications.list_approvals(tx, application_id)) == 1


async def test_a_member_of_staff_approves_up_to_their_roles_limit(
    database: Database, seller: Actor, system_actor: Actor, branch: BranchId, apply: Apply
) -> None:
    async with database.transaction(system_actor) as tx:
        staff_id = await staff.add_staff(
            tx,
            login="chen",
            display_name="Chen",
            branch_id=branch,
            roles={Role.APPROVER},
            password="correct-horse-battery-staple",
        )
    chen = Actor(
        name="chen",
        staff_id=staff_id,
        permissions=ROLE_PERMISSIONS[Role.APPROVER],
        branches=frozenset({branch}),
    )
    async with database.transaction(seller) as tx:
        small, large = await apply(tx, price="500000.00"), await apply(tx, price="500000.01")
    for application_id in (small, large):
        await _judge(database, seller, application_id)
    async with database.transaction(chen) as tx:
        await applications.decide(tx, application_id=small, decision=Decision.APPROVE)
        with pytest.raises(RuleBroken, match="approval_limit"):
            await applications.decide(tx, application_id=large, decision=Decision.APPROVE)
        await applications.decide(tx, application_id=large, decision=Decision.RETURN, reason="too large for me")


async def test_whoever_opens_a_file_of_the_checklist_stays_on_record(
    database: Database, seller: Actor, approver: Actor, outsider: Actor, apply: Apply
) -> None:
    async with database.transaction(seller) as tx:
        application_id = await apply(tx)
    asked = {"application_id": application_id, "kind": MaterialKind.INCOME_PROOF}
    async with database.transaction(approver) as tx:
        assert len(await applications.material_file(tx, **asked)) == 64
        with pytest.raises(NotFound, match="material"):
            await applications.material_file(tx, application_id=application_id, kind=MaterialKind.OTHER)
    async with database.transaction(outsider) as tx:
        with pytest.raises(NotFound, match="application"):
            await applications.material_file(tx, **asked)
    async with database.transaction(seller) as tx:
        trail = await audit.entries(tx, subject="application", subject_id=application_id)
        assert [entry.actor for entry in trail if entry.action == "application.material_opened"] == ["approver"]


async def test_late_credit_news_of_a_closed_application_is_not_taken(
    database: Database, seller: Actor, apply: Apply
) -> None:
    async with database.transaction(seller) as tx:
        application_id = await apply(tx)
        await applications.withdraw(tx, application_id=application_id)
    await _judge(database, seller, application_id)
    async with database.transaction(seller) as tx:
        application = await applications.get_application(tx, application_id)
        assert (application.state, application.credit_outcome) == (ApplicationState.WITHDRAWN, None)
        assert [found.id for found in await applications.list_applications(tx, state=ApplicationState.DRAFT)] == []


async def test_another_branch_sees_nothing_and_writes_nothing(
    database: Database, seller: Actor, outsider: Actor, apply: Apply, register: Register, make_quote: Quote
) -> None:
    async with database.transaction(seller) as tx:
        application_id = await apply(tx)
        party_id, quote_id = await register(tx), await make_quote(tx)
    async with database.transaction(outsider) as tx:
        assert await applications.list_applications(tx) == ()
        tries: list[Awaitable[object]] = [
            applications.get_application(tx, application_id),
            applications.approved(tx, application_id),
            applications.list_materials(tx, application_id),
            applications.list_approvals(tx, application_id),
            applications.submit(tx, application_id=application_id),
            applications.withdraw(tx, application_id=application_id),
            applications.decide(tx, application_id=application_id, decision=Decision.APPROVE),
            applications.add_material(tx, application_id=application_id, kind=MaterialKind.OTHER, file_sha256=A_FILE),
            applications.draft(tx, party_id=party_id, quote_id=quote_id),
        ]
        for attempt in tries:
            with pytest.raises(NotFound):
                await attempt
