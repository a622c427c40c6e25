"""Keys and certificates are changed while the work goes on: for a while two count, and no call and no callback fails.

The vendor changes its key; the hub is told of the new one before, and forgets the old one after. Over HTTP both ways.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from leasehub_esign_docusign import conformance as docusign
from leasehub_esign_docusign.callbacks import SIGNATURE as DOCUSIGN_SIGNATURE
from leasehub_esign_docusign.callbacks import signature as docusign_signature
from leasehub_esign_docusign.standin import DocusignVendor
from leasehub_payments_alipay import conformance as alipay
from leasehub_payments_alipay.keys import serial_of
from leasehub_payments_alipay.standin import AlipayVendor, notification
from leasehub_payments_stripe import conformance as stripe
from leasehub_payments_stripe.callbacks import SIGNATURE as STRIPE_SIGNATURE
from leasehub_payments_stripe.standin import StripeVendor
from leasehub_payments_stripe.standin import signature as stripe_signature
from leasehub_payments_wechatpay import conformance as wechatpay
from leasehub_payments_wechatpay.standin import WechatVendor, envelope
from leasehub_payments_wechatpay.standin import sign as wechatpay_sign

from hub.core.ports import StatusQuery
from hub.integrations.answers import Ask, CallOutcome
from hub.sdk.clock import VirtualClock
from hub.testing.loopback import loopback
from hub.testing.wire import Callback, WireVendor
from hub.wiring import reload_providers
from tests.stories.company import START
from tests.stories.real_vendors import Shop, configuration
from tests.stories.world import Door, hub_settings, open_house

Settings = Mapping[str, Any]
NEW_V3_KEY, NEW_KEY_ID = "apiv3-key-that-came-after-32-byt", "PUB_KEY_ID_0000000000000024101100397200000007"
NEW_SECRET = "whsec_the-one-that-came-after"
NEW_HMAC = "key-of-callbacks-that-came-after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How one vendor's keys are changed.

    `before`, `both` and `after` are the hub's settings; `turn` has the vendor use the new keys; `says` is a callback as
    the vendor signs it at this moment; `status` is the question whose answer must be believed.
    """

    capability: str
    plugin: str
    open: Callable[[VirtualClock, str], WireVendor]
    before: Callable[[str], Settings]
    both: Settings
    after: Settings
    turn: Callable[[Any], None]
    says: Callable[[Any, str], tuple[Mapping[str, str], bytes]]
    status: str = "payments_status"


def _alipay_turns(vendor: AlipayVendor) -> None:
    vendor.served = replace(
        vendor.served, vendor_key=alipay.key("next"), vendor_cert_sn=serial_of(alipay.certificate("next"))
    )


def _alipay_says(vendor: AlipayVendor, name: str) -> tuple[Mapping[str, str], bytes]:
    told = {"app_id": alipay.APP_ID, "charset": "utf-8", "notify_type": "trade_status_sync", "notify_id": name}
    paid = {"out_trade_no": name, "trade_status": "TRADE_SUCCESS", "total_amount": "1.00"}
    form = notification(vendor.served.vendor_key, {**told, **paid})
    return {"content-type": "application/x-www-form-urlencoded"}, form


def _wechatpay_turns(vendor: WechatVendor) -> None:
    vendor.account = replace(
        vendor.account, vendor_key=wechatpay.key("next"), public_key_id=NEW_KEY_ID, api_v3_key=NEW_V3_KEY
    )


def _wechatpay_says(vendor: WechatVendor, name: str) -> tuple[Mapping[str, str], bytes]:
    account, now = vendor.account, vendor.clock.now()
    paid = {"mchid": account.mch_id, "out_trade_no": name, "attach": "m-1", "trade_state": "SUCCESS"}
    body = envelope(account.api_v3_key, "TRANSACTION.SUCCESS", paid, now)
    return wechatpay_sign(account.vendor_key, account.serial, body, now), body


def _stripe_turns(vendor: StripeVendor) -> None:
    vendor.webhook_secret = NEW_SECRET


def _stripe_says(vendor: StripeVendor, name: str) -> tuple[Mapping[str, str], bytes]:
    intent = {"id": f"pi_{name}", "object": "payment_intent", "status": "succeeded", "metadata": {}}
    told = {"id": f"evt_{name}", "object": "event", "created": 1767574800, "type": "payment_intent.succeeded"}
    body = json.dumps({**told, "data": {"object": intent}}).encode()
    return {STRIPE_SIGNATURE: stripe_signature(vendor.webhook_secret, body, vendor.clock.now())}, body


def _docusign_turns(vendor: DocusignVendor) -> None:
    vendor.hmac_keys = [NEW_HMAC]


def _docusign_says(vendor: DocusignVendor, name: str) -> tuple[Mapping[str, str], bytes]:
    data = {"accountId": docusign.ACCOUNT_ID, "userId": docusign.USER_ID, "envelopeId": name}
    told = {"event": "envelope-completed", "generatedDateTime": "2026-01-05T01:00:00.0000000Z", "data": data}
    body = json.dumps(told).encode()
    keys = enumerate(vendor.hmac_keys, 1)
    return {f"{DOCUSIGN_SIGNATURE}{number}": docusign_signature(key, body) for number, key in keys}, body


CHANGES = {
    "alipay": Change(
        capability="payments",
        plugin="alipay_payments",
        open=lambda clock, at: AlipayVendor(clock, alipay.certified_app(), at),
        before=alipay.certified_settings,
        both={
            "alipay_certificate": alipay.pem(alipay.certificate("next")),
            "previous_alipay_certificate": alipay.pem(alipay.certificate("vendor")),
        },
        after={"alipay_certificate": alipay.pem(alipay.certificate("next"))},
        turn=_alipay_turns,
        says=_alipay_says,
    ),
    "docusign": Change(
        capability="esign",
        plugin="docusign_esign",
        open=lambda clock, at: DocusignVendor(
            clock, docusign.integration(at.removeprefix("http://")), hmac_keys=[docusign.HMAC_KEY]
        ),
        before=docusign.settings,
        both={"hmac_keys": [NEW_HMAC, docusign.HMAC_KEY]},
        after={"hmac_keys": [NEW_HMAC]},
        turn=_docusign_turns,
        says=_docusign_says,
        status="esign_status",
    ),
    "stripe": Change(
        capability="payments",
        plugin="stripe_payments",
        open=lambda clock, at: StripeVendor(clock, stripe.API_KEY, webhook_secret=stripe.WEBHOOK_SECRET),
        before=lambda at: {**stripe.SETTINGS, "base_url": at},
        both={"webhook_secret": NEW_SECRET, "previous_webhook_secret": stripe.WEBHOOK_SECRET},
        after={"webhook_secret": NEW_SECRET},
        turn=_stripe_turns,
        says=_stripe_says,
    ),
    "wechatpay": Change(
        capability="payments",
        plugin="wechatpay_payments",
        open=lambda clock, at: WechatVendor(clock, wechatpay.account(), at),
        before=wechatpay.settings,
        both={
            "api_v3_key": NEW_V3_KEY,
            "previous_api_v3_key": wechatpay.API_V3_KEY,
            "public_key_id": NEW_KEY_ID,
            "public_key": wechatpay.public_pem(wechatpay.key("next")),
            "previous_public_key_id": wechatpay.PUBLIC_KEY_ID,
            "previous_public_key": wechatpay.public_pem(wechatpay.key("vendor")),
        },
        after={
            "api_v3_key": NEW_V3_KEY,
            "public_key_id": NEW_KEY_ID,
            "public_key": wechatpay.public_pem(wechatpay.key("next")),
        },
        turn=_wechatpay_turns,
        says=_wechatpay_says,
    ),
}


@dataclass(slots=True, kw_only=True)
class Bridge:
    """A hub with one instance, its vendor, and the wires in both directions."""

    change: Change
    shop: Shop
    hub: Any
    post: httpx.AsyncClient
    address: str
    made: int = 0

    async def configure(self, more: Settings) -> None:
        """The hub takes other settings, while it works."""
        house, change = self.hub.house, self.change
        settings = {"one": {**change.before(self.shop.address), **more}}
        house.settings.config.write_text(_text(change, settings))
        await reload_providers(house)

    def says(self) -> Callback:
        """A further callback, as the vendor signs it now."""
        self.made += 1
        headers, body = self.change.says(self.shop.vendor, f"told{self.made}")
        return Callback(url=f"{self.address}/webhooks/one", headers=headers, body=body)

    async def is_told(self, callback: Callback) -> int:
        """The status that a callback is answered with."""
        answer = await self.post.post(callback.url, headers=dict(callback.headers), content=callback.body)
        return answer.status_code

    async def asks(self) -> bool:
        """Whether the vendor's answer to a question is believed."""
        self.made += 1
        query = StatusQuery(idempotency_key=f"nobody{self.made}")
        ask = Ask(operation=self.change.status, request=query, key=f"ask-{self.made}", pin="one")
        answer = await self.hub.house.executor.call(ask)
        return answer.outcome is CallOutcome.OK


def _text(change: Change, settings: Mapping[str, Settings]) -> str:
    return configuration(settings, {change.capability: ("one",)}, {"one": change.plugin})


@pytest.fixture
async def bridge(
    request: pytest.FixtureRequest, database_url: str, _empty: Callable[[], None], tmp_path: Path
) -> AsyncIterator[Bridge]:
    _empty()
    change, clock, door = CHANGES[request.param], VirtualClock(START), Door()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(loopback(door))
        shop = Shop()
        shop.vendor = change.open(clock, shop.address)
        stack.push_async_callback(shop.close)
        await shop.open()
        text = _text(change, {"one": change.before(shop.address)})
        hub = await open_house(stack, door, hub_settings(tmp_path, database_url, address, text), database_url, clock)
        post = await stack.enter_async_context(httpx.AsyncClient(timeout=120))
        yield Bridge(change=change, shop=shop, hub=hub, post=post, address=address)


@pytest.mark.parametrize("bridge", sorted(CHANGES), indirect=True)
async def test_two_keys_count_while_one_is_changed(bridge: Bridge) -> None:
    old = bridge.says()
    assert (await bridge.asks(), await bridge.is_told(bridge.says())) == (True, 200)
    await bridge.configure(bridge.change.both)
    assert (await bridge.asks(), await bridge.is_told(bridge.says())) == (True, 200)
    bridge.change.turn(bridge.shop.vendor)
    assert (await bridge.asks(), await bridge.is_told(bridge.says())) == (True, 200)
    assert await bridge.is_told(old) == 200
    await bridge.configure(bridge.change.after)
    assert (await bridge.asks(), await bridge.is_told(bridge.says())) == (True, 200)
    assert await bridge.is_told(old) == 401
