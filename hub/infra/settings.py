"""The hub's own settings, from the environment: `LEASEHUB_<NAME>`, and `DATABASE_URL`.

Providers and routes are configured in the file that `config` names, which the integrations read. A variable that
nobody knows is an error: a typing mistake must not become a default.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, StringConstraints, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hub.core.errors import InvalidInput
from hub.infra.logs import LogFormat
from hub.infra.masking import know_secret

_PREFIX = "LEASEHUB_"
_DATABASE_URL = "DATABASE_URL"
_SHORTEST_TOKEN = 16
_OTHERS_PREFIXES = ("LEASEHUB_P__",)  # settings of provider instances
# What is made from a value that is wrong itself says nothing of its own.
_FOLLOWS_ANOTHER = "default_factory_not_called"
_OTHERS = frozenset({"LEASEHUB_PG_BIN", "LEASEHUB_CRASH_AT"})  # the database's launcher, the crash seam


class Environment(StrEnum):
    """Whether real business is done here."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogLevel(StrEnum):
    """The least serious line that is written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def _own_address(given: Mapping[str, Any]) -> str:
    return f"http://{given.get('host')}:{given.get('port')}"


def _in_data_dir(given: Mapping[str, Any]) -> Path:
    return Path(given.get("data_dir", ".")) / "keyring.json"


class HubSettings(BaseSettings):
    """What one process of the hub is started with. Without a database URL the hub runs a PostgreSQL of its own."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
    )

    environment: Environment = Environment.DEVELOPMENT
    tenant: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "demo"
    data_dir: Path = Path("var")
    config: Path = Path("hub.toml")
    keyring: Path = Field(default_factory=_in_data_dir)
    database_url: str | None = Field(default=None, validation_alias=_DATABASE_URL, repr=False)
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    public_url: str = Field(default_factory=_own_address)
    # Where `hub up` and `hub demo` have the stand-in vendors listen.
    sandbox_port: int = Field(default=8800, ge=1, le=65535)
    # How many a minute each process takes before it says 429; 0 is without a limit.
    requests_per_minute_of_token: int = Field(default=1_200, ge=0)
    requests_per_minute_of_address: int = Field(default=6_000, ge=0)
    strangers_per_minute: int = Field(default=300, ge=0)
    callbacks_per_minute: int = Field(default=300_000, ge=0)
    # Who shows this may scrape /metrics; without it, only this machine may.
    metrics_token: SecretStr | None = None
    # Where `hub work` answers for its health and metrics; without it, nowhere.
    worker_port: int | None = Field(default=None, ge=1, le=65535)
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.CONSOLE

    @property
    def serves_https(self) -> bool:
        """Whether people and providers reach us by https."""
        return self.public_url.startswith("https://")

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _of_postgresql(cls, value: str | None) -> str | None:
        if value is None:
            return None
        scheme, separator, rest = value.partition("://")
        if scheme not in {"postgresql", "postgres"} or not separator:
            raise ValueError("must begin with postgresql://")
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError for one that is no number
        know_secret(parts.password or "")
        return f"postgresql://{rest}"

    @field_validator("metrics_token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            if len(value.get_secret_value()) < _SHORTEST_TOKEN:
                raise ValueError(f"must have {_SHORTEST_TOKEN} characters or more")
            know_secret(value.get_secret_value())
        return value

    @field_validator("public_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an http or https address without a query")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _safe_in_production(self) -> HubSettings:
        if self.environment is Environment.PRODUCTION and not self.serves_https:
            raise ValueError("production needs LEASEHUB_PUBLIC_URL with https: providers' callbacks come to it")
        return self


def load_settings() -> HubSettings:
    """The settings of this process; raises InvalidInput that names the variable, and never its value."""
    _refuse_unknown(os.environ)
    try:
        return HubSettings()
    except ValidationError as error:
        (name, reason), *more = [
            (_variable(problem["loc"]), problem["msg"].removeprefix("Value error, "))
            for problem in error.errors()
            if problem["type"] != _FOLLOWS_ANOTHER
        ]
        raise InvalidInput(name, "; ".join([reason, *(f"{other}: {why}" for other, why in more)])) from None


def _variable(location: tuple[int | str, ...]) -> str:
    """The variable that a field is read from; a rule over several fields is the environment's."""
    name = str(location[0]) if location else "environment"
    return _DATABASE_URL if name.upper() == _DATABASE_URL else _PREFIX + name.upper()


def _refuse_unknown(variables: Iterable[str]) -> None:
    """Raise InvalidInput for a variable with our prefix that nobody reads, with the one that was probably meant."""
    ours = {_PREFIX + name.upper() for name in HubSettings.model_fields if name != "database_url"} | _OTHERS
    for variable in sorted(variables):
        name = variable.upper()
        if not name.startswith(_PREFIX) or name in ours or name.startswith(_OTHERS_PREFIXES):
            continue
        meant = [_DATABASE_URL] if name.endswith(_DATABASE_URL) else difflib.get_close_matches(name, sorted(ours), n=1)
        raise InvalidInput(variable, f"unknown setting; did you mean {meant[0]}?" if meant else "unknown setting")
