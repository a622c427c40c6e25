"""Settings as an operator sees them: where each comes from, what is secret, and a new secret in its file."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretStr

from hub.core.errors import InvalidInput
from hub.core.provider import Mode, PluginSettings
from hub.integrations.configuration import ProviderEntry
from hub.integrations.credentials import SecretSource
from hub.integrations.provenance import SettingCard, SettingSource, setting_cards

CANARY = "canary-44d1-secret"


class Shop(BaseModel):
    number: str
    password: SecretStr = SecretStr("")


class Settings(PluginSettings):
    base_url: str
    timeout_s: int = Field(default=8, description="seconds for one exchange")
    api_key: SecretStr = SecretStr(CANARY)
    spare_key: SecretStr | None = None
    shops: list[Shop] = Field(default_factory=list)
    region: str = "cn"


def cards(
    folder: Path, settings: Mapping[str, object], *, overrides: Mapping[str, str] | None = None
) -> dict[str, SettingCard]:
    entry = ProviderEntry(
        name="psp", plugin="acme", mode=Mode.SANDBOX, settings=settings, overrides=dict(overrides or {})
    )
    source = SecretSource(folder=folder, environment={"PSP_KEY": CANARY})
    found = {card.name: card for card in setting_cards(entry, Settings, source)}
    assert CANARY not in repr(found)
    return found


def test_every_setting_says_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(CANARY)
    (tmp_path / "key").chmod(0o600)
    given = {
        "base_url": "https://vendor.example",
        "api_key": {"file": "key"},
        "spare_key": {"env": "PSP_KEY"},
        "shops": [{"number": "1", "password": CANARY}],
    }
    found = cards(tmp_path, given, overrides={"region": "kr"})
    told = {name: (card.source, card.place, card.is_set, card.value) for name, card in found.items()}
    assert told == {
        "base_url": (SettingSource.HUB_TOML, "", True, "https://vendor.example"),
        "timeout_s": (SettingSource.STANDARD, "", True, "8"),
        "api_key": (SettingSource.SECRET_FILE, "key", True, None),
        "spare_key": (SettingSource.ENVIRONMENT, "PSP_KEY", True, None),
        "shops": (SettingSource.HUB_TOML, "", True, None),
        "region": (SettingSource.ENVIRONMENT, "LEASEHUB_P__PSP__REGION", True, "kr"),
    }
    assert found["timeout_s"].meaning == "seconds for one exchange"


def test_what_is_missing_is_shown_as_missing(tmp_path: Path) -> None:
    found = cards(tmp_path, {"api_key": {"file": "gone"}, "spare_key": {"env": "GONE"}})
    assert {name for name, card in found.items() if not card.is_set} == {
        "base_url",
        "api_key",
        "spare_key",
        "shops",
    }
    assert [name for name, card in found.items() if card.can_be_replaced] == ["api_key"]


def test_a_secret_file_is_written_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    source = SecretSource(folder=tmp_path / "secrets", environment={})
    source.keep("vendor/key", f"{CANARY}\n", "value")
    path = tmp_path / "secrets" / "vendor" / "key"
    assert path.read_text() == CANARY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    source.keep("vendor/key", "another", "value")
    assert source.from_file("vendor/key", "value") == "another"
    assert [one.name for one in path.parent.iterdir()] == ["key"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("../key", "x"), ("/etc/key", "x"), ("key", ""), ("key", " \n"), ("key", "a\0b"), ("key", "x" * 70_000)],
)
def test_a_secret_that_cannot_be_kept_is_refused(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(InvalidInput):
        SecretSource(folder=tmp_path / "secrets", environment={}).keep(name, text, "value")
    assert not (tmp_path / "key").exists()
    assert not (tmp_path / "secrets" / "key").exists()
