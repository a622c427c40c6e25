"""The wire, tried with the client library python-alipay-sdk 3.4.0: it is accepted by the stand-in and believes its answers,
and for the same inputs and instant the plugin signs what it signs.

The library takes no Chinese in its JSON (it escapes it), so that contents are compared as what they say; the signature
is compared over the plugin's own parameters. The vendor's own library was tried by hand: see the README.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from alipay import AliPay, DCAliPay
from alipay.exceptions import AliPayValidationError
from hypothesis import given, settings
from hypothesis import strategies as st
from leasehub_payments_alipay.client import SHANGHAI, nodes_of, signed_text
from leasehub_payments_alipay.conformance import APP_ID, certificate, key, payout, pem, private_pem, public_pem, roots
from leasehub_payments_alipay.keys import root_serial, serial_of

from hub.core.errors import AuthFailed, Rejected, UnknownOutcome
from hub.core.money import Money
from hub.core.ports import StatusQuery
from hub.core.ports.payments import (
    CancelRequest,
    MandateStatus,
    PaymentOutcome,
    PaymentResult,
    RefundRequest,
    RevokeRequest,
)
from hub.testing.wire import Received

from .conftest import Shop

LONG = "车" * 300
_DC = {
    "app_public_key_cert_string": pem(certificate("app")),
    "alipay_public_key_cert_string": pem(certificate("vendor")),
    "alipay_root_cert_string": roots(),
}


@cache
def _made(*, certified: bool) -> Any:
    """The library as its author says; reading keys takes it long."""
    if certified:
        return DCAliPay(appid=APP_ID, app_private_key_string=private_pem(key("app")), **_DC)
    public = public_pem(key("vendor"))
    return AliPay(appid=APP_ID, app_private_key_string=private_pem(key("app")), alipay_public_key_string=public)


def _library(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library, at the shop's instant and address."""
    here = shop.clock.now().astimezone(SHANGHAI)
    monkeypatch.setattr("alipay.datetime", SimpleNamespace(now=lambda: here))
    made = _made(certified=bool(shop.vendor.served.app_cert_sn))
    made._gateway = f"{shop.base_url}/gateway.do"
    return made


def _parameters(one: Received) -> dict[str, str]:
    """Everything of a request, wherever it stands."""
    pairs = parse_qsl(urlsplit(one.target).query) + parse_qsl(one.body.decode())
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


async def _called(function: Callable[..., Any], *given: object, **named: object) -> Any:
    return await asyncio.to_thread(lambda: function(*given, **named))


def _same(shop: Shop, library: Any) -> dict[str, Any]:
    """The plugin's request (first) is the library's (second), parameter by parameter; gives the content."""
    ours, theirs = (_parameters(one) for one in shop.vendor.received[-2:])
    mine, yours = json.loads(ours["biz_content"]), json.loads(theirs["biz_content"])
    assert mine == yours
    left_out = {"sign", "biz_content"}
    # `format` has json for its only value, and the library leaves it out.
    assert {name: ours[name] for name in ours if name not in left_out | {"format"}} == {
        name: theirs[name] for name in theirs if name not in left_out
    }
    assert ours["format"] == "json"
    bare = {name: value for name, value in ours.items() if name != "sign"}
    assert ours["sign"] == library._sign(signed_text(bare))
    assert signed_text(bare) == "&".join(f"{name}={value}" for name, value in sorted(bare.items()))
    content: dict[str, Any] = mine
    return content


@pytest.mark.parametrize("contract", ["C-1", LONG, 'a&b=c "quoted" \\ é€😀 +%20~*\''])
@pytest.mark.parametrize("fen", [29, 99_999_999_99])
async def test_a_debit_is_what_the_library_sends_and_believes(
    any_shop: Shop, monkeypatch: pytest.MonkeyPatch, contract: str, fen: int
) -> None:
    await any_shop.agreed()
    await any_shop.provider.payments_collect(any_shop.collect(fen, contract), any_shop.ctx("charge01"))
    content = json.loads(_parameters(any_shop.vendor.received[-1])["biz_content"])
    any_shop.vendor.trades.clear()
    library = _library(any_shop, monkeypatch)
    answer = await _called(
        library.server_api, "alipay.trade.pay", biz_content=content, notify_url="http://hub.test/webhooks/sandbox"
    )
    assert (answer["code"], answer["total_amount"]) == ("10000", f"{fen // 100}.{fen % 100:02d}")
    assert len(_same(any_shop, library)["subject"]) <= 256


async def test_questions_refunds_and_cancellations_are_what_the_library_sends(
    any_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await any_shop.agreed()
    library = _library(any_shop, monkeypatch)
    await any_shop.provider.payments_collect(any_shop.collect(1000), any_shop.ctx("charge01"))
    await any_shop.provider.payments_status(StatusQuery(provider_ref="charge01"), any_shop.ctx("q"))
    answer = await _called(library.api_alipay_trade_query, out_trade_no="charge01")
    _same(any_shop, library)
    assert (answer["trade_status"], answer["total_amount"]) == ("TRADE_SUCCESS", "10.00")

    refund = RefundRequest(payment_ref="charge01", money=Money(1), reason=LONG)
    await any_shop.provider.payments_refund(refund, any_shop.ctx("refund01"))
    named = {"out_request_no": "refund01", "refund_reason": LONG[:256]}
    await _called(library.api_alipay_trade_refund, refund_amount="0.01", out_trade_no="charge01", **named)
    _same(any_shop, library)
    await any_shop.provider.payments_status(StatusQuery(provider_ref="refund/refund01/charge01"), any_shop.ctx("q"))
    asked = {"out_trade_no": "charge01", "out_request_no": "refund01", "query_options": ["gmt_refund_pay"]}
    await _called(library.server_api, "alipay.trade.fastpay.refund.query", biz_content=asked)
    _same(any_shop, library)

    any_shop.vendor.asynchronous = True
    await any_shop.provider.payments_collect(any_shop.collect(1000), any_shop.ctx("charge02"))
    await any_shop.provider.payments_cancel(CancelRequest(payment_ref="charge02", reason="x"), any_shop.ctx("c"))
    await _called(library.api_alipay_trade_cancel, out_trade_no="charge02")
    _same(any_shop, library)


async def test_a_transfer_is_what_the_library_sends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    library = _library(shop, monkeypatch)
    await shop.provider.payments_payout(payout(29), shop.ctx("payout01"))
    await _called(
        library.api_alipay_fund_trans_uni_transfer,
        "payout01",
        "ALIPAY_USER_ID",
        "2088101122675263",
        "0.29",
        name="张三丰",
        order_title="deposit",
    )
    assert _same(shop, library)["payee_info"]["name"] == "张三丰"
    await shop.provider.payments_status(StatusQuery(provider_ref="transfer/payout01"), shop.ctx("q"))
    asked = {"product_code": "TRANS_ACCOUNT_NO_PWD", "biz_scene": "DIRECT_TRANSFER", "out_biz_no": "payout01"}
    await _called(library.server_api, "alipay.fund.trans.common.query", biz_content=asked)
    _same(shop, library)


async def test_the_page_and_the_end_of_an_agreement_are_what_the_library_signs(
    any_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = _library(any_shop, monkeypatch)
    mandate = await any_shop.asked()
    assert mandate.hosted_url is not None
    ours = dict(parse_qsl(urlsplit(mandate.hosted_url).query))
    bare = {name: value for name, value in ours.items() if name != "sign"}
    assert ours["sign"] == library._sign(signed_text(bare))
    theirs = await _called(
        library.client_api,
        "alipay.user.agreement.page.sign",
        biz_content=json.loads(ours["biz_content"]),
        notify_url=ours["notify_url"],
        return_url=ours["return_url"],
    )
    assert ours["return_url"] == "https://hub.example/back?a=1&b=é"
    assert (await any_shop.client.get(f"{any_shop.base_url}/gateway.do?{theirs}")).text == "<html>agree</html>"
    await any_shop.vendor.settle()
    number = any_shop.vendor.agreements["m1"]["agreement_no"]
    await _called(library.server_api, "alipay.user.agreement.unsign", biz_content={"agreement_no": number})
    ended = await any_shop.provider.payments_mandate_status(StatusQuery(provider_ref="m1"), any_shop.ctx("q"))
    assert getattr(ended, "status", None) == "revoked"


async def test_an_agreement_is_ended_as_the_library_does(any_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await any_shop.agreed()
    library = _library(any_shop, monkeypatch)
    request = RevokeRequest(mandate_ref="m1", reason="the lease has ended")
    ended = await any_shop.provider.payments_revoke_mandate(request, any_shop.ctx("r"))
    assert (ended.status, ended.mandate_ref) == (MandateStatus.REVOKED, "m1")
    ours = next(one for one in any_shop.vendor.received if "agreement.unsign" in one.target)
    any_shop.vendor.agreements["m1"]["status"] = "NORMAL"
    number = any_shop.vendor.agreements["m1"]["agreement_no"]
    await _called(library.server_api, "alipay.user.agreement.unsign", biz_content={"agreement_no": number})
    any_shop.vendor.received = [ours, any_shop.vendor.received[-1]]
    assert _same(any_shop, library) == {"agreement_no": number}
    again = await any_shop.provider.payments_revoke_mandate(request, any_shop.ctx("r2"))
    assert (again.status, len(any_shop.vendor.received)) == (MandateStatus.REVOKED, 3)  # a look, and nothing to do
    with pytest.raises(Rejected, match="nobody has signed"):
        await any_shop.provider.payments_revoke_mandate(RevokeRequest(mandate_ref="m2", reason="x"), any_shop.ctx("r3"))


def test_certificates_are_numbered_as_the_library_numbers_them() -> None:
    for name in ("app", "vendor"):
        assert serial_of(certificate(name)) == DCAliPay.get_cert_sn(pem(certificate(name)))
    assert root_serial(roots()) == DCAliPay.get_root_cert_sn(roots())
    assert root_serial(roots()).count("_") == 1


async def test_what_was_changed_on_the_way_is_refused_by_the_vendor(shop: Shop) -> None:
    await shop.agreed()
    await shop.provider.payments_collect(shop.collect(100), shop.ctx("charge01"))
    ours = shop.vendor.received[-1]
    shop.vendor.trades.clear()
    for target, body in (
        (ours.target, ours.body.replace(b"1.00", b"9.00")),
        (ours.target.replace("charset=utf-8", "charset=UTF-8"), ours.body),
        (ours.target.replace("sign=", "sign=A"), ours.body),
    ):
        headers = {"content-type": ours.headers["content-type"]}
        answer = await shop.client.post(f"{shop.base_url}{target}", headers=headers, content=body)
        assert "isv.invalid-signature" in answer.text
    assert shop.vendor.trades == {}
    with pytest.raises(AuthFailed):
        await shop.configured(app_id="2021009988776655").provider_health(shop.ctx("h"))


async def test_an_answer_is_believed_by_its_very_text_and_by_the_certificate_that_it_names(
    any_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await any_shop.agreed()
    await any_shop.provider.payments_collect(any_shop.collect(100), any_shop.ctx("charge01"))
    client = any_shop.provider._client
    node = {"code": "10000", "trade_status": "TRADE_SUCCESS", "out_trade_no": "charge01", "total_amount": "1.00"}
    raw = any_shop.vendor._signed("alipay_trade_query_response", {**node, "subject": 'a/b {“}"'}, {}).decode()
    assert client._read(raw, "alipay_trade_query_response")[0].text("subject") == 'a/b {“}"'
    spoiled = [
        raw.replace("\\/", "/"),
        raw.replace("1.00", "9.00"),
        raw.replace('"sign":"', '"sign":"A'),
        raw.replace('"sign"', '"no_sign"'),
        raw.replace("alipay_trade_query_response", "error_response"),
        raw.replace("alipay_trade_query_response", "alipay_trade_pay_response"),
        raw[:-1] + f',"alipay_trade_query_response":{json.dumps({**node, "total_amount": "9.00"})}}}',
        raw.replace('"alipay_cert_sn":"', '"alipay_cert_sn":"0') if "alipay_cert_sn" in raw else raw[:-1],
        raw[:-1],
        "",
    ]
    for text in spoiled:
        with pytest.raises(UnknownOutcome):
            client._read(text, "alipay_trade_query_response")
    library = _library(any_shop, monkeypatch)
    with pytest.raises(AliPayValidationError):
        library._verify_and_return_sync_response(spoiled[1], "alipay_trade_query_response")


async def test_a_key_that_is_being_changed_counts_beside_the_new_one(any_shop: Shop) -> None:
    if any_shop.vendor.served.app_cert_sn:
        changed = {"previous_alipay_certificate": pem(certificate("stranger"))}
        other = {"vendor_key": key("stranger"), "vendor_cert_sn": serial_of(certificate("stranger"))}
    else:
        changed = {"previous_alipay_public_key": public_pem(key("stranger"))}
        other = {"vendor_key": key("stranger")}
    any_shop.vendor.served = replace(any_shop.vendor.served, **other)  # type: ignore[arg-type]
    with pytest.raises(UnknownOutcome):
        await any_shop.provider.provider_health(any_shop.ctx("h"))
    changing = any_shop.configured(**changed)
    assert (await changing.provider_health(any_shop.ctx("h"))).healthy
    shown = {one.name: one for one in changing.provider_credentials()}
    assert not shown[next(iter(changed))].current


_SIMPLE = st.text(max_size=9) | st.integers() | st.none()


@given(st.dictionaries(st.text(max_size=8), _SIMPLE | st.lists(_SIMPLE, max_size=3), max_size=4))
@settings(max_examples=30, deadline=None)
def test_nodes_are_cut_out_as_they_were_written(content: dict[str, Any]) -> None:
    for written in (json.dumps(content), json.dumps(content, ensure_ascii=False, indent=1)):
        cut = nodes_of(written) if content else {}
        assert {name: json.loads(text) for name, text in cut.items()} == content
        assert all(text in written for text in cut.values())


@given(st.text(max_size=60))
@settings(max_examples=40, deadline=None)
def test_what_is_no_object_is_not_cut(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    if not isinstance(expected, dict) or not expected:
        with pytest.raises(UnknownOutcome):
            nodes_of(text)


async def test_paid_is_paid_only_when_everything_says_so(shop: Shop) -> None:
    await shop.agreed()
    found = await shop.provider.payments_collect(shop.collect(100), shop.ctx("charge01"))
    assert isinstance(found, PaymentResult)
    assert found.outcome is PaymentOutcome.SUCCEEDED
    assert found.settled_at == datetime(2026, 3, 5, 2, tzinfo=UTC)
