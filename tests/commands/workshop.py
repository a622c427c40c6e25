"""A workshop outside the repository: generated plugins, built and installed with pip into a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hub.core.provider import Capability

VENDOR = "acme_pay"


def run(*command: str, site: Path | None = None, cwd: Path | None = None, **environment: str) -> str:
    """Run a Python module as `python -m …` with `site` importable; fails with everything that it printed."""
    own = {"PYTHONPATH": str(site)} if site else {}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=os.environ | own | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def generate(folder: Path) -> dict[Capability, Path]:
    """A plugin for each of the five capabilities, as `hub plugins new` writes it."""
    made = {}
    for capability in Capability:
        made[capability] = folder / capability.value
        run(
            "hub",
            "plugins",
            "new",
            VENDOR,
            "--capability",
            capability.value,
            "--into",
            str(made[capability]),
            cwd=folder,
        )
    return made


def install(plugins: list[Path], site: Path) -> None:
    """Build and install plugins, fetching nothing."""
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    run("pip", "install", *options, "--target", str(site), *map(str, plugins))
