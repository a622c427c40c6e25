"""The trade bill of a day: a zip of GBK tables, unpacked within bounds and read line by line; pure.

Source: opendocs.alipay.com, "查询对账单下载地址": the table of details begins after lines with a hash, its fields are padded with
tabs; refunds are negative. A fee is shown as the vendor's debit of us; its sign follows the trade's, not the table's.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

from hub.core.money import Money
from hub.core.ports.payments import SettlementKind, SettlementLine
from hub.sdk.reading import unreadable
from leasehub_payments_alipay.mapping import CNY, refund_ref

UNPACKED_BYTES = 96 * 1024 * 1024
_MEMBERS = 10
_HEAD = "支付宝交易号"
_SHANGHAI = timezone(timedelta(hours=8))
_KIND = {"交易": SettlementKind.COLLECTED, "退款": SettlementKind.REFUNDED}


def details(packed: bytes, *, limit: int = UNPACKED_BYTES) -> str:
    """The table of details in a zip; raises UnknownOutcome when there is not exactly one, or it is too long."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = archive.infolist()
            if len(members) > _MEMBERS or sum(one.file_size for one in members) > limit:
                raise unreadable("the bill is too long")
            texts = [archive.read(one).decode("gbk") for one in members]
    except (zipfile.BadZipFile, zlib.error, UnicodeDecodeError, NotImplementedError, RuntimeError):
        raise unreadable("the bill is not a zip of GBK tables") from None
    found = [text for text in texts if any(line.startswith(_HEAD) for line in text.splitlines())]
    if len(found) != 1:
        raise unreadable("the bill has no table of details, or several")
    return found[0]


def lines_of(text: str) -> tuple[SettlementLine, ...]:
    """Every movement of a table; a fee is a line of its own, and one that is given back is negative."""
    kept = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    rows = [[value.strip() for value in row] for row in csv.reader(kept)]
    if not rows or rows[0][0] != _HEAD:
        raise unreadable("the table has no heading")
    head = rows[0]
    if any(len(row) != len(head) for row in rows):
        raise unreadable("a line of the table has other columns than its heading")
    return tuple(line for row in rows[1:] for line in _lines(dict(zip(head, row, strict=True))))


def _lines(row: Mapping[str, str]) -> Iterator[SettlementLine]:
    kind = _KIND.get(row.get("业务类型", ""))
    number, at = _value(row, "商户订单号"), _instant(_value(row, "完成时间"))
    if kind is None:
        raise unreadable("a line of the table is of no known kind")
    refunded = kind is SettlementKind.REFUNDED
    key = _value(row, "退款批次号/请求号") if refunded else number
    ref = refund_ref(key, number) if refunded else number
    money, fee = _money(_value(row, "订单金额（元）")), _money(row.get("服务费（元）") or "0")
    yield SettlementLine(kind=kind, payment_ref=ref, idempotency_key=key, money=money, settled_at=at)
    if fee:
        signed = -fee if refunded else fee
        yield SettlementLine(kind=SettlementKind.FEE, payment_ref=ref, idempotency_key=key, money=signed, settled_at=at)


def _value(row: Mapping[str, str], name: str) -> str:
    if not (value := row.get(name, "")):
        raise unreadable(f"a line of the table has no {name}")
    return value


def _money(text: str) -> Money:
    """Yuan as text, without its sign: the kind of the line says the direction."""
    try:
        return Money.of(abs(Decimal(text)), CNY)
    except (InvalidOperation, ValueError):
        raise unreadable("an amount of the table is not one") from None


def _instant(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=_SHANGHAI)
    except ValueError:
        raise unreadable("a time of the table is none") from None
