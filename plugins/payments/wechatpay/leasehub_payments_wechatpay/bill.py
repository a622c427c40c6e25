"""The trade bill of a day: checked against its digest, unpacked within bounds, and read line by line; pure.

Source: pay.weixin.qq.com/doc/v3, "申请交易账单" and "下载账单". Each value is preceded by a backtick; a second heading begins
the totals, of which the number of lines must be right.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from hub.core.errors import UnknownOutcome
from hub.core.money import Money
from hub.core.ports.payments import SettlementKind, SettlementLine
from hub.sdk.reading import unreadable
from leasehub_payments_wechatpay.mapping import CNY, REFUND, order_ref
from leasehub_payments_wechatpay.window import BEIJING

UNPACKED_BYTES = 96 * 1024 * 1024
_TOTALS = "总交易单数"
_KIND = {
    "SUCCESS": SettlementKind.COLLECTED,
    "REFUND": SettlementKind.REFUNDED,
    "REVOKED": SettlementKind.REFUNDED,
}


def unpacked(packed: bytes, hash_type: str, hash_value: str, *, limit: int = UNPACKED_BYTES) -> str:
    """The text of a gzipped bill; raises UnknownOutcome when it is cut off, too long, or not what the digest says."""
    whole = zlib.decompressobj(wbits=31)
    try:
        text = whole.decompress(packed, limit)
    except zlib.error:
        raise unreadable("the bill is not gzip") from None
    if not whole.eof or hash_type != "SHA1":
        raise unreadable("the bill is cut off, too long, or under another digest than SHA1")
    digest = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(digest, hash_value.lower()):
        raise UnknownOutcome("the bill is not the one that its digest was made of")
    return text.decode("utf-8-sig")


def lines_of(text: str) -> tuple[SettlementLine, ...]:
    """Every movement of a bill; a fee is a line of its own, and one that is given back is negative."""
    rows = [[value.removeprefix("`") for value in row] for row in csv.reader(io.StringIO(text)) if row]
    ends = [number for number, row in enumerate(rows) if row[0] == _TOTALS]
    if not rows or len(ends) != 1 or ends[0] + 1 >= len(rows):
        raise unreadable("the bill has no heading or no totals")
    head, body, total = rows[0], rows[1 : ends[0]], rows[ends[0] + 1]
    if total[0] != str(len(body)) or any(len(row) != len(head) for row in body):
        raise unreadable("the bill does not have as many lines or columns as it says")
    return tuple(line for row in body for line in _lines(dict(zip(head, row, strict=True))))


def _lines(row: Mapping[str, str]) -> Iterator[SettlementLine]:
    kind = _KIND.get(_value(row, "交易状态"))
    if kind is None:
        raise unreadable("a line of the bill is of no known kind")
    refunded = kind is SettlementKind.REFUNDED
    number = _value(row, "商户退款单号" if refunded else "商户订单号")
    ref = f"{REFUND}{number}" if refunded else order_ref(number, row.get("商户数据包"))
    at = _instant(_value(row, "交易时间"))
    money = _money(_value(row, "退款金额" if refunded else "订单金额"))
    yield SettlementLine(kind=kind, payment_ref=ref, idempotency_key=number, money=money, settled_at=at)
    if fee := _money(row.get("手续费") or "0"):
        yield SettlementLine(kind=SettlementKind.FEE, payment_ref=ref, idempotency_key=number, money=fee, settled_at=at)


def _value(row: Mapping[str, str], name: str) -> str:
    if not (value := row.get(name, "")):
        raise unreadable(f"a line of the bill has no {name}")
    return value


def _money(text: str) -> Money:
    """Yuan as text; a fee has up to five digits and is rounded once, as the vendor settles it, to the fen."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise unreadable("an amount of the bill is not a number") from None
    if not found.is_finite():
        raise unreadable("an amount of the bill is not finite")
    return Money.rounded(found, CNY)


def _instant(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
    except ValueError:
        raise unreadable("a time of the bill is none") from None
