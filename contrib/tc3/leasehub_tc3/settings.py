"""What every plugin of the family is configured with: a key pair, a region, a time limit."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from hub.core.provider import Credential, CredentialKind, PluginSettings
from leasehub_tc3.signing import Account

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+/?")
_SHOWN = 6  # how much of the end of a key's id an operator sees, to tell two keys apart


def _an_address(value: str) -> str:
    if not _ORIGIN.fullmatch(value):
        raise ValueError("must be http:// or https:// and a host, without a path")
    return value.rstrip("/")


Address = Annotated[str, AfterValidator(_an_address)]


class Tc3Settings(PluginSettings):
    """Settings of one instance. `timeout_s` bounds one exchange, in seconds; temporary keys come with a token."""

    secret_id: SecretStr
    secret_key: SecretStr
    session_token: SecretStr | None = None
    region: str = ""
    timeout_s: float = Field(default=8.0, gt=0, le=60)

    def account(self) -> Account:
        """The key pair that requests are signed with."""
        token = self.session_token.get_secret_value() if self.session_token else ""
        return Account(
            secret_id=self.secret_id.get_secret_value(),
            secret_key=self.secret_key.get_secret_value(),
            token=token,
        )

    def credentials(self) -> tuple[Credential, ...]:
        """The key pair as an operator may see it; it has no end of its own."""
        shown = f"…{self.secret_id.get_secret_value()[-_SHOWN:]}"
        return (Credential(name="secret_key", kind=CredentialKind.SECRET, fingerprint=shown),)


def secrets(*found: SecretStr | None) -> tuple[str, ...]:
    """Those secrets that are set, in the clear, to try each of them."""
    return tuple(one.get_secret_value() for one in found if one is not None)
