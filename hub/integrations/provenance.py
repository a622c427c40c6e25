"""The settings of an instance as an operator may see them: each with its value and where that comes from; secrets only as set or not.

What a setting means is its plugin's own word. Nothing here is checked: that is `credentials`, and an instance whose
settings are refused is shown all the same, for that is when somebody looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hub.core.errors import InvalidInput
from hub.core.provider import PluginSettings
from hub.infra.masking import masked_value
from hub.integrations.configuration import ENVIRONMENT_PREFIX, ProviderEntry
from hub.integrations.credentials import SecretSource, holds_secret, reference_of

_LONGEST_SHOWN = 200


class SettingSource(StrEnum):
    """Where the value of a setting comes from."""

    ENVIRONMENT = "environment"
    SECRET_FILE = "secret_file"  # noqa: S105 - a word, not a secret
    HUB_TOML = "hub_toml"
    STANDARD = "standard"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingCard:
    """One setting. `place` is the variable or file that it is read from; `value` is None for what is secret or not set."""

    name: str
    source: SettingSource
    place: str = ""
    is_secret: bool
    is_set: bool
    value: str | None = None
    meaning: str = ""

    @property
    def can_be_replaced(self) -> bool:
        """Whether a new secret can be handed in: where it has a file of its own."""
        return self.source is SettingSource.SECRET_FILE


def setting_cards(
    entry: ProviderEntry, settings_class: type[PluginSettings], source: SecretSource
) -> tuple[SettingCard, ...]:
    """A card for each setting that the plugin knows, in its order."""
    return tuple(_card(entry, name, info, source) for name, info in settings_class.model_fields.items())


def _card(entry: ProviderEntry, name: str, info: Any, source: SecretSource) -> SettingCard:
    names = [key for key in (name, info.alias, info.validation_alias) if isinstance(key, str)]
    secret = holds_secret(info.annotation)
    meaning = str(info.description or "")
    for key in names:
        if key.lower() in entry.overrides:
            variable = f"{ENVIRONMENT_PREFIX}{entry.name.upper()}__{key.upper()}"
            shown = None if secret else _shown(name, entry.overrides[key.lower()])
            return SettingCard(
                name=name,
                source=SettingSource.ENVIRONMENT,
                place=variable,
                is_secret=secret,
                is_set=True,
                value=shown,
                meaning=meaning,
            )
    for key in names:
        if key in entry.settings:
            return _configured(name, entry.settings[key], secret, meaning, source)
    return _standard(name, info, secret, meaning)


def _configured(name: str, value: object, secret: bool, meaning: str, source: SecretSource) -> SettingCard:
    """A setting that hub.toml names: its value there, or what that points to."""
    reference = reference_of(value)
    if reference is None:
        shown = None if secret else _shown(name, value)
        return SettingCard(
            name=name, source=SettingSource.HUB_TOML, is_secret=secret, is_set=True, value=shown, meaning=meaning
        )
    kind, place = reference
    return SettingCard(
        name=name,
        source=SettingSource.SECRET_FILE if kind == "file" else SettingSource.ENVIRONMENT,
        place=place,
        is_secret=True,  # whoever keeps a value out of hub.toml means it to be hidden
        is_set=_is_there(source, kind, place),
        meaning=meaning,
    )


def _is_there(source: SecretSource, kind: str, place: str) -> bool:
    try:
        _ = source.from_file(place, place) if kind == "file" else source.from_environment(place, place)
    except InvalidInput:
        return False
    return True


def _standard(name: str, info: Any, secret: bool, meaning: str) -> SettingCard:
    """A setting that nobody has set: what the plugin takes then."""
    if info.is_required():
        return SettingCard(
            name=name, source=SettingSource.NOWHERE, is_secret=secret, is_set=False, value=None, meaning=meaning
        )
    value = None if info.default_factory is not None else info.default
    return SettingCard(
        name=name,
        source=SettingSource.STANDARD,
        is_secret=secret,
        is_set=value is not None,
        value=None if secret or value is None else _shown(name, value),
        meaning=meaning,
    )


def _shown(name: str, value: object) -> str:
    """A value as people may see it, on one line."""
    masked = masked_value(name, dict(value) if isinstance(value, Mapping) else value)
    return " ".join(str(masked).split())[:_LONGEST_SHOWN]
