"""The vendor's words and the hub's, both ways; pure. A state that is not listed is PENDING, never success or failure.

Source: pay.weixin.qq.com/doc/v3, the pages of each operation and "公共错误码"; contract and schedule fields as listed for
`papay` there. Instants of a debit's window are those of Beijing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

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
    CollectRequest,
    Mandate,
    MandateRequest,
    MandateStatus,
    PaymentOutcome,
    PaymentResult,
    RejectionAdvice,
)
from hub.core.ports.webhooks import WebhookKind
from hub.sdk.errors import retry_after_s
from hub.sdk.reading import Fields, JsonObject

CNY = "CNY"
# Accounts at this vendor: `bank_code` says so, `number` is the openid of the user in our app.
OPENID = "WECHAT"
REFUND, TRANSFER = "refund/", "transfer/"

# What the vendor answers

NOT_THERE = frozenset(
    {
        "ORDER_NOT_EXIST",
        "ORDERNOTEXIST",
        "RESOURCE_NOT_EXISTS",
        "NOT_FOUND",
        "CONTRACT_NOT_EXIST",
        "CONTRACT_NOT_EXISTED",
    }
)
_AUTH = frozenset({"SIGN_ERROR", "SIGNERROR"})
_OURS = frozenset(
    {
        "NO_AUTH",
        "NOAUTH",
        "MCH_NOT_EXISTS",
        "MCHID_NOT_EXIST",
        "APPID_MCHID_NOT_MATCH",
        "APPID_NOT_EXIST",
        "REQUEST_BLOCKED",
    }
)
_SLOWER = frozenset(
    {"FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED", "FREQUENCY_LIMIT", "RATELIMIT_EXCEEDED", "RATELIMIT_EXCEED"}
)
# It may have been done, now or before: asked after, and never under a new number.
_DOUBT = frozenset(
    {
        "SYSTEM_ERROR",
        "SYSTEMERROR",
        "BANK_ERROR",
        "BANKERROR",
        "BIZ_ERR_NEED_RETRY",
        "OUT_TRADE_NO_USED",
        "ORDERPAID",
        "ORDER_PAID",
        "ALREADY_EXISTS",
        "USERPAYING",
    }
)
_LATER, _NEVER = RetryAdvice.LATER, RetryAdvice.NEVER
REFUSED: dict[str, RetryAdvice] = {
    **dict.fromkeys(NOT_THERE, _NEVER),
    "PARAM_ERROR": _NEVER,
    "INVALID_REQUEST": _NEVER,
    "RULE_LIMIT": _LATER,
    "RULELIMIT": _LATER,
    "TRADE_ERROR": _LATER,
    "ORDER_CLOSED": _NEVER,
    "ORDERCLOSED": _NEVER,
    "USER_ACCOUNT_ABNORMAL": _NEVER,
    "ACCOUNT_ERROR": _NEVER,
    "ACCOUNTERROR": _NEVER,
    "ACCOUNT_NOT_VERIFIED": _NEVER,
    "OPENID_MISMATCH": _NEVER,
    "CONTRACT_ERROR": _NEVER,
    "USER_NOT_EXIST": _NEVER,
    "NOT_ENOUGH": _LATER,
    "NOTENOUGH": _LATER,
    "QUOTA_EXCEED": _LATER,
    "REQUEST_ERROR": _NEVER,
    "STATEMENT_CREATING": _LATER,
    "NO_STATEMENT_EXIST": _LATER,
    "INVALID_TRANSACTIONID": _NEVER,
}


def code_of(body: bytes) -> str | None:
    """The vendor's own code in the body of a refusal; None when there is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    code = found.get("code") if isinstance(found, dict) else None
    return code if isinstance(code, str) and code else None


def refusal(code: str, status: int, headers: Mapping[str, str], *, reading: bool) -> ProviderError:
    """The hub's error for a code; one that is not listed proves nothing where something was to be done."""
    told = f"{code} ({status}, reason {reason_of(headers)})"
    if code in _AUTH:
        return AuthFailed(told)
    if code in _OURS:
        return Misconfigured(told)
    if code in _SLOWER or status == 429:
        return RateLimited(told, retry_after_s=retry_after_s(headers))
    if code in REFUSED and status < 500:
        return Rejected(code, told, advice=REFUSED[code])
    if code in _DOUBT or status >= 500 or not reading:
        return UnknownOutcome(told)
    return Rejected(code, told)


def reason_of(headers: Mapping[str, str]) -> str:
    """The numeric reason at the end of the request's id, by which the vendor's support finds a refusal."""
    last = headers.get("request-id", "").rpartition("-")[2]
    return last if last.isascii() and last.isdigit() else "unknown"


# What we ask


def body_bytes(body: JsonObject) -> bytes:
    """A body as it is signed and sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def fen(money: Money) -> int:
    """An amount in fen; raises Rejected for another currency: nothing has been sent."""
    if money.currency != CNY:
        raise Rejected("CURRENCY", f"takes {CNY}, not {money.currency}", advice=RetryAdvice.OTHER_PROVIDER)
    return money.minor


def amount(money: Money) -> JsonObject:
    """An amount as most requests carry it."""
    return {"total": fen(money), "currency": CNY}


def presign_body(
    request: MandateRequest, code: str, app_id: str, plan_id: int, notify_url: str, first_on: str, description: str
) -> JsonObject:
    """A page on which the payer agrees; date and amount of the first debit are an estimate that they are shown."""
    openid = {"openid": request.account.number} if request.account.bank_code == OPENID else {}
    return {
        "appid": app_id,
        **openid,
        "plan_id": plan_id,
        "out_contract_code": code,
        "contract_display_account": request.contract_number[:32],
        "contract_notify_url": notify_url,
        "out_user_code": request.payer_ref[:32],
        "deduct_schedule": {
            "estimated_deduct_date": first_on,
            "estimated_deduct_amount": amount(request.limit),
            "description": description,
        },
    }


def charge_body(
    request: CollectRequest, key: str, app_id: str, contract_id: str, notify_url: str, description: str
) -> JsonObject:
    """A debit. `attach` comes back with the order, on callbacks and in the bill, and says under which mandate it was."""
    return {
        "appid": app_id,
        "out_trade_no": key,
        "description": f"{description} {request.contract_number}"[:127],
        "transaction_notify_url": notify_url,
        "contract_id": contract_id,
        "amount": amount(request.money),
        "attach": request.mandate_ref,
    }


# References: the same from the first answer to the last


def order_ref(number: str, mandate: str | None) -> str:
    """A debit: our number, and the mandate that it is under."""
    return f"{number}@{mandate}" if mandate else number


def order_of(ref: str) -> tuple[str, str | None]:
    """Our number of a debit, and its mandate."""
    number, at, mandate = ref.partition("@")
    return number, mandate if at else None


# Mandates

CONTRACT_STATE = {
    "SIGNED": MandateStatus.ACTIVE,
    "TERMINATED": MandateStatus.REVOKED,
    "SIGN_FAILED": MandateStatus.REJECTED,
    "TO_BE_RENEWED": MandateStatus.PENDING,
}


def mandate_of(contract: Fields, ref: str) -> Mandate:
    """A contract in the hub's words."""
    if contract.text("out_contract_code") != ref:
        raise contract.fail("out_contract_code is another's")
    status = CONTRACT_STATE.get(contract.text("contract_state"), MandateStatus.PENDING)
    return Mandate(mandate_ref=ref, status=status)


# Debits, refunds, transfers

TRADE_STATE = {
    "SUCCESS": PaymentOutcome.SUCCEEDED,
    "REFUND": PaymentOutcome.SUCCEEDED,  # it was paid, and some of it has been given back since
    "NOTPAY": PaymentOutcome.PENDING,
    "USERPAYING": PaymentOutcome.PENDING,
    "ACCEPT": PaymentOutcome.PENDING,
    "CLOSED": PaymentOutcome.REJECTED,
    "REVOKED": PaymentOutcome.REJECTED,
    "PAYERROR": PaymentOutcome.REJECTED,
}
_TRADE_END = {
    "CLOSED": ("cancelled", RejectionAdvice.DO_NOT_RETRY),
    "REVOKED": ("cancelled", RejectionAdvice.DO_NOT_RETRY),
    "PAYERROR": ("payment_failed", RejectionAdvice.RETRY_LATER),
}
REFUND_STATUS = {
    "SUCCESS": PaymentOutcome.SUCCEEDED,
    "PROCESSING": PaymentOutcome.PENDING,
    "ABNORMAL": PaymentOutcome.PENDING,  # the payer's card is gone: a person redirects it in the vendor's console
    "CLOSED": PaymentOutcome.REJECTED,
}
BILL_STATE = {
    "ACCEPTED": PaymentOutcome.PENDING,
    "PROCESSING": PaymentOutcome.PENDING,
    "WAIT_USER_CONFIRM": PaymentOutcome.PENDING,
    "TRANSFERING": PaymentOutcome.PENDING,
    "CANCELING": PaymentOutcome.PENDING,
    "SUCCESS": PaymentOutcome.SUCCEEDED,
    "FAIL": PaymentOutcome.REJECTED,
    "CANCELLED": PaymentOutcome.REJECTED,
}


def payment_of(order: Fields) -> PaymentResult:
    """An order in the hub's words; the amount is what the vendor says, whatever was asked."""
    state = order.text("trade_state")
    outcome = TRADE_STATE.get(state, PaymentOutcome.PENDING)
    code, advice = _TRADE_END[state] if outcome is PaymentOutcome.REJECTED else (None, None)
    succeeded = outcome is PaymentOutcome.SUCCEEDED
    return PaymentResult(
        outcome=outcome,
        payment_ref=order_ref(order.text("out_trade_no"), order.optional_text("attach")),
        money=money_of(order.inner("amount"), "total") if succeeded else None,
        settled_at=order.instant("success_time") if succeeded else None,
        code=code,
        advice=advice,
    )


def refund_of(refund: Fields) -> PaymentResult:
    """A refund in the hub's words."""
    outcome = REFUND_STATUS.get(refund.text("status"), PaymentOutcome.PENDING)
    rejected, succeeded = outcome is PaymentOutcome.REJECTED, outcome is PaymentOutcome.SUCCEEDED
    return PaymentResult(
        outcome=outcome,
        payment_ref=f"{REFUND}{refund.text('out_refund_no')}",
        money=money_of(refund.inner("amount"), "refund") if succeeded else None,
        settled_at=refund.optional_instant("success_time") if succeeded else None,
        code="refund_closed" if rejected else None,
        advice=RejectionAdvice.DO_NOT_RETRY if rejected else None,
    )


def transfer_of(bill: Fields) -> PaymentResult:
    """A transfer to a user in the hub's words; the first answer names no amount, so that it never settles one."""
    state = bill.text("state")
    outcome = BILL_STATE.get(state, PaymentOutcome.PENDING)
    told = bill.content.get("transfer_amount") is not None
    if outcome is PaymentOutcome.SUCCEEDED and not told:
        outcome = PaymentOutcome.PENDING
    rejected, succeeded = outcome is PaymentOutcome.REJECTED, outcome is PaymentOutcome.SUCCEEDED
    refused = (
        ("cancelled" if state == "CANCELLED" else fail_code(bill.optional_text("fail_reason"))) if rejected else None
    )
    return PaymentResult(
        outcome=outcome,
        payment_ref=f"{TRANSFER}{bill.text('out_bill_no')}",
        money=Money(bill.whole("transfer_amount"), CNY) if succeeded else None,
        settled_at=bill.optional_instant("update_time") if succeeded else None,
        code=refused,
        advice=RejectionAdvice.DO_NOT_RETRY if rejected else None,
    )


_FAIL_REASON = {
    "ACCOUNT_FROZEN": "account_frozen",
    "ACCOUNT_NOT_EXIST": "account_closed",
    "BANK_CARD_ACCOUNT_ABNORMAL": "account_closed",
    "NAME_NOT_CORRECT": "name_mismatch",
    "OPENID_INVALID": "account_closed",
    "OVERDUE_CLOSE": "not_confirmed_in_time",
    "PAYEE_ACCOUNT_ABNORMAL": "account_frozen",
    "REAL_NAME_CHECK_FAIL": "name_mismatch",
    "TRANSFER_QUOTA_EXCEED": "limit_exceeded",
    "TRANSFER_RISK": "refused_for_risk",
}


def fail_code(reason: str | None) -> str:
    """The hub's word for why a transfer has failed."""
    return _FAIL_REASON.get(reason or "", "declined")


def money_of(amounts: Fields, name: str) -> Money:
    """An amount of an answer, in whole fen of the one currency that this vendor settles in."""
    currency = amounts.optional_text("currency") or CNY
    if currency != CNY:
        raise amounts.fail("the currency is another than the one that was asked for")
    return Money(amounts.whole(name), CNY)


# Callbacks: what each type is about, and where its state stands

EVENTS: dict[str, WebhookKind] = {
    "TRANSACTION.SUCCESS": WebhookKind.PAYMENT,
    "TRANSACTION.FAIL": WebhookKind.PAYMENT,
    "PAPAY.SIGN": WebhookKind.MANDATE,
    "PAPAY.TERMINATE": WebhookKind.MANDATE,
    "ENTRUST.SIGN": WebhookKind.MANDATE,
    "ENTRUST.TERMINATE": WebhookKind.MANDATE,
    "REFUND.SUCCESS": WebhookKind.REFUND,
    "REFUND.ABNORMAL": WebhookKind.REFUND,
    "REFUND.CLOSED": WebhookKind.REFUND,
    "MCHTRANSFER.BILL.FINISHED": WebhookKind.PAYOUT,
}
