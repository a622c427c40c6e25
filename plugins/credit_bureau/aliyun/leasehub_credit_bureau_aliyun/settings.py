"""What an operator configures: the account, which check is made when nobody says, and how the person is named to the vendor."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from leasehub_acs3.settings import Acs3Settings, address
from pydantic import field_validator

from hub.core.ports.credit_bureau import CheckKind


class ParamType(StrEnum):
    """How the vendor is told whom it is about: in the clear, or hashed in part as each action wants it."""

    NORMAL = "normal"
    MD5 = "md5"


class VehicleProduct(StrEnum):
    """What a check of a vehicle asks: whose it is, or what it is."""

    OWNER = "owner"
    DESCRIPTION = "description"


class AliyunCreditSettings(Acs3Settings):
    """Settings of one instance. The `…_elements` say how much of a person is compared with a card or a plate."""

    base_url: str = "https://cloudauth.aliyuncs.com"
    default_check: CheckKind = CheckKind.PHONE
    param_type: ParamType = ParamType.NORMAL
    bank_card_elements: Literal[2, 3, 4] = 4
    vehicle_product: VehicleProduct = VehicleProduct.OWNER
    vehicle_elements: Literal[2, 3] = 3

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return address(value)
