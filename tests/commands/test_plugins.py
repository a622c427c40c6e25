"""`hub plugins`: what an operator reads about good, bad, foreign and unreachable plugins, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.commands import plugins, scaffold
from hub.core.errors import InvalidInput, NotFound
from hub.core.provider import Capability
from hub.integrations.doctor import started_code
from tests.integrations.bad_plugins import packages
from tests.integrations.bad_plugins.packages import FAULTS, GOOD, distribution_of, write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A hub's folder whose plugins can be imported, and its hub.toml."""
    monkeypatch.setenv("LEASEHUB_CONFIG", str(tmp_path / "hub.toml"))
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "site").mkdir()
    with packages.on_path(tmp_path / "site"):
        yield tmp_path


def _plugin(folder: Path, name: str, source: str = GOOD, **more: str) -> None:
    write(folder / "site", name, source, **more)


def _configure(folder: Path, *names: str, settings: str = "", distribution: str = "", routed: bool = True) -> None:
    lines = []
    for name in names:
        lines += [f'[plugins.{name}]\ndistribution = "{distribution or distribution_of(name)}"']
        lines += [f'[providers.{name}_main]\nplugin = "{name}"\nmode = "sandbox"']
        lines += [f'allow_hosts = ["127.0.0.1"]\nsettings = {{ {settings} }}']
    if names and routed:
        lines.append(f'[routes.sms]\ndefault = ["{names[0]}_main"]')
    (folder / "hub.toml").write_text("\n".join(lines))


async def _doctor(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = await plugins.doctor()
    shown = capsys.readouterr()
    return code, shown.out + shown.err


LOCAL = 'base_url = "http://127.0.0.1:1"'


async def test_list_shows_what_is_allowed_and_imports_nothing_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _plugin(folder, "allowed")
    _plugin(folder, "stranger")
    _plugin(folder, "other", distribution="dist-foreign")
    _configure(folder, "allowed", "other")
    assert await plugins.show() == 0
    rows = {line.split("│")[1].strip(): line for line in capsys.readouterr().out.splitlines() if line.count("│") > 2}
    assert "1.2.3" in rows["allowed"]
    assert " yes " in rows["allowed"]
    assert " 1.0 " in rows["allowed"]
    assert "not in [plugins] of hub.toml" in rows["stranger"]
    assert "allows only dist-other" in rows["other"]
    assert packages.imported("allowed")
    assert not packages.imported("stranger")
    assert not packages.imported("other")


async def test_check_says_so_when_a_plugin_ships_no_rig(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _plugin(folder, "good")
    assert await plugins.check("good", None) == 0
    assert "ships no rig" in capsys.readouterr().out


async def test_check_fails_for_a_plugin_that_breaks_the_contract(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _plugin(folder, "tomorrow", FAULTS["contract_1_9"].source)
    assert await plugins.check("tomorrow", None) == 1
    assert "upgrade the hub" in capsys.readouterr().err


async def test_check_names_a_plugin_that_was_probably_meant(folder: Path) -> None:
    _plugin(folder, "good")
    with pytest.raises(NotFound, match="did you mean good"):
        await plugins.check("goood", None)


async def test_check_runs_the_kit_and_tells_what_fails(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _plugin(folder, "bad", f"{GOOD}\n{_RIG}")
    [info] = (folder / "site").glob("*.dist-info")
    with (info / "entry_points.txt").open("a") as file:
        file.write(f"[leasehub.conformance]\nbad = {packages.PREFIX}bad:make\n")
    assert await plugins.check("bad", tmp_path / "report.json") == 1
    shown = capsys.readouterr()
    assert "calls.client [bronze, in_process]: messaging_send: nothing came over the client" in shown.err
    assert "bad 1.0, sms: no tier" in shown.out
    assert json.loads((tmp_path / "report.json").read_text())["standings"][0]["tier"] is None


_RIG = """
from contextlib import asynccontextmanager
from datetime import UTC, datetime
import httpx
from hub.sdk.clock import VirtualClock
from hub.testing import Refusals, Rig

async def books():
    return []

@asynccontextmanager
async def make():
    yield Rig(
        descriptor=PLUGIN, settings={}, vendor=httpx.MockTransport(lambda request: httpx.Response(200)),
        clock=VirtualClock(datetime(2026, 3, 5, tzinfo=UTC)), books=books,
        refusals=Refusals(rejected=lambda: httpx.Response(402)),
    )
"""


async def test_doctor_finds_nothing_wrong_where_nothing_is(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEASEHUB_CONFIG")  # a file that is named must be there
    monkeypatch.chdir(folder)
    code, said = await _doctor(capsys)
    assert code == 0
    assert "no plugin is allowed" in said
    assert said.endswith("nothing is wrong\n")


@pytest.mark.parametrize("state", ["contract_1_9", "raises_on_import", "unknown_operation"])
async def test_doctor_says_what_a_bad_plugin_is(folder: Path, capsys: pytest.CaptureFixture[str], state: str) -> None:
    _plugin(folder, state, FAULTS[state].source)
    _configure(folder, state)
    code, said = await _doctor(capsys)
    assert code == 1
    assert FAULTS[state].reason in said
    assert distribution_of(state) in said


async def test_doctor_knows_a_stranger_from_an_impostor(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _plugin(folder, "stranger")
    _plugin(folder, "claimed", distribution="dist-impostor")
    _configure(folder, "claimed")
    code, said = await _doctor(capsys)
    assert code == 1
    assert "- plugin stranger: installed from dist-stranger and not allowed" in said
    assert "! plugin claimed: the entry point claimed comes from dist-impostor" in said


async def test_doctor_names_what_is_not_installed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _configure(folder, "missing")
    _, said = await _doctor(capsys)
    assert "no entry point missing is installed" in said
    assert "pip install dist-missing" in said


@pytest.mark.parametrize(
    ("settings", "reason", "advice"),
    [
        ('base_ulr = "x"', "is not known; did you mean base_url?", "mend [providers.good_main]"),
        ('api_key = { file = "none" }', "cannot be read", "put the secret into a file"),
        ('api_key = { env = "NOT_SET_ANYWHERE" }', "is not set", "set the variable"),
        (LOCAL, "nobody can be reached at 127.0.0.1, port 1", "is the vendor up"),
    ],
)
async def test_doctor_says_what_an_instance_lacks(
    folder: Path, capsys: pytest.CaptureFixture[str], settings: str, reason: str, advice: str
) -> None:
    _plugin(folder, "good")
    _configure(folder, "good", settings=settings)
    code, said = await _doctor(capsys)
    assert code == 1
    assert reason in said
    assert advice in said


async def test_doctor_says_in_development_what_production_would_refuse(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _plugin(folder, "good")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "key").write_text("hidden-value")
    (folder / "secrets" / "key").chmod(0o644)
    _configure(folder, "good", settings=f'{LOCAL}, api_key = {{ file = "key" }}')
    _, said = await _doctor(capsys)
    assert "- instance good_main: in production: providers.good_main.settings.api_key: the secret file is open" in said
    assert "chmod 600" in said
    assert "hidden-value" not in said


async def test_doctor_misses_a_route_and_a_broken_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _plugin(folder, "good")
    _configure(folder, "good", settings=LOCAL, routed=False)
    assert "! routes.sms: there are instances for it, and no route" in (await _doctor(capsys))[1]
    (folder / "hub.toml").write_text("[plugins")
    code, said = await _doctor(capsys)
    assert code == 1
    assert "is not TOML" in said


def test_a_file_that_runs_code_at_every_start_is_shown(tmp_path: Path) -> None:
    (tmp_path / "paths.pth").write_text("/somewhere/else\n")
    (tmp_path / "hidden.pth").write_text("import os; os.getcwd()\n")
    [finding] = started_code([tmp_path])
    assert finding.subject == "file hidden.pth"
    assert "no installed package owns it" in finding.reason
    assert finding.serious


async def test_disable_needs_an_instance(folder: Path) -> None:
    _configure(folder)
    with pytest.raises(NotFound, match="instance of the plugin good"):
        await plugins.disable("good", "why")


@pytest.mark.parametrize("name", ["", "Acme", "1st", "acme-pay", "a" * 31, "../acme", "acme__pay"])
def test_new_wants_a_usable_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="name"):
        scaffold.write_plugin(name, Capability.SMS, tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_new_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="not an empty folder"):
        scaffold.write_plugin("acme", Capability.SMS, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


async def test_new_names_the_capability_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="did you mean payments"):
        await plugins.new("acme", "payment", tmp_path)


@pytest.mark.parametrize("name", ["acme", "acme_pay", "capability", "my_acme"])
def test_new_leaves_no_word_of_the_template(name: str, tmp_path: Path) -> None:
    folder = scaffold.write_plugin(name, Capability.GPS_TRACKER, tmp_path / "made")
    names = {file.relative_to(folder).parts[0] for file in folder.rglob("*")}
    assert names == {"pyproject.toml", "README.md", "tests", f"leasehub_gps_tracker_{name}"}
    text = "\n".join(file.read_text() for file in folder.rglob("*") if file.is_file())
    dashed = name.replace("_", "-")
    assert f'name = "leasehub-gps-tracker-{dashed}"' in text
    assert f'{name}_gps_tracker = "leasehub_gps_tracker_{name}.plugin:descriptor"' in text
    assert "SpecV1" not in text


async def test_an_address_that_leads_inwards_is_named_before_anybody_tries_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _plugin(folder, "good")
    _configure(folder, "good", settings='base_url = "https://169.254.169.254/"')
    code, said = await _doctor(capsys)
    assert code == 1
    assert "base_url: leads to an address that is not public" in said
    assert "allow_hosts of [providers.good_main]" in said
