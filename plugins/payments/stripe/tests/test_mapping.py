"""Stripe's answers in the hub's words, and every refusal in the contract's errors."""

from __future__ import annotations

import json
import re
from inspect import getsource
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_payments_stripe import codes, mapping
from leasehub_payments_stripe.client import Declined, encoded, refusal
from leasehub_payments_stripe.standin import nested
from stripe import PaymentIntent
from stripe._encode import _api_encode

from hub.core.errors import AuthFailed, Misconfigured, ProviderError, RateLimited, Rejected, UnknownOutcome
from hub.core.money import Money
from hub.core.ports.payments import PaymentOutcome, SettlementKind
from hub.sdk.http import HttpAnswer
from hub.sdk.reading import Fields

# Source: docs.stripe.com/declines/codes.
PUBLISHED_DECLINES = [
    "authentication_required",
    "approve_with_id",
    "call_issuer",
    "card_not_supported",
    "card_velocity_exceeded",
    "currency_not_supported",
    "do_not_honor",
    "do_not_try_again",
    "duplicate_transaction",
    "expired_card",
    "fraudulent",
    "generic_decline",
    "incorrect_number",
    "incorrect_cvc",
    "incorrect_pin",
    "incorrect_zip",
    "insufficient_funds",
    "invalid_account",
    "invalid_amount",
    "invalid_cvc",
    "invalid_expiry_month",
    "invalid_expiry_year",
    "invalid_number",
    "invalid_pin",
    "issuer_not_available",
    "lost_card",
    "merchant_blacklist",
    "new_account_information_available",
    "no_action_taken",
    "not_permitted",
    "offline_pin_required",
    "online_or_offline_pin_required",
    "pickup_card",
    "pin_try_exceeded",
    "processing_error",
    "reenter_transaction",
    "restricted_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "security_violation",
    "service_not_allowed",
    "stolen_card",
    "stop_payment_order",
    "testmode_decline",
    "transaction_not_allowed",
    "try_again_later",
    "withdrawal_count_limit_exceeded",
]


def answer(status: int, headers: dict[str, str] | None = None, **error: object) -> HttpAnswer:
    body = json.dumps({"error": {"type": "invalid_request_error", **error}}).encode()
    return HttpAnswer(status=status, headers=headers or {}, body=body)


def test_every_code_that_the_library_knows_is_mapped_once() -> None:
    listed = re.search(
        r"code: Optional\[\s*Union\[\s*Literal\[(.*?)\]", getsource(PaymentIntent.LastPaymentError), re.S
    )
    assert listed is not None
    known = set(re.findall(r'"(\w+)"', listed.group(1)))
    groups = (codes.CREDENTIALS, codes.LIMITED, codes.DOUBT, codes.SETTINGS, codes.BUSINESS)
    assert known == frozenset().union(*groups)
    assert sum(map(len, groups)) == len(known) > 200


def test_every_published_decline_is_mapped() -> None:
    assert set(PUBLISHED_DECLINES) <= set(codes.DECLINES)


@pytest.mark.parametrize(
    ("given_", "kind"),
    [
        (answer(401), AuthFailed),
        (answer(401, code="api_key_expired"), AuthFailed),
        (answer(403, code="whatever"), Misconfigured),
        (answer(400, code="parameter_unknown"), Misconfigured),
        (answer(400, code="amount_too_small"), Rejected),
        (answer(400), Rejected),
        (answer(404, code="resource_missing"), Rejected),
        (answer(400, type="idempotency_error"), UnknownOutcome),
        (answer(409, code="idempotency_key_in_use"), UnknownOutcome),
        (answer(409), UnknownOutcome),
        (answer(409, {"stripe-should-retry": "true"}), UnknownOutcome),
        (answer(429, code="lock_timeout"), RateLimited),
        (answer(429, {"stripe-should-retry": "true", "retry-after": "3"}), RateLimited),
        (answer(429, {"stripe-should-retry": "false"}), Rejected),
        (answer(400, {"stripe-should-retry": "true"}, code="amount_too_small"), RateLimited),
        (answer(402, type="card_error", code="card_declined", decline_code="lost_card"), Declined),
        (answer(400, code="a_code_of_tomorrow"), UnknownOutcome),
        (answer(500, code="amount_too_small"), UnknownOutcome),
        (answer(500, {"stripe-should-retry": "false"}), UnknownOutcome),
        (answer(302), UnknownOutcome),
        (HttpAnswer(status=404, headers={}, body=b"<html>"), Misconfigured),
    ],
)
def test_refusals(given_: HttpAnswer, kind: type[ProviderError]) -> None:
    found = refusal(given_, mutates=True)
    assert type(found) is kind


def test_a_new_code_is_rejected_when_only_something_was_asked() -> None:
    assert isinstance(refusal(answer(400, code="a_code_of_tomorrow"), mutates=False), Rejected)


def test_nothing_of_a_message_is_passed_on() -> None:
    found = refusal(answer(400, code="张三丰 6222020200112233445", message="张三丰"), mutates=True)
    assert "张三丰" not in repr(found)


def intent(**more: object) -> Fields:
    return Fields(
        {"id": "pi_1", "status": "succeeded", "amount": 100, "amount_received": 100, "currency": "cny", **more}
    )


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("succeeded", "succeeded"),
        ("processing", "pending"),
        ("requires_confirmation", "pending"),
        ("requires_capture", "pending"),
        ("requires_action", "rejected"),
        ("requires_payment_method", "rejected"),
        ("canceled", "rejected"),
        ("a_new_one", "pending"),
    ],
)
def test_statuses_of_a_payment(status: str, outcome: str) -> None:
    assert mapping.payment_of(intent(status=status)).outcome.value == outcome


@pytest.mark.parametrize(
    ("status", "reason", "outcome", "code"),
    [
        ("pending", None, "pending", None),
        ("requires_action", None, "pending", None),
        ("succeeded", None, "succeeded", None),
        ("failed", "expired_or_canceled_card", "rejected", "account_closed"),
        ("failed", "a_new_one", "rejected", "declined"),
        ("canceled", None, "rejected", "cancelled"),
        ("a_new_one", None, "pending", None),
    ],
)
def test_statuses_of_a_refund(status: str, reason: str | None, outcome: str, code: str | None) -> None:
    refund = Fields({"id": "re_1", "status": status, "amount": 5, "currency": "usd", "failure_reason": reason})
    found = mapping.refund_of(refund)
    assert (found.outcome.value, found.code, found.money) == (outcome, code, Money(5, "USD"))


@pytest.mark.parametrize("wrong", [{"currency": "isk"}, {"currency": "x"}, {"amount_received": "100"}, {"id": None}])
def test_an_answer_that_cannot_be_right_proves_nothing(wrong: dict[str, object]) -> None:
    with pytest.raises(UnknownOutcome):
        mapping.payment_of(intent(**wrong))


def test_what_the_payer_paid_and_what_it_cost_may_be_in_two_currencies() -> None:
    booked = {"id": "txn_1", "created": 1772676000, "currency": "eur", "amount": 12, "fee": 3}
    found = mapping.payment_of(intent(latest_charge={"balance_transaction": booked}))
    assert (found.outcome, found.money, found.fee) == (PaymentOutcome.SUCCEEDED, Money(100), Money(3, "EUR"))


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("charge", SettlementKind.COLLECTED),
        ("refund", SettlementKind.REFUNDED),
        ("dispute", SettlementKind.REFUNDED),
        ("payout", SettlementKind.PAID_OUT),
        ("fee", SettlementKind.FEE),
        ("risk_reserved_funds", None),
    ],
)
def test_kinds_of_lines(category: str, kind: SettlementKind | None) -> None:
    booked = {
        "id": "txn_1",
        "created": 1772676000,
        "currency": "cny",
        "amount": -7,
        "fee": 0,
        "reporting_category": category,
        "source": "x_1",
    }
    page = mapping.statement_of(Fields({"data": [booked], "has_more": True}))
    assert [(line.kind, line.money, line.payment_ref) for line in page.lines] == (
        [(kind, Money(7), "x_1")] if kind else []
    )
    assert page.next_cursor == "txn_1"


_params = st.dictionaries(
    st.text("abc_", min_size=1, max_size=4),
    st.booleans()
    | st.recursive(
        st.text(max_size=8) | st.integers(),  # the library writes a truth inside a list another way; none is sent
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3)
            | st.dictionaries(st.text("xyz_", min_size=1, max_size=3), inner, min_size=1, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=4,
)


@given(_params)
def test_parameters_are_written_as_the_library_writes_them(params: dict[str, Any]) -> None:
    assert parse_qsl(encoded(params), keep_blank_values=True) == parse_qsl(
        urlencode(list(_api_encode(params))), keep_blank_values=True
    )


@given(st.dictionaries(st.text("abc", min_size=1), st.text("é租'[]&=+ %", max_size=9), max_size=3))
def test_text_comes_through_as_it_is(texts: dict[str, str]) -> None:
    assert nested(encoded({"metadata": texts})).get("metadata", {}) == texts
