"""What an operator configures: the integration and the user it acts for, where the account lives, and the callbacks' keys."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from hub.core.ports.esign import SignerRole
from hub.core.provider import PluginSettings

_GUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"


class Invitation(StrEnum):
    """How a signer comes to the paper: by the vendor's e-mail, or by a link that we ask for and hand over."""

    EMAIL = "email"
    LINK = "link"


class DocusignSettings(PluginSettings):
    """Settings of one instance: one account, one integration, one user.

    `anchors` say after which text of a paper each role signs; a role that is not listed puts its signature where it
    likes. The first of `hmac_keys` is the current one, every other still counts.
    """

    integration_key: str = Field(pattern=_GUID)
    user_id: str = Field(pattern=_GUID)
    account_id: str = Field(pattern=_GUID)
    private_key: SecretStr = Field(min_length=1)
    oauth_url: str = "https://account.docusign.com"
    base_uri: str
    invitation: Invitation = Invitation.EMAIL
    return_url: str = ""
    lessor_email: str = ""
    stand_in_email: str = ""
    anchors: dict[SignerRole, str] = Field(default_factory=dict)
    anchor_x: int = Field(default=0, ge=-2000, le=2000)
    anchor_y: int = Field(default=0, ge=-2000, le=2000)
    hmac_keys: tuple[SecretStr, ...] = ()
    envelope_callbacks: bool = True
    timeout_s: float = Field(default=20.0, gt=0, le=60)

    @field_validator("oauth_url", "base_uri")
    @classmethod
    def _an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
            raise ValueError("must be http:// or https:// and a host, nothing else")
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("hmac_keys")
    @classmethod
    def _not_empty(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(key.get_secret_value() for key in value):
            raise ValueError("a key is empty")
        return value

    @model_validator(mode="after")
    def _links_lead_back(self) -> DocusignSettings:
        if self.invitation is Invitation.LINK and not self.return_url:
            raise ValueError("return_url: is needed where signers come by a link")
        return self

    @property
    def audience(self) -> str:
        """The vendor's authorisation host, as an assertion names it."""
        return urlsplit(self.oauth_url).netloc

    @property
    def account_url(self) -> str:
        """What every address of the account begins with."""
        return f"{self.base_uri}/restapi/v2.1/accounts/{self.account_id}"
