"""Files by content: what is put comes back, sealed on disk, and only under its own name."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.core.errors import InvalidInput, NotFound
from hub.infra.files import Files
from hub.infra.keyring import Keyring
from hub.infra.vault import KeyVault, key_id_of


@pytest.fixture
def vault() -> KeyVault:
    return KeyVault(Keyring.fresh())


@pytest.fixture
def files(tmp_path: Path, vault: KeyVault) -> Files:
    return Files(tmp_path / "files", vault)


def _only_file(root: Path) -> Path:
    (found,) = (path for path in root.rglob("*") if path.is_file())
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(content=st.binary(max_size=4096))
def test_what_is_put_comes_back_under_its_digest(files: Files, content: bytes) -> None:
    name = files.put(content)
    assert name == hashlib.sha256(content).hexdigest()
    assert files.get(name) == content
    assert files.has(name)


def test_on_disk_it_is_sealed_and_for_its_owner_alone(files: Files, tmp_path: Path) -> None:
    name = files.put(b"identity card of Zhang San")
    path = _only_file(tmp_path)
    assert path == tmp_path / "files" / name[:2] / name[2:]
    assert b"Zhang" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_content_again_changes_nothing(files: Files, tmp_path: Path) -> None:
    files.put(b"x")
    before = _only_file(tmp_path).read_bytes()
    files.put(b"x")
    assert _only_file(tmp_path).read_bytes() == before


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", "/" + "a" * 63]
)
def test_any_other_name_is_refused(files: Files, name: str) -> None:
    for ask in (files.get, files.has):
        with pytest.raises(InvalidInput, match="64 hexadecimal"):
            ask(name)


def test_a_file_that_is_not_there_is_not_found(files: Files) -> None:
    with pytest.raises(NotFound):
        files.get("a" * 64)
    assert not files.has("a" * 64)


def test_a_damaged_file_and_one_under_a_foreign_name_are_not_handed_out(files: Files, tmp_path: Path) -> None:
    first, second = files.put(b"first"), files.put(b"second")
    path = tmp_path / "files" / first[:2] / first[2:]
    other = tmp_path / "files" / second[:2] / second[2:]
    path.write_bytes(other.read_bytes())
    with pytest.raises(ValueError, match="another place"):
        files.get(first)
    other.write_bytes(other.read_bytes()[:-1] + b"\0")
    with pytest.raises(ValueError, match=r"changed"):
        files.get(second)


def test_no_draft_is_left_and_none_is_listed(files: Files, tmp_path: Path) -> None:
    names = sorted(files.put(bytes([number])) for number in range(5))
    (tmp_path / "files" / names[0][:2] / ".draft").write_bytes(b"half")
    assert list(files.names()) == names


def test_a_rotation_takes_the_files_along(files: Files, vault: KeyVault, tmp_path: Path) -> None:
    name = files.put(b"x")
    vault.rotate()
    assert files.reseal(vault) == 1
    assert files.reseal(vault) == 0
    assert key_id_of(_only_file(tmp_path).read_bytes()) == 2
    assert files.get(name) == b"x"
