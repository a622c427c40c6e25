"""Draft applications from quotes, gather their material, submit them, and decide on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import assert_never
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.events import Fact
from hub.core.ids import ApplicationId, BranchId, ChannelId, PartyId, QuoteId
from hub.infra import audit, staff
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.leasing.applications.listing import shown
from hub.leasing.applications.records import (
    LIVE_APPLICATION,
    ApplicationDayRecord,
    ApplicationMaterialRecord,
    ApplicationRecord,
    ApprovalRecord,
)
from hub.leasing.applications.rules import (
    OPEN_TO_CREDIT,
    STATE_AFTER,
    ApplicationApproved,
    ApplicationDeclined,
    ApplicationReturned,
    ApplicationState,
    ApplicationSubmitted,
    ApplicationView,
    ApplicationWithdrawn,
    ApprovalStep,
    ApprovalView,
    CreditOutcome,
    Decision,
    Hand,
    MaterialKind,
    MaterialView,
    application_number,
    approval_valid_until,
    check_approved,
    check_credit,
    check_four_eyes,
    check_limit,
    check_material,
    check_move,
    check_open_to_material,
    check_quote,
    required_material,
    state_at_submission,
)
from hub.leasing.channels import service as channels
from hub.leasing.channels.rules import check_active
from hub.leasing.parties import service as parties
from hub.leasing.parties.documents import clean_text
from hub.leasing.parties.rules import ConsentPurpose, PartyKind
from hub.leasing.products import service as products
from hub.leasing.products.rules import LeaseType
from hub.leasing.quotes import service as quotes

_SHA256 = re.compile(r"[0-9a-f]{64}")
# Source: ISO 3779:2009: seventeen characters, without I, O and Q.
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_LONGEST_REASON = 500


# Drafting


async def draft(
    tx: Tx,
    *,
    party_id: PartyId,
    quote_id: QuoteId,
    vin: str | None = None,
    channel_id: ChannelId | None = None,
) -> ApplicationId:
    """Open an application for a party on a quote that still binds; branch, car and amounts are the quote's.

    Raises InvalidInput for the VIN, NotFound for party, quote or channel, RuleBroken when the quote has run out or the
    partner is not active, Conflict when there is a live application on the quote.
    """
    vin = _vin(vin)
    party = await parties.get_party(tx, party_id)
    quote = await quotes.get_quote(tx, quote_id)
    check_quote(quote.valid_until_on, tx.today)
    if channel_id is not None:
        check_active((await channels.get_partner(tx, channel_id)).state)
    terms = (await products.get_version(tx, quote.product_version_id)).terms
    application = await tx.scalar(
        insert(ApplicationRecord)
        .values(
            id=tx.new_id(),
            number=await _next_number(tx),
            branch_id=quote.branch_id,
            party_id=party_id,
            quote_id=quote_id,
            product_version_id=quote.product_version_id,
            lease_type=terms.lease_type,
            channel_id=channel_id,
            car_model=quote.deal.car_model,
            vin=vin,
            price_amount=quote.deal.car_price,
            financed_amount=quote.price.financed,
            state=ApplicationState.DRAFT,
            round=0,
            opened_by=tx.actor.name,
            opened_by_id=tx.actor.staff_id,
            opened_at=tx.now,
            credit_reasons=[],
        )
        .on_conflict_do_nothing(index_elements=["quote_id"], index_where=LIVE_APPLICATION)
        .returning(ApplicationRecord)
    )
    if application is None:
        raise Conflict("quote_id: there is a live application on this quote already")
    _start_checklist(tx, application, party.kind)
    await _record(tx, "application.drafted", application, number=application.number)
    return ApplicationId(application.id)


def _vin(vin: str | None) -> str | None:
    if vin is None:
        return None
    compact = vin.strip().upper()
    if not _VIN.fullmatch(compact):
        raise InvalidInput("vin", "a VIN has 17 letters and digits, without I, O and Q")
    return compact


async def _next_number(tx: Tx) -> str:
    """The next number of the business day; the day's row is held until the transaction ends, so no number is skipped."""
    counted = insert(ApplicationDayRecord).values(day_on=tx.today, last_sequence=1)
    sequence = await tx.scalar(
        counted.on_conflict_do_update(
            index_elements=["day_on"], set_={"last_sequence": ApplicationDayRecord.last_sequence + 1}
        ).returning(ApplicationDayRecord.last_sequence)
    )
    assert sequence is not None, "an upsert returns its row"
    return application_number(tx.today, sequence)


def _start_checklist(tx: Tx, application: ApplicationRecord, party: PartyKind) -> None:
    tx.add_all(
        ApplicationMaterialRecord(application_id=application.id, kind=kind, required=True)
        for kind in sorted(required_material(LeaseType(application.lease_type), party))
    )


async def add_material(tx: Tx, *, application_id: ApplicationId, kind: MaterialKind, file_sha256: str) -> None:
    """Put a file on the checklist; a newer file of the same kind takes the place of the older one."""
    if not _SHA256.fullmatch(file_sha256):
        raise InvalidInput("file_sha256", "must be 64 hexadecimal digits in lower case")
    application = await _application(tx, application_id, lock=True)
    check_open_to_material(ApplicationState(application.state))
    material = await tx.get(ApplicationMaterialRecord, (application_id, kind))
    if material is None:
        material = ApplicationMaterialRecord(application_id=application_id, kind=kind, required=False)
        tx.add(material)
    material.file_sha256, material.added_at = file_sha256, tx.now
    await tx.flush()
    await _record(tx, "application.material_added", application, kind=kind, file_sha256=file_sha256)


# Submitting and withdrawing


async def submit(tx: Tx, *, application_id: ApplicationId) -> None:
    """Hand an application in, complete and with the applicant's consent to the credit check.

    Raises RuleBroken `material_missing`, `consent_missing` or `application_state`.
    """
    application = await _application(tx, application_id, lock=True)
    await _check_submission(tx, application)
    party_id = PartyId(application.party_id)
    after = state_at_submission(_outcome(application), application.credit_valid_until_on, tx.today)
    application.state, application.round = after, application.round + 1
    application.submitted_by, application.submitted_by_id = tx.actor.name, tx.actor.staff_id
    application.submitted_at = tx.now
    await _record(tx, "application.submitted", application, round=application.round)
    if after is ApplicationState.SUBMITTED:
        tx.emit(
            ApplicationSubmitted(
                application_id=application_id, party_id=party_id, branch_id=BranchId(application.branch_id)
            )
        )


async def _check_submission(tx: Tx, application: ApplicationRecord) -> None:
    check_move(ApplicationState(application.state), ApplicationState.SUBMITTED)
    lines = await _materials(tx, ApplicationId(application.id))
    check_material([line.kind for line in lines if line.required], [line.kind for line in lines if line.present])
    if await parties.valid_consent(tx, PartyId(application.party_id), ConsentPurpose.CREDIT_CHECK) is None:
        raise RuleBroken("consent_missing", purpose=ConsentPurpose.CREDIT_CHECK.value)


async def withdraw(tx: Tx, *, application_id: ApplicationId) -> None:
    """Take an application back at the applicant's wish."""
    application = await _application(tx, application_id, lock=True)
    _move(application, ApplicationState.WITHDRAWN)
    await _record(tx, "application.withdrawn", application)
    tx.emit(ApplicationWithdrawn(application_id=application_id, branch_id=BranchId(application.branch_id)))


# Credit and approval


async def record_credit_outcome(
    tx: Tx,
    *,
    application_id: ApplicationId,
    outcome: CreditOutcome,
    reasons: Sequence[str],
    valid_until_on: date | None = None,
) -> None:
    """Write down what the credit room found; the application goes to review. Late news of a closed one is not taken."""
    application = await _application(tx, application_id, lock=True)
    if application.state not in OPEN_TO_CREDIT:
        return
    application.credit_outcome, application.credit_reasons = outcome, list(reasons)
    application.credit_valid_until_on = valid_until_on
    application.state = ApplicationState.UNDER_REVIEW
    await _record(tx, "application.credit_recorded", application, outcome=outcome, reasons=list(reasons))


async def decide(tx: Tx, *, application_id: ApplicationId, decision: Decision, reason: str = "") -> None:
    """Approve, decline or return an application; the latter two need a reason.

    Raises RuleBroken `own_application`, `credit_missing`, `credit_declined`, `credit_expired`, `approval_limit` or
    `application_state`.
    """
    reason = _reason(decision, reason)
    application = await _application(tx, application_id, lock=True)
    await _check_decision(tx, application, decision)
    tx.add(
        ApprovalRecord(
            id=tx.new_id(),
            application_id=application_id,
            round=application.round,
            step=ApprovalStep.FINAL,
            decision=decision,
            reason=reason,
            actor=tx.actor.name,
            staff_id=tx.actor.staff_id,
            at=tx.now,
        )
    )
    _move(application, STATE_AFTER[decision])
    if decision is not Decision.RETURN:
        application.decided_at = tx.now
    if decision is Decision.APPROVE:
        application.valid_until_on = approval_valid_until(tx.today)
    await tx.flush()
    await _record(tx, f"application.{application.state}", application, reason=reason)
    tx.emit(_news(application, decision, reason))


async def _check_decision(tx: Tx, application: ApplicationRecord, decision: Decision) -> None:
    check_move(ApplicationState(application.state), STATE_AFTER[decision])
    check_four_eyes(Hand(staff_id=tx.actor.staff_id, name=tx.actor.name), _hands(application))
    if decision is Decision.APPROVE:
        check_credit(_outcome(application), application.credit_valid_until_on, tx.today)
        await _check_limit(tx, application)


def _reason(decision: Decision, reason: str) -> str:
    if decision is Decision.APPROVE and not reason:
        return ""
    return clean_text("reason", reason, longest=_LONGEST_REASON)


def _hands(application: ApplicationRecord) -> list[Hand]:
    hands = [Hand(staff_id=application.opened_by_id, name=application.opened_by)]
    if application.submitted_by is not None:
        hands.append(Hand(staff_id=application.submitted_by_id, name=application.submitted_by))
    return hands


async def _check_limit(tx: Tx, application: ApplicationRecord) -> None:
    if tx.actor.staff_id is None:
        return  # The hub's own commands stand for the whole company; the limits are those of people.
    roles = (await staff.member(tx, tx.actor.staff_id)).roles
    check_limit(roles, application.financed_amount)


def _news(application: ApplicationRecord, decision: Decision, reason: str) -> Fact:
    application_id, branch_id = ApplicationId(application.id), BranchId(application.branch_id)
    party_id = PartyId(application.party_id)
    match decision:
        case Decision.APPROVE:
            assert application.valid_until_on is not None, "an approval has its last day"
            return ApplicationApproved(
                application_id=application_id,
                party_id=party_id,
                branch_id=branch_id,
                valid_until_on=application.valid_until_on,
            )
        case Decision.DECLINE:
            return ApplicationDeclined(
                application_id=application_id, party_id=party_id, branch_id=branch_id, reason=reason
            )
        case Decision.RETURN:
            return ApplicationReturned(application_id=application_id, branch_id=branch_id, reason=reason)
        case _:
            assert_never(decision)


# Looking up


async def objections(tx: Tx, application_id: ApplicationId) -> dict[ApplicationState, RuleBroken]:
    """What stands against the actor's submitting or deciding an application now, by the state that it would go to."""
    application = await _application(tx, application_id)
    checks = {STATE_AFTER[decision]: _check_decision(tx, application, decision) for decision in Decision}
    checks[ApplicationState.SUBMITTED] = _check_submission(tx, application)
    found: dict[ApplicationState, RuleBroken] = {}
    for state, check in checks.items():
        try:
            await check
        except RuleBroken as objection:
            found[state] = objection
        except NotFound:
            found[state] = RuleBroken("party_elsewhere")
    return found


async def get_application(tx: Tx, application_id: ApplicationId) -> ApplicationView:
    """One application."""
    return shown(await _application(tx, application_id))


async def approved(tx: Tx, application_id: ApplicationId) -> ApplicationView:
    """An application that a contract may be written on today; raises RuleBroken when it is not approved, or expired."""
    application = await _application(tx, application_id)
    check_approved(ApplicationState(application.state), application.valid_until_on, tx.today)
    return shown(application)


async def list_applications(
    tx: Tx, *, state: ApplicationState | None = None, after: UUID | None = None, limit: int = 50
) -> tuple[ApplicationView, ...]:
    """Applications of the actor's branches, newest first, from behind `after`."""
    applications = visible(select(ApplicationRecord), ApplicationRecord.branch_id, tx.actor)
    query = applications.order_by(ApplicationRecord.id.desc()).limit(limit)
    if state is not None:
        query = query.where(ApplicationRecord.state == state)
    if after is not None:
        query = query.where(ApplicationRecord.id < after)
    return tuple(map(shown, await tx.scalars(query)))


async def count_by_state(tx: Tx) -> dict[str, int]:
    """How many applications the actor sees in each state, every state named."""
    rows = visible(select(ApplicationRecord.state, func.count()), ApplicationRecord.branch_id, tx.actor)
    counted = dict((await tx.execute(rows.group_by(ApplicationRecord.state))).all())
    return {state.value: counted.get(state.value, 0) for state in ApplicationState}


async def list_materials(tx: Tx, application_id: ApplicationId) -> tuple[MaterialView, ...]:
    """The checklist of an application."""
    await _application(tx, application_id)
    return await _materials(tx, application_id)


async def material_file(tx: Tx, *, application_id: ApplicationId, kind: MaterialKind) -> str:
    """The SHA-256 of a file of the checklist, for whoever is about to open it; the audit trail says who did."""
    application = await _application(tx, application_id)
    line = await tx.get(ApplicationMaterialRecord, (application_id, kind))
    if line is None or line.file_sha256 is None:
        raise NotFound("material", kind)
    await _record(tx, "application.material_opened", application, kind=kind)
    return line.file_sha256


async def list_approvals(tx: Tx, application_id: ApplicationId) -> tuple[ApprovalView, ...]:
    """What approvers have said, round by round."""
    await _application(tx, application_id)
    query = select(ApprovalRecord).where(ApprovalRecord.application_id == application_id).order_by(ApprovalRecord.round)
    return tuple(
        ApprovalView(
            round=approval.round,
            step=ApprovalStep(approval.step),
            decision=Decision(approval.decision),
            reason=approval.reason,
            actor=approval.actor,
            at=approval.at,
        )
        for approval in await tx.scalars(query)
    )


async def _application(tx: Tx, application_id: ApplicationId, *, lock: bool = False) -> ApplicationRecord:
    applications = visible(select(ApplicationRecord), ApplicationRecord.branch_id, tx.actor)
    query = applications.where(ApplicationRecord.id == application_id)
    application = await tx.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)
    if application is None:
        raise NotFound("application", application_id)
    return application


async def _materials(tx: Tx, application_id: ApplicationId) -> tuple[MaterialView, ...]:
    lines = select(ApplicationMaterialRecord).where(ApplicationMaterialRecord.application_id == application_id)
    return tuple(
        MaterialView(kind=MaterialKind(line.kind), required=line.required, file_sha256=line.file_sha256)
        for line in await tx.scalars(lines.order_by(ApplicationMaterialRecord.kind))
    )


def _move(application: ApplicationRecord, state: ApplicationState) -> None:
    check_move(ApplicationState(application.state), state)
    application.state = state


def _outcome(application: ApplicationRecord) -> CreditOutcome | None:
    return None if application.credit_outcome is None else CreditOutcome(application.credit_outcome)


async def _record(tx: Tx, action: str, application: ApplicationRecord, **detail: object) -> None:
    await audit.record(
        tx,
        action=action,
        subject="application",
        subject_id=application.id,
        detail=detail,
        branch_id=application.branch_id,
    )
