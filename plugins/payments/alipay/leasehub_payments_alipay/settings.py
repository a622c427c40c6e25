"""What an operator configures: the app, its keys or certificates, the agreement's product, and the words payers read."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from hub.core.provider import PluginSettings


class AlipaySettings(PluginSettings):
    """Settings of one instance: one app.

    With `app_certificate`, `alipay_certificate` and `alipay_root_certificate` it runs in certificate mode, which
    transfers need; without, `alipay_public_key` verifies. The `previous_*` one counts as well while keys are changed.
    """

    gateway_url: str = "https://openapi.alipay.com/gateway.do"
    app_id: str = Field(pattern=r"\d{8,32}")
    app_private_key: SecretStr
    seller_id: str = Field(default="", pattern=r"\d*")
    alipay_public_key: str = ""
    previous_alipay_public_key: str = ""
    app_certificate: str = ""
    alipay_certificate: str = ""
    previous_alipay_certificate: str = ""
    alipay_root_certificate: str = ""
    encrypt_key: SecretStr | None = None
    app_auth_token: SecretStr | None = None
    product_code: Literal["GENERAL_WITHHOLDING", "CYCLE_PAY_AUTH"] = "GENERAL_WITHHOLDING"
    personal_product_code: str = ""
    sign_scene: str = Field(default="INDUSTRY|CARRENTAL", pattern=r"INDUSTRY\|\w+")
    channel: Literal["ALIPAYAPP", "QRCODE", "QRCODEORSMS"] = "ALIPAYAPP"
    subject: str = Field(default="汽车租金", min_length=1, max_length=128)
    bill_hosts: tuple[str, ...] = ("dwbillcenter.alipay.com", "dwbillcenter.alipaydev.com")
    timeout_s: float = Field(default=10.0, gt=0, le=30)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Something must verify the vendor, and the three certificates go together."""
        three = (self.app_certificate, self.alipay_certificate, self.alipay_root_certificate)
        if any(three) and not all(three):
            raise ValueError("app_certificate: it, alipay_certificate and alipay_root_certificate go together")
        if not any(three) and not self.alipay_public_key:
            raise ValueError("alipay_public_key: give it, or the three certificates")
        return self

    @property
    def personal_product(self) -> str:
        """The product as a payer agrees to it."""
        return self.personal_product_code or f"{self.product_code}_P"
