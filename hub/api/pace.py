"""How often somebody may ask: a limit for each token, each address and each provider's callbacks, per process.

It keeps one caller from taking the place of all others; it is no bill and no guard against a flood from everywhere,
which is the proxy's. Counts stand in memory: several processes each allow their own. Tries to log in are counted apart.
"""

from __future__ import annotations

import hashlib
import math

from fastapi.responses import JSONResponse
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.house import House
from hub.infra.clock import SystemClock

TOO_MANY = "too_many_requests"
_CALLBACKS = "/webhooks/"


class Pace:
    """Lets a request through, or answers 429 with the seconds until the next one is welcome."""

    def __init__(self, app: ASGIApp, house: House, prefix: str) -> None:
        self._app = app
        self._house = house
        self._prefix = prefix
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._clock = SystemClock()  # the one that the counts go by

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, if it does not come too soon."""
        for kind, key, most in self._limits(scope) if scope["type"] == "http" else ():
            if most and not self._limiter.hit(RateLimitItemPerMinute(most), kind, key):
                reset_at = self._limiter.get_window_stats(RateLimitItemPerMinute(most), kind, key).reset_time
                await _refused(kind, reset_at - self._clock.now().timestamp())(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _limits(self, scope: Scope) -> list[tuple[str, str, int]]:
        """By what a request is counted: the kind of limit, whose it is, and how many a minute."""
        settings, path = self._house.settings, scope["path"]
        if path.startswith(_CALLBACKS):
            name = path.removeprefix(_CALLBACKS)
            known = name in self._house.registry.current.instances
            return [("provider", name if known else "", settings.callbacks_per_minute)]
        if not path.startswith(self._prefix):
            return []
        address = (scope.get("client") or ("",))[0]
        shown = dict(scope["headers"]).get(b"authorization")
        if shown is None:
            return [("address", address, settings.strangers_per_minute)]
        token = hashlib.sha256(shown).hexdigest()
        return [
            ("address", address, settings.requests_per_minute_of_address),
            ("token", token, settings.requests_per_minute_of_token),
        ]


def _refused(kind: str, left_s: float) -> JSONResponse:
    seconds = max(1, math.ceil(left_s))
    reason = f"too many requests from this {kind}; the next is welcome in {seconds} seconds"
    error = {"code": TOO_MANY, "message": reason, "reason": reason, "retry_after_s": seconds}
    return JSONResponse({"error": error}, status_code=429, headers={"Retry-After": str(seconds)})
