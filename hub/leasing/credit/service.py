"""Ask bureaus about applicants, record what they say, judge it, and keep the blacklist.

Three steps: `request_check` writes the wish, `perform_checks` calls the bureau with no transaction open,
`record_report` writes and judges the answer. The check's id is the idempotency key, so a step that is repeated after a
crash leaves no second mark on anybody's file.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from hub.core.errors import Conflict, NotFound, RuleBroken
from hub.core.identity import DocumentKind
from hub.core.ids import ApplicationId, BranchId, ConsentId, CreditCheckId, PartyId
from hub.core.ports.credit_bureau import CreditPullRequest, CreditReport, Inquiry
from hub.infra import audit, staff
from hub.infra.access import system, visible
from hub.infra.clock import BUSINESS_ZONE
from hub.infra.crash import crash_point
from hub.infra.database import Database, Tx
from hub.integrations.answers import Answer, Ask, CallOutcome
from hub.integrations.executor import Executor
from hub.integrations.facts import OutcomeKnown
from hub.integrations.routing import RouteFacts
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import OPEN_TO_CREDIT, ApplicationView, CreditOutcome, check_open_to_credit
from hub.leasing.credit.listing import shown
from hub.leasing.credit.records import LIVE_CHECK, BlacklistRecord, CreditCheckRecord
from hub.leasing.credit.rules import (
    DEFAULT_RULES,
    STATE_OF_REPORT,
    Assessment,
    BlacklistView,
    CheckState,
    CreditChecked,
    CreditCheckFailed,
    CreditCheckView,
    ImportedReport,
    ReasonCode,
    assess,
    may_move,
)
from hub.leasing.parties import service as parties
from hub.leasing.parties.documents import clean_text, document_number
from hub.leasing.parties.listing import document_index
from hub.leasing.parties.rules import ConsentPurpose, ConsentView

PERFORM = "credit.perform"
OPERATION = "credit_pull"
CHUNK = 500
AT_ONCE = 8
# A claim that outlives this belongs to a worker that has died; the same key makes taking it over safe.
CLAIM = timedelta(seconds=45)

_FACTS = "credit_check.facts"
_ACTOR = system("credit")


# Asking


async def request_check(tx: Tx, application_id: ApplicationId, *, inquiry: Inquiry = Inquiry.HARD) -> CreditCheckId:
    """Ask for a credit check of an application's party; one that is still under way is not asked for twice.

    Whoever is on the blacklist is declined at once, and no bureau is asked. Raises RuleBroken `consent_missing` or
    `application_state`.
    """
    application = await applications.get_application(tx, application_id)
    check_open_to_credit(application.state)
    index = await parties.document_index_of(tx, application.party_id)
    if await _standing(tx, index) is not None:
        return await _decline_blacklisted(tx, application, inquiry)
    consent = await parties.valid_consent(tx, application.party_id, ConsentPurpose.CREDIT_CHECK)
    if consent is None:
        raise RuleBroken("consent_missing", purpose=ConsentPurpose.CREDIT_CHECK.value)
    check = _new_check(tx, application, inquiry) | {"consent_id": consent.id, "state": CheckState.REQUESTED}
    added = await tx.scalar(
        insert(CreditCheckRecord)
        .values(**check)
        .on_conflict_do_nothing(index_elements=["application_id", "inquiry"], index_where=LIVE_CHECK)
        .returning(CreditCheckRecord.id)
    )
    if added is None:
        return await _live_check(tx, application_id, inquiry)
    detail = {"inquiry": inquiry, "consent_id": consent.id}
    await audit.record(tx, action="credit.requested", subject="application", subject_id=application_id, detail=detail)
    await tx.jobs.enqueue(tx, PERFORM, key=PERFORM)
    return CreditCheckId(added)


def _new_check(tx: Tx, application: ApplicationView, inquiry: Inquiry) -> dict[str, object]:
    return {
        "id": tx.new_id(),
        "branch_id": application.branch_id,
        "application_id": application.id,
        "party_id": application.party_id,
        "inquiry": inquiry,
        "requested_at": tx.now,
        "reasons": [],
        "outcome_reasons": [],
    }


async def import_report(
    tx: Tx, application_id: ApplicationId, report: ImportedReport, *, file_sha256: str
) -> CreditCheckId:
    """Take in a report that somebody has fetched from a bureau by hand, under the customer's consent, and judge it.

    `file_sha256` names the report's file in the store. Raises as `request_check` does, InvalidInput for figures that
    cannot be so, Conflict when the application has this very file already.
    """
    application = await applications.get_application(tx, application_id)
    check_open_to_credit(application.state)
    if await _standing(tx, await parties.document_index_of(tx, application.party_id)) is not None:
        return await _decline_blacklisted(tx, application, Inquiry.HARD)
    consents = [one for one in await parties.list_consents(tx, application.party_id) if _covers(one, tx.now)]
    if not consents:
        raise RuleBroken("consent_missing", purpose=ConsentPurpose.CREDIT_CHECK.value)
    consent = min(consents, key=lambda one: one.given_at)
    report.check(tx.today, consent.given_at.astimezone(BUSINESS_ZONE).date())
    check = CreditCheckRecord(
        **_new_check(tx, application, Inquiry.HARD),
        consent_id=consent.id,
        state=CheckState.REQUESTED,
        instance=report.bureau,
        file_sha256=file_sha256,
    )
    tx.add(check)
    try:
        async with tx.attempt():
            await tx.flush()
    except IntegrityError as error:
        raise Conflict("file: this report is here already") from error
    detail = {"bureau": report.bureau, "report_number": report.report_number, "file_sha256": file_sha256}
    await audit.record(
        tx, action="credit.report_imported", subject="application", subject_id=application_id, detail=detail
    )
    await _take_report(tx, check, report.report(file_sha256=file_sha256, imported_by=tx.actor.name))
    return CreditCheckId(check.id)


def _covers(consent: ConsentView, now: datetime) -> bool:
    return consent.purpose is ConsentPurpose.CREDIT_CHECK and consent.covers(now)


async def _live_check(tx: Tx, application_id: ApplicationId, inquiry: Inquiry) -> CreditCheckId:
    live = select(CreditCheckRecord.id).where(
        CreditCheckRecord.application_id == application_id, CreditCheckRecord.inquiry == inquiry, LIVE_CHECK
    )
    found = await tx.scalar(live)
    if found is None:
        raise Conflict("the credit check under way has just been answered")
    return CreditCheckId(found)


async def _decline_blacklisted(tx: Tx, application: ApplicationView, inquiry: Inquiry) -> CreditCheckId:
    check = CreditCheckRecord(**_new_check(tx, application, inquiry), state=CheckState.SKIPPED, answered_at=tx.now)
    tx.add(check)
    await _judge(tx, check, Assessment(outcome=CreditOutcome.DECLINE, reasons=(ReasonCode.BLACKLISTED.value,)))
    return CreditCheckId(check.id)


# Performing: claim a chunk, call with no transaction open, record each answer in its own transaction


@dataclass(frozen=True, slots=True)
class _Errand:
    """A claimed check and what to ask for it."""

    check_id: CreditCheckId
    ask: Ask


async def perform_checks(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Send out the checks that wait; returns how many.

    One that fails does not stop the others; what failed is raised together at the end, and is taken up again.
    """
    errands = await _claim(database, limit)
    places = asyncio.Semaphore(AT_ONCE)

    async def run(errand: _Errand) -> None:
        async with places:
            await _perform(database, executor, errand)

    ends = await asyncio.gather(*map(run, errands), return_exceptions=True)
    if failures := [end for end in ends if end is not None]:
        raise BaseExceptionGroup("credit checks", failures)
    return len(errands)


async def _perform(database: Database, executor: Executor, errand: _Errand) -> None:
    try:
        answer = await executor.call(errand.ask)
    except Conflict:
        # It was sent before a crash, and the applicant's data has changed since: reconcile finds out what came of it.
        async with database.transaction(_ACTOR) as tx:
            _move(await _check(tx, errand.check_id, lock=True), CheckState.UNKNOWN, at=tx.now)
        return
    crash_point("credit.before_record")
    async with database.transaction(_ACTOR) as tx:
        await record_report(tx, errand.check_id, answer)


async def _claim(database: Database, limit: int) -> list[_Errand]:
    async with database.transaction(_ACTOR) as tx:
        free = or_(CreditCheckRecord.claimed_until_at.is_(None), CreditCheckRecord.claimed_until_at < tx.now)
        waiting = select(CreditCheckRecord).where(CreditCheckRecord.state == CheckState.REQUESTED, free)
        chunk = waiting.order_by(CreditCheckRecord.id).limit(limit).with_for_update(skip_locked=True)
        errands = [await _errand(tx, check) for check in (await tx.scalars(chunk)).all()]
    return [errand for errand in errands if errand is not None]


async def _errand(tx: Tx, check: CreditCheckRecord) -> _Errand | None:
    """Claim a check and say what to ask; None when the consent or the application is gone since it was asked for.

    The consent is the one that the check was asked for under: the same key must carry the same request.
    """
    assert check.consent_id is not None, "a check that waits has its consent"
    party_id, consent_id = PartyId(check.party_id), ConsentId(check.consent_id)
    consent = await parties.get_consent(tx, party_id=party_id, consent_id=consent_id)
    application = await applications.get_application(tx, ApplicationId(check.application_id))
    if not consent.covers(tx.now):
        _give_up(tx, check, CheckState.SKIPPED, ReasonCode.CONSENT_WITHDRAWN)
        return None
    if application.state not in OPEN_TO_CREDIT:
        _give_up(tx, check, CheckState.SKIPPED, ReasonCode.APPLICATION_CLOSED)
        return None
    check.claimed_until_at = tx.now + CLAIM
    request = CreditPullRequest(
        applicant=await parties.applicant_of(tx, party_id),
        inquiry=Inquiry(check.inquiry),
        purpose="lease_application",
        consent_ref=str(consent_id),
    )
    branch = await staff.branch_code(tx, check.branch_id)
    ask = Ask(operation=OPERATION, request=request, key=str(check.id), branch=branch, route=RouteFacts(branch=branch))
    return _Errand(CreditCheckId(check.id), ask)


# Recording


async def record_report(tx: Tx, check_id: CreditCheckId, answer: Answer) -> None:
    """Write down what the bureau said, and judge it; an answer to a check that has been answered is stale."""
    check = await _check(tx, check_id, lock=True)
    check.call_id, check.instance = answer.call_id, answer.instance or check.instance
    await _settle(tx, check, answer.outcome, answer.result, answer.error_code)


async def record_outcome_known(tx: Tx, fact: OutcomeKnown) -> None:
    """Take late news of an inquiry: from reconcile, a poll, or a callback."""
    if fact.operation != OPERATION:
        return
    check = await _check(tx, CreditCheckId(UUID(fact.key)), lock=True)
    check.call_id, check.instance = fact.call_id, fact.instance or check.instance
    await _settle(tx, check, fact.outcome, fact.result, fact.error_code)


async def _settle(
    tx: Tx, check: CreditCheckRecord, outcome: CallOutcome, result: object | None, error_code: str | None
) -> None:
    match outcome:
        case CallOutcome.OK:
            if isinstance(result, CreditReport):
                await _take_report(tx, check, result)
        case CallOutcome.UNKNOWN:
            _move(check, CheckState.UNKNOWN, at=tx.now)
        case CallOutcome.REJECTED | CallOutcome.NOT_EXECUTED:
            _give_up(tx, check, CheckState.FAILED, error_code or outcome.value)
        case _:
            assert_never(outcome)


async def _take_report(tx: Tx, check: CreditCheckRecord, report: CreditReport) -> None:
    check.report_ref = report.report_ref or check.report_ref
    if not _move(check, STATE_OF_REPORT[report.outcome], at=tx.now):
        return
    check.score, check.model, check.reasons = report.score, report.model, list(report.reasons)
    check.valid_until_on = report.valid_until_on
    check.facts_sealed = tx.vault.seal(json.dumps(dict(report.facts)), column=_FACTS, row=check.id)
    if report.cost is not None:
        check.cost_minor, check.cost_currency = report.cost.minor, report.cost.currency
    assessment = assess(report, DEFAULT_RULES)
    if assessment is not None:
        check.rules_version = DEFAULT_RULES.version
        await _judge(tx, check, assessment)


async def _judge(tx: Tx, check: CreditCheckRecord, assessment: Assessment) -> None:
    check.outcome, check.outcome_reasons = assessment.outcome, list(assessment.reasons)
    application_id = ApplicationId(check.application_id)
    await tx.flush()
    await applications.record_credit_outcome(
        tx,
        application_id=application_id,
        outcome=assessment.outcome,
        reasons=assessment.reasons,
        valid_until_on=check.valid_until_on,
    )
    detail = {"check_id": check.id, "outcome": assessment.outcome, "reasons": assessment.reasons}
    await audit.record(tx, action="credit.checked", subject="application", subject_id=application_id, detail=detail)
    tx.emit(
        CreditChecked(
            application_id=application_id,
            check_id=CreditCheckId(check.id),
            outcome=assessment.outcome,
            reasons=assessment.reasons,
        )
    )


def _give_up(tx: Tx, check: CreditCheckRecord, state: CheckState, code: str) -> None:
    if _move(check, state, at=tx.now):
        check.error_code = code
        tx.emit(
            CreditCheckFailed(
                application_id=ApplicationId(check.application_id), check_id=CreditCheckId(check.id), code=code
            )
        )


def _move(check: CreditCheckRecord, state: CheckState, *, at: datetime) -> bool:
    """Move a check forward; False when the news is stale."""
    if not may_move(CheckState(check.state), state):
        return False
    check.state, check.answered_at = state, at
    return True


# Looking up


async def get_check(tx: Tx, check_id: CreditCheckId) -> CreditCheckView:
    """One credit check."""
    return _view(await _check(tx, check_id))


async def list_checks(
    tx: Tx, *, application_id: ApplicationId | None = None, after: UUID | None = None, limit: int = 50
) -> tuple[CreditCheckView, ...]:
    """Credit checks of the actor's branches, or of one application, newest first, from behind `after`."""
    checks = visible(select(CreditCheckRecord), CreditCheckRecord.branch_id, tx.actor)
    query = checks.order_by(CreditCheckRecord.id.desc()).limit(limit)
    if application_id is not None:
        query = query.where(CreditCheckRecord.application_id == application_id)
    if after is not None:
        query = query.where(CreditCheckRecord.id < after)
    return tuple(map(_view, await tx.scalars(query)))


async def report_file(tx: Tx, check_id: CreditCheckId) -> str:
    """Where the file of an imported report is found; the audit trail says who opened it. Raises NotFound."""
    check = await _check(tx, check_id)
    if check.file_sha256 is None:
        raise NotFound("file", check_id)
    await audit.record(
        tx, action="credit.report_opened", subject="credit_check", subject_id=check_id, branch_id=check.branch_id
    )
    return check.file_sha256


async def reveal_facts(tx: Tx, check_id: CreditCheckId, *, reason: str | None = None) -> Mapping[str, str]:
    """The summary facts of a report, by name; the audit trail says who looked, and why if they said so."""
    check = await _check(tx, check_id)
    await audit.record(
        tx,
        action="credit.facts_revealed",
        subject="credit_check",
        subject_id=check_id,
        detail={} if reason is None else {"reason": clean_text("reason", reason, longest=300)},
        branch_id=check.branch_id,
    )
    if check.facts_sealed is None:
        return {}
    facts: dict[str, str] = json.loads(tx.vault.open(check.facts_sealed, column=_FACTS, row=check.id))
    return facts


async def _check(tx: Tx, check_id: CreditCheckId, *, lock: bool = False) -> CreditCheckRecord:
    checks = visible(select(CreditCheckRecord), CreditCheckRecord.branch_id, tx.actor)
    query = checks.where(CreditCheckRecord.id == check_id)
    check = await tx.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)
    if check is None:
        raise NotFound("credit_check", check_id)
    return check


def _view(check: CreditCheckRecord) -> CreditCheckView:
    return CreditCheckView(
        id=CreditCheckId(check.id),
        application_id=ApplicationId(check.application_id),
        party_id=PartyId(check.party_id),
        branch_id=BranchId(check.branch_id),
        inquiry=Inquiry(check.inquiry),
        state=CheckState(check.state),
        instance=check.instance,
        score=check.score,
        model=check.model,
        reasons=tuple(check.reasons),
        outcome=None if check.outcome is None else CreditOutcome(check.outcome),
        outcome_reasons=tuple(check.outcome_reasons),
        rules_version=check.rules_version,
        error_code=check.error_code,
        requested_at=check.requested_at,
        answered_at=check.answered_at,
        valid_until_on=check.valid_until_on,
        file_sha256=check.file_sha256,
    )


# Blacklist


async def blacklist(tx: Tx, *, document_kind: DocumentKind, number: str, reason: str) -> UUID:
    """Put a document on the blacklist of the whole company; raises Conflict when it stands there already."""
    number = document_number(document_kind, number, field="number")
    reason = clean_text("reason", reason, longest=500)
    entry_id = tx.new_id()
    added = await tx.scalar(
        insert(BlacklistRecord)
        .values(
            id=entry_id,
            document_index=document_index(tx, document_kind, number),
            reason=reason,
            added_by=tx.actor.name,
            added_at=tx.now,
        )
        .on_conflict_do_nothing(
            index_elements=[BlacklistRecord.document_index], index_where=BlacklistRecord.removed_at.is_(None)
        )
        .returning(BlacklistRecord.id)
    )
    if added is None:
        raise Conflict("number: this document is on the blacklist already")
    await audit.record(tx, action="blacklist.added", subject="blacklist", subject_id=entry_id)
    return entry_id


async def unblacklist(tx: Tx, entry_id: UUID) -> None:
    """Take an entry off the blacklist; it stays on record as removed."""
    entry = await tx.get(BlacklistRecord, entry_id, with_for_update=True)
    if entry is None or entry.removed_at is not None:
        raise NotFound("blacklist_entry", entry_id)
    entry.removed_at = tx.now
    await audit.record(tx, action="blacklist.removed", subject="blacklist", subject_id=entry_id)


async def list_blacklist(tx: Tx, *, after: UUID | None = None, limit: int = 50) -> tuple[BlacklistView, ...]:
    """Every entry of the blacklist, removed ones too, newest first, from behind `after`."""
    query = select(BlacklistRecord).order_by(BlacklistRecord.id.desc()).limit(limit)
    if after is not None:
        query = query.where(BlacklistRecord.id < after)
    return tuple(map(shown, await tx.scalars(query)))


async def _standing(tx: Tx, document_index: bytes) -> UUID | None:
    standing = select(BlacklistRecord.id).where(
        BlacklistRecord.document_index == document_index, BlacklistRecord.removed_at.is_(None)
    )
    return await tx.scalar(standing)
