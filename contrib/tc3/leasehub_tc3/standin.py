"""A vendor of the family as a stand-in: verifies every signature as the vendor does, and refuses in the vendor's words."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.core.provider import Clock, PluginDescriptor
from hub.sdk.clock import VirtualClock
from hub.sdk.reading import Fields, JsonObject, json_object
from hub.sdk.signing import within
from hub.testing.kit.rig import Refusals, Rig
from hub.testing.wire import Received, WireVendor
from leasehub_tc3.signing import signature_of

_WINDOW = timedelta(minutes=5)
_AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=(?P<id>[^/]+)/(?P<day>\d{4}-\d\d-\d\d)/(?P<service>\w+)/tc3_request, "
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)


class Refused(Exception):
    """The vendor says no, with its own code."""

    def __init__(self, code: str, message: str = "refused") -> None:
        super().__init__(code)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call as an action sees it; `key` is the trace that the caller put on it."""

    body: Fields
    key: str
    host: str


Act = Callable[[Asked], JsonObject]


class Tc3Vendor(WireVendor):
    """Takes signed calls for the actions of some services; `versions` names these services."""

    versions: Mapping[str, str]

    def __init__(self, clock: Clock, *, secret_id: str, secret_key: str) -> None:
        super().__init__(clock)
        self._secret_id = secret_id
        self._secret_key = secret_key
        self._made = 0

    @abstractmethod
    def actions(self) -> Mapping[str, Act]:
        """What can be asked, by `service.Action`."""

    def routes(self) -> Sequence[Route]:
        """The one door of the interface."""
        return [Route("/", self._called, methods=["POST"])]

    def new_number(self) -> int:
        """A number that was not there before: for ids."""
        self._made += 1
        return self._made

    async def _called(self, request: Request) -> Response:
        answer: JsonObject
        try:
            body = await request.body()
            service = self._verified(request.headers, body)
            answer = self._act(service, request.headers, body)
        except Refused as no:
            answer = {"Error": {"Code": no.code, "Message": no.message}}
        return JSONResponse({"Response": {**answer, "RequestId": f"request-{self.new_number()}"}})

    def _verified(self, headers: Mapping[str, str], body: bytes) -> str:
        """The service that a call is signed for; raises Refused unless signature, time and key are good."""
        hit = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        stamp = headers.get("x-tc-timestamp", "")
        if hit is None or not stamp.isdigit():
            raise Refused("AuthFailure.InvalidAuthorization")
        if hit["id"] != self._secret_id:
            raise Refused("AuthFailure.SecretIdNotFound")
        at = datetime.fromtimestamp(int(stamp), UTC)
        if not within(at, self.clock.now(), _WINDOW):
            raise Refused("AuthFailure.SignatureExpire")
        names = hit["names"].split(";")
        if not {"content-type", "host"} <= set(names) or f"{at:%Y-%m-%d}" != hit["day"]:
            raise Refused("AuthFailure.SignatureFailure")
        signed = {name: headers.get(name, "") for name in names}
        expected = signature_of(self._secret_key, service=hit["service"], at=at, headers=signed, body=body)
        if expected != hit["signature"]:
            raise Refused("AuthFailure.SignatureFailure")
        return hit["service"]

    def _act(self, service: str, headers: Mapping[str, str], body: bytes) -> JsonObject:
        if headers.get("content-type") != "application/json":
            raise Refused("UnsupportedProtocol")
        if headers.get("x-tc-version") != self.versions.get(service):
            raise Refused("NoSuchVersion")
        act = self.actions().get(f"{service}.{headers.get('x-tc-action', '')}")
        if act is None:
            raise Refused("InvalidAction")
        asked = Fields(json_object(body), lambda reason: Refused("InvalidParameter", reason))
        key = headers.get("x-tc-traceid", "")
        return act(Asked(body=asked, key=key, host=headers.get("host", "")))


def refusal(code: str) -> httpx.Response:
    """How a vendor of the family says no."""
    return httpx.Response(200, json={"Response": {"Error": {"Code": code, "Message": code}, "RequestId": "request-0"}})


def rig_of(
    vendor: Tc3Vendor, clock: VirtualClock, card: PluginDescriptor, settings: Mapping[str, object], *, rejected: str
) -> Rig:
    """The kit's rig of a plugin before this vendor, who says no with `rejected` for his business's reasons.

    He never says when to come back.
    """
    return Rig(
        descriptor=card,
        settings=settings,
        vendor=httpx.ASGITransport(app=vendor.app),
        clock=clock,
        books=vendor.books,
        pass_time=vendor.settle,
        refusals=Refusals(
            rejected=lambda: refusal(rejected),
            auth=lambda: refusal("AuthFailure.SignatureFailure"),
            rate_limited=lambda: refusal("RequestLimitExceeded"),
            retry_after_s=None,
        ),
    )


class _Caught(BaseException):
    """The vendor's own client was about to send: it is stopped there, past every `except Exception` of its own."""


def overheard(client: Any, call: Callable[[], object]) -> Received:
    """What the vendor's own client library sends for a call, without sending it; header names in lower case."""
    caught: list[Any] = []

    def catch(request: Any) -> None:
        caught.append(request)
        raise _Caught

    client.request.send_request = catch
    try:
        call()
    except _Caught:
        (request,) = caught
    else:
        raise AssertionError("the client sent nothing")
    headers = {name.lower(): value for name, value in request.header.items()}
    return Received(method=request.method, target=request.uri, headers=headers, body=request.data.encode())


def spoken(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that belong to the protocol, but for the name by which a client calls itself."""
    named = {"authorization", "content-type", "host"}
    own = "x-tc-requestclient"
    return {
        name: value for name, value in headers.items() if name in named or (name.startswith("x-tc-") and name != own)
    }
