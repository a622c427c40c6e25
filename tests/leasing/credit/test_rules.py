"""The rule set as a table, and the properties that hold for every report."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.ports.credit_bureau import CreditOutcome as ReportOutcome
from hub.core.ports.credit_bureau import CreditReport
from hub.leasing.applications.rules import CreditOutcome
from hub.leasing.credit.rules import DEFAULT_RULES, LIVE, MOVES, CheckState, CreditRules, assess, may_move

REFER, PASS, DECLINE = CreditOutcome.REFER, CreditOutcome.PASS, CreditOutcome.DECLINE


def report(score: int | None = 700, reasons: tuple[str, ...] = (), **facts: str) -> CreditReport:
    return CreditReport(
        outcome=ReportOutcome.REPORTED, report_ref="R1", score=score, model="m", reasons=reasons, facts=facts
    )


@pytest.mark.parametrize(
    ("given_report", "outcome", "reasons"),
    [
        (report(), PASS, ()),
        (report(600), PASS, ()),
        (report(599), REFER, ("score_low",)),
        (report(500), REFER, ("score_low",)),
        (report(499), DECLINE, ("score_too_low",)),
        (report(None), REFER, ("no_score",)),
        (report(reasons=("thin_file",)), PASS, ()),
        (report(reasons=("fraud", "thin_file", "court_enforcement")), DECLINE, ("court_enforcement", "fraud")),
        (report(debt_ratio="0.70"), PASS, ()),
        (report(debt_ratio="0.71"), REFER, ("debt_ratio_high",)),
        (report(debt_ratio="high"), REFER, ("debt_ratio_unreadable",)),
        (report(debt_ratio="NaN"), REFER, ("debt_ratio_unreadable",)),
        (report(debt_ratio="-1"), REFER, ("debt_ratio_unreadable",)),
        (report(450, ("fraud",), debt_ratio="2"), DECLINE, ("fraud", "score_too_low", "debt_ratio_high")),
        (CreditReport(outcome=ReportOutcome.NO_FILE, report_ref="R1"), REFER, ("no_file",)),
    ],
)
def test_a_report_is_judged_by_its_gravest_finding(
    given_report: CreditReport, outcome: CreditOutcome, reasons: tuple[str, ...]
) -> None:
    assessment = assess(given_report, DEFAULT_RULES)
    assert assessment is not None
    assert (assessment.outcome, assessment.reasons) == (outcome, reasons)


def test_a_pending_report_is_not_judged() -> None:
    assert assess(CreditReport(outcome=ReportOutcome.PENDING, report_ref="R1"), DEFAULT_RULES) is None


_SEVERITY = [PASS, REFER, DECLINE]


@given(low=st.integers(300, 850), high=st.integers(300, 850), ratio=st.decimals(0, 2, places=2))
def test_a_better_score_is_never_judged_worse(low: int, high: int, ratio: Decimal) -> None:
    low, high = sorted((low, high))
    worse = assess(report(low, debt_ratio=str(ratio)), DEFAULT_RULES)
    better = assess(report(high, debt_ratio=str(ratio)), DEFAULT_RULES)
    assert worse is not None
    assert better is not None
    assert _SEVERITY.index(better.outcome) <= _SEVERITY.index(worse.outcome)


@given(score=st.none() | st.integers(), reasons=st.lists(st.text()), ratio=st.text())
def test_whatever_a_bureau_sends_only_a_pass_is_without_reason(
    score: int | None, reasons: list[str], ratio: str
) -> None:
    assessment = assess(report(score, tuple(reasons), debt_ratio=ratio), DEFAULT_RULES)
    assert assessment is not None
    assert (assessment.outcome is PASS) == (assessment.reasons == ())


def test_a_rule_set_makes_sense_or_is_refused() -> None:
    with pytest.raises(ValueError, match="decline_score"):
        CreditRules(
            version="x",
            decline_score=601,
            min_score=600,
            max_debt_ratio=Decimal("0.5"),
            knock_out_reasons=frozenset(),
        )


def test_news_only_moves_a_check_forward() -> None:
    assert set(MOVES) == set(CheckState)
    for final in set(CheckState) - LIVE:
        assert not any(may_move(final, state) for state in CheckState)
    assert not any(may_move(state, CheckState.REQUESTED) for state in CheckState)
    assert not may_move(CheckState.PENDING, CheckState.UNKNOWN)
