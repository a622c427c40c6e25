"""The rig in which the conformance kit tries this plugin: the stand-in vendor inside the process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from hub.core.money import Money
from hub.core.ports.payments import BankAccount, PayoutRequest, StatementRequest
from hub.sdk.clock import VirtualClock
from hub.testing.kit.rig import Callbacks, Refusals, Rig
from leasehub_payments_wechatpay.plugin import descriptor
from leasehub_payments_wechatpay.standin import Account, WechatVendor, envelope, sign

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)  # ten in the morning in Beijing
API_V3_KEY = "apiv3-key-of-the-kit-32-bytes-ok"
PUBLIC_KEY_ID = "PUB_KEY_ID_0000000000000024101100397200000006"
MERCHANT_SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
_LOOKS = ("payments_mandate_status", "payments_status", "payments_statement", "provider_health")


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    """A key of one of the two sides, made once."""
    return rsa.generate_private_key(65537, 2048)


@cache
def private_pem(one: rsa.RSAPrivateKey) -> str:
    """A private key as an operator is given it."""
    return one.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(one: rsa.RSAPrivateKey) -> str:
    """The public half, as the vendor's console shows it."""
    return one.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def account() -> Account:
    """The merchant of the kit, at a vendor who signs by a public key."""
    return Account(
        mch_id="1900007291",
        app_id="wxd678efh567hg6787",
        plan_id=12535,
        merchant_serial=MERCHANT_SERIAL,
        merchant_key=key("merchant").public_key(),
        vendor_key=key("vendor"),
        api_v3_key=API_V3_KEY,
        public_key_id=PUBLIC_KEY_ID,
    )


def settings(base_url: str = "http://vendor.test") -> dict[str, object]:
    """The plugin's settings for that merchant."""
    return {
        "base_url": base_url,
        "mch_id": "1900007291",
        "app_id": "wxd678efh567hg6787",
        "plan_id": 12535,
        "merchant_private_key": private_pem(key("merchant")),
        "merchant_serial_no": MERCHANT_SERIAL,
        "api_v3_key": API_V3_KEY,
        "public_key_id": PUBLIC_KEY_ID,
        "public_key": public_pem(key("vendor")),
        "transfer_scene_id": "1010",
        "transfer_report": {"转账说明": "押金退还"},
    }


def payout(fen: int = 328055) -> PayoutRequest:
    """A payout to a user of the app."""
    account = BankAccount(holder="张三丰", number="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", bank_code="WECHAT")
    return PayoutRequest(money=Money(fen), account=account, purpose="deposit")


def _sign(secret: str, body: bytes, sent_at: datetime) -> Mapping[str, str]:
    signer = next(key(name) for name in ("vendor", "stranger") if private_pem(key(name)) == secret)
    return {name.lower(): value for name, value in sign(signer, PUBLIC_KEY_ID, body, sent_at).items()}


def _callbacks(now: datetime) -> Callbacks:
    paid = {"mchid": "1900007291", "out_trade_no": "a1b2c3d4", "attach": "m-1", "trade_state": "SUCCESS"}
    agreed = {"mchid": "1900007291", "out_contract_code": "m-1", "contract_state": "SIGNED"}
    bodies = [
        envelope(API_V3_KEY, "TRANSACTION.SUCCESS", paid, now),
        envelope(API_V3_KEY, "PAPAY.SIGN", agreed, now),
    ]
    return Callbacks(
        secret=private_pem(key("vendor")),
        other_secret=private_pem(key("stranger")),
        sign=_sign,
        bodies=bodies,
        unmapped=envelope(API_V3_KEY, "COUPON.USE", {"coupon_id": "98674556"}, now),
        signature_header="wechatpay-signature",
    )


def _no(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "message": "refused"})


def carries(request: httpx.Request) -> bool:
    """An operation that does something looks first: only what it posts carries it."""
    return request.method == "POST" or request.headers.get("x-kit-operation", "") in _LOOKS


def _yesterday(vendor: WechatVendor) -> None:
    """A debit of the day before, of which there is a bill."""
    vendor.orders["yesterday01"] = {
        "contract": "none",
        "out_trade_no": "yesterday01",
        "transaction_id": "4200001",
        "trade_state": "SUCCESS",
        "attach": "m-0",
        "amount": {"total": 100, "currency": "CNY"},
        "success_time": "2026-03-04T10:00:00+08:00",
    }


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh vendor with its plugin."""
    clock = VirtualClock(START_AT)
    vendor = WechatVendor(clock, account())
    _yesterday(vendor)

    async def later() -> None:
        clock.advance(timedelta(minutes=2))
        await vendor.settle()

    yield Rig(
        descriptor=descriptor,
        settings=settings(),
        vendor=httpx.ASGITransport(app=vendor.app),
        clock=clock,
        books=vendor.books,
        refusals=Refusals(
            rejected=lambda: _no(403, "RULE_LIMIT"),
            auth=lambda: _no(401, "SIGN_ERROR"),
            rate_limited=lambda: _no(429, "FREQUENCY_LIMITED"),
            retry_after_s=None,
        ),
        pass_time=later,
        requests={
            "payments_payout": payout(),
            "payments_statement": StatementRequest(day_on=(START_AT - timedelta(days=1)).date()),
        },
        callbacks=_callbacks(clock.now()),
        status_field="trade_state",
        carries=carries,
        # A contract that nobody has signed is not there for the vendor.
        until_agreed=frozenset({"payments_mandate"}),
    )


def content_of(body: bytes) -> dict[str, object]:
    """The JSON of a request that the stand-in has received."""
    found: dict[str, object] = json.loads(body)
    return found
