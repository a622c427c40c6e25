"""What an operator configures: in whose name contracts go out, how the lessor signs, where the marks are, callbacks."""

from __future__ import annotations

from leasehub_tc3.settings import Address, Tc3Settings, secrets
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hub.core.ports.esign import SignerRole
from hub.core.provider import Credential, CredentialKind

_KEY_LENGTH = 32  # characters: they are the key of AES-256 as they stand


class Mark(BaseModel):
    """Where somebody signs: below the last place in the paper where `keyword` stands. Lengths in points (1/72 inch)."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    keyword: str = Field(min_length=1, max_length=30)
    width: int = Field(default=112, gt=0)
    height: int = Field(default=40, gt=0)
    offset_x: int = 0
    offset_y: int = 0


# The headings of the two signatures in the hub's own contract in Chinese.
_OWN_PAPER = {
    SignerRole.LESSEE: Mark(keyword="承租人（乙方）"),
    SignerRole.LESSOR: Mark(keyword="出租人（甲方）", width=119, height=119),
}


class TencentEsignSettings(Tc3Settings):
    """Settings of one instance.

    The lessor signs by itself with `lessor_seal_id`, or through the employee `lessor_user_id`. `file_hosts`: where
    signed files may be fetched from, by the ends of host names.
    """

    timeout_s: float = Field(default=20.0, gt=0, le=60)
    url: Address = "https://ess.tencentcloudapi.com"
    file_url: Address = "https://file.ess.tencent.cn"
    file_hosts: tuple[str, ...] = ("tencent.cn", "myqcloud.com", "tencentcos.cn")
    operator_id: str = Field(min_length=1)
    organization_name: str = Field(min_length=1)
    proxy_organization_id: str = ""
    lessor_seal_id: str = ""
    lessor_user_id: str = ""
    marks: dict[SignerRole, Mark] = Field(default_factory=dict)
    notify: bool = True
    link_valid_s: int = Field(default=1800, ge=1800, le=7_776_000)
    callback_token: SecretStr = Field(min_length=8)
    previous_callback_token: SecretStr | None = Field(default=None, min_length=8)
    callback_key: SecretStr = Field(min_length=_KEY_LENGTH, max_length=_KEY_LENGTH)
    previous_callback_key: SecretStr | None = Field(default=None, min_length=_KEY_LENGTH, max_length=_KEY_LENGTH)

    def mark_of(self, role: SignerRole) -> Mark | None:
        """Where somebody signs, by their side: as set here, or as in the hub's own contract."""
        return self.marks.get(role) or _OWN_PAPER.get(role)

    def callback_tokens(self) -> tuple[str, ...]:
        """What a notice may be signed with now."""
        return secrets(self.callback_token, self.previous_callback_token)

    def callback_keys(self) -> tuple[str, ...]:
        """What a notice may be encrypted with now."""
        return secrets(self.callback_key, self.previous_callback_key)

    def credentials(self) -> tuple[Credential, ...]:
        """The key pair, and the secrets of notices; those that only still verify are not current."""
        held = {
            "callback_token": self.callback_token,
            "callback_key": self.callback_key,
            "previous_callback_token": self.previous_callback_token,
            "previous_callback_key": self.previous_callback_key,
        }
        shared = (
            Credential(name=name, kind=CredentialKind.SECRET, current=not name.startswith("previous_"))
            for name, secret in held.items()
            if secret is not None
        )
        return (*super().credentials(), *shared)
