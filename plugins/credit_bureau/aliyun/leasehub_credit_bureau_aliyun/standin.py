"""The vendor as a stand-in: it knows a few people, their phones, cards and cars, in the clear and hashed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leasehub_acs3.standin import Acs3Vendor, Refused

from hub.core.provider import Clock
from hub.testing.kit.rig import Booking

_REQUIRED = {
    "Id2MetaVerify": ("ParamType", "UserName", "IdentifyNum"),
    "Mobile3MetaDetailVerify": ("ParamType", "UserName", "IdentifyNum", "Mobile"),
    "BankMetaVerify": ("ParamType", "ProductType", "VerifyMode", "UserName", "BankCard"),
    "VehicleMetaVerify": ("ParamType", "VerifyMetaType", "UserName", "VehicleNum", "VehicleType"),
    "Vehicle5ItemQuery": ("ParamType", "VehicleNum", "VehicleType"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody whom the vendor's sources know, in the spelling in which they are asked about."""

    name: str
    document: str
    phone: str = ""
    card: str = ""
    card_state: str = "101"
    plate: str = ""


class AliyunVendor(Acs3Vendor):
    """Checks. `people` is what its sources know; every check that is made is booked under its nonce.

    The vendor takes no key of ours: the nonce alone tells one request from another.
    """

    def __init__(self, clock: Clock, keys: Mapping[str, str], people: tuple[Person, ...] = ()) -> None:
        super().__init__(clock, keys, dict.fromkeys(_REQUIRED, "2019-03-07"))
        self.people = people

    def act(self, action: str, params: Mapping[str, str]) -> dict[str, Any]:
        """Answer an action."""
        if any(not params.get(name) for name in _REQUIRED[action]):
            raise Refused("400")
        if params["ParamType"] not in ("normal", "md5"):
            raise Refused("401")
        match action:
            case "Id2MetaVerify":
                result = self._identity(params)
            case "Mobile3MetaDetailVerify":
                result = self._phone(params)
            case "BankMetaVerify":
                result = self._card(params)
            case "VehicleMetaVerify":
                result = self._owner(params)
            case _:
                result = self._vehicle(params)
        nonce = self.received[-1].headers["x-acs-signature-nonce"]
        self.bookings.append(Booking(key=nonce.rpartition(".")[0]))
        return {"Code": "200", "Message": "success", "ResultObject": result}

    async def settle(self) -> None:
        """Nothing waits: a check is answered at once."""

    def _identity(self, params: Mapping[str, str]) -> dict[str, str]:
        found = [one for one in self.people if one.document == params["IdentifyNum"]]
        return {"BizCode": _code(found, lambda one: one.name == params["UserName"])}

    def _phone(self, params: Mapping[str, str]) -> dict[str, str]:
        holder = next((one for one in self.people if one.phone == params["Mobile"]), None)
        if holder is None:
            return {"BizCode": "3", "SubCode": "301", "IspName": "CMCC"}
        same = (holder.name == params["UserName"], holder.document == params["IdentifyNum"])
        sub = {(True, True): "101", (False, False): "201", (True, False): "202", (False, True): "203"}[same]
        return {"BizCode": "1" if all(same) else "2", "SubCode": sub, "IspName": "CMCC"}

    def _card(self, params: Mapping[str, str]) -> dict[str, str]:
        if params["VerifyMode"] != "VERIFY_BANK_CARD":
            raise Refused("401")
        wanted = {"2": (), "3": ("IdentifyNum",), "4": ("IdentifyNum", "Mobile")}[params["ProductType"][10]]
        if any(not params.get(name) for name in wanted):
            raise Refused("400")
        holder = next((one for one in self.people if one.card == params["BankCard"]), None)
        if holder is None:
            return {"BizCode": "3", "SubCode": "304"}
        known = {"IdentifyNum": holder.document, "Mobile": holder.phone}
        same = holder.name == params["UserName"] and all(known[name] == params[name] for name in wanted)
        sub = holder.card_state if same else "201"
        return {"BizCode": "1" if sub == "101" else "2", "SubCode": sub}

    def _owner(self, params: Mapping[str, str]) -> dict[str, str]:
        third = params["VerifyMetaType"] == "VEHICLE_3_META"
        if third and not params.get("IdentifyNum"):
            raise Refused("400")
        found = [one for one in self.people if one.plate == params["VehicleNum"]]
        same = _code(
            found,
            lambda one: one.name == params["UserName"] and (not third or one.document == params["IdentifyNum"]),
        )
        return {"BizCode": same}

    def _vehicle(self, params: Mapping[str, str]) -> dict[str, str]:
        if not any(one.plate == params["VehicleNum"] for one in self.people):
            return {"BizCode": "3"}
        told = {"brand": "长安", "engineNo": "JC9AQ09*******", "engineType": "JL478Q****", "vin": ""}
        return {"BizCode": "1", "VehicleInfo": json.dumps(told, ensure_ascii=False)}


def _code(found: list[Person], same: Any) -> str:
    """1: it matches, 2: it does not, 3: the source knows nothing."""
    if not found:
        return "3"
    return "1" if any(same(one) for one in found) else "2"
