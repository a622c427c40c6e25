"""The walls of the house: the contracts under `[tool.importlinter]`, and that no file can slip past them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from importlinter.api import read_configuration
from importlinter.cli import lint_imports

from tests.architecture import tree

_CONFIGURATION = str(tree.ROOT / "pyproject.toml")
_WALLS = {wall["id"]: wall for wall in read_configuration(_CONFIGURATION)["contracts_options"]}
_IMPURE = {"__init__", "service", "allocation", "listing", "movements", "accounts", "payees", "records"}


@pytest.fixture(scope="session")
def graph_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the graph of imports is kept from one wall to the next."""
    return tmp_path_factory.mktemp("import_linter")


@pytest.mark.parametrize("wall", _WALLS)
def test_wall_stands(wall: str, graph_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tree.ROOT))
    broken = lint_imports(_CONFIGURATION, limit_to_contracts=(wall,), cache_dir=str(graph_cache), no_logo=True)
    assert not broken, "see the output above for the imports that break it"


def test_every_pure_file_of_a_room_is_held_pure() -> None:
    held = _WALLS["rules"]["source_modules"]
    for path in tree.modules("hub/leasing/", "hub/ledger/"):
        if Path(path).stem not in _IMPURE:
            assert any(fnmatchcase(tree.dotted(path), wall) for wall in held), f"{path} is not held pure"
