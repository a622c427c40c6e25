"""The vendor's words in the hub's, against answers as they were recorded."""

from __future__ import annotations

import pytest
from leasehub_payments_sandbox import mapping
from leasehub_payments_sandbox.vendor import PaymentsVendor

from hub.core.errors import UnknownOutcome
from hub.core.money import Money
from hub.core.ports.payments import MandateStatus, PaymentOutcome, RejectionAdvice
from hub.sdk.reading import Fields, JsonObject

SETTLED: JsonObject = {
    "ref": "charge_1",
    "status": "settled",
    "amount": {"minor": 328055, "currency": "CNY"},
    "fee": {"minor": 60, "currency": "CNY"},
    "reason": None,
    "settled_at": "2026-03-05T02:00:00.000000+00:00",
}


def test_a_settled_charge() -> None:
    result = mapping.payment_of(Fields(SETTLED))
    assert (result.outcome, result.money, result.fee) == (PaymentOutcome.SUCCEEDED, Money(328055), Money(60))


@pytest.mark.parametrize("status", ["on_hold", "SETTLED", "success"])
def test_a_status_that_is_not_mapped_is_pending(status: str) -> None:
    assert mapping.payment_of(Fields({**SETTLED, "status": status})).outcome is PaymentOutcome.PENDING
    assert mapping.mandate_of(Fields({"ref": "man_1", "status": status})).status is MandateStatus.PENDING


@pytest.mark.parametrize("reason", [*mapping.DECLINE, "another", None])
def test_every_decline_has_a_code_and_an_advice(reason: str | None) -> None:
    result = mapping.payment_of(Fields({**SETTLED, "status": "declined", "reason": reason}))
    code, advice = mapping.DECLINE.get(reason or "", ("declined", RejectionAdvice.DO_NOT_RETRY))
    assert (result.code, result.advice) == (code, advice)


@pytest.mark.parametrize(
    "broken",
    [
        {"amount": None},
        {"amount": {"minor": "328055", "currency": "CNY"}},
        {"amount": {"minor": 3280.55, "currency": "CNY"}},
        {"amount": {"minor": True, "currency": "CNY"}},
        {"amount": {"minor": 1, "currency": "yuan"}},
        {"ref": 7},
        {"ref": ""},
        {"status": None},
        {"settled_at": "yesterday"},
        {"settled_at": "2026-03-05T02:00:00"},
    ],
)
def test_an_answer_that_cannot_be_read_proves_nothing(broken: JsonObject) -> None:
    with pytest.raises(UnknownOutcome):
        mapping.payment_of(Fields({**SETTLED, **broken}))


def test_every_status_of_the_vendor_is_mapped() -> None:
    for status in (*mapping.OUTCOME, *mapping.MANDATE_STATUS):
        assert f"'{status}'" in PaymentsVendor.schema
