"""What an operator configures: the server, an account on it, the secret of what it forwards, and when a car counts as standing."""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from hub.core.ports.gps_tracker import Datum
from hub.core.provider import Credential, CredentialKind, PluginSettings


class TraccarSettings(PluginSettings):
    """Settings of one instance: one server and one account, by token or by e-mail and password.

    `standing_minutes`: how old the last position may be that says that a car stands, before it may be immobilised.
    """

    base_url: str
    token: SecretStr | None = Field(default=None, min_length=1)
    email: str = ""
    password: SecretStr | None = Field(default=None, min_length=1)
    callback_secret: SecretStr | None = Field(default=None, min_length=16)
    previous_callback_secret: SecretStr | None = Field(default=None, min_length=16)
    datum: Datum = Datum.WGS84
    track_hours: int = Field(default=6, ge=1, le=72)
    standing_minutes: int = Field(default=15, ge=1, le=1440)
    timeout_s: float = Field(default=8.0, gt=0, le=60)

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.username:
            raise ValueError("must be http:// or https:// and a host")
        return value.rstrip("/").removesuffix("/api")

    @model_validator(mode="after")
    def _one_way_in(self) -> TraccarSettings:
        if (self.token is None) == (self.password is None) or bool(self.email) is (self.password is None):
            raise ValueError("token: either a token, or email and password")
        return self

    def authorization(self) -> str:
        """The header that says who asks."""
        if self.token is not None:
            return f"Bearer {self.token.get_secret_value()}"
        assert self.password is not None, "one way in is set"
        pair = f"{self.email}:{self.password.get_secret_value()}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def callback_secrets(self) -> tuple[str, ...]:
        """What a forwarded event may carry now."""
        both = (self.callback_secret, self.previous_callback_secret)
        return tuple(secret.get_secret_value() for secret in both if secret is not None)

    def credentials(self) -> tuple[Credential, ...]:
        """Every secret that is set; of none of them is an end known here."""
        names = ("token", "password", "callback_secret", "previous_callback_secret")
        return tuple(
            Credential(name=name, kind=CredentialKind.SECRET, current=not name.startswith("previous"))
            for name in names
            if getattr(self, name) is not None
        )
