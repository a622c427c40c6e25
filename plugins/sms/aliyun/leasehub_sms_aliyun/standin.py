"""Both products as a stand-in: it sends nothing, keeps every message and call, and pushes reports as the vendor does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leasehub_acs3.standin import Acs3Vendor, Refused

from hub.core.provider import Clock
from hub.testing.kit.rig import Booking
from hub.testing.wire import Callback
from leasehub_sms_aliyun.mapping import TTS_PRODUCT, ZONE

_VERSIONS = dict.fromkeys(
    ("SendSms", "QuerySendDetails", "QuerySmsSign", "SingleCallByTts", "QueryCallDetailByCallId"), "2017-05-25"
)
_PUSHED = {"content-type": "application/json;charset=UTF-8"}


@dataclass(slots=True, kw_only=True)
class Message:
    """A text message or call that the vendor has taken; `ended_at` once it has arrived or failed."""

    ref: str
    number: str
    out_id: str
    template: str
    params: str
    voice: bool
    sent_at: datetime
    ended_at: datetime | None = None
    failure: str = ""  # the carrier's code, or the state of a call


class AliyunVendor(Acs3Vendor):
    """Text messages and voice. `absent` are the last digits of numbers that nobody answers; `push_to` takes reports."""

    def __init__(self, clock: Clock, keys: Mapping[str, str], *, sign_name: str, push_to: str = "") -> None:
        super().__init__(clock, keys, _VERSIONS)
        self.sign_name = sign_name
        self.push_to = push_to
        self.absent: frozenset[str] = frozenset()
        self.messages: list[Message] = []

    def act(self, action: str, params: Mapping[str, str]) -> dict[str, Any]:
        """Answer an action."""
        match action:
            case "SendSms":
                return self._send(params)
            case "SingleCallByTts":
                return self._call(params)
            case "QuerySendDetails":
                return self._details(params)
            case "QueryCallDetailByCallId":
                return self._call_detail(params)
            case _:
                return {
                    "Code": "OK",
                    "SignName": params["SignName"],
                    "SignStatus": int(params["SignName"] == self.sign_name),
                }

    async def settle(self) -> None:
        """Messages arrive, calls are heard; one push tells of all texts, another of all calls."""
        ended = [message for message in self.messages if message.ended_at is None]
        for message in ended:
            message.ended_at = self.clock.now()
            if message.number.endswith(tuple(self.absent) or ("none",)):
                message.failure = "200003" if message.voice else "MOBILE_NOT_ON_SERVICE"
        for voice in (False, True):
            reports = [_report(message) for message in ended if message.voice is voice]
            if reports and self.push_to:
                body = json.dumps(reports, ensure_ascii=False).encode()
                self.outbox.append(Callback(url=self.push_to, headers=_PUSHED, body=body))

    def _send(self, params: Mapping[str, str]) -> dict[str, Any]:
        if params.get("SignName") != self.sign_name:
            raise Refused("isv.SMS_SIGNATURE_ILLEGAL")
        if not params.get("TemplateCode"):
            raise Refused("MissingTemplateCode", 400)
        number = params.get("PhoneNumbers", "")
        return {"Code": "OK", "BizId": self._taken(number, params, "TemplateCode", "TemplateParam").ref}

    def _call(self, params: Mapping[str, str]) -> dict[str, Any]:
        if not params.get("TtsCode"):
            raise Refused("isv.TTS_TEMPLATE_ILLEGAL")
        if len(params.get("OutId", "").encode()) > 15:
            raise Refused("isv.INVALID_PARAMETERS")
        number = params.get("CalledNumber", "")
        return {"Code": "OK", "CallId": self._taken(number, params, "TtsCode", "TtsParam").ref}

    def _taken(self, number: str, params: Mapping[str, str], template: str, values: str) -> Message:
        if not number.isdigit() or len(number) < 7:
            raise Refused("isv.MOBILE_NUMBER_ILLEGAL")
        given = params.get(values, "{}")
        try:
            read = json.loads(given)
        except ValueError:
            raise Refused("isv.INVALID_JSON_PARAM") from None
        if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
            raise Refused("isv.INVALID_JSON_PARAM")
        message = Message(
            ref=f"{900619746936498440 + len(self.messages)}^0",
            number=number,
            out_id=params.get("OutId", ""),
            template=params[template],
            params=given,
            voice=template == "TtsCode",
            sent_at=self.clock.now(),
        )
        self.messages.append(message)
        self.bookings.append(Booking(key=message.out_id))
        return message

    def _details(self, params: Mapping[str, str]) -> dict[str, Any]:
        size, page = int(params["PageSize"]), int(params["CurrentPage"])
        if not 1 <= size <= 50:
            raise Refused("isv.INVALID_PARAMETERS")
        found = [
            message
            for message in self.messages
            if not message.voice
            and message.number == params["PhoneNumber"]
            and f"{message.sent_at.astimezone(ZONE):%Y%m%d}" == params["SendDate"]
            and params.get("BizId", message.ref) == message.ref
        ]
        shown = [_detail(message) for message in found[(page - 1) * size : page * size]]
        return {"Code": "OK", "TotalCount": str(len(found)), "SmsSendDetailDTOs": {"SmsSendDetailDTO": shown}}

    def _call_detail(self, params: Mapping[str, str]) -> dict[str, Any]:
        for message in self.messages:
            day = f"{message.sent_at.astimezone(ZONE):%Y%m%d}"
            asked = f"{datetime.fromtimestamp(int(params['QueryDate']) / 1000, ZONE):%Y%m%d}"
            known = message.voice and message.ref == params["CallId"] and params["ProdId"] == TTS_PRODUCT
            if known and day == asked and message.ended_at is not None:
                data = {
                    "callee": message.number,
                    "state": message.failure or "200000",
                    "endDate": _time(message.ended_at),
                }
                return {"Code": "OK", "Data": json.dumps(data)}
        return {"Code": "OK"}


def _detail(message: Message) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "PhoneNum": message.number,
        "OutId": message.out_id,
        "TemplateCode": message.template,
        "Content": f"【stand-in】{message.params}",
        "SendDate": _time(message.sent_at),
        "SendStatus": 1,
    }
    if message.ended_at is None:
        return detail
    ended = {"ReceiveDate": _time(message.ended_at), "ErrCode": message.failure or "DELIVERED"}
    return detail | ended | {"SendStatus": 2 if message.failure else 3}


def _report(message: Message) -> dict[str, Any]:
    assert message.ended_at is not None, "what has ended is told"
    common = {"out_id": message.out_id, "send_time": _time(message.sent_at)}
    if message.voice:
        end = {"end_time": _time(message.ended_at), "status_code": message.failure or "200000", "status_msg": "完成"}
        return common | end | {"call_id": message.ref, "callee": message.number, "duration": "9", "voice_type": "voice"}
    return common | {
        "phone_number": message.number,
        "report_time": _time(message.ended_at),
        "success": not message.failure,
        "err_code": message.failure or "DELIVERED",
        "err_msg": "用户接收成功",
        "sms_size": "1",
        "biz_id": message.ref,
    }


def _time(instant: datetime) -> str:
    return f"{instant.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"
