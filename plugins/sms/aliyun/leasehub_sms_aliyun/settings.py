"""What an operator configures: the account, the signature, the templates, and the secret in the callbacks' address."""

from __future__ import annotations

from leasehub_acs3.settings import Acs3Settings, address
from pydantic import Field, SecretStr, field_validator

from hub.core.provider import Credential, CredentialKind


class AliyunSmsSettings(Acs3Settings):
    """Settings of one instance: one account and one signature.

    `templates` and `voice_templates` give the vendor's code for a template of ours; a name that is not listed goes out
    as it is. `body_template` takes a ready text as its variable `body_param`; without it such a message is refused.
    """

    sign_name: str = Field(min_length=1)
    templates: dict[str, str] = Field(default_factory=dict)
    voice_templates: dict[str, str] = Field(default_factory=dict)
    body_template: str = ""
    voice_body_template: str = ""
    body_param: str = Field(default="content", min_length=1)
    called_show_number: str = ""
    play_times: int = Field(default=2, ge=1, le=3)
    volume: int = Field(default=100, ge=0, le=100)
    speed: int = Field(default=0, ge=-500, le=500)
    callback_token: SecretStr | None = Field(default=None, min_length=24)
    previous_callback_token: SecretStr | None = Field(default=None, min_length=24)  # while the address is being changed
    sms_url: str = "https://dysmsapi.aliyuncs.com"
    voice_url: str = "https://dyvmsapi.aliyuncs.com"

    @field_validator("sms_url", "voice_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return address(value)

    @property
    def speaks(self) -> bool:
        """Whether this instance makes calls at all."""
        return bool(self.voice_templates or self.voice_body_template)

    def callback_tokens(self) -> tuple[str, ...]:
        """The tokens that a callback's address may carry now."""
        both = (self.callback_token, self.previous_callback_token)
        return tuple(token.get_secret_value() for token in both if token is not None)

    def credentials(self) -> tuple[Credential, ...]:
        """The key pair, and the tokens of callbacks; of these nothing is shown."""
        names = {"callback_token": self.callback_token, "previous_callback_token": self.previous_callback_token}
        tokens = [
            Credential(name=name, kind=CredentialKind.SECRET, current=name == "callback_token")
            for name, token in names.items()
            if token is not None
        ]
        return (*super().credentials(), *tokens)
