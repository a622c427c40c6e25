"""The vendor's own clients (tencentcloud-sdk-python-sms, -vms): accepted by the stand-in, and our requests equal theirs."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from leasehub_sms_tencent.conformance import KEY, KEY_ID, TOKEN
from leasehub_sms_tencent.settings import TencentSmsSettings
from leasehub_sms_tencent.standin import APP, SIGN, VOICE_APP, TencentMessenger
from leasehub_tc3.standin import overheard, spoken
from tencentcloud.common import abstract_client
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111 import models as sms
from tencentcloud.sms.v20210111.sms_client import SmsClient
from tencentcloud.vms.v20200902 import models as vms
from tencentcloud.vms.v20200902.vms_client import VmsClient

from hub.core.errors import AuthFailed, Rejected
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageReceipt, MessageRequest, MessageStatus
from hub.testing.loopback import loopback

LONG = "租金" * 150
PARAMS = [
    {"amount": "3280.55", "due_on": "2026-03-05"},
    {"amount": "叁仟贰佰捌拾圆伍角伍分", "due_on": '三月五日 🚗 "引号" \\ / & = % + \n'},
    {"amount": LONG, "due_on": ""},
]


def message(channel: MessageChannel = MessageChannel.SMS, **more: Any) -> MessageRequest:
    given = {"to": "+8613812345678", "template_id": "rent_due", "params": PARAMS[0], **more}
    return MessageRequest(channel=channel, category=MessageCategory.TRANSACTIONAL, **given)


def client(kind: Any, *, endpoint: str | None = None, key: str = KEY, region: str = "ap-guangzhou") -> Any:
    http = HttpProfile(protocol="http" if endpoint else None, endpoint=endpoint, reqTimeout=10)
    return kind(Credential(KEY_ID, key), region, ClientProfile(httpProfile=http))


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch, desk: Any) -> None:
    """The vendor's clock stands where ours does."""
    monkeypatch.setattr(abstract_client, "time", SimpleNamespace(time=desk.clock.now().timestamp))


def traced(request: Any, key: str, **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(request, name, value)
    request.headers = {"X-TC-TraceId": key}
    return request


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("params", PARAMS)
async def test_a_text_message_equals_the_vendors_own(desk: Any, params: dict[str, str]) -> None:
    await desk.provider.messaging_send(message(params=params), desk.ctx("key-1"))
    theirs = traced(
        sms.SendSmsRequest(),
        "key-1",
        PhoneNumberSet=["+8613812345678"],
        SmsSdkAppId=APP,
        SignName=SIGN,
        TemplateId="449739",
        TemplateParamSet=[params["amount"], params["due_on"]],
        SessionContext="key-1",
    )
    speaker = client(SmsClient)
    _same(desk.vendor.received[-1], overheard(speaker, lambda: speaker.SendSms(theirs)))


@pytest.mark.usefixtures("stopped")
async def test_a_message_without_parameters_or_signature_equals_the_vendors_own(desk: Any) -> None:
    abroad = message(template_id="1111", params={}, to="+6581234567")
    await desk.provider.messaging_send(abroad, desk.ctx("key-2"))
    theirs = traced(
        sms.SendSmsRequest(),
        "key-2",
        PhoneNumberSet=["+6581234567"],
        SmsSdkAppId=APP,
        TemplateId="1111",
        TemplateParamSet=[],
        SessionContext="key-2",
    )
    speaker = client(SmsClient)
    _same(desk.vendor.received[-1], overheard(speaker, lambda: speaker.SendSms(theirs)))


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("params", PARAMS)
async def test_a_call_equals_the_vendors_own(desk: Any, params: dict[str, str]) -> None:
    await desk.provider.messaging_send(message(MessageChannel.VOICE, params=params), desk.ctx("key-3"))
    theirs = traced(
        vms.SendTtsVoiceRequest(),
        "key-3",
        TemplateId="449739",
        CalledNumber="+8613812345678",
        VoiceSdkAppid=VOICE_APP,
        TemplateParamSet=[params["amount"], params["due_on"]],
        PlayTimes=2,
        SessionContext="key-3",
    )
    speaker = client(VmsClient)
    _same(desk.vendor.received[-1], overheard(speaker, lambda: speaker.SendTtsVoice(theirs)))


@pytest.mark.usefixtures("stopped")
async def test_a_question_equals_the_vendors_own(desk: Any) -> None:
    sent_at = desk.clock.now()
    query = StatusQuery(provider_ref="5000:1", to="+8613812345678", sent_at=sent_at)
    await desk.provider.messaging_status(query, desk.ctx("key-4"))
    theirs = traced(
        sms.PullSmsSendStatusByPhoneNumberRequest(),
        "key-4",
        BeginTime=int(sent_at.timestamp()) - 60,
        EndTime=int(sent_at.timestamp()),
        Offset=0,
        Limit=100,
        PhoneNumber="+8613812345678",
        SmsSdkAppId=APP,
    )
    speaker = client(SmsClient)
    _same(desk.vendor.received[-1], overheard(speaker, lambda: speaker.PullSmsSendStatusByPhoneNumber(theirs)))


def _same(ours: Any, theirs: Any) -> None:
    assert (ours.method, ours.target) == (theirs.method, theirs.target)
    assert spoken(ours.headers) == spoken(theirs.headers)
    assert ours.body == theirs.body


class _Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


def _vendor() -> TencentMessenger:
    return TencentMessenger(_Now(), secret_id=KEY_ID, secret_key=KEY, receipts_url="https://hub.example/x", token=TOKEN)


async def test_the_vendors_clients_are_accepted_by_the_stand_in() -> None:
    vendor = _vendor()
    async with loopback(vendor.app) as url:
        endpoint = url.removeprefix("http://")
        sent = await asyncio.to_thread(_send_with_their_clients, endpoint)
        await vendor.settle()
        (report,) = await asyncio.to_thread(_ask_with_their_client, endpoint)
    assert sent == ("Ok", "FailedOperation.TemplateParamSetNotMatchApprovedTemplate", "call-4")
    assert (report.ReportStatus, report.SessionContext) == ("SUCCESS", "theirs")
    assert [json.loads(callback.body) for callback in vendor.outbox][1]["voiceprompt_callback"]["callid"] == "call-4"


def _send_with_their_clients(endpoint: str) -> tuple[str, str, str]:
    speaker, caller = client(SmsClient, endpoint=endpoint), client(VmsClient, endpoint=endpoint)
    fields = {"PhoneNumberSet": ["+8618501234444"], "SmsSdkAppId": APP, "SignName": SIGN, "TemplateId": "1110"}
    good = traced(sms.SendSmsRequest(), "1", **fields, TemplateParamSet=["4370"], SessionContext="theirs")
    bad = traced(sms.SendSmsRequest(), "2", **fields, TemplateParamSet=["4370", "5"])
    call = traced(vms.SendTtsVoiceRequest(), "3", TemplateId="1110", CalledNumber="+8613788888888", PlayTimes=2)
    call.VoiceSdkAppid, call.TemplateParamSet, call.SessionContext = VOICE_APP, ["7652"], "sc-t"
    codes = [speaker.SendSms(request).SendStatusSet[0].Code for request in (good, bad)]
    return codes[0], codes[1], caller.SendTtsVoice(call).SendStatus.CallId


def _ask_with_their_client(endpoint: str) -> list[Any]:
    now = int(datetime.now(UTC).timestamp())
    asked = traced(sms.PullSmsSendStatusByPhoneNumberRequest(), "4", BeginTime=now - 600, EndTime=now + 60, Offset=0)
    asked.Limit, asked.PhoneNumber, asked.SmsSdkAppId = 100, "+8618501234444", APP
    found: list[Any] = client(SmsClient, endpoint=endpoint).PullSmsSendStatusByPhoneNumber(asked).PullSmsSendStatusSet
    return found


async def test_a_wrong_key_of_the_vendors_client_is_refused() -> None:
    async with loopback(_vendor().app) as url:
        speaker = client(SmsClient, endpoint=url.removeprefix("http://"), key="another key")
        asked = traced(sms.SendStatusStatisticsRequest(), "1", SmsSdkAppId=APP)
        with pytest.raises(TencentCloudSDKException) as raised:
            await asyncio.to_thread(speaker.SendStatusStatistics, asked)
    assert raised.value.get_code() == "AuthFailure.SignatureFailure"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda one: replace(one, body=one.body + b" "), "AuthFailure.SignatureFailure"),
        (lambda one: _with(one, "host", "vms.tencentcloudapi.com"), "AuthFailure.SignatureFailure"),
        (lambda one: _with(one, "content-type", "application/json; charset=utf-8"), "AuthFailure.SignatureFailure"),
        (lambda one: _with(one, "x-tc-timestamp", "1772676001"), "AuthFailure.SignatureFailure"),
        (lambda one: _with(one, "x-tc-timestamp", "1772672399"), "AuthFailure.SignatureExpire"),
        (
            lambda one: _with(one, "authorization", one.headers["authorization"][:-1]),
            "AuthFailure.InvalidAuthorization",
        ),
        (lambda one: _with(one, "x-tc-version", "2019-07-11"), "NoSuchVersion"),
        (lambda one: _with(one, "x-tc-action", "SendSmsAgain"), "InvalidAction"),
        (lambda one: one, None),
    ],
)
async def test_what_is_changed_on_the_way_is_refused(desk: Any, spoil: Any, code: str | None) -> None:
    await desk.provider.messaging_send(message(), desk.ctx())
    one = spoil(desk.vendor.received[-1])
    transport = httpx.ASGITransport(app=desk.vendor.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://sms.tencentcloudapi.com") as http:
        answer = (await http.post("/", content=one.body, headers=dict(one.headers))).json()["Response"]
    assert answer.get("Error", {}).get("Code") == code


def _with(one: Any, name: str, value: str) -> Any:
    return replace(one, headers={**one.headers, name: value})


async def test_a_message_comes_to_its_person(desk: Any) -> None:
    receipt = await desk.provider.messaging_send(message(), desk.ctx("key-1"))
    query = StatusQuery(provider_ref=receipt.message_ref, to="+8613812345678", sent_at=desk.clock.now())
    assert (await desk.provider.messaging_status(query, desk.ctx())).status is MessageStatus.ACCEPTED
    await desk.vendor.settle()
    delivered = await desk.provider.messaging_status(query, desk.ctx())
    assert delivered.status is MessageStatus.DELIVERED
    by_key = replace(query, provider_ref=None, idempotency_key="key-1")
    assert isinstance(await desk.provider.messaging_status(by_key, desk.ctx()), MessageReceipt)
    unknown = replace(query, provider_ref=None, idempotency_key="key-2")
    assert isinstance(await desk.provider.messaging_status(unknown, desk.ctx()), NoRecord)


async def test_receipts_of_the_stand_in_are_believed(desk: Any) -> None:
    sent = [await desk.provider.messaging_send(message(channel), desk.ctx(channel)) for channel in ("sms", "voice")]
    desk.vendor.unreachable.add("+8613812345678")
    await desk.vendor.settle()
    told = []
    for callback in desk.vendor.outbox:
        token = httpx.URL(callback.url).params["token"]
        delivery = desk.provider.webhook_receive(_posted(desk, callback, token))
        told += [(event.subject_ref, event.status) for event in delivery.events]
    assert told == [(receipt.message_ref, "undeliverable") for receipt in sent]


def _posted(desk: Any, callback: Any, token: str) -> Any:
    from hub.testing.contexts import webhook_request

    return webhook_request(callback.headers, callback.body, desk.clock, query={"token": token})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (StatusQuery(provider_ref="voice:call-1", to="+8613812345678"), "calls_cannot_be_asked_after"),
        (StatusQuery(provider_ref="5000:1"), "receiver_needed"),
    ],
)
async def test_what_the_vendor_cannot_be_asked_is_not_asked(desk: Any, query: StatusQuery, code: str) -> None:
    with pytest.raises(Rejected, match=code):
        await desk.provider.messaging_status(query, desk.ctx())
    assert not desk.vendor.received


async def test_mail_is_not_offered(desk: Any) -> None:
    with pytest.raises(Rejected, match="channel_not_offered"):
        await desk.provider.messaging_send(message(MessageChannel.EMAIL), desk.ctx())


async def test_two_accounts_do_not_know_each_other(desk: Any, settings: TencentSmsSettings) -> None:
    other = settings.model_validate({**settings.model_dump(), "secret_key": "key-of-another-account"})
    provider = type(desk.provider)(other, desk.provider._sms._context)
    with pytest.raises(AuthFailed):
        await provider.provider_health(desk.ctx())
    assert (await desk.provider.provider_health(desk.ctx())).healthy
