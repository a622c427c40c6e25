"""The vendor's words in the hub's.

Recorded answers are the published examples of the vendor's own command line, tccli 3.1.189.1:
services/ess/v20201111/examples.json, shortened to the fields that are read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_esign_tencent import mapping
from leasehub_esign_tencent.codes import ESS, NO_SUCH_FLOW
from leasehub_esign_tencent.conformance import SETTINGS
from leasehub_esign_tencent.settings import TencentEsignSettings
from leasehub_tc3.codes import Meaning, error_of, meaning_of
from pydantic import ValidationError
from pypdf import PdfReader, PdfWriter
from tencentcloud.ess.v20201111 import errorcodes, models

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)
from hub.core.ports.esign import (
    EnvelopeRequest,
    EnvelopeStatus,
    EsignDocument,
    FetchRequest,
    Signer,
    SignerRole,
    VoidRequest,
)
from hub.sdk.reading import Fields

FLOW = "yDwJWUUckpkt3r17UxsD2OmvMWKhPCsC"
PDF = b"%PDF-1.7\n%%EOF\n"
DETAIL: dict[str, Any] = {
    "CreatedOn": 1695279629,
    "FlowApproverInfos": [
        {"ApproveName": "张志英", "ApproveStatus": 3, "ApproveTime": 1695279840, "ApproveType": "PERSON"},
        {"ApproveName": "典子谦", "ApproveStatus": 3, "ApproveTime": 1695279801, "ApproveType": "ORGANIZATION"},
    ],
    "FlowId": FLOW,
    "FlowMessage": "",
    "FlowName": "个人征信查询申请表",
    "FlowStatus": 4,
}
LESSEE = Signer(role=SignerRole.LESSEE, order=1, name="张三", phone="+8618888888888")
LESSOR = Signer(role=SignerRole.LESSOR, order=2, name="典子谦示例企业")


def settings(**more: Any) -> TencentEsignSettings:
    return TencentEsignSettings.model_validate({**SETTINGS, **more})


def request(*signers: Signer, **more: Any) -> EnvelopeRequest:
    document = EsignDocument(name="contract.pdf", content=PDF, sha256=hashlib.sha256(PDF).hexdigest())
    given: dict[str, Any] = {
        "subject": "融资租赁合同",
        "documents": (document,),
        "signers": signers or (LESSEE, LESSOR),
        "expires_at": datetime(2026, 3, 12, 2, 0, tzinfo=UTC),
        **more,
    }
    return EnvelopeRequest(**given)


# Reading


def test_the_recorded_envelope() -> None:
    envelope = mapping.envelope_of(Fields(DETAIL))
    assert (envelope.envelope_ref, envelope.status) == (FLOW, EnvelopeStatus.COMPLETED)
    assert envelope.completed_at == datetime.fromtimestamp(1695279840, UTC)
    waiting = mapping.envelope_of(Fields({**DETAIL, "FlowStatus": 1}))
    assert (waiting.status, waiting.completed_at) == (EnvelopeStatus.SENT, None)


def test_the_recorded_links_and_files() -> None:
    link = {"SignUrl": "https://essurl.cn/bR8xxHA", "ApproverName": "典子谦", "ApproverMobile": "13200000000"}
    assert mapping.links_of(Fields({"FlowApproverUrlInfos": [link]})) == ("https://essurl.cn/bR8xxHA",)
    url = "https://file.test.ess.tencent.cn/file/FLOW/yDR0dUxxxxxxxxWe1SbE7r/0/0.PDF?hkey=c80b3f1357821exxxxx"
    found = Fields({"FileUrls": [{"Option": '["595.00,841.00","-1"]', "Url": url}], "TotalCount": 1})
    assert mapping.address_of(found, settings()) == url


def test_every_published_status_is_mapped_and_nothing_else() -> None:
    source = (
        inspect.getsource(models.FlowDetailInfo.__init__).partition("_FlowStatus")[2].partition(":type FlowStatus")[0]
    )
    published = {int(number) for number in re.findall(r"\*\*(\d+)\*\*", source)}
    assert len(published) > 10
    assert set(mapping.STATUS) == published


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0, EnvelopeStatus.SENT),
        (1, EnvelopeStatus.SENT),
        (2, EnvelopeStatus.PARTLY_SIGNED),
        (3, EnvelopeStatus.DECLINED),
        (4, EnvelopeStatus.COMPLETED),
        (5, EnvelopeStatus.EXPIRED),
        (6, EnvelopeStatus.VOIDED),
        (8, EnvelopeStatus.SENT),
        (9, EnvelopeStatus.SENT),
        (10, EnvelopeStatus.DECLINED),
        (16, EnvelopeStatus.VOIDED),
        (21, EnvelopeStatus.VOIDED),
        (99, EnvelopeStatus.SENT),
    ],
)
def test_a_status(status: int, expected: EnvelopeStatus) -> None:
    assert mapping.envelope_of(Fields({**DETAIL, "FlowStatus": status})).status is expected


def test_a_status_that_is_no_number_proves_nothing() -> None:
    with pytest.raises(UnknownOutcome):
        mapping.envelope_of(Fields({**DETAIL, "FlowStatus": "a_word_nobody_has_heard"}))


def test_a_refusal_tells_why() -> None:
    refused = mapping.envelope_of(Fields({**DETAIL, "FlowStatus": 3, "FlowMessage": "金额不对"}))
    assert refused.decline_reason == "金额不对"
    assert mapping.envelope_of(Fields({**DETAIL, "FlowStatus": 6, "FlowMessage": "撤回"})).decline_reason is None


@pytest.mark.parametrize(
    "url",
    [
        "http://file.ess.tencent.cn/file/x.PDF",
        "https://file.ess.tencent.cn.example/x.PDF",
        "https://eviltencent.cn/x.PDF",
        "https://file.ess.tencent.cn@10.0.0.1/x.PDF",
        "https://user:pass@file.ess.tencent.cn/x.PDF",
        "https://127.0.0.1/x.PDF",
        "file:///etc/passwd",
        "",
    ],
)
def test_a_file_elsewhere_is_not_fetched(url: str) -> None:
    with pytest.raises(UnknownOutcome):
        mapping.address_of(Fields({"FileUrls": [{"Url": url}]}), settings())


def test_a_file_that_is_none_proves_nothing() -> None:
    with pytest.raises(UnknownOutcome):
        mapping.signed_of(FLOW, b"<html>", Fields(DETAIL))
    signed = mapping.signed_of(FLOW, PDF, Fields(DETAIL))
    assert signed.sha256 == hashlib.sha256(PDF).hexdigest()
    assert b"1695279840" in signed.evidence


# Codes


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AuthFailure", AuthFailed),
        ("OperationDenied.NoQuota", Misconfigured),
        ("OperationDenied.NoApiAuth", Misconfigured),
        ("OperationDenied.NoIdentityVerify", Misconfigured),
        ("FailedOperation.LicenseNoQuota", Misconfigured),
        ("UnauthorizedOperation.NoPermissionFeature", Misconfigured),
        ("FailedOperation.RequestLimitExceeded", RateLimited),
        ("RequestLimitExceeded", RateLimited),
        ("InvalidParameter.FlowName", Rejected),
        ("MissingParameter.ApproverName", Rejected),
        ("OperationDenied.FlowHasTerminated", Rejected),
        ("OperationDenied.FlowCancelForbid", Rejected),
        ("OperationDenied.FlowStatusForbid", Rejected),
        ("ResourceNotFound.Flow", Rejected),
        ("InternalError.Db", UnknownOutcome),
        ("FailedOperation", UnknownOutcome),
    ],
)
def test_a_code_is_an_error(code: str, expected: type[ProviderError]) -> None:
    assert type(error_of(code, ESS, mutates=True)) is expected


def test_every_published_code_is_mapped_but_the_one_that_says_nothing() -> None:
    published = [value for name, value in vars(errorcodes).items() if name.isupper() and isinstance(value, str)]
    assert len(published) > 200
    assert [code for code in published if meaning_of(code, ESS) is None] == ["FailedOperation"]
    assert set(ESS) <= set(published)
    assert set(published) >= NO_SUCH_FLOW
    assert meaning_of("FailedOperation", ESS) is None is not Meaning.UNKNOWN


# Asking


def flow(*signers: Signer, subject: str = "融资租赁合同", **more: Any) -> dict[str, Any]:
    return mapping.flow_body(request(*signers, subject=subject), "file-1", settings(**more), "key-1")


def test_the_lessor_signs_by_itself_through_an_employee_or_as_named() -> None:
    by_itself = flow()["Approvers"][1]
    assert by_itself["ApproverType"] == 3
    assert by_itself["SignComponents"][0]["ComponentValue"] == SETTINGS["lessor_seal_id"]
    employee = flow(lessor_seal_id="", lessor_user_id="user-1")["Approvers"][1]
    assert (employee["ApproverType"], employee["UserId"]) == (0, "user-1")
    phoned = dataclasses.replace(LESSOR, phone="+8613900000000", name="李四")
    named = flow(LESSEE, phoned, lessor_seal_id="")["Approvers"][1]
    assert (named["ApproverType"], named["ApproverName"], named["ApproverMobile"]) == (0, "李四", "13900000000")
    with pytest.raises(Misconfigured):
        flow(lessor_seal_id="")


def test_turns_are_the_vendors() -> None:
    last = dataclasses.replace(LESSEE, order=3)
    assert [one["ApproverType"] for one in flow(last, LESSOR)["Approvers"]] == [3, 1]
    together = [dataclasses.replace(one, order=1) for one in (LESSEE, LESSOR)]
    assert (flow(LESSEE, LESSOR)["Unordered"], flow(*together)["Unordered"], flow(LESSEE)["Unordered"]) == (
        False,
        True,
        False,
    )


def test_an_identity_number_goes_only_where_it_is_one() -> None:
    known = dataclasses.replace(LESSEE, document_number="11010119900307851x")
    company = dataclasses.replace(LESSEE, document_number="91440300MA5EXAMPLE"[:18])
    assert flow(known)["Approvers"][0]["ApproverIdCardNumber"] == "11010119900307851X"
    assert "ApproverIdCardNumber" not in flow(company)["Approvers"][0]


def test_marks_can_be_moved() -> None:
    place = flow(marks={"lessee": {"keyword": "The Lessee", "offset_y": -12}})
    assert place["Approvers"][0]["SignComponents"][0]["OffsetY"] == -12


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (request(dataclasses.replace(LESSEE, phone="")), "phone_missing"),
        (request(dataclasses.replace(LESSEE, phone="+6581234567")), "phone_not_served"),
        (request(dataclasses.replace(LESSEE, role=SignerRole.GUARANTOR)), "mark_missing"),
    ],
)
def test_whom_the_vendor_cannot_have_sign(asked: EnvelopeRequest, code: str, **more: Any) -> None:
    marks = {"lessee": {"keyword": "乙方"}, "lessor": {"keyword": "甲方"}}
    with pytest.raises(Rejected) as raised:
        mapping.flow_body(asked, "file-1", settings(marks=marks), "key-1")
    assert (raised.value.vendor_code, raised.value.advice) == (code, RetryAdvice.OTHER_PROVIDER)


def test_several_papers_are_bound_into_one_and_only_pdfs() -> None:
    one = request()
    assert mapping.one_document(one).content == PDF
    papers = [_pages(height) for height in (100, 200)]
    bound = mapping.one_document(dataclasses.replace(one, documents=tuple(papers)))
    assert [page.mediabox.height for page in PdfReader(io.BytesIO(bound.content)).pages] == [100, 200]
    assert (bound.name, bound.sha256) == ("100.pdf", hashlib.sha256(bound.content).hexdigest())
    word = EsignDocument(name="a.docx", content=b"PK", sha256=hashlib.sha256(b"PK").hexdigest())
    torn = EsignDocument(name="b.pdf", content=b"%PDF-", sha256=hashlib.sha256(b"%PDF-").hexdigest())
    for bad in ((word,), (papers[0], word), (papers[0], torn)):
        with pytest.raises(Rejected, match="pdf_only"):
            mapping.one_document(dataclasses.replace(one, documents=bad))


def _pages(height: int) -> EsignDocument:
    writer, content = PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, height)
    writer.write(content)
    sha256 = hashlib.sha256(content.getvalue()).hexdigest()
    return EsignDocument(name=f"{height}.pdf", content=content.getvalue(), sha256=sha256)


@given(subject=st.text(max_size=300), reason=st.text(max_size=300))
def test_names_and_reasons_hold_only_what_the_vendor_takes(subject: str, reason: str) -> None:
    name = flow(subject=subject)["FlowName"]
    told = mapping.void_body(VoidRequest(envelope_ref=FLOW, reason=reason), settings())["CancelMessage"]
    assert len(name) <= 200
    assert not re.search(r"[/<>\"'%\n#@]", name)
    assert isinstance(told, str)
    assert 0 < len(told) <= 200


def test_links_are_asked_for_people_alone_and_for_as_long_as_wished() -> None:
    assert mapping.links_body(request(LESSOR), FLOW, settings()) is None
    asked = mapping.links_body(request(redirect_url="https://hub.example/back"), FLOW, settings(link_valid_s=86400))
    assert asked is not None
    assert (asked["JumpUrl"], asked["ExpiredOn"]) == ("https://hub.example/back", 86400)
    assert "ExpiredOn" not in (mapping.links_body(request(), FLOW, settings()) or {})


def test_a_group_acts_for_its_company() -> None:
    group = settings(proxy_organization_id="org-1")
    bodies = [
        mapping.info_body(FLOW, group),
        mapping.void_body(VoidRequest(envelope_ref=FLOW, reason="x"), group),
        mapping.files_body(FetchRequest(envelope_ref=FLOW), group),
        mapping.flow_body(request(), "file-1", group, "key-1"),
        mapping.upload_body(request().documents[0], group),
        mapping.links_body(request(), FLOW, group) or {},
    ]
    assert all(body["Agent"] == {"ProxyOrganizationId": "org-1"} for body in bodies)


@pytest.mark.parametrize(
    "wrong",
    [
        {"callback_key": "too short"},
        {"callback_key": "x" * 33},
        {"operator_id": ""},
        {"link_valid_s": 60},
        {"marks": {"lessee": {"keyword": ""}}},
        {"marks": {"nobody": {"keyword": "x"}}},
        {"url": "ess.tencentcloudapi.com"},
    ],
)
def test_bad_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_an_envelope_is_open_until_its_end() -> None:
    until = datetime(2026, 3, 12, 10, 0, tzinfo=UTC) + timedelta(milliseconds=900)
    body = mapping.flow_body(request(expires_at=until), "file-1", settings(), "key-1")
    assert body["Deadline"] == int(until.timestamp())
