"""Whether this process can serve: each thing that it needs is tested and named. How it is asked is the doors' business."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from hub.core.errors import InvalidInput
from hub.house import House
from hub.infra import job_queue, migrate
from hub.infra.access import system
from hub.infra.logs import logger
from hub.infra.rotation import require_keys
from hub.infra.vault import KeyVault
from hub.integrations.registry import ProviderState

# Opening a value of every sealed column is a score of queries: what was found right holds for a while.
_KEYS_HOLD = timedelta(minutes=1)
_keys_found_right: dict[int, datetime] = {}

OK = "ok"


async def tested(house: House) -> dict[str, str]:
    """Everything that is tested: `ok`, or what is wrong with it."""
    return {name: await _found(name, check, house) for name, check in CHECKS.items()}


async def _found(name: str, check: Callable[[House], Awaitable[str]], house: House) -> str:
    """What a check says; one that cannot be made is not fit, and only the log says why."""
    try:
        return await check(house)
    except (SQLAlchemyError, OSError) as error:
        logger("health").warning("health.check_failed", check=name, error=type(error).__name__, reason=str(error))
        return "cannot be tested: the database does not answer"


async def _database(house: House) -> str:
    async with house.database.engine.connect() as connection:
        await connection.execute(text("select 1"))
    return OK


async def _migrations(house: House) -> str:
    """At our newest revision, or at one of a newer version: while that is rolled out, we go on serving."""
    async with house.database.engine.connect() as connection:
        found = await connection.scalar(text("select version_num from alembic_version"))
    if found == migrate.head() or (found is not None and found not in migrate.revisions()):
        return OK
    return f"at revision {found}, this version needs {migrate.head()}: run `hub migrate`"


async def _worker(house: House) -> str:
    async with house.database.transaction(system("health")) as tx:
        return OK if await job_queue.workers(tx) else "nobody works on jobs: start `hub work`"


async def _keyring(house: House) -> str:
    vault, now = house.database.vault, house.database.clock.now()
    assert isinstance(vault, KeyVault)
    since = _keys_found_right.get(id(vault))
    if since is not None and since <= now < since + _KEYS_HOLD:
        return OK
    try:
        await require_keys(house.database, vault)
    except InvalidInput:
        return "sealed values do not open: this is another keyring"
    _keys_found_right[id(vault)] = now
    return OK


async def _providers(house: House) -> str:
    """Those that are required and cannot be used, unless an operator has switched them off; why is for operators alone."""
    instances = house.registry.current.instances.values()
    missing = [
        f"{instance.name} is {instance.state.value}"
        for instance in instances
        if instance.required and not instance.usable and instance.state is not ProviderState.DISABLED
    ]
    return "; ".join(missing) or OK


CHECKS: dict[str, Callable[[House], Awaitable[str]]] = {
    "database": _database,
    "migrations": _migrations,
    "worker": _worker,
    "keyring": _keyring,
    "providers": _providers,
}
