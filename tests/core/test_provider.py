"""A plugin's settings take what they are handed, nothing else, and keep it to themselves."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from hub.core.provider import PluginSettings


class Settings(PluginSettings):
    """A plugin's settings, as an author writes them."""

    base_url: str
    api_key: SecretStr
    timeout_s: float = 8.0


def test_the_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_URL", "https://elsewhere.example")
    monkeypatch.setenv("TIMEOUT_S", "99")
    settings = Settings(base_url="https://vendor.example", api_key=SecretStr("k"))
    assert (settings.base_url, settings.timeout_s) == ("https://vendor.example", 8.0)
    with pytest.raises(ValidationError):
        Settings(api_key=SecretStr("k"))  # type: ignore[call-arg]


def test_a_field_that_nobody_declared_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(base_url="https://vendor.example", api_key=SecretStr("k"), retries=3)  # type: ignore[call-arg]


def test_settings_do_not_change() -> None:
    settings = Settings(base_url="https://vendor.example", api_key=SecretStr("k"))
    with pytest.raises(ValidationError):
        settings.base_url = "https://elsewhere.example"


def test_no_value_stands_in_an_error_or_in_a_repr() -> None:
    settings = Settings(base_url="https://vendor.example", api_key=SecretStr("canary-1"))
    with pytest.raises(ValidationError) as refused:
        Settings(base_url="https://vendor.example", api_key=SecretStr("k"), timeout_s="canary-2")  # type: ignore[arg-type]
    assert "canary" not in f"{settings!r} {settings} {refused.value}"
