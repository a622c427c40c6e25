"""What an operator configures: the account, who sends, and what callbacks are signed with."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from hub.core.provider import Credential, CredentialKind, PluginSettings


class TwilioSettings(PluginSettings):
    """Settings of one instance: one account with one sender.

    Either `auth_token` or an API key opens the account; texts go out from `from_number` or a messaging service.
    `templates` gives the ContentSid of a template of ours; `voice` is the name of a Twilio voice.
    """

    account_sid: str = Field(pattern=r"^AC[0-9a-f]{32}$")
    auth_token: SecretStr | None = Field(default=None, min_length=8)
    previous_auth_token: SecretStr | None = Field(default=None, min_length=8)
    api_key_sid: SecretStr | None = Field(default=None, min_length=8)
    api_key_secret: SecretStr | None = Field(default=None, min_length=8)
    shared_key_id: str = ""
    shared_key_secret: SecretStr | None = Field(default=None, min_length=8)
    previous_shared_key_id: str = ""
    previous_shared_key_secret: SecretStr | None = Field(default=None, min_length=8)
    from_number: str = ""
    messaging_service_sid: str = ""
    call_from: str = ""
    templates: dict[str, str] = Field(default_factory=dict)
    voice: str = ""
    ring_s: int = Field(default=30, ge=5, le=600)
    base_url: str = "https://api.twilio.com"
    timeout_s: float = Field(default=10.0, gt=0, le=60)

    @field_validator("base_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        if not value.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("must be an https address")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.api_key_sid is None) != (self.api_key_secret is None):
            raise ValueError("api_key_sid and api_key_secret belong together")
        if self.auth_token is None and self.api_key_sid is None:
            raise ValueError("auth_token or an API key is needed")
        if bool(self.from_number) == bool(self.messaging_service_sid):
            raise ValueError("give from_number or messaging_service_sid, not both")
        return self

    def login(self) -> tuple[str, str]:
        """User and password of a request: an API key goes before the account's own token."""
        if self.api_key_sid is not None and self.api_key_secret is not None:
            return self.api_key_sid.get_secret_value(), self.api_key_secret.get_secret_value()
        return self.account_sid, _shown(self.auth_token)

    def tokens(self) -> tuple[str, ...]:
        """The account's tokens that a callback may be signed with now."""
        return tuple(_shown(one) for one in (self.auth_token, self.previous_auth_token) if one is not None)

    def shared_keys(self) -> dict[str, str]:
        """The shared keys that a callback may be signed with now, by their id."""
        both = {
            self.previous_shared_key_id: self.previous_shared_key_secret,
            self.shared_key_id: self.shared_key_secret,
        }
        return {name: secret.get_secret_value() for name, secret in both.items() if name and secret is not None}

    def credentials(self) -> tuple[Credential, ...]:
        """Token, API key and shared keys; Twilio gives none of them an end."""
        held = {
            "auth_token": (self.auth_token, ""),
            "previous_auth_token": (self.previous_auth_token, ""),
            "api_key_secret": (self.api_key_secret, ""),
            "shared_key_secret": (self.shared_key_secret, self.shared_key_id),
            "previous_shared_key_secret": (self.previous_shared_key_secret, self.previous_shared_key_id),
        }
        return tuple(
            Credential(name=name, kind=CredentialKind.SECRET, fingerprint=told, current=not name.startswith("previous"))
            for name, (secret, told) in held.items()
            if secret is not None
        )


def _shown(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
