"""What nearly every command begins with: a folder for the data, and a database at the newest revision."""

from __future__ import annotations

from hub.core.errors import InvalidInput
from hub.infra import migrate
from hub.infra.settings import HubSettings
from hub.wiring import database_url


def migrated(settings: HubSettings) -> str:
    """The address of the migrated database; raises InvalidInput with the variable that names what is not to be had."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput("LEASEHUB_DATA_DIR", f"{settings.data_dir}: {error.strerror}") from None
    url = database_url(settings)
    migrate.upgrade(url)
    return url
