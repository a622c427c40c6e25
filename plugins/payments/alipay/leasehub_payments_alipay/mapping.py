"""The vendor's words and the hub's, both ways; pure. A status that is not listed is PENDING, never success or failure.

Source: opendocs.alipay.com, the pages of each method and "公共错误码".
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)
from hub.core.money import Money
from hub.core.ports.payments import (
    BankAccount,
    CollectRequest,
    Mandate,
    MandateRequest,
    MandateStatus,
    PaymentOutcome,
    PaymentResult,
    PayoutRequest,
    RejectionAdvice,
)
from hub.sdk.reading import Fields, JsonObject
from leasehub_payments_alipay.settings import AlipaySettings

CNY = "CNY"
# Accounts at this vendor: `bank_code` says so, `number` is the user's number (2088…) or the name that they log in with.
ACCOUNT = "ALIPAY"
REFUND, TRANSFER = "refund/", "transfer/"
OK, UNDER_WAY = "10000", "10003"
_SHANGHAI = timezone(timedelta(hours=8))
_USER = re.compile(r"2088\d{12}")

# What the vendor answers

NOT_THERE = frozenset(
    {
        "ACQ.TRADE_NOT_EXIST",
        "TRADE_NOT_EXIST",
        "ORDER_NOT_EXIST",
        "USER_AGREEMENT_NOT_EXIST",
        "AGREEMENT_NOT_EXIST",
        "ACQ.REFUND_NOT_EXIST",
    }
)
_AUTH_CODES = frozenset({"20001", "40006"})
_AUTH = frozenset(
    {
        "isv.invalid-signature",
        "isv.missing-signature",
        "isv.invalid-app-id",
        "isv.invalid-auth-token",
        "isv.invalid-app-auth-token",
        "aop.invalid-auth-token",
        "aop.auth-token-time-out",
        "aop.invalid-app-auth-token",
        "isv.insufficient-isv-permissions",
        "isv.insufficient-user-permissions",
    }
)
_SLOWER = frozenset({"isv.app-call-limited", "isp.call-limited", "isv.call-limited"})
_OURS = frozenset(
    {"ACQ.ACCESS_FORBIDDEN", "ACQ.PARTNER_ERROR", "PERMIT_NON_BANK_LIMIT_PAYEE", "EXCEED_LIMIT_MM_AMOUNT"}
)
# It may have been done, now or before, under our number: asked after, and what is found is compared with what was asked.
_DOUBT = frozenset(
    {
        "ACQ.SYSTEM_ERROR",
        "SYSTEM_ERROR",
        "isp.unknow-error",
        "aop.unknow-error",
        "aop.ACQ.SYSTEM_ERROR",
        "ACQ.TRADE_HAS_SUCCESS",
        "ACQ.TRADE_HAS_CLOSE",
        "ACQ.CONTEXT_INCONSISTENT",
        "ACQ.TRADE_HAS_FINISHED",
        "PAYMENT_INFO_INCONSISTENCY",
    }
)
_LATER, _NEVER, _OTHER = RetryAdvice.LATER, RetryAdvice.NEVER, RetryAdvice.OTHER_PROVIDER
REFUSED: dict[str, RetryAdvice] = {
    **dict.fromkeys(NOT_THERE, _NEVER),
    "ACQ.INVALID_PARAMETER": _NEVER,
    "isv.invalid-parameter": _NEVER,
    "INVALID_PARAMETER": _NEVER,
    "ACQ.TOTAL_FEE_EXCEED": _NEVER,
    "ACQ.TRADE_BUYER_NOT_MATCH": _NEVER,
    "ACQ.PAYMENT_FAIL": _LATER,
    "ACQ.PAYMENT_REQUEST_HAS_RISK": _LATER,
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": _LATER,
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": _NEVER,
    "ACQ.REASON_TRADE_BEEN_FREEZEN": _LATER,
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": _NEVER,
    "ACQ.TRADE_NOT_ALLOW_REFUND": _NEVER,
    "ACQ.TRADE_STATUS_ERROR": _NEVER,
    "PAYEE_NOT_EXIST": _NEVER,
    "PAYEE_USER_INFO_ERROR": _NEVER,
    "PAYEE_USERINFO_STATUS_ERROR": _NEVER,
    "PAYER_BALANCE_NOT_ENOUGH": _LATER,
    "BALANCE_IS_NOT_ENOUGH": _LATER,
    "PAYEE_ACC_OCUPIED": _NEVER,
    "EXCEED_LIMIT_DM_AMOUNT": _LATER,
    "isp.bill_not_exist": _LATER,
    "BILL_NOT_EXIST": _LATER,
}

# Why a debit was refused by the payer's side: the hub's word, and what the payer's account allows next.
DECLINED: dict[str, tuple[str, RejectionAdvice]] = {
    "BUYER_BALANCE_NOT_ENOUGH": ("insufficient_funds", RejectionAdvice.RETRY_LATER),
    "BUYER_BANKCARD_BALANCE_NOT_ENOUGH": ("insufficient_funds", RejectionAdvice.RETRY_LATER),
    "ERROR_BALANCE_PAYMENT_DISABLE": ("account_frozen", RejectionAdvice.RETRY_LATER),
    "BUYER_ENABLE_STATUS_FORBID": ("account_frozen", RejectionAdvice.DO_NOT_RETRY),
    "BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR": ("limit_exceeded", RejectionAdvice.RETRY_LATER),
    "BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR": ("limit_exceeded", RejectionAdvice.RETRY_LATER),
    "NO_PAYMENT_INSTRUMENTS_AVAILABLE": ("insufficient_funds", RejectionAdvice.RETRY_LATER),
    "AGREEMENT_NOT_EXIST": ("mandate_revoked", RejectionAdvice.NEW_MANDATE),
    "AGREEMENT_INVALID": ("mandate_revoked", RejectionAdvice.NEW_MANDATE),
    "AGREEMENT_ERROR": ("mandate_revoked", RejectionAdvice.NEW_MANDATE),
    "CYCLE_PAY_DATE_NOT_MATCH": ("outside_charge_window", RejectionAdvice.RETRY_LATER),
    "CYCLE_PAY_SINGLE_FEE_EXCEED": ("limit_exceeded", RejectionAdvice.DO_NOT_RETRY),
    "CYCLE_PAY_TOTAL_FEE_EXCEED": ("limit_exceeded", RejectionAdvice.NEW_MANDATE),
    "CYCLE_PAY_TOTAL_TIMES_EXCEED": ("limit_exceeded", RejectionAdvice.NEW_MANDATE),
}
_BY_FAMILY = {
    "AGREEMENT_": ("mandate_revoked", RejectionAdvice.NEW_MANDATE),
    "CYCLE_PAY_": ("outside_charge_window", RejectionAdvice.RETRY_LATER),
}


def refusal(code: str, sub_code: str, *, reading: bool) -> ProviderError:
    """The hub's error for a code; one that is not listed proves nothing where something was to be done."""
    told = f"{code} {sub_code}".strip()
    if code in _AUTH_CODES or sub_code in _AUTH:
        return AuthFailed(told)
    if code == "40005" or sub_code in _SLOWER:
        return RateLimited(told)
    if code == "20000" or sub_code in _DOUBT:
        return UnknownOutcome(told)
    if sub_code in _OURS:
        return Misconfigured(told)
    if sub_code in REFUSED:
        return Rejected(sub_code, told, advice=REFUSED[sub_code])
    if (found := declined(sub_code)) is not None:
        again = _LATER if found[1] is RejectionAdvice.RETRY_LATER else _NEVER
        return Rejected(sub_code, told, advice=again)
    if code in ("40001", "40002"):
        return Misconfigured(told)
    return Rejected(sub_code or code, told) if reading else UnknownOutcome(told)


def declined(sub_code: str) -> tuple[str, RejectionAdvice] | None:
    """The hub's word for a payer's no, by the code or its family; None for a code of another kind."""
    bare = sub_code.removeprefix("ACQ.")
    family = next((found for prefix, found in _BY_FAMILY.items() if bare.startswith(prefix)), None)
    return DECLINED.get(bare) or family


# What we ask


def content_bytes(content: JsonObject) -> bytes:
    """A content as it is signed and sent."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def yuan(money: Money) -> str:
    """An amount in yuan with two digits; raises Rejected for another currency: nothing has been sent."""
    if money.currency != CNY:
        raise Rejected("CURRENCY", f"takes {CNY}, not {money.currency}", advice=_OTHER)
    return f"{money.minor // 100}.{money.minor % 100:02d}"


def agreement_query(number: str, settings: AlipaySettings) -> JsonObject:
    """An agreement by our number; the vendor wants its product and scene as well."""
    return {
        "external_agreement_no": number,
        "personal_product_code": settings.personal_product,
        "sign_scene": settings.sign_scene,
    }


def sign_content(request: MandateRequest, number: str, settings: AlipaySettings, first_on: datetime) -> JsonObject:
    """A page on which the payer agrees; a periodic product gets its rule: monthly, at most the limit each time."""
    day = first_on.replace(day=min(first_on.day, 28)).date().isoformat()
    rule: JsonObject = {
        "period_type": "MONTH",
        "period": "1",
        "execute_time": day,
        "single_amount": yuan(request.limit),
    }
    return {
        "personal_product_code": settings.personal_product,
        "product_code": settings.product_code,
        "sign_scene": settings.sign_scene,
        "external_agreement_no": number,
        "access_params": {"channel": settings.channel},
        **({"period_rule_params": rule} if settings.product_code == "CYCLE_PAY_AUTH" else {}),
    }


def pay_content(request: CollectRequest, number: str, agreement: str, settings: AlipaySettings) -> JsonObject:
    """A debit under an agreement."""
    return {
        "out_trade_no": number,
        "total_amount": yuan(request.money),
        "subject": f"{settings.subject} {request.contract_number}"[:256],
        "product_code": settings.product_code,
        "agreement_params": {"agreement_no": agreement},
    }


def transfer_content(request: PayoutRequest, number: str) -> JsonObject:
    """A transfer to another account at the vendor."""
    return {
        "out_biz_no": number,
        "trans_amount": yuan(request.money),
        "product_code": "TRANS_ACCOUNT_NO_PWD",
        "biz_scene": "DIRECT_TRANSFER",
        "order_title": request.purpose[:128],
        "payee_info": _payee(request.account),
    }


def transfer_query(number: str) -> JsonObject:
    """A transfer by our number."""
    return {"out_biz_no": number, "product_code": "TRANS_ACCOUNT_NO_PWD", "biz_scene": "DIRECT_TRANSFER"}


def _payee(account: BankAccount) -> JsonObject:
    if account.bank_code != ACCOUNT:
        raise Rejected("NOT_AN_ACCOUNT_HERE", "pays to accounts at this vendor only", advice=_OTHER)
    kind = "ALIPAY_USER_ID" if _USER.fullmatch(account.number) else "ALIPAY_LOGON_ID"
    return {"identity": account.number, "identity_type": kind, "name": account.holder}


# Agreements

AGREEMENT_STATUS = {
    "TEMP": MandateStatus.PENDING,
    "NORMAL": MandateStatus.ACTIVE,
    "STOP": MandateStatus.REVOKED,
}


def mandate_of(agreement: Fields, number: str) -> Mandate:
    """An agreement in the hub's words; ours is the number that we gave it."""
    if agreement.optional_text("external_agreement_no") not in (None, number):
        raise agreement.fail("external_agreement_no is another's")
    status = AGREEMENT_STATUS.get(agreement.text("status"), MandateStatus.PENDING)
    return Mandate(mandate_ref=number, status=status)


# Debits, refunds, transfers

TRADE_STATUS = {
    "WAIT_BUYER_PAY": PaymentOutcome.PENDING,
    "TRADE_SUCCESS": PaymentOutcome.SUCCEEDED,
    "TRADE_FINISHED": PaymentOutcome.SUCCEEDED,
    "TRADE_CLOSED": PaymentOutcome.REJECTED,  # never paid, or given back as a whole
}
TRANSFER_STATUS = {
    "SUCCESS": PaymentOutcome.SUCCEEDED,
    "DEALING": PaymentOutcome.PENDING,
    "WAIT_PAY": PaymentOutcome.PENDING,
    "FAIL": PaymentOutcome.REJECTED,
    "CLOSED": PaymentOutcome.REJECTED,
    "REFUND": PaymentOutcome.REJECTED,
}
_TRANSFER_END = {"FAIL": "declined", "CLOSED": "cancelled", "REFUND": "returned"}
_PAID_AT_ONCE = ("", "SYNC_DIRECT_PAY")


def paid_of(answer: Fields, number: str) -> PaymentResult:
    """What a debit has come to at once: paid only with an instant of payment, and not in an asynchronous mode."""
    _own(answer, number)
    done = (answer.optional_text("async_payment_mode") or "") in _PAID_AT_ONCE and answer.optional_text("gmt_payment")
    if not done or answer.text("code") != OK:
        return PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref=number)
    answer.text("trade_no")
    return PaymentResult(
        outcome=PaymentOutcome.SUCCEEDED,
        payment_ref=number,
        money=money_of(answer, "total_amount"),
        settled_at=instant_of(answer, "gmt_payment"),
    )


def trade_of(trade: Fields, number: str) -> PaymentResult:
    """A trade in the hub's words; the amount is what the vendor says, whatever was asked."""
    _own(trade, number)
    outcome = TRADE_STATUS.get(trade.text("trade_status"), PaymentOutcome.PENDING)
    rejected, succeeded = outcome is PaymentOutcome.REJECTED, outcome is PaymentOutcome.SUCCEEDED
    paid_at = trade.optional_text("send_pay_date")
    return PaymentResult(
        outcome=outcome,
        payment_ref=number,
        money=money_of(trade, "total_amount") if succeeded else None,
        settled_at=instant_of(trade, "send_pay_date") if succeeded and paid_at else None,
        code=("refunded" if paid_at else "cancelled") if rejected else None,
        advice=RejectionAdvice.DO_NOT_RETRY if rejected else None,
    )


def refund_ref(key: str, number: str) -> str:
    """A refund: our number of it, and that of the debit."""
    return f"{REFUND}{key}/{number}"


def refund_of(refund: Fields, ref: str) -> PaymentResult | None:
    """A refund in the hub's words; None when the vendor names none under that number."""
    if not refund.optional_text("out_request_no"):
        return None
    done = refund.optional_text("refund_status") == "REFUND_SUCCESS"
    return PaymentResult(
        outcome=PaymentOutcome.SUCCEEDED if done else PaymentOutcome.PENDING,
        payment_ref=ref,
        money=money_of(refund, "refund_amount") if done else None,
        settled_at=instant_of(refund, "gmt_refund_pay") if done and refund.optional_text("gmt_refund_pay") else None,
    )


def transfer_of(transfer: Fields, number: str) -> PaymentResult:
    """A transfer in the hub's words; an answer without an amount settles nothing."""
    if transfer.optional_text("out_biz_no") not in (None, number):
        raise transfer.fail("out_biz_no is another's")
    status = transfer.text("status")
    outcome = TRANSFER_STATUS.get(status, PaymentOutcome.PENDING)
    if outcome is PaymentOutcome.SUCCEEDED and transfer.optional_text("trans_amount") is None:
        outcome = PaymentOutcome.PENDING
    rejected, succeeded = outcome is PaymentOutcome.REJECTED, outcome is PaymentOutcome.SUCCEEDED
    paid_at = transfer.optional_text("pay_date")
    return PaymentResult(
        outcome=outcome,
        payment_ref=f"{TRANSFER}{number}",
        money=money_of(transfer, "trans_amount") if succeeded else None,
        settled_at=instant_of(transfer, "pay_date") if succeeded and paid_at else None,
        code=_TRANSFER_END[status] if rejected else None,
        advice=RejectionAdvice.DO_NOT_RETRY if rejected else None,
    )


def _own(answer: Fields, number: str) -> None:
    if answer.optional_text("out_trade_no") not in (None, number):
        raise answer.fail("out_trade_no is another's")


def money_of(fields: Fields, name: str) -> Money:
    """An amount in yuan as text, with no more than two digits."""
    try:
        return Money.of(fields.decimal(name), CNY)
    except ValueError:
        raise fields.fail(f"{name} is not a whole number of fen") from None


def instant_of(fields: Fields, name: str) -> datetime:
    """An instant as the vendor writes it: local time of Shanghai."""
    try:
        return datetime.strptime(fields.text(name)[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=_SHANGHAI)
    except ValueError:
        raise fields.fail(f"{name} is not an instant") from None
