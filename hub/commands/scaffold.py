"""`hub plugins new`: a whole plugin from the template, under a vendor's name, that passes its kit at once."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import hub
from hub.core.errors import InvalidInput
from hub.core.hookspecs import SPEC_CLASSES
from hub.core.provider import Capability

TEMPLATE = Path(hub.__file__).parent / "template"
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST = 30
_WORDS = re.compile(r"leasehub-capability-acme|leasehub_capability_acme|acme_capability|SpecV1|acme\.example|Acme|acme")


def distribution_name(name: str, capability: Capability) -> str:
    """What a plugin's distribution is called."""
    return f"leasehub-{capability.value}-{name}".replace("_", "-")


def write_plugin(name: str, capability: Capability, into: Path) -> Path:
    """Write a plugin into a folder that is empty or not there yet, whole or not at all; gives the folder."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise InvalidInput("name", "must be small letters, digits and single underscores, and begin with a letter")
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise InvalidInput("into", f"{into} is not an empty folder")
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".new-") as workshop:
        made = Path(workshop) / "plugin"
        for layer in ("shared", capability.value):
            _copy(TEMPLATE / layer, made, name, capability)
        made.rename(into)
    return into


def _copy(layer: Path, made: Path, name: str, capability: Capability) -> None:
    for source in sorted(layer.rglob("*")):
        if source.is_file() and "__pycache__" not in source.parts:
            target = made / _renamed(source.relative_to(layer).as_posix(), name, capability)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_renamed(source.read_text(encoding="utf-8"), name, capability), encoding="utf-8")
            shutil.copymode(source, target)


def _renamed(text: str, name: str, capability: Capability) -> str:
    """The template's words replaced in one pass, so that a name which contains one of them stays whole."""
    dashed = name.replace("_", "-")

    def new_word(hit: re.Match[str]) -> str:
        match hit.group():
            case "leasehub-capability-acme":
                return distribution_name(name, capability)
            case "leasehub_capability_acme":
                return f"leasehub_{capability.value}_{name}"
            case "acme_capability":
                return f"{name}_{capability.value}"
            case "SpecV1":
                return SPEC_CLASSES[capability].__name__
            case "acme.example":
                return f"{dashed}.example"
            case "Acme":
                return "".join(part.capitalize() for part in name.split("_"))
            case _:
                return name

    return _WORDS.sub(new_word, text)
