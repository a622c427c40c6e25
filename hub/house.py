"""What stands behind every door: the one value that API, console, command line and jobs are handed. `hub.wiring` builds it."""

from __future__ import annotations

from dataclasses import dataclass

from hub.infra.database import Database
from hub.infra.files import Files
from hub.infra.settings import HubSettings
from hub.integrations.executor import Executor
from hub.integrations.registry import Registry
from hub.outgoing.delivery import Postman


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The settings of this process, its database and files, the providers and the one way out to them."""

    settings: HubSettings
    database: Database
    files: Files
    registry: Registry
    executor: Executor
    postman: Postman
