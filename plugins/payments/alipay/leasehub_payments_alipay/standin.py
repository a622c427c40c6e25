"""A stand-in for the vendor's gateway: it verifies each request, keeps agreements, trades, refunds, transfers and bills,
signs the text of each answer, and notifies. What it refuses, the vendor refuses.

Source: opendocs.alipay.com. It shares no code with the plugin but the names of fields.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.core.money import Money
from hub.core.provider import Clock
from hub.testing.kit.rig import Booking
from hub.testing.mishaps import with_body
from hub.testing.wire import Callback, WireVendor

SHANGHAI = timezone(timedelta(hours=8))
Content = dict[str, Any]
_NUMBER = re.compile(r"[0-9A-Za-z_]{1,64}")
_PAGE = "alipay.user.agreement.page.sign"


@dataclass(frozen=True, kw_only=True)
class App:
    """An app at the vendor, with the keys on both sides; `cert_sn` and the rest are set in certificate mode."""

    app_id: str
    seller_id: str
    app_key: rsa.RSAPublicKey
    vendor_key: rsa.RSAPrivateKey = field(repr=False)
    app_cert_sn: str = ""
    root_cert_sn: str = ""
    vendor_cert_sn: str = ""
    aes_key: bytes | None = field(default=None, repr=False)


class Refused(Exception):
    """The vendor's no: a code and a sub code; `gateway`: before the method was reached."""

    def __init__(self, code: str, sub_code: str, *, gateway: bool = False) -> None:
        super().__init__(sub_code)
        self.code = code
        self.sub_code = sub_code
        self.gateway = gateway


def sign(key: rsa.RSAPrivateKey, text: bytes) -> str:
    """RSA2: PKCS #1 v1.5 over SHA-256, in base64."""
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def text_of(parameters: Mapping[str, str]) -> str:
    """What is signed of parameters: those that are not empty, by name."""
    return "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if value)


def notification(key: rsa.RSAPrivateKey, content: Mapping[str, str]) -> bytes:
    """A form with its signature; neither that nor its type is signed."""
    return urlencode({**content, "sign": sign(key, text_of(content).encode()), "sign_type": "RSA2"}).encode()


def aes(key: bytes, content: bytes) -> str:
    """AES-CBC from an empty start, padded by PKCS #7."""
    short = 16 - len(content) % 16
    cipher = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    return base64.b64encode(cipher.update(content + bytes([short]) * short) + cipher.finalize()).decode()


def opened(key: bytes, text: str) -> bytes:
    """The other way."""
    cipher = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor()
    whole = cipher.update(base64.b64decode(text)) + cipher.finalize()
    return whole[: -whole[-1]]


class AlipayVendor(WireVendor):
    """The gateway, for one app. `asynchronous`: debits wait for their time. `declines`: a sub code by agreement's number."""

    def __init__(self, clock: Clock, app: App, origin: str = "https://vendor.test") -> None:
        super().__init__(clock)
        self.served = app
        self.origin = origin
        self.agreements: dict[str, Content] = {}
        self.trades: dict[str, Content] = {}
        self.refunds: dict[str, Content] = {}
        self.transfers: dict[str, Content] = {}
        self.asynchronous = False
        self.declines: dict[str, str] = {}
        self._made = 0
        self._methods = {
            "alipay.user.agreement.query": self._agreement,
            "alipay.user.agreement.unsign": self._unsign,
            "alipay.trade.pay": self._pay,
            "alipay.trade.query": self._trade,
            "alipay.trade.refund": self._refund,
            "alipay.trade.fastpay.refund.query": self._refund_of,
            "alipay.trade.cancel": self._cancel,
            "alipay.fund.trans.uni.transfer": self._transfer,
            "alipay.fund.trans.common.query": self._transfer_of,
            "alipay.data.dataservice.bill.downloadurl.query": self._bill,
        }

    def routes(self) -> Sequence[Route]:
        """The gateway, and where bills are fetched."""
        return [
            Route("/gateway.do", self._gateway, methods=["GET", "POST"]),
            Route("/bill/{day}", self._file, methods=["GET"]),
        ]

    # The gateway: who asks, what for, and an answer whose text is signed

    async def _gateway(self, request: Request) -> Response:
        form = (await request.body()).decode()
        pairs = [*parse_qsl(request.url.query, keep_blank_values=True), *parse_qsl(form, keep_blank_values=True)]
        given = dict(pairs)
        method = given.get("method", "")
        try:
            self._authorized(given, doubled=len(given) != len(pairs))
            content: Content = json.loads(self._content(given))
            if method == _PAGE:
                return self._page(given, content)
            answer = {
                "code": "10000",
                "msg": "Success",
                **self._methods[method]({**content, "_notify": given.get("notify_url", "")}),
            }
            name = f"{method.replace('.', '_')}_response"
        except Refused as no:
            answer = {"code": no.code, "msg": "Business Failed", "sub_code": no.sub_code, "sub_msg": "/拒绝/ {x}"}
            name = "error_response" if no.gateway else f"{method.replace('.', '_')}_response"
        return Response(self._signed(name, answer, given), media_type="text/html;charset=utf-8")

    def _signed(self, name: str, answer: Content, given: Mapping[str, str]) -> bytes:
        """An answer as the vendor writes it: slashes are escaped, and the text of the node is what is signed."""
        node = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
        if given.get("encrypt_type") == "AES" and self.served.aes_key and name != "error_response":
            node = f'"{aes(self.served.aes_key, node.encode())}"'
        return self._under_seal(name, node)

    def _under_seal(self, name: str, node: str) -> bytes:
        number = f'"alipay_cert_sn":"{self.served.vendor_cert_sn}",' if self.served.vendor_cert_sn else ""
        return f'{{"{name}":{node},{number}"sign":"{sign(self.served.vendor_key, node.encode())}"}}'.encode()

    def sealed(self, answer: Response) -> Response:
        """Other content in the same node, under the vendor's own signature."""
        name, node = next(iter(json.loads(answer.body).items()))
        text = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
        return with_body(answer, self._under_seal(name, text))

    def _authorized(self, given: Mapping[str, str], *, doubled: bool) -> None:
        if doubled or given.get("version") != "1.0" or given.get("charset", "").lower() != "utf-8":
            raise Refused("40002", "isv.invalid-charset", gateway=True)
        if given.get("app_id") != self.served.app_id:
            raise Refused("40002", "isv.invalid-app-id", gateway=True)
        certified = (given.get("app_cert_sn", ""), given.get("alipay_root_cert_sn", ""))
        if certified != (self.served.app_cert_sn, self.served.root_cert_sn):
            raise Refused("40002", "isv.invalid-signature", gateway=True)
        asked_at = datetime.strptime(given["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
        if abs(asked_at - self.clock.now()) > timedelta(hours=24):
            raise Refused("40002", "isv.invalid-timestamp", gateway=True)
        text = text_of({name: value for name, value in given.items() if name != "sign"})
        try:
            signature = base64.b64decode(given.get("sign", ""), validate=True)
            self.served.app_key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            raise Refused("40002", "isv.invalid-signature", gateway=True) from None
        if given["method"] not in (*self._methods, _PAGE):
            raise Refused("40002", "isv.invalid-method", gateway=True)

    def _content(self, given: Mapping[str, str]) -> bytes:
        raw = given.get("biz_content", "")
        if given.get("encrypt_type") != "AES":
            return raw.encode()
        if self.served.aes_key is None:
            raise Refused("40002", "isv.invalid-encrypt", gateway=True)
        return opened(self.served.aes_key, raw)

    # Agreements

    def _page(self, given: Mapping[str, str], content: Content) -> Response:
        number = content["external_agreement_no"]
        if not _NUMBER.fullmatch(number[:32]) or len(number) > 32 or not content["access_params"]["channel"]:
            raise Refused("40004", "INVALID_PARAMETER")
        self.agreements.setdefault(
            number,
            {**content, "status": "TEMP", "agreement_no": self._number("2026"), "_notify": given.get("notify_url", "")},
        )
        return Response("<html>agree</html>", media_type="text/html")

    def _agreement(self, asked: Content) -> Content:
        found = self.agreements.get(asked["external_agreement_no"])
        named = ("personal_product_code", "sign_scene")
        if found is None or found["status"] == "TEMP" or any(found[name] != asked.get(name) for name in named):
            raise Refused("40004", "USER_AGREEMENT_NOT_EXIST")
        shown = ("external_agreement_no", "agreement_no", "status", "personal_product_code", "sign_scene", "sign_time")
        return {**{name: found[name] for name in shown}, "principal_id": "2088101122675263"}

    def _unsign(self, asked: Content) -> Content:
        for one in self.agreements.values():
            if one["agreement_no"] == asked["agreement_no"] and one["status"] == "NORMAL":
                self.unsign(one["external_agreement_no"])
                return {}
        raise Refused("40004", "AGREEMENT_NOT_EXIST")

    def unsign(self, number: str) -> None:
        """End an agreement, as the merchant or the payer in their own app does; it is notified."""
        self.agreements[number]["status"] = "STOP"
        self.bookings.append(Booking(key=number))
        self._notify_agreement("dut_user_unsign", self.agreements[number])

    # Trades

    def _pay(self, asked: Content) -> Content:
        number, amount = asked["out_trade_no"], asked["total_amount"]
        if not _NUMBER.fullmatch(number) or not re.fullmatch(r"\d{1,9}\.\d{2}", amount) or len(asked["subject"]) > 256:
            raise Refused("40004", "ACQ.INVALID_PARAMETER")
        if (before := self.trades.get(number)) is not None:
            same = before["total_amount"] == amount
            raise Refused("40004", "ACQ.TRADE_HAS_SUCCESS" if same else "ACQ.CONTEXT_INCONSISTENT")
        signed = [
            one for one in self.agreements.values() if one["agreement_no"] == asked["agreement_params"]["agreement_no"]
        ]
        if not signed or signed[0]["status"] != "NORMAL" or asked["product_code"] != signed[0]["product_code"]:
            raise Refused("40004", "ACQ.AGREEMENT_NOT_EXIST")
        if sub_code := self.declines.get(signed[0]["external_agreement_no"]):
            raise Refused("40004", sub_code)
        trade = {
            "trade_no": self._number("2026"),
            "out_trade_no": number,
            "total_amount": amount,
            "_notify": asked["_notify"],
        }
        self.trades[number] = {**trade, "trade_status": "WAIT_BUYER_PAY"}
        self.bookings.append(Booking(key=number, money=Money.of(amount)))
        if self.asynchronous:
            return {**_shown(trade), "async_payment_mode": "ASYNC_DELAY_PAY"}
        self._paid(self.trades[number])
        return {**_shown(trade), "gmt_payment": self._now_text(), "buyer_logon_id": "159****5620"}

    def _paid(self, trade: Content) -> None:
        trade |= {"trade_status": "TRADE_SUCCESS", "send_pay_date": self._now_text()}
        told = {name: trade[name] for name in ("trade_no", "out_trade_no", "total_amount", "trade_status")}
        self._notify("trade_status_sync", {**told, "gmt_payment": self._now_text()}, trade["_notify"])

    def _trade(self, asked: Content) -> Content:
        found = self.trades.get(asked["out_trade_no"])
        if found is None:
            raise Refused("40004", "ACQ.TRADE_NOT_EXIST")
        return _shown(found)

    def _cancel(self, asked: Content) -> Content:
        trade = self.trades.get(asked["out_trade_no"])
        action = {"retry_flag": "N", "out_trade_no": asked["out_trade_no"]}
        if trade is None:
            return action
        paid = trade["trade_status"] == "TRADE_SUCCESS"
        trade["trade_status"] = "TRADE_CLOSED"
        return {**action, "trade_no": trade["trade_no"], "action": "refund" if paid else "close"}

    # Refunds and transfers

    def _refund(self, asked: Content) -> Content:
        key, number = asked["out_request_no"], asked["out_trade_no"]
        trade = self.trades.get(number)
        if trade is None:
            raise Refused("40004", "ACQ.TRADE_NOT_EXIST")
        before = self.refunds.get(key)
        if before is not None and before["refund_amount"] != asked["refund_amount"]:
            raise Refused("40004", "ACQ.REASON_TRADE_REFUND_FEE_ERR")
        given = Money.total(
            Money.of(one["refund_amount"]) for one in self.refunds.values() if one["out_trade_no"] == number
        )
        wanted = Money.of(asked["refund_amount"])
        if before is None:
            if trade["trade_status"] != "TRADE_SUCCESS" or given + wanted > Money.of(trade["total_amount"]):
                raise Refused("40004", "ACQ.TRADE_NOT_ALLOW_REFUND")
            self.refunds[key] = {
                "out_request_no": key,
                "out_trade_no": number,
                "trade_no": trade["trade_no"],
                "refund_amount": asked["refund_amount"],
                "total_amount": trade["total_amount"],
                "refund_status": "REFUND_SUCCESS",
                "gmt_refund_pay": self._now_text(),
            }
            self.bookings.append(Booking(key=key, money=wanted))
            given = given + wanted
        answer = {"trade_no": trade["trade_no"], "out_trade_no": number, "refund_fee": f"{given.amount:.2f}"}
        return {**answer, "fund_change": "N" if before else "Y"}

    def _refund_of(self, asked: Content) -> Content:
        found = self.refunds.get(asked["out_request_no"])
        return dict(found) if found and found["out_trade_no"] == asked["out_trade_no"] else {}

    def _transfer(self, asked: Content) -> Content:
        number, payee = asked["out_biz_no"], asked["payee_info"]
        if not self.served.app_cert_sn:
            raise Refused("40006", "isv.insufficient-isv-permissions")
        if not _NUMBER.fullmatch(number) or (payee["identity_type"] == "ALIPAY_LOGON_ID" and not payee.get("name")):
            raise Refused("40004", "INVALID_PARAMETER")
        before = self.transfers.get(number)
        if before is not None and (before["trans_amount"], before["identity"]) != (
            asked["trans_amount"],
            payee["identity"],
        ):
            raise Refused("40004", "PAYMENT_INFO_INCONSISTENCY")
        if before is None:
            self.transfers[number] = {
                "out_biz_no": number,
                "order_id": self._number("110"),
                "trans_amount": asked["trans_amount"],
                "identity": payee["identity"],
                "status": "SUCCESS",
                "pay_date": self._now_text(),
            }
            self.bookings.append(Booking(key=number, money=Money.of(asked["trans_amount"])))
        made = self.transfers[number]
        return {
            "out_biz_no": number,
            "order_id": made["order_id"],
            "status": made["status"],
            "trans_date": made["pay_date"],
        }

    def _transfer_of(self, asked: Content) -> Content:
        found = self.transfers.get(asked["out_biz_no"])
        if found is None:
            raise Refused("40004", "ORDER_NOT_EXIST")
        return {name: value for name, value in found.items() if name != "identity"}

    # Bills

    def _bill(self, asked: Content) -> Content:
        day = date.fromisoformat(asked["bill_date"])
        ready = datetime.combine(day + timedelta(days=1), datetime.min.time(), SHANGHAI) + timedelta(hours=9)
        if asked["bill_type"] != "trade" or self.clock.now() < ready or not self._rows(day):
            raise Refused("40004", "isp.bill_not_exist")
        return {"bill_download_url": f"{self.origin}/bill/{day.isoformat()}?fileType=csv.zip&bizType=trade"}

    async def _file(self, request: Request) -> Response:
        return Response(self.bill_file(date.fromisoformat(request.path_params["day"])), media_type="application/zip")

    def bill_file(self, day: date) -> bytes:
        """The zip of a day, with its two tables."""
        head = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,对方账户,订单金额（元）,商家实收（元）,退款批次号/请求号,服务费（元）,备注"
        rows = [",".join(f"{value}\t" for value in row) for row in self._rows(day)]
        notes = ["#支付宝业务明细查询", f"#账号：[{self.served.seller_id}]", "#-----业务明细列表-----"]
        detail = "\r\n".join([*notes, head, *rows, "#-----业务明细列表结束-----", "#导出时间：[2026年03月06日]", ""])
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{self.served.seller_id}_业务明细.csv", detail.encode("gbk"))
            archive.writestr(
                f"{self.served.seller_id}_业务明细(汇总).csv",
                "#支付宝业务汇总查询\r\n门店编号,门店名称\r\n".encode("gbk"),
            )
        return packed.getvalue()

    def _rows(self, day: date) -> list[list[str]]:
        rows = []
        for trade in self.trades.values():
            if (at := trade.get("send_pay_date", "")).startswith(day.isoformat()):
                yuan = trade["total_amount"]
                rows.append(
                    [
                        trade["trade_no"],
                        trade["out_trade_no"],
                        "交易",
                        "租金",
                        at,
                        at,
                        "*三丰",
                        yuan,
                        yuan,
                        "",
                        "-0.02",
                        "",
                    ]
                )
        for refund in self.refunds.values():
            if (at := refund["gmt_refund_pay"]).startswith(day.isoformat()):
                own, yuan = [refund["trade_no"], refund["out_trade_no"]], f"-{refund['refund_amount']}"
                rows.append([*own, "退款", "租金", at, at, "*三丰", yuan, yuan, refund["out_request_no"], "0.00", ""])
        return rows

    # Time passes

    async def settle(self) -> None:
        """Payers who have opened the page agree, and debits that wait are made; the notifications go to the outbox."""
        for agreement in self.agreements.values():
            if agreement["status"] == "TEMP":
                agreement |= {"status": "NORMAL", "sign_time": self._now_text()}
                self._notify_agreement("dut_user_sign", agreement)
        for trade in self.trades.values():
            if trade["trade_status"] == "WAIT_BUYER_PAY":
                self._paid(trade)

    def _notify_agreement(self, kind: str, agreement: Content) -> None:
        told = {name: agreement[name] for name in ("external_agreement_no", "agreement_no", "status")}
        self._notify(kind, told, agreement["_notify"])

    def _notify(self, kind: str, content: Mapping[str, str], url: str) -> None:
        own = {
            "notify_type": kind,
            "notify_id": self._number("ac05"),
            "notify_time": self._now_text(),
            "charset": "utf-8",
        }
        body = notification(
            self.served.vendor_key,
            {**own, "version": "1.0", "app_id": self.served.app_id, "seller_id": self.served.seller_id, **content},
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        self.outbox.append(Callback(url=url, headers=headers, body=body))

    def _now_text(self) -> str:
        return self.clock.now().astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")

    def _number(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}{self._made:020d}"


def _shown(trade: Content) -> Content:
    return {name: value for name, value in trade.items() if not name.startswith("_")}
