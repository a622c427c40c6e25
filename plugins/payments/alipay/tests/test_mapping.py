"""The vendor's words in the hub's: published examples, every listed code and status, and what nobody has listed.

Recorded answers are the examples of opendocs.alipay.com (trade query, trade pay, refund query, transfer query), shortened
to the fields that are read.
"""

from __future__ import annotations

import io
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_payments_alipay import bill, mapping
from leasehub_payments_alipay.conformance import certified_settings, settings
from leasehub_payments_alipay.settings import AlipaySettings
from pydantic import ValidationError

from hub.core.errors import AuthFailed, Misconfigured, RateLimited, Rejected, RetryAdvice, UnknownOutcome
from hub.core.money import Money
from hub.core.ports.payments import BankAccount, MandateRequest, MandateStatus, PaymentOutcome, PayoutRequest
from hub.sdk.reading import Fields

from .conftest import START_AT

TRADE = {
    "code": "10000",
    "msg": "Success",
    "trade_no": "2013112011001004330000121536",
    "out_trade_no": "6823789339978248",
    "buyer_logon_id": "159****5620",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "88.88",
    "send_pay_date": "2014-11-27 15:45:57",
}
PAY = {
    "code": "10000",
    "msg": "Success",
    "trade_no": "2013112011001004330000121536",
    "out_trade_no": "6823789339978248",
    "total_amount": "120.88",
    "gmt_payment": "2014-11-27 15:45:57",
}
REFUND = {
    "code": "10000",
    "trade_no": "2014112611001004680073956707",
    "out_trade_no": "20150320010101001",
    "out_request_no": "20150320010101001",
    "refund_amount": "12.33",
    "refund_status": "REFUND_SUCCESS",
    "gmt_refund_pay": "2014-11-27 15:45:57",
}
TRANSFER = {
    "code": "10000",
    "order_id": "20190801110070000006380000250621",
    "pay_date": "2013-01-01 08:08:08",
    "status": "SUCCESS",
    "trans_amount": "32.00",
    "out_biz_no": "201808080001",
}


def test_the_published_trade_is_a_success_of_its_amount_at_its_instant() -> None:
    found = mapping.trade_of(Fields(dict(TRADE)), "6823789339978248")
    assert (found.outcome, found.money) == (PaymentOutcome.SUCCEEDED, Money(8888))
    assert found.settled_at is not None
    assert found.settled_at.isoformat() == "2014-11-27T15:45:57+08:00"
    with pytest.raises(UnknownOutcome):
        mapping.trade_of(Fields(dict(TRADE)), "another")


@pytest.mark.parametrize(
    ("changed", "outcome", "code"),
    [
        ({"trade_status": "WAIT_BUYER_PAY"}, "pending", None),
        ({"trade_status": "TRADE_FINISHED"}, "succeeded", None),
        ({"trade_status": "TRADE_CLOSED"}, "rejected", "refunded"),
        ({"trade_status": "TRADE_CLOSED", "send_pay_date": None}, "rejected", "cancelled"),
        ({"trade_status": "A_NEW_WORD"}, "pending", None),
    ],
)
def test_each_status_of_a_trade(changed: dict[str, object], outcome: str, code: str | None) -> None:
    found = mapping.trade_of(Fields({**TRADE, **changed}), "6823789339978248")
    assert (found.outcome.value, found.code) == (outcome, code)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "succeeded"),
        ({"async_payment_mode": "SYNC_DIRECT_PAY"}, "succeeded"),
        ({"async_payment_mode": "ASYNC_DELAY_PAY"}, "pending"),
        ({"async_payment_mode": "ASYNC_REALTIME_PAY"}, "pending"),
        ({"gmt_payment": None}, "pending"),
        ({"code": "10003"}, "pending"),
    ],
)
def test_a_debit_is_paid_only_when_everything_says_so(changed: dict[str, object], outcome: str) -> None:
    found = mapping.paid_of(Fields({**PAY, **changed}), "6823789339978248")
    assert found.outcome.value == outcome
    assert found.money == (Money(12088) if outcome == "succeeded" else None)


def test_a_refund_is_had_when_its_status_says_so_and_is_not_there_without_its_number() -> None:
    done = mapping.refund_of(Fields(dict(REFUND)), "refund/a/b")
    assert done is not None
    assert (done.outcome, done.money, done.payment_ref) == (PaymentOutcome.SUCCEEDED, Money(1233), "refund/a/b")
    for status in (None, "A_NEW_WORD"):
        waits = mapping.refund_of(Fields({**REFUND, "refund_status": status}), "refund/a/b")
        assert waits is not None
        assert waits.outcome is PaymentOutcome.PENDING
    assert mapping.refund_of(Fields({"code": "10000"}), "refund/a/b") is None


@pytest.mark.parametrize(
    ("status", "outcome", "code"),
    [
        ("SUCCESS", "succeeded", None),
        ("DEALING", "pending", None),
        ("WAIT_PAY", "pending", None),
        ("FAIL", "rejected", "declined"),
        ("CLOSED", "rejected", "cancelled"),
        ("REFUND", "rejected", "returned"),
        ("NEW", "pending", None),
    ],
)
def test_each_status_of_a_transfer(status: str, outcome: str, code: str | None) -> None:
    found = mapping.transfer_of(Fields({**TRANSFER, "status": status}), "201808080001")
    assert (found.outcome.value, found.code) == (outcome, code)
    first = mapping.transfer_of(Fields({"status": "SUCCESS", "out_biz_no": "201808080001"}), "201808080001")
    assert first.outcome is PaymentOutcome.PENDING, "an answer without an amount settles nothing"


@pytest.mark.parametrize(
    ("word", "status"),
    [("TEMP", "pending"), ("NORMAL", "active"), ("STOP", "revoked"), ("NEW", "pending")],
)
def test_each_status_of_an_agreement(word: str, status: str) -> None:
    agreement = Fields({"external_agreement_no": "m1", "status": word})
    assert mapping.mandate_of(agreement, "m1").status is MandateStatus(status)
    with pytest.raises(UnknownOutcome):
        mapping.mandate_of(agreement, "m2")


@pytest.mark.parametrize(
    ("code", "sub_code", "kind"),
    [
        ("20000", "isp.unknow-error", UnknownOutcome),
        ("20000", "aop.ACQ.SYSTEM_ERROR", UnknownOutcome),
        ("40004", "ACQ.SYSTEM_ERROR", UnknownOutcome),
        ("20001", "aop.invalid-auth-token", AuthFailed),
        ("40006", "isv.insufficient-isv-permissions", AuthFailed),
        ("40002", "isv.invalid-signature", AuthFailed),
        ("40002", "isv.invalid-app-id", AuthFailed),
        ("40001", "isv.missing-method", Misconfigured),
        ("40002", "isv.invalid-encrypt", Misconfigured),
        ("40002", "isv.invalid-parameter", Rejected),
        ("40004", "ACQ.INVALID_PARAMETER", Rejected),
        ("40004", "ACQ.ACCESS_FORBIDDEN", Misconfigured),
        ("40004", "ACQ.PARTNER_ERROR", Misconfigured),
        ("40005", "isv.app-call-limited", RateLimited),
        ("40004", "isp.call-limited", RateLimited),
        ("40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH", Rejected),
        ("40004", "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH", Rejected),
        ("40004", "ACQ.BUYER_ENABLE_STATUS_FORBID", Rejected),
        ("40004", "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", Rejected),
        ("40004", "ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR", Rejected),
        ("40004", "ACQ.ERROR_BALANCE_PAYMENT_DISABLE", Rejected),
        ("40004", "ACQ.PAYMENT_FAIL", Rejected),
        ("40004", "ACQ.PAYMENT_REQUEST_HAS_RISK", Rejected),
        ("40004", "ACQ.TRADE_BUYER_NOT_MATCH", Rejected),
        ("40004", "ACQ.TOTAL_FEE_EXCEED", Rejected),
        ("40004", "ACQ.AGREEMENT_OF_ANY_KIND", Rejected),
        ("40004", "ACQ.TRADE_HAS_SUCCESS", UnknownOutcome),
        ("40004", "ACQ.TRADE_HAS_CLOSE", UnknownOutcome),
        ("40004", "ACQ.CONTEXT_INCONSISTENT", UnknownOutcome),
        ("40004", "ACQ.A_NEW_CODE", UnknownOutcome),
        ("40004", "", UnknownOutcome),
    ],
)
def test_each_code_is_the_error_that_says_what_is_known(code: str, sub_code: str, kind: type[Exception]) -> None:
    found = mapping.refusal(code, sub_code, reading=False)
    assert type(found) is kind
    assert sub_code in found.detail


def test_a_new_code_refuses_a_question_and_keeps_its_name() -> None:
    found = mapping.refusal("40004", "ACQ.A_NEW_CODE", reading=True)
    assert isinstance(found, Rejected)
    assert (found.vendor_code, found.advice) == ("ACQ.A_NEW_CODE", RetryAdvice.NEVER)


def test_every_listed_code_is_in_one_list_alone() -> None:
    every = [
        code for one in (mapping._AUTH, mapping._SLOWER, mapping._OURS, mapping._DOUBT, mapping.REFUSED) for code in one
    ]
    assert len(every) == len(set(every))


@given(st.integers(1, 10**13))
def test_an_amount_is_the_same_there_and_back(fen: int) -> None:
    text = mapping.yuan(Money(fen))
    assert mapping.money_of(Fields({"x": text}), "x") == Money(fen)
    assert Decimal(text) == Decimal(fen) / 100
    assert text == f"{Decimal(fen).scaleb(-2):.2f}"


@pytest.mark.parametrize("text", ["1.005", "NaN", "Infinity", "", "1,00", "x"])
def test_what_is_no_whole_number_of_fen_is_no_amount(text: str) -> None:
    with pytest.raises(UnknownOutcome):
        mapping.money_of(Fields({"x": text}), "x")


def test_another_currency_is_refused_before_it_is_sent() -> None:
    with pytest.raises(Rejected) as no:
        mapping.yuan(Money(100, "USD"))
    assert no.value.advice is RetryAdvice.OTHER_PROVIDER


def test_a_payee_is_a_number_or_a_name_to_log_in_with() -> None:
    def kind(number: str) -> object:
        account = BankAccount(holder="张三", number=number, bank_code="ALIPAY")
        payee = mapping.transfer_content(PayoutRequest(money=Money(1), account=account, purpose="x"), "n")["payee_info"]
        assert isinstance(payee, dict)
        return payee["identity_type"]

    assert kind("2088101122675263") == "ALIPAY_USER_ID"
    assert kind("13812345678") == kind("a@b.cn") == kind("208810112267526") == "ALIPAY_LOGON_ID"


def test_a_periodic_agreement_has_a_rule_and_no_day_after_the_28th() -> None:
    account = BankAccount(holder="张三", number="6222", bank_code="ICBC")
    request = MandateRequest(payer_ref="p", account=account, limit=Money(500_000), contract_number="C-1")
    periodic = AlipaySettings.model_validate({**settings(), "product_code": "CYCLE_PAY_AUTH"})
    content = mapping.sign_content(request, "m1", periodic, START_AT.replace(day=31))
    assert content["period_rule_params"] == {
        "period_type": "MONTH",
        "period": "1",
        "execute_time": "2026-03-28",
        "single_amount": "5000.00",
    }
    assert content["personal_product_code"] == "CYCLE_PAY_AUTH_P"
    free = mapping.sign_content(request, "m1", AlipaySettings.model_validate(settings()), START_AT)
    assert "period_rule_params" not in free


def test_settings_name_what_is_missing() -> None:
    for changed, told in (
        ({"alipay_public_key": ""}, "three certificates"),
        ({"app_certificate": "x"}, "go together"),
        ({"app_id": "x"}, "app_id"),
    ):
        with pytest.raises(ValidationError, match=told):
            AlipaySettings.model_validate({**settings(), **changed})
    assert AlipaySettings.model_validate(certified_settings()).personal_product == "GENERAL_WITHHOLDING_P"


# Bills: notes, heading and padding as the vendor's documentation shows them

HEAD = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
PAID = "2026030522001\t,charge01\t,交易\t,租金\t,2026-03-05 10:00:00\t,2026-03-05 10:00:05\t,\t,\t,\t,\t,*三丰\t,3280.55\t,3280.55\t,\t,-19.68\t,0.00\t,\t"
BACK = "2026030522001\t,charge01\t,退款\t,租金\t,2026-03-05 10:00:00\t,2026-03-05 11:00:05\t,\t,\t,\t,\t,*三丰\t,-100.00\t,-100.00\t,refund01\t,0.60\t,0.00\t,\t"
TABLE = "\r\n".join(["#支付宝业务明细查询", "#账号：[20881234567890120156]", HEAD, PAID, BACK, "#导出时间", ""])


def _zip(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_a_table_is_read_line_by_line_and_a_fee_that_is_given_back_is_negative() -> None:
    text = bill.details(_zip(detail=TABLE.encode("gbk"), sums="#汇总".encode("gbk")))
    assert [(one.kind.value, one.payment_ref, one.money.minor) for one in bill.lines_of(text)] == [
        ("collected", "charge01", 328055),
        ("fee", "charge01", 1968),
        ("refunded", "refund/refund01/charge01", 10000),
        ("fee", "refund/refund01/charge01", -60),
    ]


@pytest.mark.parametrize(
    "spoiled",
    [
        "",
        TABLE.replace("交易\t", "未知\t"),
        TABLE.replace("3280.55\t,3280.55", "x\t,3280.55"),
        TABLE.replace("2026-03-05 10:00:05", "2026-13-05 10:00:05"),
        TABLE.replace("charge01\t,交易", "\t,交易"),
        TABLE.replace(PAID, PAID + ",more"),
        "<html>",
    ],
)
def test_a_table_that_is_not_whole_is_not_read(spoiled: str) -> None:
    with pytest.raises(UnknownOutcome):
        bill.lines_of(spoiled)


def test_a_zip_is_opened_only_within_bounds_and_with_one_table_in_it() -> None:
    table = TABLE.encode("gbk")
    for packed in (
        b"",
        b"PK\x03\x04",
        _zip(detail=TABLE.encode()),
        _zip(sums="#汇总".encode("gbk")),
        _zip(one=table, two=table),
        _zip(**{f"m{number}": b"" for number in range(20)}),
        _zip(detail=table)[:-30],
    ):
        with pytest.raises(UnknownOutcome):
            bill.details(packed)
    with pytest.raises(UnknownOutcome):
        bill.details(_zip(detail=table), limit=len(table) - 1)
