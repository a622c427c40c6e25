"""Settings of an instance: where secrets come from, what is refused, and that no error shows a value."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretBytes, SecretStr, field_validator

from hub.core.errors import InvalidInput
from hub.core.provider import Mode, PluginSettings
from hub.infra.masking import masked_text
from hub.integrations.configuration import ProviderEntry
from hub.integrations.credentials import SecretSource, settle, shows_secret

CANARY = "canary-8d2e-secret"


class Merchant(BaseModel):
    number: str
    password: SecretStr = SecretStr("")


class Settings(PluginSettings):
    base_url: str = "https://vendor.example"
    timeout_s: int = Field(default=8, ge=1)
    api_key: SecretStr | None = None
    webhook_keys: tuple[SecretStr, ...] = ()
    certificate: SecretBytes = SecretBytes(b"")
    merchants: list[Merchant] = Field(default_factory=list)
    shop_keys: dict[str, SecretStr] = Field(default_factory=dict)
    region: str = "cn"

    @field_validator("region")
    @classmethod
    def known(cls, region: str) -> str:
        if region == CANARY:
            raise ValueError(f"no region {region}")
        return region


def settled(
    folder: Path,
    settings: dict[str, object] | None = None,
    *,
    overrides: dict[str, str] | None = None,
    environment: dict[str, str] | None = None,
    development: bool = False,
) -> Settings:
    entry = ProviderEntry(
        name="psp", plugin="acme", mode=Mode.SANDBOX, settings=settings or {}, overrides=overrides or {}
    )
    source = SecretSource(folder=folder, environment=environment or {}, development=development)
    values = settle(entry, Settings, source)
    assert isinstance(values, Settings)
    return values


def secret_file(folder: Path, name: str = "key", content: str = CANARY + "\n", mode: int = 0o600) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


def revealed(secret: SecretStr | None) -> str:
    assert secret is not None
    return secret.get_secret_value()


def test_a_secret_from_a_file_loses_only_its_last_line_break(tmp_path: Path) -> None:
    secret_file(tmp_path, "sub/key", " two words \n")
    values = settled(tmp_path, {"api_key": {"file": "sub/key"}})
    assert revealed(values.api_key) == " two words "


def test_references_work_at_every_depth(tmp_path: Path) -> None:
    secret_file(tmp_path)
    values = settled(
        tmp_path,
        {
            "webhook_keys": [{"file": "key"}, {"env": "OLD_KEY"}],
            "certificate": {"file": "key"},
            "merchants": [{"number": "1", "password": {"env": "OLD_KEY"}}],
        },
        environment={"OLD_KEY": "canary-old-key"},
    )
    assert [revealed(key) for key in values.webhook_keys] == [CANARY, "canary-old-key"]
    assert values.certificate.get_secret_value() == CANARY.encode()
    assert revealed(values.merchants[0].password) == "canary-old-key"
    assert CANARY not in repr(values)


def test_the_environment_is_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    secret_file(tmp_path)
    settings: dict[str, object] = {"api_key": {"file": "key"}, "timeout_s": 9}
    assert settled(tmp_path, settings).timeout_s == 9
    values = settled(tmp_path, settings, overrides={"api_key": "canary-over", "timeout_s": "3"})
    assert revealed(values.api_key) == "canary-over"
    assert values.timeout_s == 3


def test_a_list_in_the_environment_is_json(tmp_path: Path) -> None:
    values = settled(
        tmp_path, overrides={"webhook_keys": '["canary-a1", "canary-b2"]', "merchants": '[{"number": "7"}]'}
    )
    assert [revealed(key) for key in values.webhook_keys] == ["canary-a1", "canary-b2"]
    assert values.merchants[0].number == "7"


def test_every_secret_is_blotted_out_of_texts_from_then_on(tmp_path: Path) -> None:
    secret_file(tmp_path, content="canary-blot-1")
    settled(tmp_path, {"base_url": {"file": "key"}}, overrides={"api_key": "canary-blot-2"})
    assert masked_text("sent canary-blot-1 with canary-blot-2") == "sent *** with ***"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"api_key": CANARY}, "api_key"),
        ({"webhook_keys": [{"file": "key"}, CANARY]}, "webhook_keys[1]"),
        ({"certificate": CANARY}, "certificate"),
        ({"shop_keys": {"north": CANARY}}, "shop_keys.north"),
        ({"merchants": [{"number": "1", "password": CANARY}]}, "merchants.password"),
    ],
)
def test_a_secret_in_the_file_itself_is_refused_outside_development(
    tmp_path: Path, settings: dict[str, object], field: str
) -> None:
    secret_file(tmp_path)
    with pytest.raises(InvalidInput) as wrong:
        settled(tmp_path, settings)
    assert wrong.value.field == f"providers.psp.settings.{field}"
    assert CANARY not in str(wrong.value)
    assert settled(tmp_path, settings, development=True)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../key", "must lie in the folder of secrets"),
        ("link", "must lie in the folder of secrets"),
        ("/etc/passwd", "letters, digits, dots, dashes and slashes"),
        ("a\0b", "letters, digits, dots, dashes and slashes"),
        ("absent", "cannot be read: No such file"),
        ("folder", "cannot be read: Is a directory"),
        ("open", "is open to other users: chmod 600"),
        ("group", "is open to other users: chmod 600"),
        ("empty", "is empty"),
        ("large", "is too large"),
        ("binary", "is not text in UTF-8"),
    ],
)
def test_a_secret_file_that_cannot_be_trusted_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    folder = tmp_path / "secrets"
    (folder / "folder").mkdir(parents=True)
    secret_file(tmp_path)
    (folder / "link").symlink_to(tmp_path / "key")
    secret_file(folder, "open", mode=0o604)
    secret_file(folder, "group", mode=0o640)
    secret_file(folder, "empty", "\n")
    secret_file(folder, "large", "x" * 70_000)
    secret_file(folder, "binary")
    (folder / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput) as wrong:
        settled(folder, {"api_key": {"file": name}})
    assert wrong.value.field == "providers.psp.settings.api_key"
    assert reason in wrong.value.reason
    assert CANARY not in str(wrong.value)


def test_a_device_is_no_secret_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(InvalidInput, match="not a regular file"):
        settled(tmp_path, {"api_key": {"file": "pipe"}})


def test_in_development_a_file_may_be_open_to_others(tmp_path: Path) -> None:
    secret_file(tmp_path, mode=0o644)
    assert revealed(settled(tmp_path, {"api_key": {"file": "key"}}, development=True).api_key) == CANARY


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="the environment variable PSP_KEY is not set"):
        settled(tmp_path, {"api_key": {"env": "PSP_KEY"}})


@pytest.mark.parametrize(
    ("settings", "field", "reason"),
    [
        ({"api_kee": CANARY}, "api_kee", "is not known; did you mean api_key?"),
        ({"timeout_s": CANARY}, "timeout_s", "is not valid (int parsing)"),
        ({"timeout_s": 0}, "timeout_s", "is not valid (greater than equal)"),
        ({"merchants": [{}]}, "merchants.0.number", "is missing"),
        ({"region": CANARY}, "region", "is not valid (value error)"),
    ],
)
def test_wrong_settings_name_the_place_and_no_value(
    tmp_path: Path, settings: dict[str, object], field: str, reason: str
) -> None:
    with pytest.raises(InvalidInput) as wrong:
        settled(tmp_path, settings)
    assert (wrong.value.field, wrong.value.reason) == (f"providers.psp.settings.{field}", reason)
    assert CANARY not in repr(wrong.value)
    assert wrong.value.__cause__ is None


@pytest.mark.parametrize(
    ("overrides", "field", "reason"),
    [
        ({"api_kee": CANARY}, "LEASEHUB_P__PSP__API_KEE", "did you mean LEASEHUB_P__PSP__API_KEY?"),
        ({"webhook_keys": CANARY}, "LEASEHUB_P__PSP__WEBHOOK_KEYS", "must be JSON"),
    ],
)
def test_wrong_variables_are_named(tmp_path: Path, overrides: dict[str, str], field: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as wrong:
        settled(tmp_path, overrides=overrides)
    assert wrong.value.field == field
    assert reason in wrong.value.reason
    assert CANARY not in str(wrong.value)


def test_a_text_that_shows_a_declared_secret_is_noticed(tmp_path: Path) -> None:
    secret_file(tmp_path)
    values = settled(tmp_path, {"api_key": {"file": "key"}})
    assert shows_secret(f"<Provider {CANARY}>", values)
    assert not shows_secret(repr(values), values)
