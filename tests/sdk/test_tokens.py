"""A token is fetched once for all who want it, kept, renewed, and not asked for again with what was refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hub.core.errors import AuthFailed, Misconfigured, NotSent, ProviderError, RateLimited, UnknownOutcome
from hub.core.provider import CallContext
from hub.sdk.clock import VirtualClock
from hub.sdk.tokens import Token, Tokens
from hub.testing.contexts import call_context

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)


class Vendor:
    """Gives tokens of an hour, or raises what it is told to."""

    def __init__(self) -> None:
        self.clock = VirtualClock(START_AT)
        self.asked = 0
        self.trouble: ProviderError | None = None
        self.silent, self.reached = asyncio.Event(), asyncio.Event()
        self.silent.set()

    async def token(self, ctx: CallContext) -> Token:
        self.asked += 1
        self.reached.set()
        await self.silent.wait()
        if self.trouble is not None:
            raise self.trouble
        now = self.clock.now()
        return Token(value=f"token-{self.asked}", made_at=now, ends_at=now + timedelta(hours=1))

    def ctx(self, limit_s: float = 15.0) -> CallContext:
        return call_context(self.clock, limit_s=limit_s)


async def test_fifty_at_once_fetch_one_and_it_is_renewed_before_its_end() -> None:
    vendor = Vendor()
    tokens = Tokens(vendor.clock, vendor.token)
    found = await asyncio.gather(*(tokens.get(vendor.ctx()) for _ in range(50)))
    assert {one.value for one in found} == {"token-1"}
    vendor.clock.advance(timedelta(minutes=57))
    assert (await tokens.get(vendor.ctx())).value == "token-1"
    vendor.clock.advance(timedelta(minutes=1))
    assert (await tokens.get(vendor.ctx())).value == "token-2"


@pytest.mark.parametrize("refusal", [AuthFailed("wrong"), Misconfigured("no consent")])
async def test_what_was_refused_is_not_tried_again_for_a_while(refusal: ProviderError) -> None:
    vendor = Vendor()
    tokens, vendor.trouble = Tokens(vendor.clock, vendor.token), refusal
    ends = await asyncio.gather(*(tokens.get(vendor.ctx()) for _ in range(50)), return_exceptions=True)
    assert {type(end) for end in ends} == {type(refusal)}
    assert {str(end) for end in ends} == {str(refusal)}
    assert vendor.asked == 1
    vendor.clock.advance(timedelta(minutes=5))
    vendor.trouble = None
    assert (await tokens.get(vendor.ctx())).value == "token-2"
    assert vendor.asked == 2


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [(UnknownOutcome("silent"), NotSent), (NotSent("refused"), NotSent), (RateLimited(), RateLimited)],
)
async def test_other_failures_are_tried_again_and_the_call_was_not_sent(
    trouble: ProviderError, kind: type[ProviderError]
) -> None:
    vendor = Vendor()
    tokens, vendor.trouble = Tokens(vendor.clock, vendor.token), trouble
    with pytest.raises(kind):
        await tokens.get(vendor.ctx())
    vendor.trouble = None
    assert (await tokens.get(vendor.ctx())).value == "token-2"


async def test_whoever_waits_too_long_for_another_has_sent_nothing() -> None:
    vendor = Vendor()
    tokens = Tokens(vendor.clock, vendor.token)
    vendor.silent.clear()
    first = asyncio.create_task(tokens.get(vendor.ctx()))
    await vendor.reached.wait()
    with pytest.raises(NotSent):
        await tokens.get(vendor.ctx(0.05))
    vendor.silent.set()
    assert (await first).value == "token-1"


async def test_a_refused_token_is_replaced_and_a_new_one_means_wrong_credentials() -> None:
    vendor = Vendor()
    tokens = Tokens(vendor.clock, vendor.token)
    token = await tokens.get(vendor.ctx())
    assert type(tokens.refused(token, "401")) is AuthFailed
    token = await tokens.get(vendor.ctx())
    assert token.value == "token-2"
    vendor.clock.advance(timedelta(minutes=1))
    assert type(tokens.refused(token, "401")) is NotSent
    newer = await tokens.get(vendor.ctx())
    assert type(tokens.refused(token, "401 of long ago")) is NotSent
    assert await tokens.get(vendor.ctx()) is newer


def test_a_token_does_not_show_itself() -> None:
    assert "hidden" not in repr(Token(value="hidden", made_at=START_AT, ends_at=START_AT))
