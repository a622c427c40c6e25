"""Bad plugins in a real hub: it opens, the others work, and an operator reads which one is wrong and why."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

from hub.core.ports.sms import MessageCategory, MessageChannel, MessageRequest
from hub.infra.settings import HubSettings
from hub.integrations import registry
from hub.integrations.answers import Answer, Ask, CallOutcome
from hub.integrations.plugins import ProviderState
from hub.integrations.setup import Limits
from hub.wiring import Hub, open_hub
from tests.integrations.bad_plugins import packages
from tests.integrations.bad_plugins.packages import FAULTS, GOOD, HANGS_ON_IMPORT, distribution_of

WRONG_TYPE = f"""{GOOD}
class Other(Provider):
    @hookimpl
    async def messaging_send(self, request, ctx):
        return {{"status": "accepted"}}

PLUGIN = replace(PLUGIN, factory=Other)
"""
NEVER_ANSWERS = WRONG_TYPE.replace('return {"status": "accepted"}', "import asyncio; await asyncio.Event().wait()")
LEAVES = WRONG_TYPE.replace('return {"status": "accepted"}', "raise SystemExit(7)")
# What every one of them is, and what an operator reads of it.
SHOWN = {
    "raises_on_import": (FAULTS["raises_on_import"].source, "setup_error", "no_such_library"),
    "leaves_on_import": (FAULTS["leaves_on_import"].source, "setup_error", "SystemExit"),
    "interrupts_on_import": (FAULTS["interrupts_on_import"].source, "setup_error", "KeyboardInterrupt"),
    "speaks_markup": (FAULTS["speaks_markup"].source, "setup_error", "ValueError: [/red] [bold]x[/]"),
    "lets_go": ("import sys; sys.stdout = None", "setup_error", "AttributeError"),
    "never_imported": (HANGS_ON_IMPORT, "setup_error", "import took longer than 10 s"),
    "from_tomorrow": (FAULTS["contract_1_9"].source, "incompatible", "upgrade the hub"),
    "half_a_class": (FAULTS["abstract"].source, "setup_error", "abstract class"),
    "wrong_type": (WRONG_TYPE, "loaded", ""),
    "never_answers": (NEVER_ANSWERS, "loaded", ""),
    "leaves": (LEAVES, "loaded", ""),
    "good": (GOOD, "loaded", ""),
}


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Path]:
    """Every plugin installed in a folder of its own, and a configuration that wants one instance of each."""
    with packages.on_path(tmp_path):
        lines = []
        for name, (source, _, _) in SHOWN.items():
            packages.write(tmp_path, name, source)
            lines += [f'[plugins.{name}]\ndistribution = "{distribution_of(name)}"']
            lines += [f'[providers.{name}]\nplugin = "{name}"\nmode = "sandbox"']
        order = ", ".join(f'"{name}"' for name, (_, state, _) in SHOWN.items() if state != "loaded")
        lines += [f'[routes.sms]\ndefault = [{order}, "good"]']
        (tmp_path / "hub.toml").write_text("\n".join(lines))
        yield tmp_path


def _listed(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    """What the command line says of the providers of this folder, in a process of its own."""
    own = {
        "PYTHONPATH": str(folder),
        "DATABASE_URL": url,
        "LEASEHUB_CONFIG": str(folder / "hub.toml"),
        "LEASEHUB_DATA_DIR": str(folder / "var"),
        "COLUMNS": "400",
    }
    command = [sys.executable, "-m", "hub", "providers", "list"]
    return subprocess.run(command, env=os.environ | own, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.long
@pytest.mark.usefixtures("database")
def test_the_command_line_shows_every_state_with_its_reason(configured: Path, database_url: str) -> None:
    listed = _listed(configured, database_url)
    assert listed.returncode == 0, listed.stderr
    rows = {line.split("│")[1].strip(): line for line in listed.stdout.splitlines() if line.count("│") > 2}
    for name, (_, state, reason) in SHOWN.items():
        assert f" {state} " in rows[name]
        assert reason in rows[name]


@pytest.fixture
async def hub(configured: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    """A hub that has opened with all of them, and has waited less long than usual for the one that never comes back."""
    monkeypatch.setattr(registry, "Limits", partial(Limits, import_s=3.0))
    settings = HubSettings(config=configured / "hub.toml", data_dir=configured / "var", database_url=database_url)
    async with open_hub(settings, database_url) as opened:
        yield opened


async def _send(hub: Hub, key: str, pin: str | None = None, *, within_s: float = 5.0) -> Answer:
    request = MessageRequest(
        channel=MessageChannel.SMS, to="13800138000", category=MessageCategory.TRANSACTIONAL, body="hello"
    )
    ask = Ask(operation="messaging_send", request=request, key=key, pin=pin, deadline_s=within_s)
    return await hub.house.executor.call(ask)


@pytest.mark.long
@pytest.mark.usefixtures("database")
async def test_a_hub_with_bad_plugins_opens_and_its_good_one_works(hub: Hub) -> None:
    states = {name: instance.state.value for name, instance in hub.house.registry.current.instances.items()}
    assert states == {name: state for name, (_, state, _) in SHOWN.items()}
    by_route = await _send(hub, "by-route")
    assert (by_route.outcome, by_route.instance) == (CallOutcome.OK, "good")
    refused = await _send(hub, "pinned", "raises_on_import")
    assert refused.outcome is CallOutcome.NOT_EXECUTED
    assert "no_such_library" in refused.detail
    for number, name in enumerate(("wrong_type", "never_answers", "leaves")):
        unknown = await _send(hub, f"bad-{number}", name, within_s=0.5)
        assert unknown.outcome is CallOutcome.UNKNOWN, name
        good = await _send(hub, f"good-{number}", "good")
        assert good.outcome is CallOutcome.OK
    assert hub.house.registry.current.instances["good"].state is ProviderState.LOADED
