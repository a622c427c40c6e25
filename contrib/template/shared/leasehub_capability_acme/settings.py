"""What an operator configures: where Acme is, and the secrets shared with it."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from hub.core.provider import PluginSettings


class AcmeSettings(PluginSettings):
    """Settings of one instance. `timeout_s` bounds one exchange, in seconds."""

    base_url: str = "https://api.acme.example"
    api_key: SecretStr
    webhook_secret: SecretStr
    previous_webhook_secret: SecretStr | None = None  # while the secret is being changed, both are good
    timeout_s: float = Field(default=8.0, gt=0, le=60)

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets that a callback may be signed with now."""
        both = (self.webhook_secret, self.previous_webhook_secret)
        return tuple(secret.get_secret_value() for secret in both if secret is not None)
