"""W8: start and memory. How long until the API answers with twenty providers, what it and a worker hold, what help costs.

Nothing may be imported that speaks to a network or a database: every module of the hub is imported while both are
forbidden.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.ground import ROOT, Ground, answering, free_port
from bench.measure import Report, quiet

PROVIDERS = 20
_CAPABILITIES = ("credit_bureau", "sms", "gps_tracker", "esign", "payments")
_FORBIDDEN = """
import importlib, pkgutil, socket, sys
def refuse(*_, **__): raise SystemExit("a module speaks to the network or a database when it is imported")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import psycopg; psycopg.Connection.connect = psycopg.AsyncConnection.connect = refuse
import hub
names = [one.name for one in pkgutil.walk_packages(hub.__path__, "hub.")]
for name in names:
    if not name.endswith(".__main__") and ".migrations." not in name and not name.startswith("hub.testing"):
        importlib.import_module(name)
print(len(names))
"""


def _configuration(vendors: int) -> str:
    lines = []
    for capability in _CAPABILITIES:
        distribution = f"leasehub-{capability.replace('_', '-')}-sandbox"
        lines.append(f'[plugins.sandbox_{capability}]\ndistribution = "{distribution}"')
    for number in range(PROVIDERS):
        capability = _CAPABILITIES[number % len(_CAPABILITIES)]
        address = f"http://127.0.0.1:{vendors}/0ms"
        lines.append(
            f'[providers.p{number}]\nplugin = "sandbox_{capability}"\nmode = "sandbox"\nallow_hosts = ["127.0.0.1"]'
        )
        lines.append(f'settings = {{ base_url = "{address}", timeout_s = 3 }}')
    return "\n".join(lines)


async def run(ground: Ground) -> Report:
    """Start each kind of process a few times, and look at what it holds."""
    report, vendors, rounds = Report(workload="W8 start and memory"), free_port(), ground.size(1, 5)
    ground.settings(_configuration(vendors))
    with ground.process("bench.vendor", str(vendors)) as vendor:
        await answering(f"http://127.0.0.1:{vendors}/0ms/v1/health", vendor)
        usable = await _serve(ground, report, rounds)
        held = await _work(ground)
    report.line("memory of a worker", f"{held:.0f} MB", "<= 100 MB", held <= 100)
    python = await _best(rounds, lambda: _seconds("-c", "pass"))
    shown = await _best(rounds, lambda: _seconds("-m", "hub", "--help"))
    report.line("`hub --help`", f"{shown:.2f} s ({shown / python:.1f}x of Python alone)", "<= 0.4 s", shown <= 0.4)
    imported = _everything()
    report.counts = {"providers": PROVIDERS, "modules": int(imported.stdout or 0)}
    report.invariants = {
        "every provider was usable": usable == PROVIDERS,
        "no module speaks to a network or database when it is imported": imported.returncode == 0,
    }
    return report


def _everything() -> subprocess.CompletedProcess[str]:
    """Every module of the hub imported where no network and no database can be reached."""
    return subprocess.run([sys.executable, "-c", _FORBIDDEN], cwd=ROOT, capture_output=True, text=True, check=False)


async def _serve(ground: Ground, report: Report, rounds: int) -> int:
    """The API, from the start of the process to its first answer; returns how many providers were usable."""
    best, worked, held, usable = float("inf"), float("inf"), 0.0, 0
    for _ in range(rounds):
        await quiet()
        port = free_port()
        with ground.process("hub", "serve", "--no-worker", environment={"LEASEHUB_PORT": str(port)}) as process:
            started = time.perf_counter()
            await answering(f"http://127.0.0.1:{port}/health/live", process)
            best, worked = min(best, time.perf_counter() - started), min(worked, _worked(process.pid))
            held = _memory(process.pid)
            usable = await _usable(port)
    report.line(
        f"API, cold, with {PROVIDERS} providers",
        f"{best:.2f} s, {worked:.2f} s of the processor",
        "<= 1.5 s",
        best <= 1.5,
    )
    report.line("memory of the API", f"{held:.0f} MB", "<= 130 MB", held <= 130)
    return usable


async def _usable(port: int) -> int:
    import httpx

    async with httpx.AsyncClient(trust_env=False) as client:
        shown = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    return sum(line.startswith("leasehub_provider_usable{") and line.endswith(" 1.0") for line in shown.splitlines())


async def _work(ground: Ground) -> float:
    """A worker that has nothing to do, when it has found that out."""
    port = free_port()
    with ground.process("hub", "work", environment={"LEASEHUB_WORKER_PORT": str(port)}) as process:
        await answering(f"http://127.0.0.1:{port}/health/live", process)
        await asyncio.sleep(ground.size(0, 3))
        return _memory(process.pid)


def _memory(pid: int) -> float:
    """Resident memory in megabytes. Source: proc(5)."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return float("nan")
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS")) / 1024


def _worked(pid: int) -> float:
    """Seconds of the processor that a process has taken. Source: proc(5), utime and stime."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return float("nan")
    ticks = stat.read_text().rsplit(")", 1)[1].split()[11:13]
    return sum(int(one) for one in ticks) / os.sysconf("SC_CLK_TCK")


async def _best(rounds: int, timed: Callable[[], float]) -> float:
    times = []
    for _ in range(rounds):
        await quiet()
        times.append(timed())
    return min(times)


def _seconds(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True, env=os.environ)
    return time.perf_counter() - started
