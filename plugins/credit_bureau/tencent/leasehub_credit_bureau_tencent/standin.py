"""Tencent's checks as a stand-in: a register of people, their phones and cards, and what it charges for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from leasehub_tc3.standin import Act, Asked, Tc3Vendor

from hub.core.provider import Clock
from hub.sdk.reading import JsonObject
from hub.testing.kit.rig import Booking

_DOCUMENT = re.compile(r"[1-9]\d{16}[0-9X]")
_PHONE = re.compile(r"1[3-9]\d{9}")
_CARD = re.compile(r"\d{12,19}")
_CHARGED = {"IdCard": {"0", "-1"}, "Phone": {"0", "-4"}, "BankCard": {"0", "-1", "-6"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody whom the register knows."""

    name: str = field(repr=False)
    document: str = field(repr=False)
    phone: str = field(repr=False)
    card: str = field(repr=False)


class TencentRegister(Tc3Vendor):
    """The vendor; `people` is its register, by document. `scripted` answers instead, once for each entry."""

    versions: Mapping[str, str] = {"faceid": "2018-03-01"}

    def __init__(self, clock: Clock, *, secret_id: str, secret_key: str) -> None:
        super().__init__(clock, secret_id=secret_id, secret_key=secret_key)
        self.people: dict[str, Person] = {}
        self.scripted: list[JsonObject] = []

    def actions(self) -> Mapping[str, Act]:
        """The three checks."""
        return {
            "faceid.IdCardVerification": lambda asked: self._charged("IdCard", asked, self._identity(asked)),
            "faceid.PhoneVerification": lambda asked: self._charged("Phone", asked, self._phone(asked)),
            "faceid.BankCard4EVerification": lambda asked: self._charged("BankCard", asked, self._bank_card(asked)),
        }

    async def settle(self) -> None:
        """Nothing waits here: every check is answered at once."""

    def _charged(self, check: str, asked: Asked, answer: JsonObject) -> JsonObject:
        answer = self.scripted.pop(0) if self.scripted else answer
        if answer["Result"] in _CHARGED[check]:
            self.bookings.append(Booking(key=asked.key))
        return answer

    def _identity(self, asked: Asked) -> JsonObject:
        document, name = asked.body.text("IdCard"), asked.body.text("Name")
        if not _DOCUMENT.fullmatch(document):
            return {"Result": "-2", "Description": "非法身份证号（长度、校验位等不正确）"}
        person = self.people.get(document)
        if person is None:
            return {"Result": "-5", "Description": "证件库中无此身份证记录"}
        good = person.name == name
        return {
            "Result": "0" if good else "-1",
            "Description": "姓名和身份证号一致" if good else "姓名和身份证号不一致",
        }

    def _phone(self, asked: Asked) -> JsonObject:
        body = asked.body
        document, name, phone = body.text("IdCard"), body.text("Name"), body.text("Phone")
        if not _PHONE.fullmatch(phone):
            return {"Result": "-6", "Description": "手机号码不合法", "Isp": ""}
        if not _DOCUMENT.fullmatch(document):
            return {"Result": "-7", "Description": "身份证号码有误", "Isp": ""}
        holder = next((one for one in self.people.values() if one.phone == phone), None)
        if holder is None:
            return {"Result": "-9", "Description": "没有记录", "Isp": ""}
        if (holder.document, holder.name) == (document, name):
            return {"Result": "0", "Description": "认证通过", "Isp": "移动"}
        answer: JsonObject = {"Result": "-4", "Description": "信息不一致", "Isp": "移动"}
        detailed = body.optional_text("VerifyMode") == "1"
        return {**answer, "ResultDetail": _difference(holder, document, name)} if detailed else answer

    def _bank_card(self, asked: Asked) -> JsonObject:
        body = asked.body
        if not _CARD.fullmatch(body.text("BankCard")):
            return {"Result": "-4", "Description": "银行卡号格式有误"}
        if body.whole("CertType") != 0:
            return {"Result": "-20", "Description": "该证件号暂不支持核验"}
        given = Person(
            name=body.text("Name"), document=body.text("IdCard"), phone=body.text("Phone"), card=body.text("BankCard")
        )
        good = self.people.get(given.document) == given
        return {"Result": "0" if good else "-6", "Description": "认证通过" if good else "持卡人信息有误"}


def _difference(holder: Person, document: str, name: str) -> str:
    match (holder.document == document, holder.name == name):
        case (True, False):
            return "PhoneNameMismatch"
        case (False, True):
            return "PhoneIdCardMismatch"
        case _:
            return "PhoneNameIdCardMismatch"
