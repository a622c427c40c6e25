"""What an operator configures: where the shelf stands, the key under which it is kept, and for how long a report counts."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from hub.core.provider import Credential, CredentialKind, PluginSettings

BUREAU = r"^[a-z][a-z0-9_]{1,39}$"


class ReportImportSettings(PluginSettings):
    """Settings of one instance: one shelf, and one bureau whose reports stand on it.

    `shelf_key` makes the names under which reports are found, and the seals that show that nobody has changed them.
    """

    folder: str
    bureau: str = Field(pattern=BUREAU)
    shelf_key: SecretStr = Field(min_length=32)
    previous_shelf_key: SecretStr | None = Field(default=None, min_length=32)
    valid_days: int = Field(default=30, ge=1, le=366)
    timeout_s: float = Field(default=10.0, gt=0, le=60)

    @field_validator("folder")
    @classmethod
    def _a_place(cls, value: str) -> str:
        if not Path(value).is_absolute():
            raise ValueError("must be an absolute path")
        return value

    def keys(self) -> tuple[bytes, ...]:
        """The keys under which reports may stand, the current one first."""
        both = (self.shelf_key, self.previous_shelf_key)
        return tuple(key.get_secret_value().encode() for key in both if key is not None)

    def credentials(self) -> tuple[Credential, ...]:
        """The keys of the shelf; they have no end."""
        names = ("shelf_key", "previous_shelf_key")[: len(self.keys())]
        return tuple(Credential(name=name, kind=CredentialKind.SECRET, current=name == names[0]) for name in names)
