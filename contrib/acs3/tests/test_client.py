"""What an answer means: the code before the status, the status before nothing, and the wait that the vendor names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from leasehub_acs3.client import Acs3Client, Action
from leasehub_acs3.codes import Meaning
from leasehub_acs3.settings import Acs3Settings

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context

CODES = {"isv.BUSINESS": Meaning.BUSINESS, "isv.ELSEWHERE": Meaning.BUSINESS, "isv.LIMIT": Meaning.LIMITED}
READ = Action(name="Look", version="2017-05-25", codes=CODES, elsewhere=frozenset({"isv.ELSEWHERE"}))
SEND = Action(name="Send", version="2017-05-25", codes=CODES, mutates=True)
SETTINGS: dict[str, Any] = {"access_key_id": "LTAI-made-up-for-tests", "access_key_secret": "made-up-as-well"}


class Vendor:
    """Answers the next request as it is told."""

    def __init__(self, http: httpx.AsyncClient, answers: list[httpx.Response]) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 5, 2, 0, tzinfo=UTC))
        self._answers = answers
        context = plugin_context(http, self.clock)
        self.client = Acs3Client("https://vendor.test", Acs3Settings(**SETTINGS), context)

    async def says(self, action: Action, answer: httpx.Response, **parameters: Any) -> Any:
        """What the client makes of an answer."""
        self._answers.append(answer)
        return await self.client.call(action, call_context(self.clock), **parameters)


@pytest_asyncio.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """A client of a vendor in memory."""
    answers: list[httpx.Response] = []
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda request: answers.pop())) as http:
        yield Vendor(http, answers)


def no(code: object, status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"Code": code, "Message": "张三 13812345678", "RequestId": "r"}, headers=named)


@pytest.mark.parametrize(
    ("action", "answer", "kind"),
    [
        (READ, no("isv.BUSINESS"), Rejected),
        (SEND, no("isv.BUSINESS"), Rejected),
        (READ, no("isv.NEW"), Rejected),
        (SEND, no("isv.NEW"), UnknownOutcome),
        (SEND, no("isv.NEW", 400), UnknownOutcome),
        (READ, no("isv.NEW", 400), Rejected),
        (READ, no("isv.NEW", 503), UnknownOutcome),
        (READ, no("isv.NEW", 429), RateLimited),
        (SEND, no("Throttling.User", 503), RateLimited),
        (SEND, no("isv.LIMIT"), RateLimited),
        (SEND, no("SignatureDoesNotMatch", 400), AuthFailed),
        (SEND, no("InvalidAction.NotFound", 404), Misconfigured),
        (SEND, no("OK", 500), UnknownOutcome),
        (SEND, no("OK", 302), UnknownOutcome),
        (SEND, no(None), UnknownOutcome),
        (SEND, no({"a": 1}), UnknownOutcome),
        (SEND, httpx.Response(200, text="<html>"), UnknownOutcome),
        (SEND, httpx.Response(200, json=[]), UnknownOutcome),
        (SEND, httpx.Response(429, text="slow down"), RateLimited),
        (SEND, httpx.Response(403, text="<html>"), AuthFailed),
        (SEND, httpx.Response(404, text="<html>"), Misconfigured),
    ],
)
async def test_what_an_answer_means(
    vendor: Vendor, action: Action, answer: httpx.Response, kind: type[ProviderError]
) -> None:
    with pytest.raises(ProviderError) as raised:
        await vendor.says(action, answer)
    assert type(raised.value) is kind
    assert "13812345678" not in f"{raised.value!r} {raised.value.detail}"


async def test_a_good_answer(vendor: Vendor) -> None:
    assert (await vendor.says(READ, httpx.Response(200, json={"Code": "OK", "BizId": "1^0"}))).text("BizId") == "1^0"


@pytest.mark.parametrize(
    ("told", "wait_s"), [("7000", 7.0), ("1", 1.0), ("0", None), ("-5", None), ("soon", None), ("", None), ("²", None)]
)
async def test_the_wait_that_the_vendor_names(vendor: Vendor, told: str, wait_s: float | None) -> None:
    answer = httpx.Response(400, json={"Code": "Throttling"}, headers={b"x-acs-retry-after": told.encode()})
    with pytest.raises(RateLimited) as raised:
        await vendor.says(SEND, answer)
    assert raised.value.retry_after_s == wait_s


async def test_a_wait_alone_says_that_nothing_was_done(vendor: Vendor) -> None:
    with pytest.raises(RateLimited):
        await vendor.says(SEND, no("isv.NEW", 400, x_acs_retry_after="3000"))


async def test_some_refusals_are_this_vendors_alone(vendor: Vendor) -> None:
    for code, advice in (("isv.ELSEWHERE", RetryAdvice.OTHER_PROVIDER), ("isv.BUSINESS", RetryAdvice.NEVER)):
        with pytest.raises(Rejected) as raised:
            await vendor.says(READ, no(code))
        assert (raised.value.vendor_code, raised.value.advice) == (code, advice)


async def test_each_request_has_a_nonce_of_its_own_and_the_clocks_time(vendor: Vendor) -> None:
    ctx = call_context(vendor.clock)
    first, second = (vendor.client.headers(READ, ctx, {}, None) for _ in range(2))
    assert first["x-acs-signature-nonce"] != second["x-acs-signature-nonce"]
    assert first["x-acs-date"] == "2026-03-05T02:00:00Z"
    assert "content-type" not in first
    assert vendor.client.headers(READ, ctx, {}, b"")["content-type"] == "application/x-www-form-urlencoded"


async def test_after_the_deadline_nothing_is_sent(vendor: Vendor) -> None:
    with pytest.raises(NotSent):
        await vendor.client.call(SEND, call_context(vendor.clock, limit_s=0))


def test_the_credentials_show_nothing_that_opens_anything() -> None:
    settings = Acs3Settings(**SETTINGS, security_token="a-token-of-sts")  # type: ignore[arg-type]
    shown = repr((settings, settings.credentials()))
    assert not any(secret in shown for secret in ("made-up-as-well", "LTAI-made-up-for-tests", "a-token-of-sts"))
    assert [one.name for one in settings.credentials()] == ["access_key_secret", "security_token"]
