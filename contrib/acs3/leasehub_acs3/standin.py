"""The gateway as a stand-in: it checks every signature, time and nonce as the vendor does, then asks the product.

A product's stand-in subclasses `Acs3Vendor` and answers actions; what it refuses it raises as `Refused`.
"""

from __future__ import annotations

import hmac
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from hub.core.provider import Clock
from hub.testing.wire import WireVendor
from leasehub_acs3.signing import ALGORITHM, canonical_request, payload_hash, signature

REQUEST_ID = "F655A8D5-B967-440B-8683-DAD6FF8DE990"
_CREDENTIAL = re.compile(rf"{ALGORITHM} Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{{64}})")
_WINDOW = timedelta(minutes=15)
_REQUIRED = frozenset({"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce"})


class Refused(Exception):
    """The vendor says no, with its own code; most of a product's refusals come with status 200."""

    def __init__(self, code: str, status: int = 200) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


def refusal(code: str, status: int = 200, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """A refusal as it arrives, for the rig of the conformance kit."""
    return httpx.Response(status, json=_no(code), headers=dict(headers or {}))


def _no(code: str) -> dict[str, str]:
    return {"Code": code, "Message": code, "RequestId": REQUEST_ID}


class Acs3Vendor(WireVendor):
    """A product behind the gateway; `keys` are the access keys it knows, each with its secret."""

    def __init__(self, clock: Clock, keys: Mapping[str, str], versions: Mapping[str, str]) -> None:
        self._keys = dict(keys)
        self._versions = dict(versions)
        self.nonces: set[str] = set()
        super().__init__(clock)

    def routes(self) -> Sequence[Route]:
        """Everything is posted to one address."""
        return (Route("/", self._answer, methods=["POST", "GET"]),)

    @abstractmethod
    def act(self, action: str, params: Mapping[str, str]) -> dict[str, Any]:
        """What a product answers to an action; raises Refused."""

    async def _answer(self, request: Request) -> JSONResponse:
        body = await request.body()
        query = dict(parse_qsl(request.url.query, keep_blank_values=True))
        try:
            action = self._admitted(request, query, body)
            form = dict(parse_qsl(body.decode(), keep_blank_values=True))
            return JSONResponse({"RequestId": REQUEST_ID, "Message": "OK", **self.act(action, {**query, **form})})
        except Refused as no:
            return JSONResponse(_no(no.code), status_code=no.status)

    def _admitted(self, request: Request, query: Mapping[str, str], body: bytes) -> str:
        headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        found = _CREDENTIAL.fullmatch(request.headers.get("authorization", ""))
        if found is None:
            raise Refused("IncompleteSignature", 400)
        key_id, names, given = found.groups()
        if key_id not in self._keys:
            raise Refused("InvalidAccessKeyId.NotFound", 404)
        signed = names.split(";")
        if not _must_be_signed(headers, bool(body)) <= set(signed) or signed != sorted(set(signed)):
            raise Refused("IncompleteSignature", 400)
        if headers.get("x-acs-content-sha256") != payload_hash(body):
            raise Refused("SignatureDoesNotMatch", 400)
        counted = {name: headers.get(name, "") for name in signed}
        text = canonical_request(
            method=request.method, path="/", query=query, headers=counted, body_hash=payload_hash(body)
        )
        if not hmac.compare_digest(signature(self._keys[key_id], text), given):
            raise Refused("SignatureDoesNotMatch", 400)
        return self._fresh(headers)

    def _fresh(self, headers: Mapping[str, str]) -> str:
        """The action, once time, nonce and version are good."""
        sent_at = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(self.clock.now() - sent_at) > _WINDOW:
            raise Refused("InvalidTimeStamp.Expired", 400)
        nonce, action = headers["x-acs-signature-nonce"], headers["x-acs-action"]
        if nonce in self.nonces:
            raise Refused("SignatureNonceUsed", 400)
        self.nonces.add(nonce)
        if action not in self._versions:
            raise Refused("InvalidAction.NotFound", 404)
        if headers["x-acs-version"] != self._versions[action]:
            raise Refused("InvalidVersion", 400)
        return action


def _must_be_signed(headers: Mapping[str, str], has_body: bool) -> frozenset[str]:
    named = {name for name in headers if name.startswith("x-acs-")}
    return _REQUIRED | named | ({"content-type"} if has_body else set())
