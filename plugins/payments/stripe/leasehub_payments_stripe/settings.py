"""What an operator configures: the account's key, the secrets of its callbacks, and how payers may pay."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from hub.core.provider import Credential, CredentialKind, PluginSettings

_LIVE = ("sk_live_", "rk_live_")


class StripeSettings(PluginSettings):
    """Settings of one instance: one Stripe account in one mode.

    `payment_method_types` are offered to a payer who agrees to a mandate; `return_url` is where they come back to when
    the request names no address. `timeout_s` in seconds.
    """

    api_key: SecretStr = Field(min_length=8)
    webhook_secret: SecretStr | None = Field(default=None, min_length=8)
    previous_webhook_secret: SecretStr | None = Field(
        default=None, min_length=8
    )  # while the endpoint's is being rolled
    payment_method_types: tuple[str, ...] = Field(default=("card",), min_length=1)
    return_url: str = ""
    locale: str = Field(default="auto", min_length=2)
    base_url: str = "https://api.stripe.com"
    timeout_s: float = Field(default=20.0, gt=0, le=80)

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError("must be an https address")
        return value.rstrip("/")

    @property
    def live(self) -> bool:
        """Whether the key moves real money."""
        return self.api_key.get_secret_value().startswith(_LIVE)

    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets that a callback may be signed with now."""
        both = (self.webhook_secret, self.previous_webhook_secret)
        return tuple(secret.get_secret_value() for secret in both if secret is not None)

    def credentials(self) -> tuple[Credential, ...]:
        """The key and the secrets; Stripe gives none of them an end, nor a name that may be shown."""
        held = {
            "api_key": self.api_key,
            "webhook_secret": self.webhook_secret,
            "previous_webhook_secret": self.previous_webhook_secret,
        }
        return tuple(
            Credential(name=name, kind=CredentialKind.SECRET, current=not name.startswith("previous"))
            for name, secret in held.items()
            if secret is not None
        )
