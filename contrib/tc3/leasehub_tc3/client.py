"""One call of API 3.0: an action with its JSON, signed and sent once; the answer read, or the hub's error raised.

The body is made once, and those bytes are signed and sent. It is spelled as the vendor's own clients spell it (fields
in the order of their models, non-ASCII escaped), so that for the same wish the same bytes go out.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from hub.core.provider import CallContext, PluginContext
from hub.sdk.errors import classify_status
from hub.sdk.http import HttpAnswer, client_of, exchange, seconds_left
from hub.sdk.reading import Fields, JsonObject, json_object
from leasehub_tc3.codes import Codes, error_of
from leasehub_tc3.settings import Tc3Settings
from leasehub_tc3.signing import authorization

CONTENT_TYPE = "application/json"
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service: its name in signatures, the version of its interface, and its own codes."""

    name: str
    version: str
    codes: Codes = field(repr=False)


class Tc3Client:
    """Calls the actions of one service for one instance."""

    def __init__(self, settings: Tc3Settings, context: PluginContext, service: Service) -> None:
        self._settings = settings
        self._context = context
        self._service = service
        self._http = client_of(context)

    async def ask(
        self,
        url: str,
        action: str,
        body: JsonObject,
        ctx: CallContext,
        *,
        mutates: bool = False,
        share: float = 1.0,
    ) -> Fields:
        """Call an action and give its `Response`; raises what the vendor's code or a failure means.

        `share` of the time that is left may be used, where something is to come after it.
        """
        limit_s = seconds_left(ctx, self._context.clock, self._settings.timeout_s) * share
        content = json.dumps(body).encode()
        headers = self._headers(url, action, content, ctx)
        answer = await exchange(self._http, "POST", f"{url}/", limit_s=limit_s, headers=headers, content=content)
        return self._response(answer, mutates)

    async def download(self, url: str, ctx: CallContext, *, max_bytes: int) -> bytes:
        """What lies at an address that the vendor has given; unsigned, for the address itself is the permission."""
        limit_s = seconds_left(ctx, self._context.clock, self._settings.timeout_s)
        answer = await exchange(self._http, "GET", url, limit_s=limit_s, max_bytes=max_bytes)
        failure = classify_status(answer.status, answer.headers)
        if failure is not None:
            raise failure
        return answer.body

    def _headers(self, url: str, action: str, content: bytes, ctx: CallContext) -> Mapping[str, str]:
        account, now = self._settings.account(), self._context.clock.now()
        signed = {"content-type": CONTENT_TYPE, "host": httpx.URL(url).netloc.decode()}
        headers = {
            **signed,
            "authorization": authorization(account, service=self._service.name, at=now, headers=signed, body=content),
            "x-tc-action": action,
            "x-tc-version": self._service.version,
            "x-tc-timestamp": str(int(now.timestamp())),
            "x-tc-region": self._settings.region,
            "x-tc-token": account.token,
            "x-tc-language": "zh-CN",
            "x-tc-requestclient": "LeaseHub",
            "x-tc-traceid": trace_id(ctx.idempotency_key),
        }
        return {name: value for name, value in headers.items() if value}

    def _response(self, answer: HttpAnswer, mutates: bool) -> Fields:
        """A refusal comes with status 200; any other status is a gateway's."""
        failure = classify_status(answer.status, answer.headers)
        if failure is not None:
            raise failure
        response = Fields(json_object(answer.body)).inner("Response")
        if "Error" in response.content:
            code = response.inner("Error").text("Code")
            request_id = response.optional_text("RequestId") or ""
            shown = request_id if _PRINTABLE.fullmatch(request_id) else ""
            raise error_of(code, self._service.codes, mutates=mutates, request_id=shown)
        return response


def trace_id(key: str) -> str:
    """The call's key as it may stand in a header: by it the vendor's support finds a request again."""
    return key if _PRINTABLE.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()
