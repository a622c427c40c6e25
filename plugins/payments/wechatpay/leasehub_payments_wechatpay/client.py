"""The wire: signed requests, verified answers, refusals in the hub's errors. What the answers say is `mapping`'s.

Source: pay.weixin.qq.com/doc/v3, "接口规则"; header and message shapes as wechatpayv3 2.0.4 sends them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from hub.core.errors import NotSent, ProviderError, UnknownOutcome
from hub.core.provider import CallContext, PluginContext
from hub.sdk import rsa
from hub.sdk.errors import classify_status
from hub.sdk.http import MAX_ANSWER_BYTES, HttpAnswer, client_of, exchange, seconds_left
from hub.sdk.reading import Fields, JsonObject, json_object, unreadable
from leasehub_payments_wechatpay import mapping
from leasehub_payments_wechatpay.keys import SCHEME, MerchantKey, VendorKeys, api_keys, open_resource
from leasehub_payments_wechatpay.settings import WechatpaySettings

AGENT = "leasehub-payments-wechatpay/0.1.0"
MAX_BILL_BYTES = 8 * 1024 * 1024
_FRESH = timedelta(hours=12)


class WechatpayClient:
    """Speaks to the vendor for one merchant. `nonce` makes what is used once."""

    def __init__(
        self,
        settings: WechatpaySettings,
        context: PluginContext,
        keys: VendorKeys,
        nonce: Callable[[], str] = lambda: secrets.token_hex(16).upper(),
    ) -> None:
        self._settings = settings
        self._http = client_of(context)
        self._clock = context.clock
        self._merchant = MerchantKey(settings)
        self.keys = keys
        self._nonce = nonce
        self._fetched_at: datetime | None = None

    async def post(self, path: str, body: JsonObject | None, ctx: CallContext, *, sealed: bool = False) -> Fields:
        """Do something; raises UnknownOutcome for whatever does not prove what came of it. `sealed`: with sealed fields."""
        content = mapping.body_bytes(body) if body is not None else b""
        return self._verified(await self._asked("POST", path, content, ctx, sealed=sealed), reading=False)

    async def find(self, path: str, ctx: CallContext) -> Fields | None:
        """Ask for something; None when the vendor says itself that it is not there."""
        answer = await self._asked("GET", path, b"", ctx)
        if answer.status == 404 and mapping.code_of(answer.body) in mapping.NOT_THERE:
            self._refuse_forged(answer)
            return None
        return self._verified(answer, reading=True)

    async def look(self, path: str, ctx: CallContext) -> Fields | None:
        """Ask before something is done: without an answer nothing has been done yet, and that is proven."""
        try:
            return await self.find(path, ctx)
        except UnknownOutcome as silent:
            raise NotSent(f"looked first: {silent.detail}") from silent

    async def get(self, path: str, ctx: CallContext) -> Fields:
        """Ask for something that must be there."""
        return self._verified(await self._asked("GET", path, b"", ctx), reading=True)

    async def download(self, url: str, ctx: CallContext) -> bytes:
        """A bill from the address that the vendor has named, which must be its own; it carries no signature."""
        address, own = urlsplit(url), urlsplit(self._settings.base_url)
        if (address.scheme, address.netloc) != (own.scheme, own.netloc):
            raise UnknownOutcome("the bill lies at another address than the vendor's")
        path = f"{address.path}?{address.query}" if address.query else address.path
        answer = await self._exchange("GET", path, b"", ctx, max_bytes=MAX_BILL_BYTES)
        if answer.status != 200:
            raise self._refusal(answer, reading=True)
        return answer.body

    async def refresh(self, ctx: CallContext) -> None:
        """Fetch the platform certificates when there is no public key and the last ones are half a day old."""
        now = self._clock.now()
        if self.keys.by_public_key or (self._fetched_at is not None and now - self._fetched_at < _FRESH):
            return
        await self._fetch(ctx)

    async def _fetch(self, ctx: CallContext) -> None:
        """What the APIv3 key opens comes from the vendor, and one of the certificates in it has signed the answer."""
        answer = await self._exchange("GET", "/v3/certificates", b"", ctx)
        if answer.status != 200:
            raise self._refusal(answer, reading=True)
        for one in Fields(json_object(answer.body)).each("data"):
            text = open_resource(api_keys(self._settings), one.inner("encrypt_certificate"))
            if text is None:
                raise unreadable("no APIv3 key of ours opens a certificate")
            self.keys.take(rsa.certificates(text.decode("ascii", "replace"), "the platform certificate"))
        self._refuse_forged(answer, signed=True)
        self._fetched_at = self._clock.now()

    async def _asked(
        self, method: str, path: str, content: bytes, ctx: CallContext, *, sealed: bool = False
    ) -> HttpAnswer:
        """An answer, with the certificate fetched by which it may be believed, if that is a new one."""
        answer = await self._exchange(method, path, content, ctx, sealed=sealed)
        serial = answer.headers.get("wechatpay-serial", "")
        if serial and not self.keys.by_public_key and not self.keys.knows(serial):
            with suppress(ProviderError):  # then the answer is not believed, which is what is known of the call
                await self._fetch(ctx)
        return answer

    async def _exchange(
        self,
        method: str,
        path: str,
        content: bytes,
        ctx: CallContext,
        *,
        max_bytes: int = MAX_ANSWER_BYTES,
        sealed: bool = False,
    ) -> HttpAnswer:
        limit_s = seconds_left(ctx, self._clock, self._settings.timeout_s)
        return await exchange(
            self._http,
            method,
            f"{self._settings.base_url.rstrip('/')}{path}",
            limit_s=limit_s,
            headers=self.headers(method, path, content, sealed=sealed),
            content=content or None,
            max_bytes=max_bytes,
        )

    def headers(self, method: str, path: str, content: bytes, *, sealed: bool = False) -> dict[str, str]:
        """The headers of a request, with the signature over method, path, time, nonce and body."""
        stamp, nonce = str(int(self._clock.now().timestamp())), self._nonce()
        signature = self._merchant.sign(method, path, stamp, nonce, content.decode())
        named = {
            "mchid": self._settings.mch_id,
            "nonce_str": nonce,
            "signature": signature,
            "timestamp": stamp,
            "serial_no": self._merchant.serial,
        }
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            "Authorization": f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in named.items()),
        }
        if self.keys.by_public_key or sealed:
            headers["Wechatpay-Serial"] = self.keys.serial
        return headers

    def _verified(self, answer: HttpAnswer, *, reading: bool) -> Fields:
        if not 200 <= answer.status < 300:
            raise self._refusal(answer, reading=reading)
        self._refuse_forged(answer, signed=True)
        return Fields(json_object(answer.body) if answer.status != 204 else {})

    def _refusal(self, answer: HttpAnswer, *, reading: bool) -> ProviderError:
        """What a status other than success means; one that is signed wrongly means nothing."""
        self._refuse_forged(answer)
        code = mapping.code_of(answer.body)
        if code is None:
            return classify_status(answer.status, answer.headers) or UnknownOutcome("an answer without a meaning")
        return mapping.refusal(code, answer.status, answer.headers, reading=reading)

    def _refuse_forged(self, answer: HttpAnswer, *, signed: bool = False) -> None:
        """Refuse an answer whose signature is wrong, or missing where there must be one."""
        there = "wechatpay-signature" in answer.headers
        if (there or signed) and not self.keys.verifies(answer.headers, answer.body, self._clock.now()):
            raise UnknownOutcome("the answer is not signed by a key of the vendor's")
