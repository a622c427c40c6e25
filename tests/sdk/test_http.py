"""What the client and the deadline may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from hub.core.errors import Misconfigured, NotSent
from hub.sdk.clock import VirtualClock
from hub.sdk.http import client_of, exchange, seconds_left
from hub.testing.contexts import call_context, plugin_context

CLOCK = VirtualClock(datetime(2026, 3, 5, tzinfo=UTC))


async def test_the_client_must_be_one() -> None:
    async with httpx.AsyncClient() as client:
        assert client_of(plugin_context(client, CLOCK)) is client
    with pytest.raises(Misconfigured):
        client_of(plugin_context(object(), CLOCK))


def test_a_call_takes_the_vendors_limit_or_what_is_left() -> None:
    clock = VirtualClock(CLOCK.now())
    ctx = call_context(clock, limit_s=10)
    assert seconds_left(ctx, clock, 8.0) == 8.0
    clock.advance(timedelta(seconds=7))
    assert seconds_left(ctx, clock, 8.0) == 3.0
    clock.advance(timedelta(seconds=3))
    with pytest.raises(NotSent):
        seconds_left(ctx, clock, 8.0)


async def test_an_address_is_logged_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    answers = httpx.MockTransport(lambda request: httpx.Response(200, text=request.url.query.decode()))
    with caplog.at_level("DEBUG"):
        async with httpx.AsyncClient(transport=answers) as client:
            url = "https://vendor.test/send?to=13812345678"
            answer = await exchange(client, "POST", url, limit_s=5)
    assert answer.body == b"to=13812345678"
    assert "https://vendor.test/send" in caplog.text
    assert "13812345678" not in caplog.text
