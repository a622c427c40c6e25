"""A stand-in for the vendor: it verifies each request, keeps contracts, orders, refunds, transfers and bills, signs what
it answers, and calls back. What it refuses, the vendor refuses.

Source: pay.weixin.qq.com/doc/v3. It shares no code with the plugin but the names of fields.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.core.money import Money
from hub.core.provider import Clock
from hub.testing.kit.rig import Booking
from hub.testing.wire import Callback, WireVendor

BEIJING = timezone(timedelta(hours=8))
_NAMED = re.compile(r'(\w+)="([^"]*)"')
Answer = tuple[int, Any]


@dataclass(frozen=True, kw_only=True)
class Account:
    """A merchant at the vendor, with the keys on both sides.

    `certificate`: the platform certificate under which the vendor signs; without one it signs by the public key's id.
    """

    mch_id: str
    app_id: str
    plan_id: int
    merchant_serial: str
    merchant_key: rsa.RSAPublicKey
    vendor_key: rsa.RSAPrivateKey = field(repr=False)
    api_v3_key: str = field(repr=False)
    public_key_id: str = "PUB_KEY_ID_0000000000000024101100397200000006"
    certificate: x509.Certificate | None = None

    @property
    def serial(self) -> str:
        """What the vendor calls its key."""
        return f"{self.certificate.serial_number:X}" if self.certificate else self.public_key_id


class Refused(Exception):
    """The vendor's no: a status and a code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


def sign(key: rsa.RSAPrivateKey, serial: str, body: bytes, sent_at: datetime) -> dict[str, str]:
    """The headers of an answer or a callback."""
    stamp, nonce = str(int(sent_at.timestamp())), secrets.token_hex(16)
    message = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    signature = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return {
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }


def sealed(api_v3_key: str, plain: bytes, extra: str) -> dict[str, str]:
    """Something that only the holder of the APIv3 key can read."""
    nonce = secrets.token_hex(6)
    cipher = AESGCM(api_v3_key.encode()).encrypt(nonce.encode(), plain, extra.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": nonce,
        "associated_data": extra,
        "ciphertext": base64.b64encode(cipher).decode(),
    }


def envelope(api_v3_key: str, event_type: str, content: Mapping[str, Any], now: datetime) -> bytes:
    """The body of a callback."""
    resource = sealed(api_v3_key, json.dumps(content, ensure_ascii=False).encode(), event_type.split(".")[0].lower())
    whole = {
        "id": f"EV-{secrets.token_hex(12)}",
        "create_time": now.astimezone(BEIJING).isoformat(timespec="seconds"),
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": "",
        "resource": {**resource, "original_type": event_type.split(".")[0].lower()},
    }
    return json.dumps(whole).encode()


class WechatVendor(WireVendor):
    """The vendor, for one merchant. `failing` are orders that will not be paid, by number or contract."""

    def __init__(self, clock: Clock, account: Account, origin: str = "http://vendor.test") -> None:
        super().__init__(clock)
        self.account = account
        self.origin = origin
        self.contracts: dict[str, dict[str, Any]] = {}
        self.schedules: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.transfers: dict[str, dict[str, Any]] = {}
        self.failing: set[str] = set()
        self._urls: dict[str, str] = {}
        self._made = 0

    def routes(self) -> Sequence[Route]:
        """Every address of the vendor's that is known here."""
        return [Route("/{path:path}", self._answer, methods=["GET", "POST"])]

    # The door: who asks, what for, and a signed answer

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        try:
            self._authorized(request, body)
            if request.url.path == "/v3/billdownload/file":
                return Response(self._file(target), media_type="application/octet-stream")
            status, content = self._routed(request.method, target, json.loads(body) if body else {})
        except Refused as no:
            status, content = no.status, {"code": no.code, "message": "refused"}
        raw = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        return self.sealed(Response(raw, status_code=status))

    def sealed(self, answer: Response) -> Response:
        """The content under the vendor's signature, which stands in the headers."""
        raw = bytes(answer.body)
        headers = sign(self.account.vendor_key, self.account.serial, raw, self.clock.now())
        headers["Request-ID"] = f"08{secrets.token_hex(12).upper()}-268435462"
        return Response(raw, status_code=answer.status_code, headers=headers, media_type="application/json")

    def _authorized(self, request: Request, body: bytes) -> None:
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        named = dict(_NAMED.findall(rest))
        raw = (request.scope.get("raw_path") or request.url.path.encode()).decode().partition("?")[0]
        target = raw + (f"?{request.scope['query_string'].decode()}" if request.scope["query_string"] else "")
        message = f"{request.method}\n{target}\n{named.get('timestamp')}\n{named.get('nonce_str')}\n".encode()
        own = (self.account.mch_id, self.account.merchant_serial)
        known = scheme == "WECHATPAY2-SHA256-RSA2048" and (named.get("mchid"), named.get("serial_no")) == own
        if not known or not request.headers.get("user-agent"):
            raise Refused(401, "SIGN_ERROR")
        if abs(self.clock.now().timestamp() - int(named["timestamp"])) > 300:
            raise Refused(401, "SIGN_ERROR")
        try:
            signature = base64.b64decode(named["signature"], validate=True)
            self.account.merchant_key.verify(signature, message + body + b"\n", padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            raise Refused(401, "SIGN_ERROR") from None

    def _routed(self, method: str, target: str, body: dict[str, Any]) -> Answer:
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        parts = path.strip("/").split("/")
        match method, parts:
            case "GET", ["v3", "certificates"]:
                return 200, self._certificates()
            case "POST", ["v3", "papay", "scheduled-deduct-sign", "contracts", "pre-entrust-sign", "h5"]:
                return 200, self._presign(body)
            case "GET", ["v3", "papay", "sign", "contracts", "plan-id", plan, "out-contract-code", code]:
                return 200, self._contract(plan, code)
            case "POST", ["v3", "papay", "sign", "contracts", "plan-id", plan, "out-contract-code", code, "terminate"]:
                self._terminate(plan, code, body)
                return 204, None
            case "GET", ["v3", "papay", "pay", "schedules", "contract-id", contract]:
                return 200, self._schedule_of(contract)
            case "POST", ["v3", "papay", "pay", "schedules", "contract-id", contract, "schedule"]:
                return 200, self._schedule(contract, body)
            case "POST", ["v3", "papay", "pay", "transactions", "apply"]:
                return 200, self._apply(body)
            case "GET", ["v3", "pay", "transactions", "out-trade-no", number]:
                return 200, self._order(number, query.get("mchid", [""])[0])
            case "POST", ["v3", "pay", "transactions", "out-trade-no", number, "close"]:
                self._close(number, body)
                return 204, None
            case _:
                return self._routed_on(method, parts, query, body)

    def _routed_on(self, method: str, parts: list[str], query: dict[str, list[str]], body: dict[str, Any]) -> Answer:
        match method, parts:
            case "POST", ["v3", "refund", "domestic", "refunds"]:
                return 200, self._refund(body)
            case "GET", ["v3", "refund", "domestic", "refunds", number]:
                return 200, _there(self.refunds.get(number), "RESOURCE_NOT_EXISTS")
            case "POST", ["v3", "fund-app", "mch-transfer", "transfer-bills"]:
                return 200, self._transfer(body)
            case "GET", ["v3", "fund-app", "mch-transfer", "transfer-bills", "out-bill-no", number]:
                return 200, _there(self.transfers.get(number), "NOT_FOUND")
            case "POST", ["v3", "fund-app", "mch-transfer", "transfer-bills", "out-bill-no", number, "cancel"]:
                return 200, self._call_back(number)
            case "GET", ["v3", "bill", "tradebill"]:
                return 200, self._bill(query)
            case _:
                raise Refused(404, "RESOURCE_NOT_EXISTS")

    # Certificates

    def _certificates(self) -> dict[str, Any]:
        account = self.account
        if account.certificate is None:
            raise Refused(404, "RESOURCE_NOT_EXISTS")
        pem = account.certificate.public_bytes(Encoding.PEM)
        one = {
            "serial_no": account.serial,
            "effective_time": account.certificate.not_valid_before_utc.isoformat(),
            "expire_time": account.certificate.not_valid_after_utc.isoformat(),
            "encrypt_certificate": sealed(account.api_v3_key, pem, "certificate"),
        }
        return {"data": [one]}

    # Contracts and announcements

    def _presign(self, body: dict[str, Any]) -> dict[str, Any]:
        code = body["out_contract_code"]
        if body["appid"] != self.account.app_id or body["plan_id"] != self.account.plan_id:
            raise Refused(400, "APPID_MCHID_NOT_MATCH")
        if not re.fullmatch(r"[0-9A-Za-z_-]{1,32}", code) or not body.get("contract_display_account"):
            raise Refused(400, "PARAM_ERROR")
        if code not in self.contracts:
            self.contracts[code] = {**body, "contract_id": self._number("20"), "contract_state": "WAITING"}
            self.bookings.append(Booking(key=code))
        return {"redirect_url": f"https://payapp.weixin.qq.com/papay/h5?session={secrets.token_hex(8)}"}

    def _contract(self, plan: str, code: str) -> dict[str, Any]:
        found = self.contracts.get(code)
        if found is None or plan != str(self.account.plan_id) or found["contract_state"] == "WAITING":
            raise Refused(404, "CONTRACT_NOT_EXIST")
        return {
            "mchid": self.account.mch_id,
            **{name: found[name] for name in ("appid", "plan_id", "out_contract_code", "contract_id")},
            "contract_state": found["contract_state"],
            "contract_signed_time": found["contract_signed_time"],
            "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        }

    def _terminate(self, plan: str, code: str, body: dict[str, Any]) -> None:
        if self._contract(plan, code)["contract_state"] != "SIGNED" or not body.get("contract_termination_remark"):
            raise Refused(400, "INVALID_REQUEST")
        self.terminate(code)

    def terminate(self, code: str) -> None:
        """End a contract, as the merchant or the payer in their own app does; it is called back."""
        contract = self.contracts[code]
        contract["contract_state"] = "TERMINATED"
        self.bookings.append(Booking(key=code))
        told = {name: contract[name] for name in ("out_contract_code", "contract_id", "contract_state")}
        self._call("PAPAY.TERMINATE", {"mchid": self.account.mch_id, **told}, contract["contract_notify_url"])

    def _signed(self, contract_id: str) -> dict[str, Any]:
        for one in self.contracts.values():
            if one["contract_id"] == contract_id and one["contract_state"] == "SIGNED":
                return one
        raise Refused(404, "CONTRACT_NOT_EXIST")

    def _schedule_of(self, contract_id: str) -> dict[str, Any]:
        self._signed(contract_id)
        found = self.schedules.get(contract_id, {"schedule_state": "NO_SCHEDULED"})
        if found["schedule_state"] == "SCHEDULED" and self._today > date.fromisoformat(found["deduct_end_date"]):
            found["schedule_state"] = "EXPIRED"
        return found

    def _schedule(self, contract_id: str, body: dict[str, Any]) -> dict[str, Any]:
        before = self._schedule_of(contract_id)
        if before["schedule_state"] == "SCHEDULED" and before["scheduled_amount"] != body["schedule_amount"]:
            raise Refused(403, "RULE_LIMIT")
        if before["schedule_state"] != "SCHEDULED":
            self.schedules[contract_id] = {
                "schedule_state": "SCHEDULED",
                "scheduled_amount": body["schedule_amount"],
                "deduct_start_date": (self._today + timedelta(days=2)).isoformat(),
                "deduct_end_date": (self._today + timedelta(days=8)).isoformat(),
            }
        return self.schedules[contract_id]

    @property
    def _today(self) -> date:
        return self.clock.now().astimezone(BEIJING).date()

    def _may_be_debited(self, contract: dict[str, Any], amount: Mapping[str, Any]) -> bool:
        here = self.clock.now().astimezone(BEIJING)
        if not 7 <= here.hour < 22:
            return False
        if here < datetime.fromisoformat(contract["contract_signed_time"]) + timedelta(hours=12):
            return True
        found = self._schedule_of(contract["contract_id"])
        open_ = found["schedule_state"] == "SCHEDULED" and found["scheduled_amount"] == amount
        return open_ and here.date() >= date.fromisoformat(found["deduct_start_date"])

    # Orders

    def _apply(self, body: dict[str, Any]) -> dict[str, Any]:
        number, contract = body["out_trade_no"], self._signed(body["contract_id"])
        if not re.fullmatch(r"[0-9A-Za-z_\-|*]{6,32}", number) or len(body["description"]) > 127:
            raise Refused(400, "PARAM_ERROR")
        if (before := self.orders.get(number)) is not None:
            same = before["amount"]["total"] == body["amount"]["total"] and before["contract"] == body["contract_id"]
            if not same:
                raise Refused(400, "INVALID_REQUEST")
            if before["trade_state"] != "ACCEPT":
                raise Refused(403, "OUT_TRADE_NO_USED")
            return {"out_trade_no": number, "amount": body["amount"]}
        if not self._may_be_debited(contract, body["amount"]):
            raise Refused(403, "RULE_LIMIT")
        self.orders[number] = {
            "contract": body["contract_id"],
            "mchid": self.account.mch_id,
            "appid": self.account.app_id,
            "out_trade_no": number,
            "trade_type": "PAP",
            "trade_state": "ACCEPT",
            "attach": body.get("attach", ""),
            "amount": dict(body["amount"]),
        }
        self._urls[number] = body["transaction_notify_url"]
        self.bookings.append(Booking(key=number, money=Money(body["amount"]["total"])))
        return {"out_trade_no": number, "amount": body["amount"]}

    def _order(self, number: str, mch_id: str) -> dict[str, Any]:
        if mch_id != self.account.mch_id:
            raise Refused(400, "PARAM_ERROR")
        found = _there(self.orders.get(number), "ORDER_NOT_EXIST")
        return {name: value for name, value in found.items() if name != "contract"}

    def _close(self, number: str, body: dict[str, Any]) -> None:
        order = _there(self.orders.get(number), "ORDER_NOT_EXIST")
        if body.get("mchid") != self.account.mch_id:
            raise Refused(400, "PARAM_ERROR")
        if order["trade_state"] == "SUCCESS":
            raise Refused(400, "ORDERPAID")
        order["trade_state"] = "CLOSED"

    # Refunds and transfers

    def _refund(self, body: dict[str, Any]) -> dict[str, Any]:
        key, wanted = body["out_refund_no"], body["amount"]
        order = _there(self.orders.get(body["out_trade_no"]), "RESOURCE_NOT_EXISTS")
        if not re.fullmatch(r"[0-9A-Za-z_\-|*@]{1,64}", key) or len(body.get("reason", "")) > 80:
            raise Refused(400, "PARAM_ERROR")
        if (before := self.refunds.get(key)) is not None:
            if before["amount"]["refund"] != wanted["refund"]:
                raise Refused(400, "INVALID_REQUEST")
            return before
        given = sum(
            one["amount"]["refund"] for one in self.refunds.values() if one["out_trade_no"] == body["out_trade_no"]
        )
        if order["trade_state"] not in ("SUCCESS", "REFUND") or wanted["total"] != order["amount"]["total"]:
            raise Refused(400, "INVALID_REQUEST")
        if given + wanted["refund"] > wanted["total"]:
            raise Refused(403, "NOT_ENOUGH")
        self.refunds[key] = {
            "refund_id": self._number("503"),
            "out_refund_no": key,
            "transaction_id": order["transaction_id"],
            "out_trade_no": body["out_trade_no"],
            "status": "PROCESSING",
            "create_time": self._now_text(),
            "amount": dict(wanted),
        }
        order["trade_state"] = "REFUND"
        self._urls[key] = body["notify_url"]
        self.bookings.append(Booking(key=key, money=Money(wanted["refund"])))
        return self.refunds[key]

    def _transfer(self, body: dict[str, Any]) -> dict[str, Any]:
        key, fen = body["out_bill_no"], body["transfer_amount"]
        if not re.fullmatch(r"[0-9A-Za-z]{1,32}", key) or len(body["transfer_remark"]) > 32 or fen <= 0:
            raise Refused(400, "PARAM_ERROR")
        if "user_name" in body:
            self._read(body["user_name"])
        elif fen >= 200000:
            raise Refused(400, "PARAM_ERROR")
        if (before := self.transfers.get(key)) is not None:
            if (before["transfer_amount"], before["openid"]) != (fen, body["openid"]):
                raise Refused(400, "INVALID_REQUEST")
        else:
            self.transfers[key] = {
                "mch_id": self.account.mch_id,
                "out_bill_no": key,
                "transfer_bill_no": self._number("133"),
                "appid": body["appid"],
                "state": "WAIT_USER_CONFIRM",
                "transfer_amount": fen,
                "openid": body["openid"],
                "create_time": self._now_text(),
                "update_time": self._now_text(),
            }
            self._urls[key] = body["notify_url"]
            self.bookings.append(Booking(key=key, money=Money(fen)))
        shown = ("out_bill_no", "transfer_bill_no", "create_time", "state")
        return {name: self.transfers[key][name] for name in shown}

    def _read(self, sealed_name: str) -> str:
        oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303
        try:
            return self.account.vendor_key.decrypt(base64.b64decode(sealed_name), oaep).decode()
        except ValueError:
            raise Refused(400, "PARAM_ERROR") from None

    def _call_back(self, number: str) -> dict[str, Any]:
        bill = _there(self.transfers.get(number), "NOT_FOUND")
        if bill["state"] != "WAIT_USER_CONFIRM":
            raise Refused(400, "INVALID_REQUEST")
        bill["state"] = "CANCELING"
        return {name: bill[name] for name in ("out_bill_no", "transfer_bill_no", "state", "update_time")}

    # Bills

    def _bill(self, query: dict[str, list[str]]) -> dict[str, str]:
        day = date.fromisoformat(query["bill_date"][0])
        ready = datetime.combine(day + timedelta(days=1), datetime.min.time(), BEIJING) + timedelta(hours=10)
        if self.clock.now() < ready:
            raise Refused(400, "STATEMENT_CREATING")
        text = self.bill_text(day)
        if text is None:
            raise Refused(400, "NO_STATEMENT_EXIST")
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        return {
            "hash_type": "SHA1",
            "hash_value": digest,
            "download_url": f"{self.origin}/v3/billdownload/file?token={day.isoformat()}",
        }

    def _file(self, target: str) -> bytes:
        day = date.fromisoformat(parse_qs(urlsplit(target).query)["token"][0])
        text = self.bill_text(day)
        if text is None:
            raise Refused(404, "RESOURCE_NOT_EXISTS")
        return gzip.compress(text.encode(), mtime=0)

    def bill_text(self, day: date) -> str | None:
        """The bill of a day; None when nothing has moved."""
        head = "交易时间,商户号,微信订单号,商户订单号,交易状态,货币种类,应结订单金额,微信退款单号,商户退款单号,退款金额,商品名称,商户数据包,手续费,费率,订单金额"
        rows = [
            row
            for row in (*map(self._paid_row, self.orders.values()), *map(self._refund_row, self.refunds.values()))
            if row and row[0].startswith(day.isoformat())
        ]
        if not rows:
            return None
        lines = [",".join(f"`{value}" for value in row) for row in rows]
        return "\r\n".join([head, *lines, "总交易单数,应结订单总金额", f"`{len(rows)},`0.00", ""])

    def _paid_row(self, order: dict[str, Any]) -> list[str] | None:
        if "success_time" not in order:
            return None
        yuan = _yuan(order["amount"]["total"])
        at = datetime.fromisoformat(order["success_time"]).strftime("%Y-%m-%d %H:%M:%S")
        own = [at, self.account.mch_id, order["transaction_id"], order["out_trade_no"], "SUCCESS", "CNY", yuan]
        return [*own, "0", "0", "0.00", "租金", order["attach"], "0.01000", "0.60%", yuan]

    def _refund_row(self, refund: dict[str, Any]) -> list[str] | None:
        if "success_time" not in refund:
            return None
        order = self.orders[refund["out_trade_no"]]
        at = datetime.fromisoformat(refund["success_time"]).strftime("%Y-%m-%d %H:%M:%S")
        own = [at, self.account.mch_id, refund["transaction_id"], refund["out_trade_no"], "REFUND", "CNY", "0.00"]
        yuan = _yuan(refund["amount"]["refund"])
        return [
            *own,
            refund["refund_id"],
            refund["out_refund_no"],
            yuan,
            "租金",
            order["attach"],
            "0.00000",
            "0.60%",
            "0.00",
        ]

    # Time passes

    async def settle(self) -> None:
        """Payers agree, debits and refunds settle, receivers confirm; the callbacks of it go to the outbox."""
        for contract in self.contracts.values():
            if contract["contract_state"] == "WAITING":
                contract |= {"contract_state": "SIGNED", "contract_signed_time": self._now_text()}
                told = {name: contract[name] for name in ("out_contract_code", "contract_id", "contract_state")}
                self._call("PAPAY.SIGN", {"mchid": self.account.mch_id, **told}, contract["contract_notify_url"])
        for order in self.orders.values():
            if order["trade_state"] == "ACCEPT":
                self._settle_order(order)
        for refund in self.refunds.values():
            if refund["status"] == "PROCESSING":
                refund |= {"status": "SUCCESS", "success_time": self._now_text()}
                told = {**refund, "mchid": self.account.mch_id, "refund_status": "SUCCESS"}
                self._call("REFUND.SUCCESS", told, self._urls[refund["out_refund_no"]])
        for bill in self.transfers.values():
            if bill["state"] in ("WAIT_USER_CONFIRM", "CANCELING"):
                bill["state"] = "SUCCESS" if bill["state"] == "WAIT_USER_CONFIRM" else "CANCELLED"
                self._call("MCHTRANSFER.BILL.FINISHED", bill, self._urls[bill["out_bill_no"]])

    def _settle_order(self, order: dict[str, Any]) -> None:
        if self.failing & {order["out_trade_no"], order["contract"]}:
            order["trade_state"] = "PAYERROR"
            return
        order |= {"trade_state": "SUCCESS", "transaction_id": self._number("42000"), "success_time": self._now_text()}
        if order["contract"] in self.schedules:
            self.schedules[order["contract"]]["schedule_state"] = "PAID"
        told = {name: value for name, value in order.items() if name != "contract"}
        self._call("TRANSACTION.SUCCESS", told, self._urls[order["out_trade_no"]])

    def _call(self, event_type: str, content: Mapping[str, Any], url: str) -> None:
        body = envelope(self.account.api_v3_key, event_type, content, self.clock.now())
        headers = sign(self.account.vendor_key, self.account.serial, body, self.clock.now())
        self.outbox.append(Callback(url=url, headers={**headers, "Content-Type": "application/json"}, body=body))

    def _now_text(self) -> str:
        return self.clock.now().astimezone(BEIJING).isoformat(timespec="seconds")

    def _number(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}{self._made:022d}"


def _there(found: dict[str, Any] | None, code: str) -> dict[str, Any]:
    if found is None:
        raise Refused(404, code)
    return found


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
