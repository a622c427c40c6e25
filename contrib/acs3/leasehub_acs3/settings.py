"""What an operator configures for every plugin of the family: the key pair, and how long one exchange may take."""

from __future__ import annotations

from pydantic import Field, SecretStr

from hub.core.identity import mask_middle
from hub.core.provider import Credential, CredentialKind, PluginSettings


class Acs3Settings(PluginSettings):
    """A key pair of a RAM user, with the token of a temporary one. `timeout_s` bounds one exchange, in seconds."""

    access_key_id: SecretStr = Field(min_length=1)
    access_key_secret: SecretStr = Field(min_length=1)
    security_token: SecretStr | None = None
    timeout_s: float = Field(default=8.0, gt=0, le=60)

    def credentials(self) -> tuple[Credential, ...]:
        """The key pair by the ends of its id, as the vendor's console shows it; a token has no date of its own."""
        shown = mask_middle(self.access_key_id.get_secret_value(), head=4, tail=4)
        pair = Credential(name="access_key_secret", kind=CredentialKind.SECRET, fingerprint=shown)
        if self.security_token is None:
            return (pair,)
        return (pair, Credential(name="security_token", kind=CredentialKind.SECRET, fingerprint=shown))


def address(value: str) -> str:
    """An address without a slash at its end; raises ValueError for one that is none."""
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value.rstrip("/")
