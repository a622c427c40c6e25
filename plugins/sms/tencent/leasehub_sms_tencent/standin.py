"""Tencent's two messaging services as a stand-in: approved templates, reports once a carrier has them, receipts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from leasehub_tc3.standin import Act, Asked, Refused, Tc3Vendor

from hub.core.provider import Clock
from hub.sdk.reading import JsonObject
from hub.testing.kit.rig import Booking
from hub.testing.wire import Callback

APP, VOICE_APP, SIGN = "1400006666", "1400007777", "腾讯云"
TEMPLATES = {"449739": 2, "1110": 1, "1111": 0}  # how many parameters each approved template has
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_LONGEST_SESSION = 511  # bytes


@dataclass(kw_only=True)
class Message:
    """One text message or call; `session` is what the caller put on it."""

    number: str
    to: str = field(repr=False)
    session: str
    params: tuple[str, ...] = field(repr=False)
    voice: bool = False
    sent_at: int = 0
    reported: str = ""


class TencentMessenger(Tc3Vendor):
    """The vendor; `receipts_url` is where it was told to post. Who is in `unreachable` gets nothing."""

    versions: Mapping[str, str] = {"sms": "2021-01-11", "vms": "2020-09-02"}

    def __init__(self, clock: Clock, *, secret_id: str, secret_key: str, receipts_url: str, token: str) -> None:
        super().__init__(clock, secret_id=secret_id, secret_key=secret_key)
        self._receipts_url = f"{receipts_url}?token={quote(token)}"
        self.messages: list[Message] = []
        self.unreachable: set[str] = set()

    def actions(self) -> Mapping[str, Act]:
        """What the two services can be asked."""
        return {
            "sms.SendSms": self._send,
            "sms.PullSmsSendStatusByPhoneNumber": self._pull,
            "sms.SendStatusStatistics": self._statistics,
            "vms.SendTtsVoice": self._call,
        }

    async def settle(self) -> None:
        """Carriers report on everything that has no report yet; text messages in one receipt, calls each in their own."""
        waiting = [one for one in self.messages if not one.reported]
        for one in waiting:
            one.reported = "FAIL" if one.to in self.unreachable else "SUCCESS"
        texts = [self._receipt(one) for one in waiting if not one.voice]
        contents: list[object] = [texts] if texts else []
        contents += [self._call_receipt(one) for one in waiting if one.voice]
        for content in contents:
            headers = {"content-type": "application/json"}
            body = json.dumps(content, ensure_ascii=False).encode()
            self.outbox.append(Callback(url=self._receipts_url, headers=headers, body=body))

    def _send(self, asked: Asked) -> JsonObject:
        body = asked.body
        self._application(body.text("SmsSdkAppId"), APP, "InvalidParameterValue.SdkAppIdNotExist")
        numbers = body.texts("PhoneNumberSet")
        if not numbers:
            raise Refused("MissingParameter.EmptyPhoneNumberSet")
        if len(numbers) > 200:
            raise Refused("LimitExceeded.PhoneNumberCountLimit")
        params, session = body.texts("TemplateParamSet"), body.optional_text("SessionContext") or ""
        template, sign = body.text("TemplateId"), body.optional_text("SignName")
        return {"SendStatusSet": [self._sent(to, template, sign, params, session) for to in numbers]}

    def _sent(self, to: str, template: str, sign: str | None, params: tuple[str, ...], session: str) -> JsonObject:
        code = self._objection(to, template, sign, params, session)
        number = "" if code else self._kept(to, params, session).number
        return {
            "SerialNo": number,
            "PhoneNumber": to,
            "Fee": 0 if code else 1,
            "SessionContext": session,
            "Code": code or "Ok",
            "Message": code or "send success",
            "IsoCode": "CN",
        }

    def _objection(self, to: str, template: str, sign: str | None, params: tuple[str, ...], session: str) -> str:
        if not _E164.fullmatch(to):
            return "InvalidParameterValue.IncorrectPhoneNumber"
        if to.startswith("+86") and sign != SIGN:
            return "FailedOperation.SignatureIncorrectOrUnapproved"
        if template not in TEMPLATES:
            return "FailedOperation.TemplateUnapprovedOrNotExist"
        if len(params) != TEMPLATES[template]:
            return "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"
        return "InvalidParameter.InvalidParameters" if len(session.encode()) > _LONGEST_SESSION else ""

    def _call(self, asked: Asked) -> JsonObject:
        body = asked.body
        self._application(body.text("VoiceSdkAppid"), VOICE_APP, "InvalidParameterValue.SdkAppidNotExist")
        to, params = body.text("CalledNumber"), body.texts("TemplateParamSet")
        if not _E164.fullmatch(to):
            raise Refused("InvalidParameterValue.CalledNumberVerifyFail")
        if TEMPLATES.get(body.text("TemplateId")) != len(params) or not 1 <= body.whole("PlayTimes") <= 3:
            raise Refused("FailedOperation.TemplateIncorrectOrUnapproved")
        session = body.optional_text("SessionContext") or ""
        return {"SendStatus": {"CallId": self._kept(to, params, session, voice=True).number, "SessionContext": session}}

    def _application(self, given: str, ours: str, otherwise: str) -> None:
        if given != ours:
            raise Refused(otherwise)

    def _kept(self, to: str, params: tuple[str, ...], session: str, *, voice: bool = False) -> Message:
        number = f"call-{self.new_number()}" if voice else f"5000:{self.new_number():027d}"
        sent_at = int(self.clock.now().timestamp())
        one = Message(number=number, to=to, session=session, params=params, voice=voice, sent_at=sent_at)
        self.messages.append(one)
        self.bookings.append(Booking(key=session))
        return one

    def _pull(self, asked: Asked) -> JsonObject:
        body = asked.body
        self._application(body.text("SmsSdkAppId"), APP, "InvalidParameterValue.SdkAppIdNotExist")
        begin, end, to = body.whole("BeginTime"), body.whole("EndTime"), body.text("PhoneNumber")
        if end - begin > 7 * 86400 or body.whole("Offset") != 0:
            raise Refused("InvalidParameterValue.BeginTimeVerifyFail")
        if not 0 < body.whole("Limit") <= 100:
            raise Refused("InvalidParameterValue.LimitVerifyFail")
        found = [one for one in self.messages if one.to == to and not one.voice and one.reported]
        return {"PullSmsSendStatusSet": [self._report(one) for one in found if begin <= one.sent_at <= end]}

    def _report(self, one: Message) -> JsonObject:
        return {
            "UserReceiveTime": one.sent_at + 3,
            "CountryCode": "86",
            "SubscriberNumber": one.to.removeprefix("+86"),
            "PhoneNumber": one.to,
            "SerialNo": one.number,
            "ReportStatus": one.reported,
            "Description": "DELIVRD" if one.reported == "SUCCESS" else "UNDELIV",
            "SessionContext": one.session,
        }

    def _statistics(self, asked: Asked) -> JsonObject:
        self._application(asked.body.text("SmsSdkAppId"), APP, "InvalidParameterValue.SdkAppIdNotExist")
        sent = len(self.messages)
        return {"SendStatusStatistics": {"FeeCount": sent, "RequestCount": sent, "RequestSuccessCount": sent}}

    def _receipt(self, one: Message) -> JsonObject:
        return {
            "user_receive_time": "2026-03-05 10:00:03",
            "nationcode": "86",
            "mobile": one.to.removeprefix("+86"),
            "report_status": one.reported,
            "errmsg": "DELIVRD" if one.reported == "SUCCESS" else "UNDELIV",
            "description": "用户短信送达成功" if one.reported == "SUCCESS" else "手机关机",
            "sid": one.number,
        }

    def _call_receipt(self, one: Message) -> JsonObject:
        told = {
            "result": "0" if one.reported == "SUCCESS" else "1",
            "accept_time": str(one.sent_at + 9),
            "call_from": "",
            "callid": one.number,
            "end_calltime": str(one.sent_at + 20),
            "fee": "1",
            "mobile": one.to.removeprefix("+86"),
            "nationcode": "86",
            "start_calltime": str(one.sent_at),
        }
        return {"voiceprompt_callback": told}
