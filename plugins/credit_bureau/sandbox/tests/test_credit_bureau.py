"""What the credit-bureau stand-in does, seen through its plugin."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from leasehub_credit_bureau_sandbox import mapping
from leasehub_credit_bureau_sandbox.vendor import made_up_report

from hub.core.errors import UnknownOutcome
from hub.core.identity import DocumentKind
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.credit_bureau import Applicant, CreditOutcome, CreditPullRequest, CreditReport, Inquiry
from hub.core.ports.webhooks import WebhookKind
from hub.sdk.reading import Fields
from hub.testing.sandboxes import Rig

DOCUMENT = "11010519491231002X"


async def pull(
    rig: Rig, key: str = "inquiry-1", *, inquiry: Inquiry = Inquiry.SOFT, name: str = "张三", document: str = DOCUMENT
) -> CreditReport:
    applicant = Applicant(name=name, document_kind=DocumentKind.CN_IDENTITY_CARD, document_number=document)
    request = CreditPullRequest(applicant=applicant, inquiry=inquiry, purpose="lease", consent_ref="consent-1")
    report: CreditReport = await rig.provider.credit_pull(request, rig.ctx(key))
    return report


async def status(rig: Rig, **query: Any) -> CreditReport | NoRecord:
    found: CreditReport | NoRecord = await rig.provider.credit_status(StatusQuery(**query), rig.ctx())
    return found


async def test_a_report_is_always_the_same_for_the_same_person(any_rig: Rig) -> None:
    first, second = await pull(any_rig), await pull(any_rig, "inquiry-2")
    assert (first.outcome, first.score, first.facts) == (CreditOutcome.REPORTED, second.score, second.facts)
    assert first.valid_until_on == date(2026, 4, 4)
    assert await status(any_rig, idempotency_key="inquiry-1") == first
    assert await status(any_rig, provider_ref=second.report_ref) == second


async def test_a_hard_inquiry_costs_more_and_leaves_a_mark(rig: Rig) -> None:
    hard = await pull(rig, inquiry=Inquiry.HARD)
    assert (hard.cost, hard.facts["hard_inquiries"]) == (Money(500), "0")
    soft = await pull(rig, "inquiry-2")
    assert (soft.cost, soft.facts["hard_inquiries"]) == (Money(200), "1")
    for number in range(4):
        await pull(rig, f"hard-{number}", inquiry=Inquiry.HARD)
    assert "many_inquiries" in (await pull(rig, "inquiry-3")).reasons


async def test_cases_are_scripted_by_document_and_name(rig: Rig) -> None:
    await rig.control(
        "script",
        cases=[
            {"document": "NOBODY", "status": "no_hit"},
            {"name_suffix": "坏", "score": 400, "reasons": ["R01", "R03", "X9"]},
            {"document_suffix": "77", "facts": {"debt_ratio": "0.95"}},
        ],
    )
    nobody = await pull(rig, "1", document="NOBODY")
    bad = await pull(rig, "2", name="王坏")
    indebted = await pull(rig, "3", document="110105194912310077")
    assert (nobody.outcome, nobody.score) == (CreditOutcome.NO_FILE, None)
    assert (bad.score, bad.reasons) == (400, ("currently_overdue", "court_enforcement", "x9"))
    assert indebted.facts == {"debt_ratio": "0.95"}


async def test_a_report_may_take_its_time_and_is_told(rig: Rig) -> None:
    await rig.control("script", ready_s=600)
    pending = await pull(rig)
    assert (pending.outcome, pending.score) == (CreditOutcome.PENDING, None)
    rig.clock.advance(timedelta(minutes=10))
    ready = await status(rig, provider_ref=pending.report_ref)
    assert isinstance(ready, CreditReport)
    assert ready.outcome is CreditOutcome.REPORTED
    ((event,),) = [delivery.events for delivery in await rig.flush()]
    assert (event.kind, event.status, event.subject_key) == (WebhookKind.CREDIT_REPORT, "reported", "inquiry-1")


async def test_an_inquiry_that_timed_out_was_made_once(any_rig: Rig) -> None:
    await any_rig.fault("pull", "timeout_after_effect")
    with pytest.raises(UnknownOutcome):
        await pull(any_rig, inquiry=Inquiry.HARD)
    await pull(any_rig, inquiry=Inquiry.HARD)
    assert len((await any_rig.books())["inquiries"]) == 1


async def test_the_books_do_not_say_whom_an_inquiry_was_about(rig: Rig) -> None:
    await pull(rig)
    kept = str(rig.app.books.dump("select * from inquiry"))
    assert DOCUMENT not in kept
    assert "张三" not in kept
    assert isinstance(await status(rig, idempotency_key="never"), NoRecord)


def test_made_up_people_are_mostly_good_and_sometimes_not() -> None:
    reports = [Fields(made_up_report(hashlib.sha256(str(n).encode()).hexdigest(), 0)) for n in range(1000)]
    scores = [report.whole("score") for report in reports]
    assert all(300 <= score <= 850 for score in scores)
    assert 50 < sum(score < 500 for score in scores) < 150
    assert 50 < sum(500 <= score < 600 for score in scores) < 150
    assert all(0 < Decimal(report.inner("facts").text("debt_ratio")) < 1 for report in reports)


def test_a_status_that_is_not_mapped_is_pending_and_a_ready_one_needs_its_score() -> None:
    assert mapping.report_of(Fields({"ref": "inq_1", "status": "done"})).outcome is CreditOutcome.PENDING
    with pytest.raises(UnknownOutcome):
        mapping.report_of(Fields({"ref": "inq_1", "status": "ready"}))
