"""Commands on premises that are not as they should be: one line that names the variable and the reason, and no traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

BARE = {name: value for name, value in os.environ.items() if not name.startswith("LEASEHUB_")}


def run(*words: str, folder: Path, own: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`hub` in a process of its own, in an empty folder."""
    command = [sys.executable, "-m", "hub", *words]
    return subprocess.run(command, env=BARE | own, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def refusal(answer: subprocess.CompletedProcess[str]) -> str:
    """The one line in which a command says why it does not do it."""
    assert answer.returncode == 1, answer.stderr
    [line] = answer.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("config", "content", "reason"),
    [
        ("exmaples.toml", None, "exmaples.toml does not exist"),
        (".", None, "Is a directory"),
        ("hub.toml", b"\xff\xfe", "is not UTF-8 text"),
        ("hub.toml", b"[x", "is not TOML"),
    ],
)
@pytest.mark.usefixtures("database")
def test_a_configuration_that_cannot_be_read_is_named(
    tmp_path: Path, database_url: str, config: str, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / config).write_bytes(content)
    own = {"LEASEHUB_CONFIG": str(tmp_path / config), "DATABASE_URL": database_url}
    said = refusal(run("providers", "reload", folder=tmp_path, own=own))
    assert said.startswith(("hub: LEASEHUB_CONFIG: ", "hub: hub.toml: "))
    assert reason in said


@pytest.mark.usefixtures("database")
def test_without_a_configuration_there_are_no_providers(tmp_path: Path, database_url: str) -> None:
    listed = run("providers", "list", folder=tmp_path, own={"DATABASE_URL": database_url})
    assert listed.returncode == 0, listed.stderr


def test_a_database_that_is_not_there_is_named_without_the_password(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"postgresql://hub:canary-word@127.0.0.1:{port}/hub"
    said = refusal(run("ledger", "check", folder=tmp_path, own={"DATABASE_URL": url}))
    assert said.startswith("hub: DATABASE_URL: the database cannot be reached: ")
    assert "refused" in said
    assert "canary-word" not in said


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    own = {"LEASEHUB_DATA_DIR": str(tmp_path / "file/var")}
    said = refusal(run("ledger", "check", folder=tmp_path, own=own))
    assert said.startswith("hub: LEASEHUB_DATA_DIR: ")
    assert "Not a directory" in said


@pytest.mark.usefixtures("database")
def test_stand_ins_where_nobody_would_ask_are_refused(tmp_path: Path, database_url: str) -> None:
    examples = Path(__file__).parents[2] / "examples"
    own = {
        "LEASEHUB_CONFIG": str(examples / "hub.toml"),
        "LEASEHUB_SANDBOX_PORT": "1",
        "LEASEHUB_LOG_LEVEL": "WARNING",
        "DATABASE_URL": database_url,
    }
    said = refusal(run("demo", str(examples / "applications.csv"), folder=tmp_path, own=own))
    assert said.startswith("hub: LEASEHUB_SANDBOX_PORT: the stand-in vendors would be at http://127.0.0.1:1, ")


def test_a_file_without_a_good_line_is_refused_line_by_line(tmp_path: Path) -> None:
    examples = Path(__file__).parents[2] / "examples/applications.csv"
    header, first = examples.read_text(encoding="utf-8").splitlines()[:2]
    (tmp_path / "mine.csv").write_text(f"{header}\n{first},more\n", encoding="utf-8")
    answer = run("demo", "mine.csv", folder=tmp_path, own={})
    assert answer.returncode == 1
    assert answer.stderr.splitlines() == [
        "line 2: has 27 cells, the header has 26",
        "hub: file: mine.csv has no line that can be played",
    ]
