"""The vendor's numbers in the hub's words.

Recorded answers are the published examples of the vendor's own command line, tccli 3.1.189.1:
services/faceid/v20180301/examples.json. The meaning of every number is that of the vendor's own models
(tencentcloud-sdk-python-faceid 3.1.179), against which the tables are held.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_credit_bureau_tencent import mapping
from leasehub_credit_bureau_tencent.codes import DETAILS, FACEID, RESULTS, Found
from leasehub_tc3.codes import meaning_of
from tencentcloud.faceid.v20180301 import errorcodes, models

from hub.core.errors import ProviderError, RateLimited, Rejected, RetryAdvice, UnknownOutcome
from hub.core.identity import DocumentKind
from hub.core.ports.credit_bureau import Applicant, CheckKind, CreditOutcome, CreditReport
from hub.sdk.reading import Fields

NOW = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)  # half past ten in the evening in Shanghai
MODELS = {
    CheckKind.IDENTITY: models.IdCardVerificationResponse,
    CheckKind.PHONE: models.PhoneVerificationResponse,
    CheckKind.BANK_CARD: models.BankCard4EVerificationResponse,
}
APPLICANT = Applicant(
    name="韦小宝",
    document_kind=DocumentKind.CN_IDENTITY_CARD,
    document_number="11204416541220243x",
    phone="+8616137688175",
    account_number="6225768888888888",
)


def read(check: CheckKind, **told: Any) -> CreditReport:
    return mapping.report_of(check, Fields({"RequestId": "a5fdb909-5ee6-43ff-a152-bb1b9744ee8b", **told}), NOW)


@pytest.mark.parametrize(
    ("check", "told", "match", "reasons"),
    [
        (CheckKind.PHONE, {"Result": "0", "Description": "认证通过", "Isp": "电信"}, "yes", ()),
        (CheckKind.PHONE, {"Result": "-4", "Description": "信息不一致", "Isp": "联通"}, "no", ("phone_mismatch",)),
        (CheckKind.IDENTITY, {"Result": "0", "Description": "姓名和身份证号一致"}, "yes", ()),
        (CheckKind.IDENTITY, {"Result": "-1", "Description": "姓名和身份证号不一致"}, "no", ("identity_mismatch",)),
        (CheckKind.BANK_CARD, {"Result": "0", "Description": "认证通过"}, "yes", ()),
        (CheckKind.BANK_CARD, {"Result": "-6", "Description": "持卡人信息有误"}, "no", ("bank_card_mismatch",)),
    ],
)
def test_the_recorded_answers(check: CheckKind, told: dict[str, str], match: str, reasons: tuple[str, ...]) -> None:
    report = read(check, **told)
    assert (report.outcome, report.report_ref) == (CreditOutcome.REPORTED, "a5fdb909-5ee6-43ff-a152-bb1b9744ee8b")
    assert (report.facts["check"], report.facts["match"], report.reasons) == (check.value, match, reasons)
    assert (report.score, report.model) == (None, f"tencent_{check.value}")


def test_a_carrier_is_told() -> None:
    assert read(CheckKind.PHONE, Result="0", Isp="移动").facts["carrier"] == "china_mobile"
    assert "carrier" not in read(CheckKind.PHONE, Result="0", Isp="").facts


@pytest.mark.parametrize(("word", "reason"), DETAILS.items())
def test_what_differs_is_told_where_the_vendor_says_so(word: str, reason: str) -> None:
    assert read(CheckKind.PHONE, Result="-4", ResultDetail=word).reasons == (reason,)


def test_every_detail_is_published() -> None:
    published = set(re.findall(r"\b(\w+Mismatch)\b", inspect.getsource(models.PhoneVerificationResponse)))
    assert published == set(DETAILS)


@pytest.mark.parametrize("check", MODELS)
def test_every_published_number_is_mapped_and_nothing_else(check: CheckKind) -> None:
    doc = inspect.getsource(MODELS[check]).partition("_Description")[0]
    published = set(re.findall(r"(?<![\w-])'?(-?\d{1,2})'?\s*[:：]", doc))
    assert published == set(RESULTS[check])


def test_every_published_code_is_mapped() -> None:
    published = [value for name, value in vars(errorcodes).items() if name.isupper() and isinstance(value, str)]
    assert len(published) > 60
    assert not [code for code in published if meaning_of(code, FACEID) is None]
    assert set(FACEID) <= {*published, "FailedOperation"}


@pytest.mark.parametrize(
    ("check", "number", "expected"),
    [
        (CheckKind.PHONE, "-6", Rejected),
        (CheckKind.PHONE, "-7", Rejected),
        (CheckKind.PHONE, "-8", Rejected),
        (CheckKind.PHONE, "-11", RateLimited),
        (CheckKind.PHONE, "-12", RateLimited),
        (CheckKind.PHONE, "-13", Rejected),
        (CheckKind.IDENTITY, "-2", Rejected),
        (CheckKind.IDENTITY, "-4", RateLimited),
        (CheckKind.IDENTITY, "-6", RateLimited),
        (CheckKind.IDENTITY, "-7", RateLimited),
        (CheckKind.BANK_CARD, "-13", Rejected),
        (CheckKind.BANK_CARD, "-18", RateLimited),
        (CheckKind.BANK_CARD, "-21", Rejected),
        (CheckKind.PHONE, "-99", UnknownOutcome),
        (CheckKind.PHONE, "a_word_nobody_has_heard", UnknownOutcome),
    ],
)
def test_other_numbers_are_errors(check: CheckKind, number: str, expected: type[ProviderError]) -> None:
    with pytest.raises(expected) as raised:
        read(check, Result=number, Description="韦小宝 16137688175")
    assert "16137688175" not in str(raised.value)
    if isinstance(raised.value, Rejected):
        assert raised.value.vendor_code == number


def test_a_daily_limit_ends_with_the_day_in_shanghai() -> None:
    with pytest.raises(RateLimited) as raised:
        read(CheckKind.PHONE, Result="-12")
    assert raised.value.retry_after_s == 90 * 60


def test_no_record_is_no_file() -> None:
    for check, number in ((CheckKind.PHONE, "-9"), (CheckKind.IDENTITY, "-5")):
        assert read(check, Result=number).outcome is CreditOutcome.NO_FILE


@given(number=st.text(max_size=30), check=st.sampled_from(sorted(MODELS)))
def test_only_a_listed_number_is_a_report(number: str, check: CheckKind) -> None:
    listed = RESULTS[check].get(number, (None, ""))[0]
    try:
        report = read(check, Result=number)
    except ProviderError:
        assert listed not in (Found.MATCH, Found.MISMATCH, Found.NO_RECORD)
    else:
        assert (listed is Found.MATCH) == (report.facts.get("match") == "yes")


# Asking


def ask(check: CheckKind, *, detailed: bool = False, **more: Any) -> dict[str, object]:
    return mapping.question(check, dataclasses.replace(APPLICANT, **more), detailed=detailed)


def test_numbers_are_written_as_the_mainland_writes_them() -> None:
    assert ask(CheckKind.PHONE) == {"IdCard": "11204416541220243X", "Name": "韦小宝", "Phone": "16137688175"}
    assert ask(CheckKind.PHONE, detailed=True)["VerifyMode"] == "1"
    assert ask(CheckKind.BANK_CARD)["BankCard"] == "6225768888888888"


@pytest.mark.parametrize(
    ("check", "more", "code"),
    [
        (CheckKind.PHONE, {"phone": ""}, "phone_missing"),
        (CheckKind.PHONE, {"phone": "+6581234567"}, "phone_not_served"),
        (CheckKind.BANK_CARD, {"account_number": ""}, "account_number_missing"),
        (CheckKind.IDENTITY, {"name": ""}, "name_missing"),
        (CheckKind.IDENTITY, {"document_number": ""}, "document_missing"),
        (CheckKind.IDENTITY, {"document_kind": DocumentKind.PASSPORT}, "document_not_served"),
        (CheckKind.VEHICLE, {}, "check_not_offered"),
    ],
)
def test_what_is_lacking_or_not_offered_goes_elsewhere(check: CheckKind, more: dict[str, Any], code: str) -> None:
    with pytest.raises(Rejected) as raised:
        ask(check, **more)
    assert (raised.value.vendor_code, raised.value.advice) == (code, RetryAdvice.OTHER_PROVIDER)
