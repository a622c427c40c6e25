"""The wire: common parameters in the address, the content in the form, answers verified over the very text of their node.

Source: opendocs.alipay.com, "自行实现签名" and "自行实现验签"; where parameters stand is as alipay-sdk-python 3.7.1411 has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta, timezone
from urllib.parse import quote_plus, urlencode, urlsplit

from hub.core.errors import NotSent, UnknownOutcome
from hub.core.provider import CallContext, PluginContext
from hub.sdk.errors import classify_status
from hub.sdk.http import client_of, exchange, seconds_left
from hub.sdk.reading import Fields, JsonObject, json_object, unreadable
from leasehub_payments_alipay import mapping
from leasehub_payments_alipay.keys import Keys
from leasehub_payments_alipay.settings import AlipaySettings

AGENT = "leasehub-payments-alipay/0.1.0"
SHANGHAI = timezone(timedelta(hours=8))
MAX_BILL_BYTES = 8 * 1024 * 1024
_FORM = "application/x-www-form-urlencoded;charset=utf-8"
_ERROR = "error_response"
_DECODER = json.JSONDecoder()


def signed_text(parameters: Mapping[str, str]) -> str:
    """What is signed: every parameter that is not empty, by name."""
    return "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if parameters[name])


def nodes_of(text: str) -> dict[str, str]:
    """The values of a JSON object, each as the very text in which it was written; a name twice is nobody's answer."""
    found: dict[str, str] = {}
    place = _after(text, 0, "{")
    while True:
        try:
            name, end = _DECODER.raw_decode(text, place)
            start = _after(text, end, ":")
            _, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            raise unreadable("not a JSON object") from None
        if not isinstance(name, str) or name in found:
            raise unreadable("not a JSON object with names of its own")
        found[name] = text[start:end]
        place = _skip(text, end)
        if text[place : place + 1] == "}":
            return found
        place = _after(text, place, ",")


def _skip(text: str, place: int) -> int:
    while text[place : place + 1] in (" ", "\t", "\r", "\n"):
        place += 1
    return place


def _after(text: str, place: int, sign: str) -> int:
    place = _skip(text, place)
    if text[place : place + 1] != sign:
        raise unreadable("not a JSON object")
    return _skip(text, place + 1)


class AlipayClient:
    """Speaks to the gateway for one app."""

    def __init__(self, settings: AlipaySettings, context: PluginContext, keys: Keys) -> None:
        self._settings = settings
        self._http = client_of(context)
        self._clock = context.clock
        self._keys = keys

    async def post(self, method: str, content: JsonObject, ctx: CallContext, *, notify_url: str = "") -> Fields:
        """Do something; raises UnknownOutcome for whatever does not prove what came of it."""
        node, code, sub_code, _ = await self._asked(method, content, ctx, notify_url)
        if code not in (mapping.OK, mapping.UNDER_WAY):
            raise mapping.refusal(code, sub_code, reading=False)
        return node

    async def find(self, method: str, content: JsonObject, ctx: CallContext) -> Fields | None:
        """Ask for something; None when the vendor says itself, and signs, that it is not there."""
        node, code, sub_code, signed = await self._asked(method, content, ctx, "")
        if code == mapping.OK:
            return node
        if sub_code in mapping.NOT_THERE:
            if not signed:
                raise UnknownOutcome("that it is not there is not signed")
            return None
        raise mapping.refusal(code, sub_code, reading=True)

    async def look(self, method: str, content: JsonObject, ctx: CallContext) -> Fields | None:
        """Ask before something is done: without an answer nothing has been done yet, and that is proven."""
        try:
            return await self.find(method, content, ctx)
        except UnknownOutcome as silent:
            raise NotSent(f"looked first: {silent.detail}") from silent

    async def get(self, method: str, content: JsonObject, ctx: CallContext) -> Fields:
        """Ask for something that must be there."""
        node, code, sub_code, _ = await self._asked(method, content, ctx, "")
        if code != mapping.OK:
            raise mapping.refusal(code, sub_code, reading=True)
        return node

    async def download(self, url: str, ctx: CallContext) -> bytes:
        """A bill, from one of the hosts that the settings allow."""
        address = urlsplit(url)
        if address.scheme != "https" or address.hostname not in self._settings.bill_hosts:
            raise UnknownOutcome("the bill lies at an address that bill_hosts does not name")
        answer = await exchange(
            self._http, "GET", url, limit_s=self._left(ctx), headers={"User-Agent": AGENT}, max_bytes=MAX_BILL_BYTES
        )
        if failed := classify_status(answer.status, answer.headers):
            raise failed
        return answer.body

    def page(self, method: str, content: JsonObject, notify_url: str, return_url: str) -> str:
        """The address of a page of the vendor's: everything in the query, signed."""
        common, body = self._signed(method, content, notify_url, return_url)
        return f"{self._settings.gateway_url}?{urlencode({**common, **body}, quote_via=quote_plus)}"

    def _left(self, ctx: CallContext) -> float:
        return seconds_left(ctx, self._clock, self._settings.timeout_s)

    def _signed(
        self, method: str, content: JsonObject, notify_url: str = "", return_url: str = ""
    ) -> tuple[dict[str, str], dict[str, str]]:
        """The common parameters with their signature, and the form."""
        raw, token = mapping.content_bytes(content), self._settings.app_auth_token
        body = {"biz_content": self._keys.encrypted(raw) if self._keys.encrypts else raw.decode()}
        common = {
            "app_id": self._settings.app_id,
            "method": method,
            "format": "json",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": self._clock.now().astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            **({"encrypt_type": "AES"} if self._keys.encrypts else {}),
            **({"notify_url": notify_url} if notify_url else {}),
            **({"return_url": return_url} if return_url else {}),
            **({"app_auth_token": token.get_secret_value()} if token else {}),
            **self._keys.numbers,
        }
        common["sign"] = self._keys.sign(signed_text({**common, **body}))
        return common, body

    async def _asked(
        self, method: str, content: JsonObject, ctx: CallContext, notify_url: str
    ) -> tuple[Fields, str, str, bool]:
        """The node of an answer with its code and sub code, and whether it is signed; success always is."""
        common, body = self._signed(method, content, notify_url)
        answer = await exchange(
            self._http,
            "POST",
            f"{self._settings.gateway_url}?{urlencode(common, quote_via=quote_plus)}",
            limit_s=self._left(ctx),
            headers={"Content-Type": _FORM, "User-Agent": AGENT, "Accept": "application/json"},
            content=urlencode(body, quote_via=quote_plus).encode(),
        )
        if failed := classify_status(answer.status, answer.headers):
            raise failed
        try:
            return self._read(answer.body.decode(), f"{method.replace('.', '_')}_response")
        except UnicodeDecodeError:
            raise unreadable("not UTF-8") from None

    def _read(self, text: str, name: str) -> tuple[Fields, str, str, bool]:
        nodes = nodes_of(text)
        raw = nodes.get(name) or nodes.get(_ERROR)
        if raw is None:
            raise unreadable("no node of this method")
        sign, number = (json.loads(nodes.get(one, "null")) for one in ("sign", "alipay_cert_sn"))
        signed = isinstance(sign, str) and bool(sign)
        if signed and not self._keys.verifies(raw.encode(), sign, number if isinstance(number, str) else None):
            raise UnknownOutcome("the answer is not signed by a key of the vendor's")
        content = self._keys.decrypted(json.loads(raw)) if raw.startswith('"') else raw.encode()
        node = Fields(json_object(content))
        code, sub_code = node.text("code"), node.optional_text("sub_code") or ""
        if code in (mapping.OK, mapping.UNDER_WAY) and not (signed and name in nodes):
            raise UnknownOutcome("a success that is not signed is none")
        return node, code, sub_code, signed
