"""The rig in which the conformance kit tries this plugin: the stand-in gateway inside the process, in certificate mode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from urllib.parse import parse_qsl, urlencode

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from hub.core.money import Money
from hub.core.ports import StatusQuery
from hub.core.ports.payments import (
    BankAccount,
    CancelRequest,
    CollectRequest,
    Mandate,
    PaymentResult,
    PayoutRequest,
    RefundRequest,
    RevokeRequest,
    StatementRequest,
)
from hub.sdk.clock import VirtualClock
from hub.testing.kit.rig import Callbacks, Refusals, Rig, Stage
from hub.testing.kit.samples import RENT, mandate_request
from leasehub_payments_alipay.keys import root_serial, serial_of
from leasehub_payments_alipay.plugin import descriptor
from leasehub_payments_alipay.standin import AlipayVendor, App, sign, text_of

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
APP_ID, SELLER_ID = "2021001122334455", "2088123456789012"
AES_KEY = "bGVhc2VodWIta2l0LWtleQ=="
_CARRIED = {
    "payments_mandate": ("alipay.user.agreement.query",),
    "payments_revoke_mandate": ("alipay.user.agreement.unsign",),
    "payments_collect": ("alipay.trade.pay",),
    "payments_refund": ("alipay.trade.refund",),
    "payments_cancel": ("alipay.trade.cancel",),
    "payments_payout": ("alipay.fund.trans.uni.transfer",),
}


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    """A key of one of the sides, made once."""
    return rsa.generate_private_key(65537, 2048)


@cache
def private_pem(one: rsa.RSAPrivateKey) -> str:
    """A private key as the vendor's tool writes it for other languages than Java."""
    return one.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def public_pem(one: rsa.RSAPrivateKey) -> str:
    """The public half."""
    return one.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@cache
def certificate(name: str, issuer: str = "Ant Financial Certification Authority Class 1 R1") -> x509.Certificate:
    """A certificate for one of the sides, by an authority that is named as the vendor's are."""
    return _certificate(key(name).public_key(), issuer, key("root"), 0x5A2B7C11 + len(name))


def _certificate(
    subject: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    issuer: str,
    signer: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    number: int,
) -> x509.Certificate:
    names = ((NameOID.COUNTRY_NAME, "CN"), (NameOID.ORGANIZATION_NAME, "Ant Financial"))
    more = ((NameOID.ORGANIZATIONAL_UNIT_NAME, "Certification Authority"), (NameOID.COMMON_NAME, issuer))
    issued_by = x509.Name([x509.NameAttribute(oid, value) for oid, value in (*names, *more)])
    builder = x509.CertificateBuilder().issuer_name(issued_by).subject_name(issued_by).public_key(subject)
    builder = builder.serial_number(number).not_valid_before(START_AT - timedelta(days=1))
    return builder.not_valid_after(START_AT + timedelta(days=1825)).sign(signer, hashes.SHA256())


@cache
def roots() -> str:
    """The vendor's roots: two signed by RSA, and one that is not and does not count."""
    curve = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
    found = [
        certificate("root", "Ant Financial Certification Authority R1"),
        _certificate(curve.public_key(), "Ant Financial Certification Authority E1", curve, 77),
        certificate("root", "Ant Financial Certification Authority R2"),
    ]
    return "\n".join(pem(one) for one in found)


def pem(one: x509.Certificate) -> str:
    """A certificate as text."""
    return one.public_bytes(Encoding.PEM).decode()


def app() -> App:
    """The app of the kit, by its public keys alone."""
    return App(app_id=APP_ID, seller_id=SELLER_ID, app_key=key("app").public_key(), vendor_key=key("vendor"))


def certified_app() -> App:
    """The same in certificate mode."""
    return replace(
        app(),
        app_cert_sn=serial_of(certificate("app")),
        root_cert_sn=root_serial(roots()),
        vendor_cert_sn=serial_of(certificate("vendor")),
    )


def settings(base_url: str = "https://vendor.test") -> dict[str, object]:
    """The plugin's settings for the app, by public keys."""
    return {
        "gateway_url": f"{base_url}/gateway.do",
        "app_id": APP_ID,
        "app_private_key": private_pem(key("app")),
        "seller_id": SELLER_ID,
        "alipay_public_key": public_pem(key("vendor")),
        "bill_hosts": ("vendor.test", "127.0.0.1"),
    }


def certified_settings(base_url: str = "https://vendor.test") -> dict[str, object]:
    """The same in certificate mode."""
    return {
        **settings(base_url),
        "alipay_public_key": "",
        "app_certificate": pem(certificate("app")),
        "alipay_certificate": pem(certificate("vendor")),
        "alipay_root_certificate": roots(),
    }


def payout(fen: int = 328055) -> PayoutRequest:
    """A payout to an account at the vendor."""
    account = BankAccount(holder="张三丰", number="2088101122675263", bank_code="ALIPAY")
    return PayoutRequest(money=Money(fen), account=account, purpose="deposit")


def carries(request: httpx.Request) -> bool:
    """An operation that does something looks first: only the method that does it carries it."""
    methods = _CARRIED.get(request.headers.get("x-kit-operation", ""))
    return methods is None or request.url.params.get("method") in methods


def _no(code: str, sub_code: str) -> httpx.Response:
    return httpx.Response(200, json={"error_response": {"code": code, "msg": "refused", "sub_code": sub_code}})


def _sign(secret: str, body: bytes, sent_at: datetime) -> Mapping[str, str]:
    signer = next(key(name) for name in ("vendor", "stranger") if private_pem(key(name)) == secret)
    text = text_of(dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True)))
    return {"sign": sign(signer, text.encode()), "sign_type": "RSA2"}


def _callbacks() -> Callbacks:
    def form(**content: str) -> bytes:
        return urlencode({"app_id": APP_ID, "charset": "utf-8", **content}).encode()

    paid = {"out_trade_no": "charge01", "trade_status": "TRADE_SUCCESS", "total_amount": "1.00", "subject": "租金"}
    return Callbacks(
        secret=private_pem(key("vendor")),
        other_secret=private_pem(key("stranger")),
        sign=_sign,
        bodies=[
            form(notify_type="trade_status_sync", notify_id="n1", **paid),
            form(notify_type="dut_user_sign", notify_id="n2", external_agreement_no="m1", status="NORMAL"),
        ],
        unmapped=form(notify_type="a_new_type", notify_id="n3"),
        signature_field="sign",
        dated=False,
    )


class _Payer:
    """Arranges requests at the vendor: payers open the page that they are sent to, and agree."""

    def __init__(self, vendor: AlipayVendor, transport: httpx.AsyncBaseTransport) -> None:
        self._vendor = vendor
        self._browser = httpx.AsyncClient(transport=transport)

    async def agreed(self, stage: Stage) -> str:
        """A mandate that is active."""
        mandate = await stage.call("payments_mandate", mandate_request())
        assert isinstance(mandate, Mandate)
        (await self._browser.get(str(mandate.hosted_url))).raise_for_status()
        await stage.pass_time()
        return mandate.mandate_ref

    async def collect(self, stage: Stage) -> CollectRequest:
        """A rent under it."""
        return CollectRequest(
            money=RENT,
            mandate_ref=await self.agreed(stage),
            due_on=START_AT.date(),
            purpose="rent",
            contract_number="C-1",
        )

    async def revocable(self, stage: Stage) -> RevokeRequest:
        """A mandate that is to be taken back."""
        return RevokeRequest(mandate_ref=await self.agreed(stage), reason="the lease has ended")

    async def paid(self, stage: Stage) -> str:
        """A rent that is paid."""
        result = await stage.call("payments_collect", await self.collect(stage))
        assert isinstance(result, PaymentResult)
        return str(result.payment_ref)

    async def pending(self, stage: Stage) -> CancelRequest:
        """A rent that waits for its debit, to be stopped."""
        request = await self.collect(stage)
        self._vendor.asynchronous = True
        result = await stage.call("payments_collect", request)
        self._vendor.asynchronous = False
        assert isinstance(result, PaymentResult)
        return CancelRequest(payment_ref=str(result.payment_ref), reason="paid in cash")

    def requests(self) -> dict[str, object | Callable[[Stage], Awaitable[object]]]:
        """What the kit cannot arrange itself."""

        async def status(ref: Callable[[Stage], Awaitable[str]], stage: Stage) -> StatusQuery:
            return StatusQuery(provider_ref=await ref(stage))

        async def refund(stage: Stage) -> RefundRequest:
            return RefundRequest(payment_ref=await self.paid(stage), money=Money.of("100.00"), reason="overpaid")

        return {
            "payments_mandate_status": partial(status, self.agreed),
            "payments_revoke_mandate": self.revocable,
            "payments_collect": self.collect,
            "payments_refund": refund,
            "payments_cancel": self.pending,
            "payments_status": partial(status, self.paid),
            "payments_payout": payout(),
            "payments_statement": StatementRequest(day_on=(START_AT - timedelta(days=1)).date()),
        }


def _yesterday(vendor: AlipayVendor) -> None:
    """A debit of the day before, of which there is a bill."""
    trade = {"trade_no": "2026030422001", "out_trade_no": "yesterday01", "total_amount": "1.00"}
    vendor.trades["yesterday01"] = {
        **trade,
        "trade_status": "TRADE_SUCCESS",
        "send_pay_date": "2026-03-04 10:00:00",
        "_notify": "",
    }


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh vendor with its plugin."""
    clock = VirtualClock(START_AT)
    vendor = AlipayVendor(clock, certified_app())
    _yesterday(vendor)
    transport = httpx.ASGITransport(app=vendor.app)

    async def later() -> None:
        clock.advance(timedelta(minutes=2))
        await vendor.settle()

    yield Rig(
        descriptor=descriptor,
        settings=certified_settings(),
        vendor=transport,
        clock=clock,
        books=vendor.books,
        refusals=Refusals(
            rejected=lambda: _no("40004", "ACQ.PAYMENT_FAIL"),
            auth=lambda: _no("40002", "isv.invalid-signature"),
            rate_limited=lambda: _no("40005", "isv.app-call-limited"),
            retry_after_s=None,
        ),
        pass_time=later,
        requests=_Payer(vendor, transport).requests(),
        callbacks=_callbacks(),
        status_field=None,  # each method has a place of its own for it: tests/test_mapping.py looks at every one
        carries=carries,
        # The page is only signed by us: the vendor hears of it when the payer opens it.
        until_agreed=frozenset({"payments_mandate"}),
    )
