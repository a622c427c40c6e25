"""What an operator configures: the merchant, its keys, the vendor's keys, and the words that payers read."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator

from hub.core.provider import PluginSettings


class WechatpaySettings(PluginSettings):
    """Settings of one instance: one merchant number.

    The vendor signs by a public key (`public_key_id`, `public_key`) or, for older merchants, by platform certificates;
    without either, the certificates are fetched. The `previous_*` ones count as well while a key is being changed.
    """

    base_url: str = "https://api.mch.weixin.qq.com"
    mch_id: str = Field(pattern=r"\d{8,12}")
    app_id: str = Field(min_length=1, max_length=32)
    plan_id: int = Field(gt=0)
    merchant_private_key: SecretStr
    merchant_serial_no: str = Field(default="", pattern=r"[0-9A-Fa-f]*")
    merchant_certificate: str = ""
    api_v3_key: SecretStr
    previous_api_v3_key: SecretStr | None = None
    public_key_id: str = ""
    public_key: str = ""
    previous_public_key_id: str = ""
    previous_public_key: str = ""
    platform_certificates: str = ""
    description: str = Field(default="汽车租金", min_length=1, max_length=42)
    estimated_days: int = Field(default=30, ge=1, le=366)
    transfer_scene_id: str = ""
    transfer_report: dict[str, str] = Field(default_factory=dict)
    timeout_s: float = Field(default=8.0, gt=0, le=30)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """A public key needs its id; an APIv3 key has 32 bytes; the vendor must know which of our keys has signed."""
        pairs = [(self.public_key_id, self.public_key), (self.previous_public_key_id, self.previous_public_key)]
        if any(bool(name) != bool(key) for name, key in pairs):
            raise ValueError("public_key: key and id go together")
        keys = [key for key in (self.api_v3_key, self.previous_api_v3_key) if key is not None]
        if any(len(key.get_secret_value().encode()) != 32 for key in keys):
            raise ValueError("api_v3_key: must have 32 bytes")
        if not (self.merchant_serial_no or self.merchant_certificate):
            raise ValueError("merchant_serial_no: give it, or the merchant_certificate")
        return self
