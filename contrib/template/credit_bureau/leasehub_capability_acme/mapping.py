"""Acme's words and the hub's, both ways; pure. A status that is not listed is PENDING, never a report."""

from __future__ import annotations

from hub.core.errors import RetryAdvice
from hub.core.ports.credit_bureau import CreditOutcome, CreditPullRequest, CreditReport
from hub.core.ports.webhooks import WebhookKind
from hub.sdk.reading import Fields, JsonObject

OUTCOME = {"ready": CreditOutcome.REPORTED, "no_hit": CreditOutcome.NO_FILE, "in_work": CreditOutcome.PENDING}
KINDS = {"inquiry": WebhookKind.CREDIT_REPORT}
STATUSES = {word: outcome.value for word, outcome in OUTCOME.items()}
REFUSAL_ADVICE: dict[str, RetryAdvice] = {}  # what a refusal of Acme allows next; never, where it is not listed

# Acme's reason codes in the hub's words; one that is not listed goes through in lower case.
REASON = {
    "R01": "currently_overdue",
    "R02": "overdue_last_24_months",
    "R03": "court_enforcement",
    "R04": "many_inquiries",
    "R05": "short_history",
    "R06": "high_debt",
    "R07": "identity_mismatch",
    "R08": "fraud",
}


def inquiry_body(request: CreditPullRequest) -> JsonObject:
    """An inquiry in Acme's words."""
    applicant = request.applicant
    return {
        "depth": request.inquiry.value,
        "purpose": request.purpose,
        "consent": request.consent_ref,
        "person": {
            "name": applicant.name,
            "document_kind": applicant.document_kind.value,
            "document": applicant.document_number,
            "phone": applicant.phone,
            "account": applicant.account_number,
            "plate": applicant.plate,
        },
    }


def report_of(answer: Fields) -> CreditReport:
    """A report in the hub's words; only a finished one carries a score."""
    outcome = OUTCOME.get(answer.text("status"), CreditOutcome.PENDING)
    if outcome is not CreditOutcome.REPORTED:
        return CreditReport(outcome=outcome, report_ref=answer.text("ref"), cost=answer.optional_money("cost"))
    return CreditReport(
        outcome=outcome,
        report_ref=answer.text("ref"),
        score=answer.whole("score"),
        model=answer.text("model"),
        reasons=tuple(REASON.get(code, code.lower()) for code in answer.texts("reasons")),
        facts={name: str(value) for name, value in answer.inner("facts").content.items()},
        valid_until_on=answer.day("valid_until"),
        cost=answer.optional_money("cost"),
    )
