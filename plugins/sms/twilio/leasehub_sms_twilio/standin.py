"""Twilio as a stand-in: nothing is sent; every message and call is kept, and told of by signed callbacks."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.core.provider import Clock
from hub.testing.kit.rig import Booking
from hub.testing.wire import Callback, WireVendor
from leasehub_sms_twilio.callbacks import SIGNATURE, signed

_STATUS = {400: 20001, 401: 20003, 404: 20404, 429: 20429}


@dataclass(slots=True, kw_only=True)
class Made:
    """A message or call that Twilio has taken."""

    sid: str
    form: Mapping[str, str]
    status: str
    made_at: datetime
    ended_at: datetime | None = None
    code: int | None = None

    def shown(self) -> dict[str, Any]:
        """As Twilio shows it."""
        ended = format_datetime(self.ended_at) if self.ended_at else None
        common = {"sid": self.sid, "to": self.form["To"], "status": self.status, "price": None, "price_unit": "USD"}
        common["date_created"] = format_datetime(self.made_at)
        if self.sid.startswith("CA"):
            return {**common, "end_time": ended}
        return {**common, "date_updated": ended, "num_segments": "1", "error_code": self.code}


def refusal(status: int, code: int | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """A no of Twilio's."""
    code = code or _STATUS[status]
    body = {"code": code, "message": "stand-in", "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return JSONResponse({**body, "status": status}, status, dict(headers or {}))


class TwilioVendor(WireVendor):
    """`absent` are last digits of numbers that cannot be reached; `opted_out` are numbers that want nothing."""

    def __init__(self, clock: Clock, account: str, logins: Mapping[str, str], *, token: str = "") -> None:
        self.account = account
        self.logins = logins
        self.token = token
        self.absent: tuple[str, ...] = ()
        self.opted_out: frozenset[str] = frozenset()
        self.made: list[Made] = []
        super().__init__(clock)

    def routes(self) -> list[Route]:
        """The calls that the plugin makes."""
        base = "/2010-04-01/Accounts/{account}"
        return [
            Route(f"{base}/Balance.json", self._balance),
            Route(f"{base}/{{kind}}.json", self._taken, methods=["POST"]),
            Route(f"{base}/{{kind}}.json", self._listed, methods=["GET"]),
            Route(f"{base}/{{kind}}/{{sid}}.json", self._one),
        ]

    def _refused(self, request: Request) -> Response | None:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        user, _, password = base64.b64decode(text or "").decode().partition(":")
        if scheme != "Basic" or self.logins.get(user) != password or not password:
            return refusal(401)
        return None if request.path_params["account"] == self.account else refusal(404)

    async def _balance(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse({"account_sid": self.account, "balance": "9", "currency": "USD"})

    async def _taken(self, request: Request) -> Response:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True)
        form = dict(pairs)
        if refused := self._refused(request) or self._checked(request.path_params["kind"], form):
            return refused
        call = request.path_params["kind"] == "Calls"
        made = Made(
            sid=f"{'CA' if call else 'SM'}{len(self.made):032x}",
            form=form,
            status="queued",
            made_at=self.clock.now().replace(microsecond=0),
        )
        self.made.append(made)
        key = parse_qs(urlsplit(form.get("StatusCallback", "")).query).get("key", [""])[0]
        self.bookings.append(Booking(key=key))
        return JSONResponse(made.shown(), 201)

    def _checked(self, kind: str, form: Mapping[str, str]) -> Response | None:
        to = form.get("To", "")
        if not to.startswith("+") or not to[1:].isdigit():
            return refusal(400, 21211)
        if to in self.opted_out:
            return refusal(400, 21610)
        if kind == "Calls":
            return None if form.get("From") and form.get("Twiml") else refusal(400, 21205)
        if not (form.get("From") or form.get("MessagingServiceSid")):
            return refusal(400, 21603)
        if not (form.get("Body") or form.get("ContentSid")):
            return refusal(400, 21619)
        return refusal(400, 21617) if len(form.get("Body", "")) > 1600 else None

    async def _listed(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        kind, to = request.path_params["kind"], request.query_params.get("To")
        prefix = "CA" if kind == "Calls" else "SM"
        size = int(request.query_params.get("PageSize", 50))
        found = [one.shown() for one in reversed(self.made) if one.sid.startswith(prefix) and one.form["To"] == to]
        return JSONResponse({kind.lower(): found[:size], "page": 0, "page_size": size, "next_page_uri": None})

    async def _one(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        found = [one for one in self.made if one.sid == request.path_params["sid"]]
        return JSONResponse(found[0].shown()) if found else refusal(404)

    async def settle(self) -> None:
        """Messages arrive and calls are answered, where somebody is there; a callback tells of each."""
        for one in [made for made in self.made if made.ended_at is None]:
            one.ended_at = self.clock.now().replace(microsecond=0)
            call, absent = one.sid.startswith("CA"), bool(self.absent) and one.form["To"].endswith(self.absent)
            one.status = ("no-answer" if call else "undelivered") if absent else ("completed" if call else "delivered")
            one.code = 30003 if absent and not call else None
            self.tell(one)

    def tell(self, one: Made) -> None:
        """Post a report."""
        if not (url := one.form.get("StatusCallback")):
            return
        name = "Call" if one.sid.startswith("CA") else "Message"
        fields = {f"{name}Sid": one.sid, f"{name}Status": one.status, "To": one.form["To"], "AccountSid": self.account}
        if one.code:
            fields["ErrorCode"] = str(one.code)
        signature = signed(self.token, url, list(fields.items()))
        headers = {"content-type": "application/x-www-form-urlencoded", SIGNATURE: signature}
        self.outbox.append(Callback(url=url, headers=headers, body=urlencode(fields).encode()))
