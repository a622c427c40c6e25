"""A token that a vendor gives for a while: fetched by one call at a time, kept until shortly before its end, never asked
for again and again with credentials that the vendor has just refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.core.errors import AuthFailed, Misconfigured, NotSent, ProviderError, UnknownOutcome
from hub.core.provider import CallContext, Clock
from hub.sdk.http import seconds_left

_LONGEST_WAIT_S = 60.0
_NEW = timedelta(minutes=1)  # a token that is refused at this age was never good


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a vendor has given, and from when until when it counts."""

    value: str = field(repr=False)
    made_at: datetime
    ends_at: datetime


Fetch = Callable[[CallContext], Awaitable[Token]]


class Tokens:
    """The token of one instance.

    `early`: how long before its end one is replaced. `hold`: for how long credentials that were refused are not tried
    again, so that no account is locked by fifty calls that all wait for the same answer.
    """

    def __init__(
        self,
        clock: Clock,
        fetch: Fetch,
        *,
        early: timedelta = timedelta(minutes=2),
        hold: timedelta = timedelta(minutes=5),
    ) -> None:
        self._clock = clock
        self._fetch = fetch
        self._early = early
        self._hold = hold
        self._lock = asyncio.Lock()
        self._kept: Token | None = None
        self._refusal: tuple[datetime, type[ProviderError], str] | None = None

    async def get(self, ctx: CallContext) -> Token:
        """A token that is good now.

        Raises AuthFailed or Misconfigured when the vendor gives none, and NotSent when it could not be had in time:
        the call for which it was wanted has not gone out.
        """
        if (good := self._good()) is not None:
            return good
        try:
            async with asyncio.timeout(seconds_left(ctx, self._clock, _LONGEST_WAIT_S)):
                await self._lock.acquire()
        except TimeoutError:
            raise NotSent("no token came in time") from None
        try:
            return self._good() or await self._fetched(ctx)
        finally:
            self._lock.release()

    def refused(self, token: Token, detail: str) -> ProviderError:
        """What it means that the vendor refuses a token before its end; it is forgotten.

        One of some age may have been withdrawn, and the call, which was not executed, may go out again with another.
        One that is new means that the credentials themselves are wrong.
        """
        if self._kept is token:
            self._kept = None
        if self._clock.now() - token.made_at >= _NEW:
            return NotSent(f"{detail}: the token had been withdrawn")
        return AuthFailed(detail)

    def _good(self) -> Token | None:
        kept = self._kept
        return kept if kept is not None and self._clock.now() < kept.ends_at - self._early else None

    async def _fetched(self, ctx: CallContext) -> Token:
        if self._refusal is not None:
            until, kind, detail = self._refusal
            if self._clock.now() < until:
                raise kind(detail)
        try:
            self._kept = await self._fetch(ctx)
        except (AuthFailed, Misconfigured) as refusal:
            self._refusal = (self._clock.now() + self._hold, type(refusal), refusal.detail)
            raise
        except UnknownOutcome as lost:
            raise NotSent(f"no token: {lost.detail}") from lost
        self._refusal = None
        return self._kept
