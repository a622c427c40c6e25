"""The wire, tried with the client library wechatpayv3 2.0.4: it is accepted by the stand-in and believes its answers,
and for the same inputs, instant and nonce the plugin sends what it sends."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from leasehub_payments_wechatpay.conformance import (
    API_V3_KEY,
    MERCHANT_SERIAL,
    PUBLIC_KEY_ID,
    START_AT,
    account,
    key,
    payout,
    private_pem,
    public_pem,
    settings,
)
from leasehub_payments_wechatpay.plugin import Wechatpay
from leasehub_payments_wechatpay.settings import WechatpaySettings
from leasehub_payments_wechatpay.standin import WechatVendor
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.type import RequestType
from wechatpayv3.utils import build_authorization

from hub.core.errors import AuthFailed, Rejected, UnknownOutcome
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import (
    BankAccount,
    CancelRequest,
    CollectRequest,
    MandateRequest,
    MandateStatus,
    PaymentOutcome,
    PaymentResult,
    RefundRequest,
    RevokeRequest,
    SettlementKind,
    StatementRequest,
)
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context, webhook_request
from hub.testing.loopback import loopback
from hub.testing.wire import Received

NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"
LONG = "车" * 200
GATEWAY = "https://api.mch.weixin.qq.com"


def _certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com Root CA")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key("vendor").public_key())
    builder = builder.serial_number(int("7132D72A03E93CDDF8C03BBD1F37EEDF00000001", 16))
    builder = builder.not_valid_before(START_AT - timedelta(days=1))
    return builder.not_valid_after(datetime(2099, 1, 1, tzinfo=UTC)).sign(key("vendor"), hashes.SHA256())


@dataclass
class Desk:
    """The plugin and the library before one vendor."""

    clock: VirtualClock
    vendor: WechatVendor
    provider: Wechatpay
    client: httpx.AsyncClient
    base_url: str

    async def library(self, **changed: object) -> WeChatPay:
        """The library, made as its author says; public-key mode unless the keys are taken away."""
        given: dict[str, object] = {
            "wechatpay_type": WeChatPayType.JSAPI,
            "mchid": "1900007291",
            "private_key": private_pem(key("merchant")),
            "cert_serial_no": MERCHANT_SERIAL,
            "appid": "wxd678efh567hg6787",
            "apiv3_key": API_V3_KEY,
            "notify_url": "http://hub.test/webhooks/sandbox",
            "public_key": public_pem(key("vendor")),
            "public_key_id": PUBLIC_KEY_ID,
        }
        return await asyncio.to_thread(lambda: WeChatPay(**{**given, **changed}))

    def pair(self) -> tuple[Received, Received]:
        """The two latest requests."""
        first, second = self.vendor.received[-2:]
        return first, second


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    clock = VirtualClock(START_AT)
    vendor = WechatVendor(clock, account())
    async with loopback(vendor.app) as base_url, httpx.AsyncClient(trust_env=False, verify=False) as client:
        vendor.origin = base_url
        provider = Wechatpay(
            WechatpaySettings.model_validate(settings(base_url)), plugin_context(client, clock), nonce=lambda: NONCE
        )
        _fix(monkeypatch, clock, base_url)
        yield Desk(clock, vendor, provider, client, base_url)


def _fix(monkeypatch: pytest.MonkeyPatch, clock: VirtualClock, base_url: str) -> None:
    """The library's time, its nonce, and the host that it speaks to."""
    monkeypatch.setattr("wechatpayv3.utils.time", SimpleNamespace(time=lambda: clock.now().timestamp()))
    monkeypatch.setattr("wechatpayv3.utils.uuid", SimpleNamespace(uuid4=lambda: NONCE.lower()))

    def led(method: str) -> Any:
        return lambda url, **options: requests.request(method, url.replace(GATEWAY, base_url), **options)

    monkeypatch.setattr("wechatpayv3.core.requests", SimpleNamespace(get=led("GET"), post=led("POST")))


def _ctx(desk: Desk, name: str) -> Any:
    return call_context(desk.clock, name)


def _said(authorization: str) -> dict[str, str]:
    scheme, _, rest = authorization.partition(" ")
    return {"scheme": scheme, **dict(re.findall(r'(\w+)="([^"]*)"', rest))}


def _same(desk: Desk) -> dict[str, Any]:
    """The plugin's request (first) is the library's (second), field by field; gives what was in the body."""
    ours, theirs = desk.pair()
    assert (ours.method, ours.target) == (theirs.method, theirs.target)
    for name in ("accept", "content-type", "wechatpay-serial"):
        assert ours.headers.get(name) == theirs.headers.get(name), name
    mine, yours = _said(ours.headers["authorization"]), _said(theirs.headers["authorization"])
    assert list(mine) == list(yours)
    assert {**mine, "signature": ""} == {**yours, "signature": ""}
    built = build_authorization(
        ours.target,
        ours.method,
        "1900007291",
        MERCHANT_SERIAL,
        key("merchant"),
        data=ours.body.decode(),
        nonce_str=NONCE,
    )
    assert ours.headers["authorization"] == built
    content: dict[str, Any] = json.loads(ours.body) if ours.body else {}
    assert (json.loads(theirs.body) if theirs.body else {}) == content or "user_name" in content
    return content


async def _agreed(desk: Desk, code: str = "m1") -> None:
    request = MandateRequest(
        payer_ref="party-1",
        account=BankAccount(holder="张三丰", number="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", bank_code="WECHAT"),
        limit=Money(5_000_000),
        contract_number="合同-1",
    )
    await desk.provider.payments_mandate(request, _ctx(desk, code))
    await desk.vendor.settle()


def _rent(fen: int, contract: str = "C-1") -> CollectRequest:
    return CollectRequest(
        money=Money(fen), mandate_ref="m1", due_on=START_AT.date(), purpose="rent", contract_number=contract
    )


async def _core(library: WeChatPay, path: str, method: RequestType, body: object = None) -> Any:
    """Any operation, over the library's signed and verified exchange."""
    status, text = await asyncio.to_thread(lambda: library._core.request(path, method=method, data=body))
    assert status in (200, 204), text
    return json.loads(text) if text else {}


async def test_withholding_is_what_the_library_sends_and_believes(desk: Desk) -> None:
    await _agreed(desk)
    library = await desk.library()
    presigned = json.loads(desk.vendor.received[0].body)
    answer = await _core(library, desk.vendor.received[0].target, RequestType.POST, presigned)
    assert answer["redirect_url"].startswith("https://")
    desk.vendor.received = [desk.vendor.received[0], desk.vendor.received[-1]]
    assert _same(desk)["contract_display_account"] == "合同-1"

    await desk.provider.payments_mandate_status(StatusQuery(provider_ref="m1"), _ctx(desk, "q"))
    path = "/v3/papay/sign/contracts/plan-id/12535/out-contract-code/m1"
    contract = await _core(library, path, RequestType.GET)
    _same(desk)
    assert contract["contract_state"] == "SIGNED"

    desk.clock.advance(timedelta(days=3))
    for fen in (1, 100_000_000_00):
        await desk.provider.payments_collect(_rent(fen), _ctx(desk, f"charge{fen}"))
        ours = desk.vendor.received[-1]
        desk.vendor.schedules.clear()
        await _core(library, ours.target, RequestType.POST, json.loads(ours.body))
        assert _same(desk)["schedule_amount"] == {"total": fen, "currency": "CNY"}
        desk.vendor.schedules.clear()


@pytest.mark.parametrize("reason", ["the lease has ended", LONG, 'a&b=c "quoted" \\ é€😀'])
async def test_a_contract_is_ended_over_the_librarys_exchange(desk: Desk, reason: str) -> None:
    await _agreed(desk)
    library = await desk.library()
    request = RevokeRequest(mandate_ref="m1", reason=reason)
    ended = await desk.provider.payments_revoke_mandate(request, _ctx(desk, "r"))
    assert (ended.status, ended.mandate_ref) == (MandateStatus.REVOKED, "m1")
    ours = next(one for one in desk.vendor.received if one.target.endswith("/terminate"))
    desk.vendor.contracts["m1"]["contract_state"] = "SIGNED"
    await _core(library, ours.target, RequestType.POST, json.loads(ours.body))
    desk.vendor.received = [ours, desk.vendor.received[-1]]
    assert _same(desk) == {"contract_termination_remark": reason}
    again = await desk.provider.payments_revoke_mandate(request, _ctx(desk, "r2"))
    assert (again.status, len(desk.vendor.received)) == (MandateStatus.REVOKED, 3)  # a look, and nothing to do
    told = desk.provider.webhook_receive(
        webhook_request(desk.vendor.outbox[-1].headers, desk.vendor.outbox[-1].body, desk.clock)
    )
    assert [(one.kind, one.subject_key, one.status) for one in told.events] == [("mandate", "m1", "revoked")]
    with pytest.raises(Rejected, match="nobody has signed"):
        await desk.provider.payments_revoke_mandate(RevokeRequest(mandate_ref="m2", reason="x"), _ctx(desk, "r3"))


@pytest.mark.parametrize("fen", [29, 100_000_000_00])
@pytest.mark.parametrize("contract", ["C-1", LONG, 'a&b=c "quoted" \\ é€😀'])
async def test_a_charge_is_what_the_library_sends(desk: Desk, fen: int, contract: str) -> None:
    await _agreed(desk)
    library = await desk.library()
    await desk.provider.payments_collect(_rent(fen, contract), _ctx(desk, "charge01"))
    ours = desk.vendor.received[-1]
    answer = await _core(library, ours.target, RequestType.POST, json.loads(ours.body))
    assert answer == {"out_trade_no": "charge01", "amount": {"total": fen, "currency": "CNY"}}
    assert len(_same(desk)["description"]) <= 127


async def test_orders_refunds_and_their_states_are_what_the_library_asks(desk: Desk) -> None:
    await _agreed(desk)
    library = await desk.library()
    await desk.provider.payments_collect(_rent(1000), _ctx(desk, "charge01"))
    cancel = CancelRequest(payment_ref="charge01@m1", reason="x")
    await desk.provider.payments_status(StatusQuery(provider_ref="charge01@m1"), _ctx(desk, "q"))
    status, text = await asyncio.to_thread(lambda: library.query(out_trade_no="charge01"))
    _same(desk)
    assert (status, json.loads(text)["trade_state"]) == (200, "ACCEPT")
    await desk.provider.payments_cancel(cancel, _ctx(desk, "c"))
    await asyncio.to_thread(lambda: library.close(out_trade_no="charge01"))
    assert _same(desk) == {"mchid": "1900007291"}

    await desk.provider.payments_collect(_rent(1000), _ctx(desk, "charge02"))
    await desk.vendor.settle()
    refund = RefundRequest(payment_ref="charge02@m1", money=Money(100), reason=LONG)
    await desk.provider.payments_refund(refund, _ctx(desk, "refund01"))
    status, text = await asyncio.to_thread(
        lambda: library.refund(
            out_refund_no="refund01",
            amount={"refund": 100, "total": 1000, "currency": "CNY"},
            out_trade_no="charge02",
            reason=LONG[:80],
            notify_url="http://hub.test/webhooks/sandbox",
        )
    )
    assert (status, _same(desk)["reason"]) == (200, LONG[:80])
    await desk.provider.payments_status(StatusQuery(provider_ref="refund/refund01"), _ctx(desk, "q"))
    status, text = await asyncio.to_thread(lambda: library.query_refund(out_refund_no="refund01"))
    _same(desk)
    assert (status, json.loads(text)["status"]) == (200, "PROCESSING")


@pytest.mark.parametrize("fen", [1, 29, 30, 199_999, 200_000])
async def test_a_transfer_is_what_the_library_sends_with_the_name_sealed(desk: Desk, fen: int) -> None:
    library = await desk.library()
    await desk.provider.payments_payout(payout(fen), _ctx(desk, "payout01"))
    status, text = await asyncio.to_thread(
        lambda: library.mch_transfer_bills(
            out_bill_no="payout01",
            transfer_scene_id="1010",
            openid="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
            transfer_amount=fen,
            transfer_remark="deposit",
            user_name="张三丰",
            transfer_scene_report_infos=[{"info_type": "转账说明", "info_content": "押金退还"}],
            notify_url="http://hub.test/webhooks/sandbox",
        )
    )
    assert status == 200, text
    content, theirs = _same(desk), json.loads(desk.pair()[1].body)
    assert {**content, "user_name": ""} == {**theirs, "user_name": ""}
    assert ("user_name" in content) == ("user_name" in theirs) == (fen >= 30)
    if fen >= 30:
        oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
        assert key("vendor").decrypt(base64.b64decode(content["user_name"]), oaep).decode() == "张三丰"
    await desk.provider.payments_status(StatusQuery(provider_ref="transfer/payout01"), _ctx(desk, "q"))
    await asyncio.to_thread(lambda: library.mch_transfer_bills_query(out_bill_no="payout01"))
    _same(desk)
    await desk.provider.payments_cancel(CancelRequest(payment_ref="transfer/payout01", reason="x"), _ctx(desk, "c"))
    desk.vendor.transfers["payout01"]["state"] = "WAIT_USER_CONFIRM"
    await asyncio.to_thread(lambda: library.mch_transfer_bills_cancel(out_bill_no="payout01"))
    _same(desk)


async def test_a_bill_is_fetched_as_the_library_does_and_checked_against_its_digest(desk: Desk) -> None:
    await _agreed(desk)
    library = await desk.library()
    await desk.provider.payments_collect(_rent(328055), _ctx(desk, "charge01"))
    await desk.vendor.settle()
    refund = RefundRequest(payment_ref="charge01@m1", money=Money(100), reason="overpaid")
    await desk.provider.payments_refund(refund, _ctx(desk, "refund01"))
    await desk.vendor.settle()
    desk.clock.advance(timedelta(days=1))
    statement = await desk.provider.payments_statement(StatementRequest(day_on=START_AT.date()), _ctx(desk, "s"))
    assert [(line.kind, line.payment_ref, line.idempotency_key, line.money.minor) for line in statement.lines] == [
        (SettlementKind.COLLECTED, "charge01@m1", "charge01", 328055),
        (SettlementKind.FEE, "charge01@m1", "charge01", 1),
        (SettlementKind.REFUNDED, "refund/refund01", "refund01", 100),
    ]
    asked, fetched = desk.pair()
    status, text = await asyncio.to_thread(
        lambda: library.trade_bill(bill_date="2026-03-05", bill_type="ALL", tar_type="GZIP")
    )
    assert (status, desk.vendor.received[-1].target) == (200, asked.target)
    url = json.loads(text)["download_url"].replace(desk.base_url, GATEWAY)
    status, _ = await asyncio.to_thread(lambda: library.download_bill(url))
    assert (status, desk.vendor.received[-1].target) == (200, fetched.target)
    assert desk.vendor.received[-1].headers["authorization"] == fetched.headers["authorization"]


async def test_platform_certificates_are_fetched_when_there_is_no_public_key(desk: Desk) -> None:
    desk.vendor.account = replace(desk.vendor.account, certificate=_certificate())
    bare = {**settings(desk.base_url), "public_key_id": "", "public_key": ""}
    context = plugin_context(desk.client, desk.clock)
    provider = Wechatpay(WechatpaySettings.model_validate(bare), context, nonce=lambda: NONCE)
    assert (await provider.provider_health(_ctx(desk, "h"))).healthy
    desk.provider = provider
    await _agreed(desk)
    for callback in desk.vendor.outbox:
        assert provider.webhook_receive(webhook_request(callback.headers, callback.body, desk.clock)).verified
    library = await desk.library(public_key=None, public_key_id=None)
    await desk.provider.payments_payout(payout(), _ctx(desk, "payout01"))
    assert desk.vendor.received[-1].headers["wechatpay-serial"] == desk.vendor.account.serial
    await desk.provider.payments_status(StatusQuery(provider_ref="transfer/payout01"), _ctx(desk, "q"))
    await asyncio.to_thread(lambda: library.mch_transfer_bills_query(out_bill_no="payout01"))
    _same(desk)
    given = {**bare, "platform_certificates": _certificate().public_bytes(Encoding.PEM).decode()}
    ready = Wechatpay(WechatpaySettings.model_validate(given), context)
    [shown] = [one for one in ready.provider_credentials() if one.name == "platform_certificates"]
    assert (shown.fingerprint, shown.not_after) == (desk.vendor.account.serial, datetime(2099, 1, 1, tzinfo=UTC))


async def test_what_the_vendor_refuses_is_refused_and_what_it_did_not_sign_is_not_believed(desk: Desk) -> None:
    stranger = {**settings(desk.base_url), "merchant_private_key": private_pem(key("stranger"))}
    context = plugin_context(desk.client, desk.clock)
    with pytest.raises(AuthFailed):
        await Wechatpay(WechatpaySettings.model_validate(stranger), context).provider_health(_ctx(desk, "h"))
    other = {**settings(desk.base_url), "public_key": public_pem(key("stranger"))}
    with pytest.raises(UnknownOutcome):
        await Wechatpay(WechatpaySettings.model_validate(other), context).provider_health(_ctx(desk, "h"))


async def test_what_was_changed_on_the_way_is_refused_by_the_vendor(desk: Desk) -> None:
    await _agreed(desk)
    await desk.provider.payments_collect(_rent(100), _ctx(desk, "charge01"))
    ours = desk.vendor.received[-1]
    changed = ours.body.replace(b'"total":100', b'"total":900')
    headers = {name: ours.headers[name] for name in ("authorization", "user-agent", "accept", "content-type")}
    answer = await desk.client.post(f"{desk.base_url}{ours.target}", headers=headers, content=changed)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
    bare = {name: value for name, value in headers.items() if name != "user-agent"}
    answer = await desk.client.post(
        f"{desk.base_url}{ours.target}", headers={**bare, "user-agent": ""}, content=ours.body
    )
    assert answer.status_code == 401


async def test_the_vendor_knows_nothing_of_a_key_that_was_never_sent(desk: Desk) -> None:
    found = await desk.provider.payments_status(StatusQuery(idempotency_key="never0001"), _ctx(desk, "q"))
    assert isinstance(found, NoRecord)
    await _agreed(desk)
    await desk.provider.payments_collect(_rent(100), _ctx(desk, "charge01"))
    known = await desk.provider.payments_status(StatusQuery(idempotency_key="charge01"), _ctx(desk, "q"))
    assert isinstance(known, PaymentResult)
    assert (known.outcome, known.payment_ref) == (PaymentOutcome.PENDING, "charge01@m1")
