"""Credit checks on a real database, with a bureau that says what a test wants: consent first, one inquiry, late news."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.identity import DocumentKind
from hub.core.ids import ApplicationId, CreditCheckId
from hub.core.money import Money
from hub.core.ports.credit_bureau import CreditOutcome as ReportOutcome
from hub.core.ports.credit_bureau import CreditPullRequest, CreditReport, Inquiry
from hub.infra.access import Actor
from hub.infra.database import Database, Tx
from hub.infra.jobs import JsonValue, ProcrastinateJobs
from hub.integrations.answers import Answer, Ask, CallOutcome
from hub.integrations.executor import Executor
from hub.integrations.facts import OutcomeKnown
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import ApplicationState, CreditOutcome, media_type
from hub.leasing.credit import service as credit
from hub.leasing.credit.rules import (
    CheckState,
    CreditChecked,
    CreditCheckFailed,
    ImportedReport,
    ReportReason,
    check_whole,
)
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import ConsentPurpose
from hub.sdk.clock import VirtualClock

Apply = Callable[..., Awaitable[ApplicationId]]

GOOD = CreditReport(
    outcome=ReportOutcome.REPORTED,
    report_ref="R-1",
    score=720,
    model="general",
    reasons=("long_history",),
    facts={"debt_ratio": "0.31"},
    valid_until_on=date(2026, 2, 4),
    cost=Money.of("3.50"),
)
PENDING = CreditReport(outcome=ReportOutcome.PENDING, report_ref="R-1")


class Bureau:
    """Stands where the executor stands: answers by key, and counts what it was asked."""

    def __init__(self, result: object | None = GOOD, outcome: CallOutcome = CallOutcome.OK) -> None:
        self.result, self.outcome = result, outcome
        self.asked: list[Ask] = []
        self.error: Exception | None = None

    async def call(self, ask: Ask) -> Answer:
        """Answer as told."""
        self.asked.append(ask)
        if self.error is not None:
            raise self.error
        refused = self.outcome in (CallOutcome.REJECTED, CallOutcome.NOT_EXECUTED)
        return Answer(
            call_id=uuid4(),
            instance="bureau_main",
            outcome=self.outcome,
            result=self.result,
            error_code="no_such_person" if refused else None,
        )


async def _perform(database: Database, bureau: Bureau) -> int:
    return await credit.perform_checks(database, cast(Executor, bureau))


async def _known(tx: Tx, check_id: CreditCheckId, result: object | None, outcome: CallOutcome = CallOutcome.OK) -> None:
    fact = OutcomeKnown(
        call_id=uuid4(),
        operation="credit_pull",
        key=str(check_id),
        instance="bureau_main",
        outcome=outcome,
        result=result,
        error_code=None if result else "not_found",
    )
    await credit.record_outcome_known(tx, fact)


@pytest.fixture
async def application_id(database: Database, seller: Actor, apply: Apply) -> ApplicationId:
    async with database.transaction(seller) as tx:
        return await apply(tx)


@pytest.fixture
async def check_id(database: Database, seller: Actor, application_id: ApplicationId) -> CreditCheckId:
    async with database.transaction(seller) as tx:
        return await credit.request_check(tx, application_id)


async def test_a_good_report_lets_the_application_pass_to_review(
    database: Database, seller: Actor, application_id: ApplicationId, check_id: CreditCheckId
) -> None:
    heard: list[object] = []

    async def listen(tx: Tx, fact: object) -> None:
        heard.append(fact)

    database.listener = listen
    bureau = Bureau()
    assert await _perform(database, bureau) == 1
    (ask,) = bureau.asked
    assert (ask.operation, ask.key) == ("credit_pull", str(check_id))
    assert isinstance(ask.request, CreditPullRequest)
    assert ask.request.inquiry is Inquiry.HARD
    async with database.transaction(seller) as tx:
        check = await credit.get_check(tx, check_id)
        assert (check.state, check.score, check.outcome) == (CheckState.REPORTED, 720, CreditOutcome.PASS)
        (consent,) = await parties.list_consents(tx, check.party_id)
        assert ask.request.consent_ref == str(consent.id)
        assert await credit.reveal_facts(tx, check_id) == {"debt_ratio": "0.31"}
        application = await applications.get_application(tx, application_id)
        assert (application.state, application.credit_outcome) == (
            ApplicationState.UNDER_REVIEW,
            CreditOutcome.PASS,
        )
    checked = [fact for fact in heard if isinstance(fact, CreditChecked)]
    assert [(fact.application_id, fact.outcome) for fact in checked] == [(application_id, CreditOutcome.PASS)]


async def test_asking_for_a_check_wakes_the_job_that_performs_it(
    database: Database,
    jobs: ProcrastinateJobs,
    drain: Callable[[], Awaitable[None]],
    seller: Actor,
    application_id: ApplicationId,
) -> None:
    bureau = Bureau()

    async def perform(payload: Mapping[str, JsonValue]) -> None:
        await _perform(database, bureau)

    jobs.register(credit.PERFORM, perform)
    async with database.transaction(seller) as tx:
        check_id = await credit.request_check(tx, application_id)
    await drain()
    assert [ask.key for ask in bureau.asked] == [str(check_id)]


async def test_a_check_that_is_under_way_is_not_asked_for_twice(
    database: Database, seller: Actor, application_id: ApplicationId, check_id: CreditCheckId
) -> None:
    async with database.transaction(seller) as tx:
        assert await credit.request_check(tx, application_id) == check_id
        soft = await credit.request_check(tx, application_id, inquiry=Inquiry.SOFT)
        assert soft != check_id
    bureau = Bureau()
    assert await _perform(database, bureau) == 2
    assert await _perform(database, bureau) == 0
    assert len(bureau.asked) == 2


async def test_a_claim_is_taken_over_under_the_same_key_once_its_worker_is_dead(
    database: Database, check_id: CreditCheckId, clock: VirtualClock
) -> None:
    bureau = Bureau()
    bureau.error = OSError("killed")
    with pytest.raises(BaseExceptionGroup):
        await _perform(database, bureau)
    bureau.error = None
    assert await _perform(database, bureau) == 0
    clock.advance(timedelta(seconds=46))
    assert await _perform(database, bureau) == 1
    assert {ask.key for ask in bureau.asked} == {str(check_id)}
    assert bureau.asked[0].request == bureau.asked[1].request


async def test_no_inquiry_without_a_consent_that_is_valid_at_that_moment(
    database: Database, seller: Actor, application_id: ApplicationId, check_id: CreditCheckId, clock: VirtualClock
) -> None:
    clock.advance(timedelta(minutes=1))
    async with database.transaction(seller) as tx:
        party_id = (await credit.get_check(tx, check_id)).party_id
        consent = await parties.valid_consent(tx, party_id, ConsentPurpose.CREDIT_CHECK)
        assert consent is not None
        await parties.withdraw_consent(tx, party_id=party_id, consent_id=consent.id)
    bureau = Bureau()
    assert await _perform(database, bureau) == 0
    assert bureau.asked == []
    async with database.transaction(seller) as tx:
        check = await credit.get_check(tx, check_id)
        assert (check.state, check.error_code) == (CheckState.SKIPPED, "consent_withdrawn")
        with pytest.raises(RuleBroken, match="consent_missing"):
            await credit.request_check(tx, application_id)


async def test_nobody_is_asked_about_an_application_that_has_been_withdrawn(
    database: Database, seller: Actor, application_id: ApplicationId, check_id: CreditCheckId
) -> None:
    async with database.transaction(seller) as tx:
        await applications.withdraw(tx, application_id=application_id)
        with pytest.raises(RuleBroken, match="application_state"):
            await credit.request_check(tx, application_id)
    bureau = Bureau()
    assert await _perform(database, bureau) == 0
    assert bureau.asked == []
    async with database.transaction(seller) as tx:
        assert (await credit.get_check(tx, check_id)).error_code == "application_closed"


async def test_a_pending_report_is_judged_when_it_comes_and_once(
    database: Database, seller: Actor, application_id: ApplicationId, check_id: CreditCheckId
) -> None:
    await _perform(database, Bureau(PENDING))
    async with database.transaction(seller) as tx:
        assert (await credit.get_check(tx, check_id)).state is CheckState.PENDING
        assert (await applications.get_application(tx, application_id)).state is ApplicationState.SUBMITTED
    async with database.transaction(seller) as tx:
        await _known(tx, check_id, PENDING)
        assert not tx.facts
        for _ in range(2):
            await _known(tx, check_id, GOOD)
        assert [type(fact) for fact in tx.facts] == [CreditChecked]
    async with database.transaction(seller) as tx:
        assert (await credit.get_check(tx, check_id)).state is CheckState.REPORTED


@pytest.mark.parametrize("outcome", [CallOutcome.REJECTED, CallOutcome.NOT_EXECUTED])
async def test_an_unknown_outcome_waits_and_a_refusal_lets_an_officer_ask_again(
    database: Database, seller: Actor, application_id: ApplicationId, check_id: CreditCheckId, outcome: CallOutcome
) -> None:
    await _perform(database, Bureau(None, CallOutcome.UNKNOWN))
    async with database.transaction(seller) as tx:
        assert (await credit.get_check(tx, check_id)).state is CheckState.UNKNOWN
        assert await credit.request_check(tx, application_id) == check_id
    async with database.transaction(seller) as tx:
        await _known(tx, check_id, None, outcome)
        assert [type(fact) for fact in tx.facts] == [CreditCheckFailed]
    async with database.transaction(seller) as tx:
        assert (await credit.get_check(tx, check_id)).state is CheckState.FAILED
        again = await credit.request_check(tx, application_id)
        assert again != check_id
        assert {check.id for check in await credit.list_checks(tx, application_id=application_id)} == {check_id, again}


async def test_a_refusal_is_recorded_with_its_code(
    database: Database, seller: Actor, application_id: ApplicationId, check_id: CreditCheckId
) -> None:
    await _perform(database, Bureau(None, CallOutcome.REJECTED))
    async with database.transaction(seller) as tx:
        check = await credit.get_check(tx, check_id)
        assert (check.state, check.error_code, check.outcome) == (CheckState.FAILED, "no_such_person", None)
        assert (await applications.get_application(tx, application_id)).credit_outcome is None


async def test_an_inquiry_that_left_under_other_data_is_left_to_reconcile(
    database: Database, seller: Actor, check_id: CreditCheckId
) -> None:
    bureau = Bureau()
    bureau.error = Conflict("this key was used for another request")
    assert await _perform(database, bureau) == 1
    async with database.transaction(seller) as tx:
        assert (await credit.get_check(tx, check_id)).state is CheckState.UNKNOWN


async def test_one_check_that_fails_does_not_stop_the_others(database: Database, seller: Actor, apply: Apply) -> None:
    async with database.transaction(seller) as tx:
        checks = [await credit.request_check(tx, await apply(tx)) for _ in range(4)]

    class Stumbling(Bureau):
        async def call(self, ask: Ask) -> Answer:
            if ask.key == str(checks[1]):
                raise OSError("reset")
            return await super().call(ask)

    with pytest.raises(BaseExceptionGroup, match="credit checks"):
        await _perform(database, Stumbling())
    async with database.transaction(seller) as tx:
        states = [(await credit.get_check(tx, check)).state for check in checks]
    assert states.count(CheckState.REPORTED) == 3
    assert states[1] is CheckState.REQUESTED


async def test_who_is_blacklisted_is_declined_and_no_bureau_is_asked(
    database: Database, seller: Actor, application_id: ApplicationId
) -> None:
    async with database.transaction(seller) as tx:
        party_id = (await applications.get_application(tx, application_id)).party_id
        number = (await parties.applicant_of(tx, party_id)).document_number
        entry = {"document_kind": DocumentKind.CN_IDENTITY_CARD, "number": number, "reason": "fraud in 2024"}
        entry_id = await credit.blacklist(tx, **entry)
        with pytest.raises(Conflict, match="number"):
            await credit.blacklist(tx, **entry)
        with pytest.raises(InvalidInput, match="number"):
            await credit.blacklist(tx, **(entry | {"number": "1"}))
    async with database.transaction(seller) as tx:
        check_id = await credit.request_check(tx, application_id)
        check = await credit.get_check(tx, check_id)
        assert (check.state, check.outcome_reasons) == (CheckState.SKIPPED, ("blacklisted",))
        application = await applications.get_application(tx, application_id)
        assert application.credit_outcome is CreditOutcome.DECLINE
    assert await _perform(database, Bureau()) == 0
    async with database.transaction(seller) as tx:
        await credit.unblacklist(tx, entry_id)
        with pytest.raises(NotFound):
            await credit.unblacklist(tx, entry_id)
        await credit.request_check(tx, application_id)
        assert [entry.removed_at is None for entry in await credit.list_blacklist(tx)] == [False]
    assert await _perform(database, Bureau()) == 1


async def test_a_report_lies_sealed_in_the_database(database: Database, seller: Actor, check_id: CreditCheckId) -> None:
    await _perform(database, Bureau())
    async with database.transaction(seller) as tx:
        stored = await tx.scalar(text("select to_jsonb(c)::text from credit_check c"))
        assert "0.31" not in stored
        cost = (await tx.execute(text("select cost_minor, cost_currency from credit_check"))).one()
        assert tuple(cost) == (350, "CNY")


async def test_news_of_another_operation_is_not_ours(database: Database, seller: Actor) -> None:
    async with database.transaction(seller) as tx:
        fact = OutcomeKnown(
            call_id=UUID(int=0), operation="payments_collect", key="x", instance=None, outcome=CallOutcome.OK
        )
        await credit.record_outcome_known(tx, fact)


async def test_another_branch_sees_nothing_and_writes_nothing(
    database: Database, outsider: Actor, application_id: ApplicationId, check_id: CreditCheckId
) -> None:
    async with database.transaction(outsider) as tx:
        assert await credit.list_checks(tx) == ()
        assert await credit.list_checks(tx, application_id=application_id) == ()
        tries: list[Awaitable[object]] = [
            credit.get_check(tx, check_id),
            credit.reveal_facts(tx, check_id),
            credit.request_check(tx, application_id),
        ]
        for attempt in tries:
            with pytest.raises(NotFound):
                await attempt


# A report that somebody has fetched by hand

TODAY = date(2026, 1, 5)
FILE = "a" * 64


def imported(**changes: object) -> ImportedReport:
    usual = {"bureau": "pboc", "report_number": "2026-1", "reported_on": TODAY, "score": 720, "overdue": Money(0)}
    return ImportedReport(**{**usual, **changes})  # type: ignore[arg-type]


async def test_a_report_that_was_fetched_by_hand_is_judged_as_any_and_its_file_kept(
    database: Database, seller: Actor, application_id: ApplicationId, outsider: Actor
) -> None:
    async with database.transaction(seller) as tx:
        report = imported(debt_ratio=Decimal("0.31"), inquiries_6m=2)
        check_id = await credit.import_report(tx, application_id, report, file_sha256=FILE)
    async with database.transaction(seller) as tx:
        check = await credit.get_check(tx, check_id)
        assert (check.state, check.score, check.outcome) == (CheckState.REPORTED, 720, CreditOutcome.PASS)
        assert (check.instance, check.file_sha256, check.valid_until_on) == ("pboc", FILE, date(2026, 2, 4))
        facts = await credit.reveal_facts(tx, check_id)
        assert facts == {
            "overdue_amount": "0.00",
            "inquiries_6m": "2",
            "debt_ratio": "0.31",
            "report_number": "2026-1",
            "reported_on": "2026-01-05",
            "imported_by": "seller",
            "file_sha256": FILE,
        }
        assert (await applications.get_application(tx, application_id)).credit_outcome is CreditOutcome.PASS
        assert await credit.report_file(tx, check_id) == FILE
        with pytest.raises(Conflict, match="here already"):
            await credit.import_report(tx, application_id, imported(), file_sha256=FILE)
    async with database.transaction(outsider) as tx:
        with pytest.raises(NotFound):
            await credit.report_file(tx, check_id)
        with pytest.raises(NotFound):
            await credit.import_report(tx, application_id, imported(), file_sha256=FILE)


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"overdue": Money(1)}, ("currently_overdue",)),
        ({"open_overdue_count": 1}, ("currently_overdue",)),
        ({"reasons": frozenset({ReportReason.FRAUD})}, ("fraud",)),
        ({"score": 400}, ("score_too_low",)),
    ],
)
async def test_what_was_keyed_decides(
    database: Database,
    seller: Actor,
    application_id: ApplicationId,
    changes: Mapping[str, object],
    reasons: tuple[str, ...],
) -> None:
    async with database.transaction(seller) as tx:
        check_id = await credit.import_report(tx, application_id, imported(**changes), file_sha256=FILE)
        check = await credit.get_check(tx, check_id)
    assert (check.outcome, check.outcome_reasons) == (CreditOutcome.DECLINE, reasons)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"bureau": "PBoC!"}, "bureau"),
        ({"report_number": "  "}, "report_number"),
        ({"reported_on": TODAY + timedelta(days=1)}, "reported_on"),
        ({"reported_on": TODAY - timedelta(days=31)}, "reported_on"),
        ({"reported_on": TODAY - timedelta(days=1)}, "reported_on"),  # before the consent
        ({"score": -1}, "score"),
        ({"band": "a b"}, "band"),
        ({"overdue": Money(-1)}, "overdue"),
        ({"debt_ratio": Decimal(11)}, "debt_ratio"),
    ],
)
async def test_what_cannot_be_so_is_refused_at_its_field(
    database: Database, seller: Actor, application_id: ApplicationId, changes: Mapping[str, object], field: str
) -> None:
    async with database.transaction(seller) as tx:
        with pytest.raises(InvalidInput, match=field):
            await credit.import_report(tx, application_id, imported(**changes), file_sha256=FILE)
        assert await credit.list_checks(tx, application_id=application_id) == ()


async def test_without_consent_no_report_is_taken_in(
    database: Database, seller: Actor, application_id: ApplicationId
) -> None:
    async with database.transaction(seller) as tx:
        application = await applications.get_application(tx, application_id)
        (consent,) = await parties.list_consents(tx, application.party_id)
        await parties.withdraw_consent(tx, party_id=application.party_id, consent_id=consent.id)
        with pytest.raises(RuleBroken, match="consent_missing"):
            await credit.import_report(tx, application_id, imported(), file_sha256=FILE)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n% nothing more", "application/pdf"),
        (b"\xff\xd8\xff and no end", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
    ],
)
def test_a_file_that_does_not_end_is_refused(content: bytes, kind: str) -> None:
    assert media_type(content) == kind
    with pytest.raises(InvalidInput, match="file"):
        check_whole(content, kind)
