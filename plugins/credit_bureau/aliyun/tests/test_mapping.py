"""The vendor's words in the hub's. Recorded answers are the vendor's own published values, each with its source."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_acs3.codes import Meaning, failure
from leasehub_credit_bureau_aliyun import codes, mapping
from leasehub_credit_bureau_aliyun.mapping import Asked, report_of

from hub.core.errors import AuthFailed, Misconfigured, RateLimited, Rejected, UnknownOutcome
from hub.core.ports.credit_bureau import CheckKind, CreditOutcome
from hub.sdk.reading import Fields

REQUEST_ID = "130A2C10-B9EE-4D84-88E3-5384FF039795"
PHONE = Asked(kind=CheckKind.PHONE, action=mapping.PHONE_DETAIL)
CARD = Asked(kind=CheckKind.BANK_CARD, action=mapping.BANK_CARD)
CAR = Asked(kind=CheckKind.VEHICLE, action=mapping.VEHICLE_DESCRIPTION)
# Source: Mobile3MetaDetailVerify, sample values of the response (help.aliyun.com, information verification).
RECORDED: dict[str, Any] = {
    "RequestId": REQUEST_ID,
    "Message": "success",
    "Code": "200",
    "ResultObject": {"BizCode": "1", "IspName": "CMCC", "SubCode": "101"},
}


def answer(**result: object) -> Fields:
    return Fields({**RECORDED, "ResultObject": result})


def test_the_published_answer() -> None:
    report = report_of(PHONE, Fields(RECORDED))
    assert (report.outcome, report.report_ref, report.reasons) == (CreditOutcome.REPORTED, REQUEST_ID, ())
    assert report.facts == {
        "check": "phone",
        "match": "yes",
        "phone_name": "yes",
        "phone_document": "yes",
        "carrier": "china_mobile",
    }


@pytest.mark.parametrize(
    ("sub", "reason"),
    [("201", "phone_mismatch"), ("202", "phone_mismatch"), ("203", "identity_mismatch"), ("204", "phone_mismatch")],
)
def test_what_differs_of_a_phone(sub: str, reason: str) -> None:
    assert report_of(PHONE, answer(BizCode="2", SubCode=sub)).reasons == (reason,)


@pytest.mark.parametrize("sub", sorted(codes.CARD))
def test_every_state_of_a_card_is_a_word_of_the_hub(sub: str) -> None:
    biz = {"1": "1", "2": "2", "3": "3"}[sub[0]]
    report = report_of(CARD, answer(BizCode=biz, SubCode=sub))
    assert report.facts["card_state"] == codes.CARD[sub]
    assert codes.CARD[sub].replace("_", "").isalpha()


@pytest.mark.parametrize("code", ["0", "4", "", None, True, "yes", [], 1.0])
def test_a_result_that_is_not_mapped_is_never_a_match(code: object) -> None:
    with pytest.raises(UnknownOutcome):
        report_of(PHONE, answer(BizCode=code))


@pytest.mark.parametrize("told", ["{", "[]", "null", "1"])
def test_a_vehicle_that_cannot_be_read(told: str) -> None:
    with pytest.raises(UnknownOutcome):
        report_of(CAR, answer(BizCode="1", VehicleInfo=told))


def test_a_vehicle_of_which_nothing_is_told() -> None:
    assert report_of(CAR, answer(BizCode="1")).facts == {"check": "vehicle", "match": "yes"}


_KINDS = {
    Meaning.LIMITED: RateLimited,
    Meaning.CREDENTIALS: AuthFailed,
    Meaning.SETTINGS: Misconfigured,
    Meaning.BUSINESS: Rejected,
    Meaning.DOUBT: UnknownOutcome,
}


@pytest.mark.parametrize("code", sorted(codes.REFUSALS))
def test_every_refusal_has_its_error(code: str) -> None:
    assert type(failure(code, codes.REFUSALS, unmapped=Meaning.BUSINESS)) is _KINDS[codes.REFUSALS[code]]


@given(
    st.dictionaries(st.sampled_from(["BizCode", "SubCode", "IspName"]), st.none() | st.integers() | st.text(max_size=5))
)
def test_only_the_vendors_own_words_make_a_report(result: dict[str, object]) -> None:
    try:
        report = report_of(PHONE, answer(**result))
    except UnknownOutcome:
        return
    assert str(result["BizCode"]) in ("1", "2", "3")
    assert (report.outcome is CreditOutcome.NO_FILE) is (str(result["BizCode"]) == "3")
