"""The vendor's own client (tencentcloud-sdk-python-ess): accepted by the stand-in, and our requests equal its own."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from leasehub_esign_tencent.conformance import KEY, KEY_ID, vendor_at
from leasehub_esign_tencent.standin import OPERATOR, SEAL
from leasehub_tc3.standin import overheard, spoken
from tencentcloud.common import abstract_client
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.ess.v20201111 import models
from tencentcloud.ess.v20201111.ess_client import EssClient

from hub.core.errors import AuthFailed, NotSent, Rejected, UnknownOutcome
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.esign import EnvelopeStatus, FetchRequest, Signer, SignerRole, VoidRequest
from hub.testing.contexts import webhook_request
from hub.testing.loopback import loopback

GUARANTOR = Signer(role=SignerRole.GUARANTOR, order=1, name="李四", phone="+8613900000000")
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
NAMES = ["融资租赁合同 HT-2026-0001", "租" * 200, "（补充协议）[A-1]; 甲&乙, v1.0+"]


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch, desk: Any) -> None:
    """No proxy stands in the way, and the vendor's clock stands where ours does."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(abstract_client, "time", SimpleNamespace(time=desk.clock.now().timestamp))


def client(*, endpoint: str | None = None, plain: bool = False, key: str = KEY) -> Any:
    http = HttpProfile(protocol="http" if plain else None, endpoint=endpoint, reqTimeout=10)
    return EssClient(Credential(KEY_ID, key), "", ClientProfile(httpProfile=http))


def filled(model: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(model, name, value)
    return model


def user() -> Any:
    return filled(models.UserInfo(), UserId=OPERATOR)


def place(kind: str, keyword: str, width: int, height: int, seal: str | None = None) -> Any:
    return filled(
        models.Component(),
        ComponentType=kind,
        ComponentHeight=height,
        ComponentWidth=width,
        FileIndex=0,
        GenerateMode="KEYWORD",
        ComponentId=keyword,
        ComponentValue=seal,
        KeywordOrder="Reverse",
        RelativeLocation="Below",
        KeywordIndexes=[0],
    )


def theirs(desk: Any, name: str, flow: str, file_id: str) -> dict[str, tuple[Any, str]]:
    """What the vendor's own client would be asked to do for one envelope, by action."""
    deadline = int(desk.envelope().expires_at.timestamp())
    person = filled(
        models.ApproverInfo(),
        ApproverType=1,
        ApproverName="张三丰",
        ApproverMobile="13812345678",
        SignComponents=[place("SIGN_SIGNATURE", "承租人（乙方）", 112, 40)],
        ApproverIdCardType="ID_CARD",
        ApproverIdCardNumber="11010119900307851X",
        NotifyType="sms",
    )
    company = filled(
        models.ApproverInfo(),
        ApproverType=3,
        OrganizationName="典子谦示例企业",
        SignComponents=[place("SIGN_SEAL", "出租人（甲方）", 119, 119, SEAL)],
        NotifyType="none",
    )
    file = filled(models.UploadFile(), FileBody=base64.b64encode(PDF).decode(), FileName="contract.pdf")
    caller = filled(models.Caller(), OperatorId=OPERATOR)
    link = filled(models.FlowCreateApprover(), ApproverType=1, ApproverName="张三丰", ApproverMobile="13812345678")
    create = {"FlowName": name, "FileIds": [file_id], "Approvers": [person, company], "Deadline": deadline}
    user_data = base64.b64encode(b"envelope-1").decode()
    files = {"BusinessType": "FLOW", "BusinessIds": [flow], "FileType": "PDF", "UrlTtl": 300}
    requests = {
        "UploadFiles": filled(models.UploadFilesRequest(), BusinessType="DOCUMENT", Caller=caller, FileInfos=[file]),
        "CreateFlowByFiles": filled(
            models.CreateFlowByFilesRequest(), Operator=user(), **create, Unordered=False, UserData=user_data
        ),
        "CreateFlowSignUrl": filled(
            models.CreateFlowSignUrlRequest(), FlowId=flow, Operator=user(), FlowApproverInfos=[link]
        ),
        "DescribeFlowInfo": filled(models.DescribeFlowInfoRequest(), Operator=user(), FlowIds=[flow]),
        "DescribeFileUrls": filled(models.DescribeFileUrlsRequest(), Operator=user(), **files),
        "CancelFlow": filled(
            models.CancelFlowRequest(), Operator=user(), FlowId=flow, CancelMessage="金额写错了，重新签"
        ),
        "DescribeOrganizationVerifyStatus": filled(models.DescribeOrganizationVerifyStatusRequest(), Operator=user()),
    }
    for request in requests.values():
        request.headers = {"X-TC-TraceId": "envelope-1"}
    endpoint = {"UploadFiles": "file.ess.tencent.cn"}
    return {action: (request, endpoint.get(action, "")) for action, request in requests.items()}


@pytest.mark.parametrize("name", NAMES)
async def test_every_request_equals_the_vendors_own(desk: Any, name: str) -> None:
    provider, ctx = desk.provider(), desk.ctx()
    await provider.provider_health(ctx)
    envelope = await provider.esign_create(desk.envelope(subject=name), ctx)
    await provider.esign_status(StatusQuery(provider_ref=envelope.envelope_ref), ctx)
    await desk.vendor.settle()
    await provider.esign_fetch(FetchRequest(envelope_ref=envelope.envelope_ref), ctx)
    other = await provider.esign_create(desk.envelope(), desk.ctx("other"))
    await provider.esign_void(VoidRequest(envelope_ref=other.envelope_ref, reason="金额写错了，重新签"), ctx)
    ours = {one.headers["x-tc-action"]: one for one in reversed(desk.vendor.received) if one.method == "POST"}
    (file_id, _) = desk.vendor.files
    wanted = theirs(desk, name, envelope.envelope_ref, file_id)
    wanted["CancelFlow"][0].FlowId = other.envelope_ref
    assert set(ours) == set(wanted)
    for action, (request, endpoint) in wanted.items():
        speaker = client(endpoint=endpoint or None)
        expected = overheard(speaker, lambda say=getattr(speaker, action), it=request: say(it))
        first = next(one for one in desk.vendor.received if one.headers.get("x-tc-action") == action)
        sent = ours[action] if action == "CancelFlow" else first
        assert spoken(sent.headers) == spoken(expected.headers), action
        assert sent.body == expected.body, action


class _Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


async def test_the_vendors_client_is_accepted_by_the_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(abstract_client, "time", time)
    vendor = vendor_at(_Now())  # type: ignore[arg-type]
    async with loopback(vendor.app) as url:
        endpoint = url.removeprefix("http://")
        flow, link = await asyncio.to_thread(_sign_with_their_client, endpoint)
        await vendor.settle()
        status, file = await asyncio.to_thread(_ask_with_their_client, endpoint, flow)
        with pytest.raises(TencentCloudSDKException) as cancelled:
            await asyncio.to_thread(_cancel_with_their_client, endpoint, flow)
        with pytest.raises(TencentCloudSDKException) as refused:
            await asyncio.to_thread(_ask_with_their_client, endpoint, flow, "another key")
    assert link.startswith("https://essurl.cn/")
    assert (status, file.startswith("https://file.ess.tencent.cn/file/FLOW/")) == (4, True)
    assert cancelled.value.get_code() == "OperationDenied.FlowHasTerminated"
    assert refused.value.get_code() == "AuthFailure.SignatureFailure"
    assert [booking.key for booking in await vendor.books()] == ["theirs"]


def _sign_with_their_client(endpoint: str) -> tuple[str, str]:
    speaker = client(endpoint=endpoint, plain=True)
    file = filled(models.UploadFile(), FileBody=base64.b64encode(PDF).decode(), FileName="contract.pdf")
    upload = filled(models.UploadFilesRequest(), BusinessType="DOCUMENT", FileInfos=[file])
    upload.Caller = filled(models.Caller(), OperatorId=OPERATOR)
    (file_id,) = speaker.UploadFiles(upload).FileIds
    signer = filled(models.ApproverInfo(), ApproverType=1, ApproverName="张三", ApproverMobile="13200000000")
    signer.SignComponents = [place("SIGN_SIGNATURE", "乙方", 112, 40)]
    asked = filled(models.CreateFlowByFilesRequest(), Operator=user(), FlowName="合同", FileIds=[file_id])
    asked.Approvers, asked.Unordered = [signer], False
    asked.Deadline, asked.UserData = int(datetime.now(UTC).timestamp()) + 3600, base64.b64encode(b"theirs").decode()
    flow = speaker.CreateFlowByFiles(asked).FlowId
    link = filled(models.FlowCreateApprover(), ApproverType=1, ApproverName="张三", ApproverMobile="13200000000")
    links = filled(models.CreateFlowSignUrlRequest(), FlowId=flow, Operator=user(), FlowApproverInfos=[link])
    return flow, speaker.CreateFlowSignUrl(links).FlowApproverUrlInfos[0].SignUrl


def _ask_with_their_client(endpoint: str, flow: str, key: str = KEY) -> tuple[int, str]:
    speaker = client(endpoint=endpoint, plain=True, key=key)
    info = filled(models.DescribeFlowInfoRequest(), Operator=user(), FlowIds=[flow])
    files = filled(models.DescribeFileUrlsRequest(), Operator=user(), BusinessType="FLOW", BusinessIds=[flow])
    status = speaker.DescribeFlowInfo(info).FlowDetailInfos[0].FlowStatus
    return status, speaker.DescribeFileUrls(files).FileUrls[0].Url


def _cancel_with_their_client(endpoint: str, flow: str) -> None:
    asked = filled(models.CancelFlowRequest(), Operator=user(), FlowId=flow, CancelMessage="写错了")
    client(endpoint=endpoint, plain=True).CancelFlow(asked)


async def test_an_envelope_is_signed_told_and_fetched(desk: Any) -> None:
    provider = desk.provider()
    envelope = await provider.esign_create(desk.envelope(), desk.ctx("key-1"))
    assert (envelope.status, len(envelope.signing_urls)) == (EnvelopeStatus.SENT, 1)
    with pytest.raises(Rejected, match="not_completed"):
        await provider.esign_fetch(FetchRequest(envelope_ref=envelope.envelope_ref), desk.ctx())
    await desk.vendor.settle()
    told = [_read(desk, provider, callback) for callback in desk.vendor.outbox]
    assert [status for _, _, status in told] == ["sent", "partly_signed", "completed"]
    assert {(ref, key) for ref, key, _ in told} == {(envelope.envelope_ref, "key-1")}
    found = await provider.esign_status(StatusQuery(provider_ref=envelope.envelope_ref), desk.ctx())
    assert (found.status, found.completed_at) == (EnvelopeStatus.COMPLETED, desk.clock.now())
    signed = await provider.esign_fetch(FetchRequest(envelope_ref=envelope.envelope_ref), desk.ctx())
    assert signed.content.startswith(PDF)
    assert signed.content != PDF


def _read(desk: Any, provider: Any, callback: Any) -> tuple[str, str, str]:
    delivery = provider.webhook_receive(webhook_request(callback.headers, callback.body, desk.clock))
    (event,) = delivery.events
    return event.subject_ref, event.subject_key, event.status


async def test_an_envelope_is_taken_back_declined_or_runs_out(desk: Any) -> None:
    provider = desk.provider()
    refs = [(await provider.esign_create(desk.envelope(), desk.ctx(f"key-{n}"))).envelope_ref for n in range(3)]
    voided = await provider.esign_void(VoidRequest(envelope_ref=refs[0], reason="写错了 #1 <b>"), desk.ctx())
    assert voided.status is EnvelopeStatus.VOIDED
    assert desk.vendor.flows[refs[0]].message == "写错了  1  b"
    with pytest.raises(Rejected, match="FlowHasTerminated"):
        await provider.esign_void(VoidRequest(envelope_ref=refs[0], reason="again"), desk.ctx())
    desk.vendor.decline(refs[1], "不想签")
    desk.clock.move_to(desk.envelope().expires_at)
    found = [await provider.esign_status(StatusQuery(provider_ref=ref), desk.ctx()) for ref in refs]
    assert [one.status for one in found] == [EnvelopeStatus.VOIDED, EnvelopeStatus.DECLINED, EnvelopeStatus.EXPIRED]
    assert found[1].decline_reason == "不想签"


def failing(desk: Any, action: str, answer: Callable[[], httpx.Response]) -> httpx.AsyncBaseTransport:
    """The vendor, but for one action."""
    vendor = httpx.ASGITransport(app=desk.vendor.app)

    class Transport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.headers.get("x-tc-action") == action:
                return answer()
            return await vendor.handle_async_request(request)

    return Transport()


def hang() -> httpx.Response:
    raise httpx.ReadTimeout("silent")


async def test_a_lost_upload_has_sent_nothing_out(desk: Any) -> None:
    for answer in (hang, lambda: httpx.Response(502), lambda: httpx.Response(200, json={"Response": {"FileIds": []}})):
        async with httpx.AsyncClient(transport=failing(desk, "UploadFiles", answer)) as http:
            provider = dataclasses.replace(desk, http=http).provider()
            with pytest.raises(NotSent):
                await provider.esign_create(desk.envelope(), desk.ctx())
    assert not desk.vendor.flows


async def test_an_envelope_without_links_is_an_envelope(desk: Any) -> None:
    for answer in (hang, lambda: httpx.Response(500)):
        async with httpx.AsyncClient(transport=failing(desk, "CreateFlowSignUrl", answer)) as http:
            envelope = await dataclasses.replace(desk, http=http).provider().esign_create(desk.envelope(), desk.ctx())
            assert (envelope.status, envelope.signing_urls) == (EnvelopeStatus.SENT, ())


async def test_a_lost_answer_to_the_envelope_is_unknown(desk: Any) -> None:
    async with httpx.AsyncClient(transport=failing(desk, "CreateFlowByFiles", hang)) as http:
        with pytest.raises(UnknownOutcome):
            await dataclasses.replace(desk, http=http).provider().esign_create(desk.envelope(), desk.ctx())


async def test_only_the_vendors_own_word_is_no_record(desk: Any) -> None:
    query = StatusQuery(provider_ref="yDwUnknown")
    for code, known in (
        ("ResourceNotFound.Flow", False),
        ("ResourceNotFound.NotExistFlow", False),
        ("FailedOperation", True),
    ):
        answer = {"Response": {"Error": {"Code": code, "Message": ""}, "RequestId": "r"}}
        transport = failing(desk, "DescribeFlowInfo", lambda it=answer: httpx.Response(200, json=it))
        async with httpx.AsyncClient(transport=transport) as http:
            provider = dataclasses.replace(desk, http=http).provider()
            if known:
                with pytest.raises(Rejected):
                    await provider.esign_status(query, desk.ctx())
            else:
                assert await provider.esign_status(query, desk.ctx()) == NoRecord(query=query)


async def test_what_the_vendor_cannot_take_is_not_sent(desk: Any) -> None:
    with pytest.raises(Rejected, match="pdf_only"):
        await desk.provider().esign_create(desk.envelope(content=b"PK"), desk.ctx())
    with pytest.raises(Rejected, match="mark_missing"):
        await desk.provider().esign_create(desk.envelope(signers=(GUARANTOR,)), desk.ctx())
    with pytest.raises(Rejected, match="reference_needed"):
        await desk.provider().esign_status(StatusQuery(idempotency_key="key-1"), desk.ctx())
    assert not desk.vendor.received


async def test_two_accounts_do_not_know_each_other(desk: Any) -> None:
    with pytest.raises(AuthFailed):
        await desk.provider(secret_key="key of another account").provider_health(desk.ctx())
    assert (await desk.provider().provider_health(desk.ctx())).healthy
