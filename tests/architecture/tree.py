"""What the architecture tests look at: the repository's files, their modules, and who imports whom.

Nothing here judges. Read from disk and parsed, never imported, so a broken module still has a name and a size.
"""

from __future__ import annotations

import ast
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
_LEFT_OUT = {"var", "build", "dist", "htmlcov", "__pycache__", "node_modules"}
_DOT_FOLDERS = {".ci"}


class Import(NamedTuple):
    """One import, as it is written: who (a path from the root), in which line, and what, as a dotted name."""

    path: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.name}"


def _is_ours(folder: str) -> bool:
    return folder in _DOT_FOLDERS or not (folder in _LEFT_OUT or folder.startswith(".") or folder.endswith(".egg-info"))


@cache
def files() -> tuple[str, ...]:
    """Every file that belongs to the repository, as a path from its root."""
    found = []
    for here, folders, names in os.walk(ROOT):
        folders[:] = [folder for folder in folders if _is_ours(folder)]
        # In a further work tree of git, `.git` is a file that names a place on this machine.
        ours = [name for name in names if name != ".git" and not name.startswith(".coverage")]
        found += [(Path(here) / name).relative_to(ROOT).as_posix() for name in ours]
    return tuple(sorted(found))


@cache
def texts() -> dict[str, str]:
    """The text of every file that has one."""
    found = {}
    for path in files():
        raw = (ROOT / path).read_bytes()
        if b"\0" not in raw:
            found[path] = raw.decode()
    return found


@cache
def modules(*folders: str) -> dict[str, ast.Module]:
    """Every Python file under these folders, parsed."""
    return {
        path: ast.parse(text, path)
        for path, text in texts().items()
        if path.endswith(".py") and path.startswith(folders)
    }


def dotted(path: str) -> str:
    """The name a module is imported by: `hub/core/money.py` is `hub.core.money`; a plugin's starts at its package."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return ".".join(parts[3:] if parts[0] in {"plugins", "contrib"} else parts)


def plugin_package(path: str) -> str | None:
    """The package of the plugin that a file belongs to, tests and all; None outside plugins."""
    kind, *rest = path.split("/")
    return f"leasehub_{rest[0]}_{rest[1]}" if kind in {"plugins", "contrib"} and len(rest) > 2 else None


@cache
def imports(*folders: str) -> tuple[Import, ...]:
    """Every import under these folders; `from a import b` counts as `a.b`, because `b` may be a module."""
    found = []
    for path, module in modules(*folders).items():
        package = dotted(path).split(".") if path.endswith("__init__.py") else dotted(path).split(".")[:-1]
        for node in ast.walk(module):
            if isinstance(node, ast.Import):
                found += [Import(path, node.lineno, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                source = ".".join([*base, *([node.module] if node.module else [])])
                found += [Import(path, node.lineno, f"{source}.{alias.name}") for alias in node.names]
    return tuple(found)


def rooms() -> tuple[str, ...]:
    """The rooms of the story, as folders."""
    return tuple(
        sorted(
            {
                "/".join(path.split("/")[:3])
                for path in files()
                if path.startswith("hub/leasing/") and path.count("/") >= 3
            }
        )
    )
