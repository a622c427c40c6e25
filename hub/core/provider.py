"""What a plugin is and what it is given: descriptor, settings, context of the instance, context of each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

CONTRACT = "1.0"
ENTRY_POINT_GROUP = "leasehub.plugins"


class Capability(StrEnum):
    """The five things that a third party can do for a lease."""

    CREDIT_BUREAU = "credit_bureau"
    GPS_TRACKER = "gps_tracker"
    ESIGN = "esign"
    PAYMENTS = "payments"
    SMS = "sms"


class Mode(StrEnum):
    """Whether an instance moves the real world."""

    LIVE = "live"
    SANDBOX = "sandbox"


class PluginSettings(BaseSettings):
    """Base of every plugin's settings: frozen, no unknown field, no value shown in an error.

    The hub reads environment, secret files and configuration itself and hands the result in; a settings class reads
    nothing on its own, so that two instances of one plugin never see each other's secrets.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed in counts."""
        return (init_settings,)


class Clock(Protocol):
    """Tells the time: the system's in production, a virtual one in tests and the demo."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...


class Logger(Protocol):
    """A structured logger; what goes in is masked before it goes out."""

    def info(self, event: str, **fields: Any) -> Any:
        """Something that an operator may want to know."""
        ...

    def warning(self, event: str, **fields: Any) -> Any:
        """Something that an operator should look at."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationFacts:
    """What one vendor's operation can do.

    `idempotent`: the vendor takes our key and executes it once; `key_lifetime`: for how long. `settle_window`: how
    long a taken request may stay invisible to a status query. Both missing = unknown outcomes go to a person.
    `max_timeout_s` in seconds; `rate_limit` in calls a second. `by_receiver`, of a status operation: the vendor finds a
    message only by whom it went to and when, so the question has to name both. `ready_after`, of a statement: how long
    after a day's end in UTC it is complete (less than nothing where the provider's day ends earlier); None: when the day
    is over everywhere on earth.
    """

    idempotent: bool = False
    key_max_len: int | None = None
    key_lifetime: timedelta | None = None
    settle_window: timedelta | None = None
    max_timeout_s: float = 10.0
    rate_limit: float | None = None
    regulated: bool = False
    by_receiver: bool = False
    ready_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginContext:
    """What the hub gives to an instance when it is made; a plugin makes none of it itself.

    `http` is an `httpx.AsyncClient` (take it with `hub.sdk.http.client_of`); `webhook_url` is where this instance's
    callbacks must go.
    """

    instance: str
    mode: Mode
    clock: Clock
    logger: Logger
    http: object
    webhook_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """Who calls, for which lease, under which key, until when. `deadline` is an instant; `attempt` starts at 1."""

    tenant: str
    branch: str | None
    lease_id: UUID | None
    correlation_id: str
    idempotency_key: str
    deadline: datetime
    mode: Mode
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a provider says of itself; `detail` without secrets."""

    healthy: bool
    detail: str = ""


class CredentialKind(StrEnum):
    """What a vendor knows us by, or we know them by."""

    CERTIFICATE = "certificate"
    PUBLIC_KEY = "public_key"
    PRIVATE_KEY = "private_key"
    SECRET = "secret"  # noqa: S105 (the name of a kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One key or certificate in use, as an operator may see it: never the secret itself.

    `name` is the setting that holds it; `fingerprint` is public (a serial number, a key's id). `not_after`: the instant
    from which it no longer counts, None when it has no end. `current` is false for one that only still verifies.
    """

    name: str
    kind: CredentialKind
    fingerprint: str = ""
    not_after: datetime | None = None
    current: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginDescriptor:
    """A plugin package's card: what it is called, what it can do, and how an instance of it is made.

    `operations` names every operation that it offers, with the vendor's facts; one that is missing is declared
    absent. `data_categories` says which personal data leaves the house.
    """

    name: str
    version: str
    capabilities: frozenset[Capability]
    settings: type[PluginSettings]
    factory: Callable[[Any, PluginContext], object]
    operations: Mapping[str, OperationFacts]
    contract: str = CONTRACT
    countries: frozenset[str] = frozenset()
    currencies: frozenset[str] = frozenset()
    data_categories: frozenset[str] = frozenset()
    docs_url: str = ""
    sandbox: bool = field(default=False)
