"""The settings of one instance: environment over secret files over hub.toml, checked by the plugin's own class.

The one place that opens a secret file, or writes one. Whatever goes wrong, an error names the place and the kind, never a value; and
every secret that passes through is made known to `hub.infra.masking`.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError

from hub.core.errors import InvalidInput
from hub.core.provider import PluginSettings
from hub.infra.durable import write_whole
from hub.infra.masking import know_secret
from hub.integrations.configuration import ENVIRONMENT_PREFIX, ProviderEntry, did_you_mean

_SECRETS = (SecretStr, SecretBytes)
_FILE_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_LARGEST_FILE = 64 * 1024
_SHORTEST_SHOWN = 6  # a shorter value stands inside ordinary words


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource:
    """Where secrets come from: files below `folder`, and the environment.

    In `development` a secret may stand in hub.toml itself and a file may be readable by others; nowhere else.
    """

    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    development: bool = False

    def from_file(self, name: str, place: str) -> str:
        """The content of a secret file without its last line break; raises InvalidInput at `place`."""
        path = self._path(name, place)
        try:
            with open(path, "rb", opener=_at_once) as file:
                self._check_access(os.fstat(file.fileno()), place)
                text = file.read(_LARGEST_FILE + 1).decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise InvalidInput(place, f"the secret file {name} is not text in UTF-8") from None
        except OSError as error:
            raise InvalidInput(place, f"the secret file {name} cannot be read: {error.strerror}") from None
        if not text or len(text) > _LARGEST_FILE:
            raise InvalidInput(place, f"the secret file {name} is {'too large' if text else 'empty'}")
        return text

    def keep(self, name: str, text: str, place: str) -> None:
        """Put a secret into its file, readable by its owner alone; who reads meanwhile gets the old one or the new one."""
        path, text = self._path(name, place), text.rstrip("\r\n")
        if not text.strip() or "\0" in text or len(text.encode()) > _LARGEST_FILE:
            raise InvalidInput(place, "a secret is a text of at most 64 KiB that says something")
        know_secret(text)
        try:
            write_whole(path, text.encode())
        except OSError as error:
            raise InvalidInput(place, f"the secret file {name} cannot be written: {error.strerror}") from None

    def _path(self, name: str, place: str) -> Path:
        if not _FILE_NAME.fullmatch(name):
            raise InvalidInput(place, "the name of a secret file is letters, digits, dots, dashes and slashes")
        root = Path(os.path.realpath(self.folder))
        path = Path(os.path.realpath(root / name))
        if not path.is_relative_to(root):
            raise InvalidInput(place, "the file must lie in the folder of secrets")
        return path

    def from_environment(self, variable: str, place: str) -> str:
        """The value of a variable; raises InvalidInput at `place` when it is not set."""
        value = self.environment.get(variable)
        if not value:
            raise InvalidInput(place, f"the environment variable {variable} is not set")
        return value

    def _check_access(self, status: os.stat_result, place: str) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput(place, "the secret file is not a regular file")
        if not self.development and stat.S_IMODE(status.st_mode) & 0o077:
            raise InvalidInput(place, "the secret file is open to other users: chmod 600")


def settle(entry: ProviderEntry, settings_class: type[PluginSettings], source: SecretSource) -> PluginSettings:
    """The settings of an instance as its plugin wants them; raises InvalidInput without ever showing a value.

    Every secret that they are made from is blotted out of logs and texts from here on.
    """
    place = f"providers.{entry.name}.settings"
    if not source.development:
        for field_place in _literals(settings_class, entry.settings, place):
            raise InvalidInput(field_place, 'a secret does not belong into hub.toml: { file = "…" } or { env = "…" }')
    values = _resolved(dict(entry.settings), place, source)
    assert isinstance(values, dict)
    values.update(_overriding(entry, settings_class))
    try:
        settings = settings_class(**values)
    except ValidationError as error:
        raise _refusal(error, place, settings_class) from None
    for secret in _secret_values(settings):
        know_secret(secret)
    return settings


def shows_secret(shown: str, settings: PluginSettings) -> bool:
    """Whether a text for people contains a value that the settings declare as secret."""
    return any(secret in shown for secret in _secret_values(settings) if len(secret) >= _SHORTEST_SHOWN)


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for a writer, should somebody have put a pipe there."""
    return os.open(path, flags | os.O_NONBLOCK)


def reference_of(value: object) -> tuple[str, str] | None:
    """`file` or `env` and the name, when the value points to a secret instead of being one."""
    if isinstance(value, dict) and len(value) == 1:
        kind, name = next(iter(value.items()))
        if kind in ("file", "env") and isinstance(name, str):
            return kind, name
    return None


def _resolved(value: object, place: str, source: SecretSource) -> object:
    """The same value with every reference replaced by what it points to."""
    if reference := reference_of(value):
        kind, name = reference
        text = source.from_file(name, place) if kind == "file" else source.from_environment(name, place)
        know_secret(text)
        return text
    if isinstance(value, dict):
        return {key: _resolved(item, f"{place}.{key}", source) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, f"{place}[{index}]", source) for index, item in enumerate(value)]
    return value


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """The type of each field, by every name under which it can be set."""
    found: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        for key in (name, info.alias, info.validation_alias):
            if isinstance(key, str):
                found[key] = info.annotation
    return found


def parts_of(annotation: Any) -> Iterator[Any]:
    """A type and every type inside it: of `tuple[SecretStr, ...] | None` all four."""
    yield annotation
    for argument in get_args(annotation):
        yield from parts_of(argument)


def holds_secret(annotation: Any) -> bool:
    """Whether a secret is somewhere in a value of this type."""
    if any(part in _SECRETS for part in parts_of(annotation)):
        return True
    return any(holds_secret(info.annotation) for model in _models(annotation) for info in model.model_fields.values())


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [part for part in parts_of(annotation) if inspect.isclass(part) and issubclass(part, BaseModel)]


def _literals(model: type[BaseModel], values: Mapping[str, object], place: str) -> Iterator[str]:
    """Where a secret field was given its value in the clear."""
    types = _fields(model)
    for key, value in values.items():
        annotation = types.get(key)
        if any(part in _SECRETS for part in parts_of(annotation)):
            yield from _plain(value, f"{place}.{key}")
        for nested in _models(annotation):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    yield from _literals(nested, item, f"{place}.{key}")


def _plain(value: object, place: str) -> Iterator[str]:
    if reference_of(value):
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _plain(item, f"{place}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _plain(item, f"{place}[{index}]")
    else:
        yield place


def _overriding(entry: ProviderEntry, settings_class: type[PluginSettings]) -> dict[str, object]:
    """The values that the environment sets; a list or a table is written as JSON."""
    types = _fields(settings_class)
    by_small_letters = {key.lower(): key for key in types}
    values: dict[str, object] = {}
    for setting, text in entry.overrides.items():
        prefix = f"{ENVIRONMENT_PREFIX}{entry.name.upper()}__"
        variable = f"{prefix}{setting.upper()}"
        key = by_small_letters.get(setting)
        if key is None:
            close = did_you_mean(variable, [f"{prefix}{known.upper()}" for known in by_small_letters])
            raise InvalidInput(variable, f"the plugin {entry.plugin} has no such setting{close}")
        values[key] = _from_text(text, types[key], variable)
    return values


def _from_text(text: str, annotation: Any, variable: str) -> object:
    compound = any(get_origin(part) in (list, tuple, set, frozenset, dict) for part in parts_of(annotation))
    if not compound and not _models(annotation):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise InvalidInput(variable, "must be JSON, for the setting is a list or a table") from None


def _refusal(error: ValidationError, place: str, settings_class: type[PluginSettings]) -> InvalidInput:
    """The first fault, in our own words: pydantic's text may quote the value, and a plugin's own may too."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join([place, *(str(step) for step in fault["loc"])])
    match fault["type"]:
        case "missing":
            reason = "is missing"
        case "extra_forbidden":
            reason = f"is not known{did_you_mean(str(fault['loc'][-1]), _fields(settings_class))}"
        case kind:
            reason = f"is not valid ({kind.replace('_', ' ')})"
    return InvalidInput(where, reason)


def _secret_values(value: object) -> Iterator[str]:
    """Every secret inside checked settings, in the clear."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode(errors="replace")
    elif isinstance(value, BaseModel):
        yield from _secret_values([getattr(value, name) for name in type(value).model_fields])
    elif isinstance(value, Mapping):
        yield from _secret_values(list(value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _secret_values(item)
