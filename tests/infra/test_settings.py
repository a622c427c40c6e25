"""The hub's settings: defaults that run, errors that name the variable and never the value."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.core.errors import InvalidInput
from hub.infra.logs import LogFormat
from hub.infra.settings import Environment, HubSettings, LogLevel, load_settings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.upper().startswith("LEASEHUB_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)


def test_with_nothing_set_it_runs_here() -> None:
    settings = load_settings()
    assert settings.environment is Environment.DEVELOPMENT
    assert settings.database_url is None
    assert settings.keyring == Path("var/keyring.json")
    assert settings.public_url == "http://127.0.0.1:8000"


def test_everything_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LEASEHUB_ENVIRONMENT": "production",
        "LEASEHUB_TENANT": "north-lease",
        "LEASEHUB_DATA_DIR": "/srv/leasehub",
        "LEASEHUB_CONFIG": "/etc/leasehub/hub.toml",
        "LEASEHUB_HOST": "0.0.0.0",
        "LEASEHUB_PORT": "9000",
        "LEASEHUB_PUBLIC_URL": "https://lease.example.com/",
        "LEASEHUB_LOG_LEVEL": "debug",
        "LEASEHUB_LOG_FORMAT": "json",
        "DATABASE_URL": "postgres://hub:s3cret-word@db/hub",
    }.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.environment is Environment.PRODUCTION
    assert settings.keyring == Path("/srv/leasehub/keyring.json")
    assert settings.database_url == "postgresql://hub:s3cret-word@db/hub"
    assert settings.public_url == "https://lease.example.com"
    assert (settings.log_level, settings.log_format, settings.port) == (LogLevel.DEBUG, LogFormat.JSON, 9000)
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEASEHUB_PORT", "eighty-thousand"),
        ("LEASEHUB_PORT", "80000"),
        ("LEASEHUB_ENVIRONMENT", "canary-value"),
        ("LEASEHUB_TENANT", "Not A Slug"),
        ("LEASEHUB_PUBLIC_URL", "ftp://canary-value"),
        ("LEASEHUB_PUBLIC_URL", "https://h/?token=canary-value"),
        ("LEASEHUB_LOG_LEVEL", "canary-value"),
        ("DATABASE_URL", "mysql://hub:canary-value@db/hub"),
        ("DATABASE_URL", "canary-value"),
        ("DATABASE_URL", "postgresql://hub@db:canary-value/hub"),
    ],
)
def test_a_bad_value_names_the_variable_and_not_the_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    assert caught.value.field == name
    assert caught.value.reason
    assert "LEASEHUB_PUBLIC_URL" not in caught.value.reason  # it is made of the port, and not what is wrong
    assert value not in str(caught.value)


def test_several_bad_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEASEHUB_PORT", "x")
    monkeypatch.setenv("LEASEHUB_TENANT", "X Y")
    with pytest.raises(InvalidInput, match="LEASEHUB_PORT") as caught:
        load_settings()
    assert "LEASEHUB_TENANT" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LEASEHUB_PROT", "LEASEHUB_PORT"),
        ("LEASEHUB_DATADIR", "LEASEHUB_DATA_DIR"),
        ("LEASEHUB_DATABASE_URL", "DATABASE_URL"),
    ],
)
def test_a_mistyped_variable_is_refused_with_the_one_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "9000")
    with pytest.raises(InvalidInput, match=f"did you mean {meant}") as caught:
        load_settings()
    assert caught.value.field == name


def test_variables_of_others_are_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LEASEHUB_P__PSP_MAIN__API_KEY", "LEASEHUB_PG_BIN", "LEASEHUB_CRASH_AT"):
        monkeypatch.setenv(name, "x")
    load_settings()


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("LEASEHUB_PORT", "")
    settings = load_settings()
    assert (settings.database_url, settings.port) == (None, 8000)


def test_production_needs_an_https_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEASEHUB_ENVIRONMENT", "production")
    with pytest.raises(InvalidInput, match="LEASEHUB_PUBLIC_URL"):
        load_settings()


def test_settings_can_be_made_by_name() -> None:
    assert HubSettings(database_url="postgresql:///hub", port=1).database_url == "postgresql:///hub"
