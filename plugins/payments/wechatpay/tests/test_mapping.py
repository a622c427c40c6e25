"""The vendor's words in the hub's: published examples, every listed code and state, and what nobody has listed.

Recorded answers are the examples of pay.weixin.qq.com/doc/v3 (order query, refund query, transfer query), shortened to
the fields that are read.
"""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_payments_wechatpay import bill, mapping
from leasehub_payments_wechatpay.conformance import settings
from leasehub_payments_wechatpay.settings import WechatpaySettings
from pydantic import ValidationError

from hub.core.errors import AuthFailed, Misconfigured, RateLimited, Rejected, RetryAdvice, UnknownOutcome
from hub.core.money import Money
from hub.core.ports.payments import MandateStatus, PaymentOutcome, SettlementKind
from hub.sdk.reading import Fields

ORDER = {
    "amount": {"currency": "CNY", "payer_currency": "CNY", "payer_total": 3, "total": 3},
    "appid": "wxdace645e0bc2cXXX",
    "attach": "",
    "mchid": "1900006XXX",
    "out_trade_no": "44_2126281063_5504",
    "payer": {"openid": "o4GgauJP_mgWEWictzA15WT15XXX"},
    "success_time": "2021-03-22T10:29:05+08:00",
    "trade_state": "SUCCESS",
    "trade_state_desc": "支付成功",
    "trade_type": "JSAPI",
    "transaction_id": "4200000891202103228088184743",
}
REFUND = {
    "amount": {"currency": "CNY", "refund": 100, "total": 100},
    "out_refund_no": "1217752501201407033233368018",
    "out_trade_no": "1217752501201407033233368018",
    "refund_id": "50000000382019052709732678859",
    "status": "SUCCESS",
    "success_time": "2020-12-01T16:18:12+08:00",
    "transaction_id": "1217752501201407033233368018",
}
TRANSFER = {
    "mch_id": "1900001109",
    "out_bill_no": "plfk2020042013",
    "transfer_bill_no": "1330000071100999991182020050700019480001",
    "appid": "wxf636efh567hg4356",
    "state": "ACCEPTED",
    "transfer_amount": 400000,
    "fail_reason": "PAYEE_ACCOUNT_ABNORMAL",
    "create_time": "2015-05-20T13:29:35.120+08:00",
    "update_time": "2015-05-20T13:29:35.120+08:00",
}


def test_the_published_order_is_a_success_of_three_fen() -> None:
    found = mapping.payment_of(Fields(ORDER))
    assert (found.outcome, found.money, found.payment_ref) == (
        PaymentOutcome.SUCCEEDED,
        Money(3),
        "44_2126281063_5504",
    )
    assert found.settled_at is not None
    assert found.settled_at.isoformat() == "2021-03-22T02:29:05+00:00"


@pytest.mark.parametrize(
    ("state", "outcome", "code"),
    [
        ("REFUND", PaymentOutcome.SUCCEEDED, None),
        ("NOTPAY", PaymentOutcome.PENDING, None),
        ("USERPAYING", PaymentOutcome.PENDING, None),
        ("ACCEPT", PaymentOutcome.PENDING, None),
        ("CLOSED", PaymentOutcome.REJECTED, "cancelled"),
        ("REVOKED", PaymentOutcome.REJECTED, "cancelled"),
        ("PAYERROR", PaymentOutcome.REJECTED, "payment_failed"),
        ("A_NEW_WORD", PaymentOutcome.PENDING, None),
    ],
)
def test_each_state_of_an_order(state: str, outcome: PaymentOutcome, code: str | None) -> None:
    found = mapping.payment_of(Fields({**ORDER, "trade_state": state}))
    assert (found.outcome, found.code) == (outcome, code)


def test_the_published_refund_and_its_other_states() -> None:
    found = mapping.refund_of(Fields(REFUND))
    assert (found.outcome, found.money) == (PaymentOutcome.SUCCEEDED, Money(100))
    outcomes = {
        state: mapping.refund_of(Fields({**REFUND, "status": state}))
        for state in ("PROCESSING", "ABNORMAL", "CLOSED", "NEW")
    }
    assert [one.outcome.value for one in outcomes.values()] == ["pending", "pending", "rejected", "pending"]
    assert outcomes["CLOSED"].code == "refund_closed"


@pytest.mark.parametrize(
    ("state", "outcome", "code"),
    [
        ("ACCEPTED", "pending", None),
        ("PROCESSING", "pending", None),
        ("WAIT_USER_CONFIRM", "pending", None),
        ("TRANSFERING", "pending", None),
        ("CANCELING", "pending", None),
        ("SUCCESS", "succeeded", None),
        ("FAIL", "rejected", "account_frozen"),
        ("CANCELLED", "rejected", "cancelled"),
        ("NEW", "pending", None),
    ],
)
def test_each_state_of_a_transfer(state: str, outcome: str, code: str | None) -> None:
    found = mapping.transfer_of(Fields({**TRANSFER, "state": state}))
    assert (found.outcome.value, found.code) == (outcome, code)
    first = mapping.transfer_of(Fields({"out_bill_no": "x", "state": "SUCCESS"}))
    assert first.outcome is PaymentOutcome.PENDING, "an answer without an amount settles nothing"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("SIGNED", MandateStatus.ACTIVE),
        ("TERMINATED", MandateStatus.REVOKED),
        ("SIGN_FAILED", MandateStatus.REJECTED),
        ("TO_BE_RENEWED", MandateStatus.PENDING),
        ("NEW", MandateStatus.PENDING),
    ],
)
def test_each_state_of_a_contract(state: str, status: MandateStatus) -> None:
    contract = Fields({"out_contract_code": "m1", "contract_state": state})
    assert mapping.mandate_of(contract, "m1").status is status
    with pytest.raises(UnknownOutcome):
        mapping.mandate_of(contract, "m2")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("SIGN_ERROR", 401, AuthFailed),
        ("NO_AUTH", 403, Misconfigured),
        ("MCH_NOT_EXISTS", 404, Misconfigured),
        ("APPID_MCHID_NOT_MATCH", 400, Misconfigured),
        ("PARAM_ERROR", 400, Rejected),
        ("INVALID_REQUEST", 400, Rejected),
        ("RULE_LIMIT", 403, Rejected),
        ("TRADE_ERROR", 403, Rejected),
        ("ORDER_CLOSED", 400, Rejected),
        ("USER_ACCOUNT_ABNORMAL", 403, Rejected),
        ("NOT_ENOUGH", 403, Rejected),
        ("RESOURCE_NOT_EXISTS", 404, Rejected),
        ("ORDER_NOT_EXIST", 404, Rejected),
        ("OUT_TRADE_NO_USED", 403, UnknownOutcome),
        ("ORDERPAID", 400, UnknownOutcome),
        ("FREQUENCY_LIMITED", 429, RateLimited),
        ("SYSTEM_ERROR", 500, UnknownOutcome),
        ("PARAM_ERROR", 500, UnknownOutcome),
        ("A_NEW_CODE", 400, UnknownOutcome),
    ],
)
def test_each_code_is_the_error_that_says_what_is_known(code: str, status: int, kind: type[Exception]) -> None:
    found = mapping.refusal(code, status, {"request-id": "08F7-268435462"}, reading=False)
    assert type(found) is kind
    assert code in found.detail
    assert "268435462" in found.detail


def test_a_new_code_refuses_a_question_and_keeps_its_name() -> None:
    found = mapping.refusal("A_NEW_CODE", 400, {}, reading=True)
    assert isinstance(found, Rejected)
    assert (found.vendor_code, found.advice) == ("A_NEW_CODE", RetryAdvice.NEVER)


def test_every_listed_code_is_in_one_list_alone() -> None:
    lists = (mapping._AUTH, mapping._OURS, mapping._SLOWER, mapping._DOUBT, mapping.REFUSED)
    every = [code for one in lists for code in one]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{" * 5000, b'{"code": 5}', b'{"code": ""}', b"\xff"])
def test_what_carries_no_code_has_none(body: bytes) -> None:
    assert mapping.code_of(body) is None


def test_another_currency_is_refused_before_it_is_sent_and_unread_when_it_comes() -> None:
    with pytest.raises(Rejected):
        mapping.fen(Money(100, "USD"))
    with pytest.raises(UnknownOutcome):
        mapping.payment_of(Fields({**ORDER, "amount": {"total": 3, "currency": "USD"}}))


@given(st.text(min_size=1, max_size=40).filter(lambda text: "@" not in text), st.text(max_size=40))
def test_a_reference_is_read_as_it_was_written(number: str, mandate: str) -> None:
    assert mapping.order_of(mapping.order_ref(number, mandate)) == (number, mandate or None)


# Bills: heading and totals as the vendor's documentation shows them

HEAD = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
PAID = "`2026-03-05 10:00:00,`wx1,`1900007291,`0,`,`42000,`charge01,`o1,`PAP,`SUCCESS,`CMB_DEBIT,`CNY,`3280.55,`0.00,`0,`0,`0.00,`0.00,`,`,`租金,`m1,`19.68330,`0.60%,`3280.55,`0.00,`"
BACK = "`2026-03-05 11:00:00,`wx1,`1900007291,`0,`,`42000,`charge01,`o1,`PAP,`REFUND,`CMB_DEBIT,`CNY,`0.00,`0.00,`50300,`refund01,`100.00,`0.00,`ORIGINAL,`SUCCESS,`租金,`m1,`-0.60000,`0.60%,`0.00,`100.00,`"
TOTALS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n`2,`3280.55,`100.00,`0.00,`19.08330,`3280.55,`100.00\r\n"
BILL = "\r\n".join([HEAD, PAID, BACK, TOTALS])


def test_a_bill_is_read_line_by_line_and_a_fee_that_is_given_back_is_negative() -> None:
    found = [(one.kind, one.payment_ref, one.money.minor) for one in bill.lines_of(BILL)]
    assert found == [
        (SettlementKind.COLLECTED, "charge01@m1", 328055),
        (SettlementKind.FEE, "charge01@m1", 1968),
        (SettlementKind.REFUNDED, "refund/refund01", 10000),
        (SettlementKind.FEE, "refund/refund01", -60),
    ]


@pytest.mark.parametrize(
    "spoiled",
    [
        "",
        HEAD,
        BILL.replace("`2,", "`3,"),
        BILL.replace("SUCCESS,`CMB", "STRANGE,`CMB"),
        BILL.replace("`3280.55,`0.00,`\r", "`NaN,`0.00,`\r"),
        BILL.replace("2026-03-05 10", "2026-13-05 10"),
        BILL.replace("`charge01,`o1,`PAP,`SUCCESS", "`,`o1,`PAP,`SUCCESS"),
        BILL.replace(PAID, PAID + ",`more"),
        "<html>",
    ],
)
def test_a_bill_that_is_not_whole_is_not_read(spoiled: str) -> None:
    with pytest.raises(UnknownOutcome):
        bill.lines_of(spoiled)


def test_a_bill_is_unpacked_only_when_it_is_the_one_that_was_promised() -> None:
    packed = gzip.compress(BILL.encode())
    digest = hashlib.sha1(BILL.encode()).hexdigest()
    assert bill.unpacked(packed, "SHA1", digest) == BILL
    for wrong in (
        (packed, "SHA1", "0" * 40),
        (packed[:-9], "SHA1", digest),
        (packed, "MD5", digest),
        (b"x", "SHA1", digest),
    ):
        with pytest.raises(UnknownOutcome):
            bill.unpacked(*wrong)
    with pytest.raises(UnknownOutcome):
        bill.unpacked(packed, "SHA1", digest, limit=len(BILL.encode()) - 1)


def test_settings_name_what_is_missing() -> None:
    for changed, told in (
        ({"public_key_id": ""}, "key and id go together"),
        ({"api_v3_key": "short"}, "32 bytes"),
        ({"merchant_serial_no": ""}, "merchant_certificate"),
        ({"mch_id": "x"}, "mch_id"),
    ):
        with pytest.raises(ValidationError, match=told):
            WechatpaySettings.model_validate({**settings(), **changed})


def test_bodies_are_compact_and_say_chinese_as_it_is() -> None:
    assert mapping.body_bytes({"a": "租金", "b": 1}) == '{"a":"租金","b":1}'.encode()
    assert json.loads(mapping.body_bytes({"a": '"\\'})) == {"a": '"\\'}
