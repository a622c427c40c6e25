"""What an operator configures: the applications, the approved templates, and the word in the address of receipts."""

from __future__ import annotations

from leasehub_tc3.settings import Address, Tc3Settings, secrets
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hub.core.provider import Credential, CredentialKind


class Template(BaseModel):
    """An approved template: its id at the vendor, and the hub's names of its parameters in the order {1}, {2}, …"""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: str = Field(min_length=1)
    params: tuple[str, ...] = ()


class TencentSmsSettings(Tc3Settings):
    """Settings of one instance.

    `templates` and `voice_templates`: by the hub's template id. `body_template`, `voice_body_template`: a template whose
    one parameter is the whole text, for messages that come ready. `receipt_token` stands in the address of receipts.
    """

    region: str = "ap-guangzhou"
    sms_url: Address = "https://sms.tencentcloudapi.com"
    sms_sdk_app_id: str = Field(min_length=1)
    sign_name: str = ""
    sender_id: str = ""
    templates: dict[str, Template] = Field(default_factory=dict)
    body_template: str | None = None
    voice_url: Address = "https://vms.tencentcloudapi.com"
    voice_sdk_app_id: str = ""
    voice_templates: dict[str, Template] = Field(default_factory=dict)
    voice_body_template: str | None = None
    play_times: int = Field(default=2, ge=1, le=3)
    receipt_token: SecretStr = Field(min_length=16)
    previous_receipt_token: SecretStr | None = Field(default=None, min_length=16)

    def receipt_tokens(self) -> tuple[str, ...]:
        """The words that a receipt may show now."""
        return secrets(self.receipt_token, self.previous_receipt_token)

    def credentials(self) -> tuple[Credential, ...]:
        """The key pair, and the words of receipts."""
        words = [Credential(name="receipt_token", kind=CredentialKind.SECRET)]
        if self.previous_receipt_token is not None:
            words.append(Credential(name="previous_receipt_token", kind=CredentialKind.SECRET, current=False))
        return (*super().credentials(), *words)
