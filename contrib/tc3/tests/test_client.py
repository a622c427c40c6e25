"""One call: what goes out, and what each kind of answer means."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from leasehub_tc3 import codes
from leasehub_tc3.client import Service, Tc3Client, trace_id
from leasehub_tc3.codes import COMMON, Meaning, error_of, meaning_of
from leasehub_tc3.settings import Tc3Settings
from pydantic import SecretStr, ValidationError

from hub.core.errors import AuthFailed, Misconfigured, ProviderError, RateLimited, Rejected, RetryAdvice, UnknownOutcome
from hub.core.provider import CredentialKind
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context

NOW = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
OWN = {"FailedOperation.Gone": Meaning.ELSEWHERE, "OperationDenied": Meaning.REJECTED}
SERVICE = Service(name="sms", version="2021-01-11", codes=OWN)
SETTINGS = Tc3Settings(secret_id=SecretStr("AKID-of-the-test"), secret_key=SecretStr("key-of-the-test"))


async def ask(answer: Callable[[httpx.Request], httpx.Response], settings: Any = SETTINGS, **more: Any) -> Any:
    clock = VirtualClock(NOW)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        client = Tc3Client(settings, plugin_context(http, clock), SERVICE)
        url = "https://sms.tencentcloudapi.com"
        return await client.ask(url, "SendSms", {"Name": "张三"}, call_context(clock), **more)


def error(code: str, request_id: str = "req-1") -> Callable[[httpx.Request], httpx.Response]:
    content = {"Response": {"Error": {"Code": code, "Message": "of 张三"}, "RequestId": request_id}}
    return lambda request: httpx.Response(200, json=content)


async def test_what_goes_out() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"Response": {"RequestId": "1"}})

    settings = SETTINGS.model_copy(update={"region": "ap-guangzhou", "session_token": SecretStr("temporary")})
    assert (await ask(answer, settings)).text("RequestId") == "1"
    (request,) = seen
    assert str(request.url) == "https://sms.tencentcloudapi.com/"
    assert request.content == json.dumps({"Name": "张三"}).encode()
    expected = {
        "host": "sms.tencentcloudapi.com",
        "content-type": "application/json",
        "x-tc-action": "SendSms",
        "x-tc-version": "2021-01-11",
        "x-tc-timestamp": str(int(NOW.timestamp())),
        "x-tc-region": "ap-guangzhou",
        "x-tc-token": "temporary",
        "x-tc-language": "zh-CN",
        "x-tc-traceid": "key-1",
        "x-tc-requestclient": "LeaseHub",
    }
    assert {name: request.headers.get(name) for name in expected} == expected


async def test_what_is_not_set_is_not_sent() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert "x-tc-region" not in request.headers
        assert "x-tc-token" not in request.headers
        return httpx.Response(200, json={"Response": {}})

    await ask(answer)


@pytest.mark.parametrize(
    ("code", "mutates", "expected"),
    [
        ("AuthFailure.SignatureExpire", True, AuthFailed),
        ("UnauthorizedOperation.RequestPermissionDeny", True, AuthFailed),
        ("RequestLimitExceeded.UinLimitExceeded", True, RateLimited),
        ("LimitExceeded.DeliveryFrequencyLimit", True, RateLimited),
        ("InvalidParameterValue.IncorrectPhoneNumber", True, Rejected),
        ("OperationDenied.Anything", True, Rejected),
        ("UnsupportedRegion", True, Misconfigured),
        ("InternalError.RequestTimeException", True, Misconfigured),
        ("InternalError.Timeout", True, UnknownOutcome),
        ("InternalError.Timeout", False, UnknownOutcome),
        ("FailedOperation.NobodyKnows", True, UnknownOutcome),
        ("FailedOperation.NobodyKnows", False, Rejected),
    ],
)
async def test_a_code_is_an_error(code: str, mutates: bool, expected: type[ProviderError]) -> None:
    with pytest.raises(expected) as raised:
        await ask(error(code), mutates=mutates)
    assert code in raised.value.detail
    assert "req-1" in raised.value.detail
    assert "张三" not in str(raised.value)


async def test_a_strange_request_id_is_left_out() -> None:
    with pytest.raises(Rejected) as raised:
        await ask(error("InvalidParameter", "张三 18501234444"))
    assert raised.value.detail == "InvalidParameter"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(200, json={}), UnknownOutcome),
        (httpx.Response(200, json={"Response": []}), UnknownOutcome),
        (httpx.Response(200, json={"Response": {"Error": {}}}), UnknownOutcome),
        (httpx.Response(502, text="bad gateway"), UnknownOutcome),
        (httpx.Response(302, headers={"location": "https://elsewhere.example"}), UnknownOutcome),
        (httpx.Response(401), AuthFailed),
        (httpx.Response(429), RateLimited),
    ],
)
async def test_what_is_not_in_the_vendors_words(answer: httpx.Response, expected: type[ProviderError]) -> None:
    with pytest.raises(expected):
        await ask(lambda request: answer)


def test_the_services_own_word_goes_first() -> None:
    assert meaning_of("FailedOperation.Gone", OWN) is Meaning.ELSEWHERE
    assert meaning_of("FailedOperation.Other", OWN) is None
    assert meaning_of("InvalidParameter.X", {"InvalidParameter": Meaning.UNKNOWN}) is Meaning.UNKNOWN
    found = error_of("FailedOperation.Gone", OWN, mutates=True)
    assert isinstance(found, Rejected)
    assert (found.vendor_code, found.advice) == ("FailedOperation.Gone", RetryAdvice.OTHER_PROVIDER)


def test_every_common_code_is_told() -> None:
    assert {type(error_of(code, {}, mutates=True)) for code in COMMON} == {
        AuthFailed,
        Misconfigured,
        RateLimited,
        Rejected,
        UnknownOutcome,
    }
    assert set(COMMON.values()) | {Meaning.ELSEWHERE} == set(codes.Meaning)


def test_a_key_that_cannot_stand_in_a_header_is_hashed() -> None:
    assert trace_id("0198-key") == "0198-key"
    assert len(trace_id("合同 1")) == 64
    assert trace_id("合同 1") != trace_id("合同 2")


def test_credentials_show_the_end_of_the_keys_id_alone() -> None:
    (one,) = SETTINGS.credentials()
    assert (one.name, one.kind, one.fingerprint) == ("secret_key", CredentialKind.SECRET, "…e-test")


def test_settings_are_bounded() -> None:
    with pytest.raises(ValidationError):
        Tc3Settings(secret_id=SecretStr("a"), secret_key=SecretStr("b"), timeout_s=0)
