"""Requests and results as JSON and back, checked, masked."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from hub.core.errors import UnknownOutcome
from hub.core.hookspecs import OPERATIONS
from hub.core.identity import DocumentKind
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.credit_bureau import Applicant, CreditOutcome, CreditPullRequest, CreditReport, Inquiry
from hub.core.ports.esign import (
    EnvelopeRequest,
    EsignDocument,
    SignedFiles,
    Signer,
    SignerRole,
)
from hub.core.ports.gps_tracker import Datum, Fix, ImmobilizeRequest, TrackPage
from hub.core.ports.payments import (
    BankAccount,
    CollectRequest,
    Mandate,
    MandateStatus,
    PaymentOutcome,
    PaymentResult,
    PayoutRequest,
    SettlementKind,
    SettlementLine,
    Statement,
)
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageRequest
from hub.integrations import wire

AT = datetime(2026, 1, 5, 1, 2, 3, 456789, tzinfo=UTC)
FILE = b"%PDF \x00\xff"
DIGEST = hashlib.sha256(FILE).hexdigest()
CARD, PHONE, PERSON = "6222020200001111222", "13812345678", "110101199001011237"

REQUESTS = {
    "payments_collect": CollectRequest(
        money=Money(1), mandate_ref="m", due_on=date(2026, 1, 31), purpose="rent", contract_number="C"
    ),
    "payments_payout": PayoutRequest(
        money=Money(5),
        account=BankAccount(holder="张三", number=CARD, bank_code="ICBC", phone=PHONE, document_number=PERSON),
        purpose="price",
    ),
    "credit_pull": CreditPullRequest(
        applicant=Applicant(
            name="张三", document_kind=DocumentKind.CN_IDENTITY_CARD, document_number=PERSON, phone=PHONE
        ),
        inquiry=Inquiry.HARD,
        purpose="lease",
        consent_ref="consent",
    ),
    "esign_create": EnvelopeRequest(
        subject="contract",
        documents=(EsignDocument(name="c.pdf", content=FILE, sha256=DIGEST),),
        signers=(Signer(role=SignerRole.LESSEE, order=1, name="张三", phone=PHONE, document_number=PERSON),),
        expires_at=AT,
    ),
    "messaging_send": MessageRequest(
        channel=MessageChannel.SMS,
        to=PHONE,
        category=MessageCategory.COLLECTIONS,
        template_id="t",
        params={"name": "张三"},
    ),
    "gps_immobilize": ImmobilizeRequest(device_ref="d", approval_token="two-people-said-so", reason="arrears"),
}
RESULTS = {
    "payments_collect": PaymentResult(
        outcome=PaymentOutcome.SUCCEEDED, payment_ref="p", money=Money(1, "USD"), settled_at=AT, fee=Money(2)
    ),
    "payments_status": NoRecord(query=StatusQuery(idempotency_key="k")),
    "payments_mandate": Mandate(mandate_ref="m", status=MandateStatus.PENDING, hosted_url="https://x.example/"),
    "payments_statement": Statement(
        lines=(
            SettlementLine(
                kind=SettlementKind.FEE, payment_ref="p", idempotency_key=None, money=Money(-1), settled_at=AT
            ),
        )
    ),
    "credit_pull": CreditReport(
        outcome=CreditOutcome.REPORTED,
        report_ref="r",
        score=640,
        reasons=("a", "b"),
        facts={"loans": "2"},
        valid_until_on=date(2026, 2, 1),
        cost=Money(300),
    ),
    "gps_track": TrackPage(
        fixes=(Fix(latitude=Decimal("31.20"), longitude=Decimal("121.5"), datum=Datum.GCJ02, fixed_at=AT),)
    ),
    "esign_fetch": SignedFiles(envelope_ref="e", content=FILE, content_type="application/pdf", sha256=DIGEST),
}


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_request_comes_back_as_it_was(operation: str) -> None:
    request = REQUESTS[operation]
    assert wire.request_kind(operation) is type(request)
    assert wire.request_from(type(request), wire.to_text(request)) == request


@pytest.mark.parametrize("operation", RESULTS)
def test_a_result_comes_back_as_it_was(operation: str) -> None:
    result = RESULTS[operation]
    assert wire.checked(operation, result) == (result, wire.to_text(result))
    assert wire.result_from(operation, wire.to_text(result)) == result


def test_every_operation_of_the_contract_has_a_request_and_a_result() -> None:
    for operation in OPERATIONS:
        assert wire.result_kinds(operation)
        if operation != "provider_health":
            assert wire.request_kind(operation).__module__.startswith("hub.core.ports")


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        {"outcome": "succeeded"},
        "succeeded",
        Mandate(mandate_ref="m", status=MandateStatus.ACTIVE),
        PaymentResult(outcome="succeeded", money=Money(1)),  # type: ignore[arg-type]
        PaymentResult(outcome=PaymentOutcome.SUCCEEDED, money=100),  # type: ignore[arg-type]
        PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref=7),  # type: ignore[arg-type]
    ],
)
def test_what_the_contract_does_not_promise_is_an_unknown_outcome(wrong: object) -> None:
    with pytest.raises(UnknownOutcome):
        wire.checked("payments_collect", wrong)


@pytest.mark.parametrize("operation", REQUESTS)
def test_what_people_see_of_a_request_carries_no_personal_data(operation: str) -> None:
    seen = json.dumps(wire.shown(REQUESTS[operation]), ensure_ascii=False)
    for hidden in ("张三", CARD, PHONE, PERSON, "two-people-said-so", "%PDF"):
        assert hidden not in seen


def test_what_is_no_secret_stays_readable() -> None:
    assert wire.shown(REQUESTS["payments_collect"]) == {
        "money": "0.01 CNY",
        "mandate_ref": "m",
        "due_on": "2026-01-31",
        "purpose": "rent",
        "contract_number": "C",
    }


def test_the_canonical_text_does_not_depend_on_the_order_of_a_mapping() -> None:
    def ask(params: dict[str, str]) -> MessageRequest:
        return MessageRequest(
            channel=MessageChannel.SMS, to=PHONE, category=MessageCategory.MARKETING, template_id="t", params=params
        )

    assert wire.canonical(ask({"a": "1", "b": "2"})) == wire.canonical(ask({"b": "2", "a": "1"}))
    assert wire.canonical(ask({"a": "1"})) != wire.canonical(ask({"a": "2"}))
