"""The vendor's own client (tencentcloud-sdk-python-faceid): accepted by the stand-in, and our requests equal its own."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from leasehub_credit_bureau_tencent.conformance import APPLICANT, KEY, KEY_ID, vendor_at
from leasehub_tc3.standin import overheard, spoken
from pydantic import ValidationError
from tencentcloud.common import abstract_client
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.faceid.v20180301 import models
from tencentcloud.faceid.v20180301.faceid_client import FaceidClient

from hub.core.errors import AuthFailed, RateLimited, Rejected
from hub.core.identity import DocumentKind
from hub.core.ports.credit_bureau import Applicant, CheckKind, CreditOutcome, CreditPullRequest, Inquiry
from hub.testing.loopback import loopback

NAMES = ["张三丰", "阿卜杜拉·艾合买提·" * 8, '𠮷田 O\'Neil "x" \\ &=']


def pull(check: CheckKind | None = None, *, name: str = APPLICANT.name, phone: str | None = None) -> CreditPullRequest:
    applicant = Applicant(
        name=name,
        document_kind=DocumentKind.CN_IDENTITY_CARD,
        document_number=APPLICANT.document,
        phone=f"+86{phone or APPLICANT.phone}",
        account_number=APPLICANT.card,
    )
    return CreditPullRequest(
        applicant=applicant, inquiry=Inquiry.SOFT, purpose="lease_application", consent_ref="consent-1", check=check
    )


def client(*, endpoint: str | None = None, key: str = KEY) -> Any:
    http = HttpProfile(protocol="http" if endpoint else None, endpoint=endpoint, reqTimeout=10)
    return FaceidClient(Credential(KEY_ID, key), "ap-guangzhou", ClientProfile(httpProfile=http))


def filled(request: Any, key: str = "check-1", **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(request, name, value)
    request.headers = {"X-TC-TraceId": key}
    return request


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch, desk: Any) -> None:
    """No proxy stands in the way, and the vendor's clock stands where ours does."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(abstract_client, "time", SimpleNamespace(time=desk.clock.now().timestamp))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("detailed", [False, True])
@pytest.mark.parametrize("check", [CheckKind.IDENTITY, CheckKind.PHONE, CheckKind.BANK_CARD])
async def test_a_check_equals_the_vendors_own(desk: Any, check: CheckKind, name: str, detailed: bool) -> None:
    await _whatever(desk.provider(detailed=detailed).credit_pull(pull(check, name=name), desk.ctx()))
    person = {"IdCard": APPLICANT.document, "Name": name}
    speaker = client()
    match check:
        case CheckKind.IDENTITY:
            theirs, say = filled(models.IdCardVerificationRequest(), **person), speaker.IdCardVerification
        case CheckKind.PHONE:
            mode = {"VerifyMode": "1"} if detailed else {}
            theirs = filled(models.PhoneVerificationRequest(), **person, **mode, Phone=APPLICANT.phone)
            say = speaker.PhoneVerification
        case _:
            card = {"BankCard": APPLICANT.card, "Phone": APPLICANT.phone, "CertType": 0}
            theirs, say = (
                filled(models.BankCard4EVerificationRequest(), **person, **card),
                speaker.BankCard4EVerification,
            )
    sent, expected = desk.vendor.received[-1], overheard(speaker, lambda: say(theirs))
    assert (sent.method, sent.target) == (expected.method, expected.target)
    assert spoken(sent.headers) == spoken(expected.headers)
    assert sent.body == expected.body


async def _whatever(call: Any) -> None:
    with contextlib.suppress(Rejected):  # the stand-in may know nobody of that name: here it matters what was sent
        await call


class _Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


async def test_the_vendors_client_is_accepted_by_the_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(abstract_client, "time", time)
    vendor = vendor_at(_Now())  # type: ignore[arg-type]
    async with loopback(vendor.app) as url:
        numbers = await asyncio.to_thread(_check_with_their_client, url.removeprefix("http://"))
        with pytest.raises(TencentCloudSDKException) as raised:
            await asyncio.to_thread(_check_with_their_client, url.removeprefix("http://"), "another key")
    assert numbers == ["0", "-4", "0"]
    assert raised.value.get_code() == "AuthFailure.SignatureFailure"


def _check_with_their_client(endpoint: str, key: str = KEY) -> list[str]:
    speaker = client(endpoint=endpoint, key=key)
    person = {"IdCard": APPLICANT.document, "Name": APPLICANT.name}
    card = {"BankCard": APPLICANT.card, "Phone": APPLICANT.phone, "CertType": 0}
    answers = [
        speaker.IdCardVerification(filled(models.IdCardVerificationRequest(), **person)),
        speaker.PhoneVerification(
            filled(models.PhoneVerificationRequest(), **{**person, "Name": "李四"}, Phone=APPLICANT.phone)
        ),
        speaker.BankCard4EVerification(filled(models.BankCard4EVerificationRequest(), **person, **card)),
    ]
    return [answer.Result for answer in answers]


async def test_the_check_that_is_asked_for_is_made(desk: Any) -> None:
    provider = desk.provider(default_check="identity")
    for check in (None, CheckKind.PHONE, CheckKind.BANK_CARD):
        report = await provider.credit_pull(pull(check), desk.ctx())
        assert (report.outcome, report.facts["match"]) == (CreditOutcome.REPORTED, "yes")
    actions = [one.headers["x-tc-action"] for one in desk.vendor.received]
    assert actions == ["IdCardVerification", "PhoneVerification", "BankCard4EVerification"]


async def test_a_stranger_does_not_match(desk: Any) -> None:
    provider = desk.provider(detailed=True)
    report = await provider.credit_pull(pull(name="李四"), desk.ctx())
    assert (report.facts["match"], report.reasons) == ("no", ("identity_mismatch",))
    unknown = await provider.credit_pull(pull(phone="13900000000"), desk.ctx())
    assert unknown.outcome is CreditOutcome.NO_FILE


async def test_what_the_vendor_is_not_asked_costs_nothing(desk: Any) -> None:
    with pytest.raises(Rejected, match="check_not_offered"):
        await desk.provider().credit_pull(pull(CheckKind.VEHICLE), desk.ctx())
    assert not desk.vendor.received


@pytest.mark.parametrize(
    ("answer", "expected"),
    [({"Result": "-12"}, RateLimited), ({"Result": "-13"}, Rejected), ({"Result": "-7"}, Rejected)],
)
async def test_a_number_that_is_no_report_is_an_error(desk: Any, answer: dict[str, str], expected: type) -> None:
    desk.vendor.scripted.append({"Description": "", **answer})
    with pytest.raises(expected):
        await desk.provider().credit_pull(pull(), desk.ctx())


async def test_health_costs_nothing_and_needs_good_keys(desk: Any) -> None:
    assert (await desk.provider().provider_health(desk.ctx())).healthy
    assert not await desk.vendor.books()
    with pytest.raises(AuthFailed):
        await desk.provider(secret_key="another key").provider_health(desk.ctx())


@pytest.mark.parametrize(
    "wrong",
    [{"url": "https://"}, {"url": "https://a.example/path"}, {"default_check": "credit"}, {"detailed": "perhaps"}],
)
def test_bad_settings_are_refused(desk: Any, wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        desk.provider(**wrong)


def test_credentials_are_named() -> None:
    from leasehub_credit_bureau_tencent.settings import TencentChecksSettings

    settings = TencentChecksSettings.model_validate({"secret_id": KEY_ID, "secret_key": KEY})
    assert [one.name for one in settings.credentials()] == ["secret_key"]
    assert KEY not in repr(settings)
