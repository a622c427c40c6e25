"""The commands that play: the stand-in vendors, the demo, and `up`, which is all of it and the API in one go."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib.metadata import entry_points
from pathlib import Path

import httpx
import uvicorn
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.routing import Mount

from hub.commands.serving import prepared, serve_at
from hub.core.errors import InvalidInput, LeaseHubError
from hub.demo import applicants as file
from hub.demo.play import Progress as Told
from hub.demo.play import opening, play
from hub.demo.records import DemoApplicant
from hub.demo.story import Step
from hub.demo.summary import show
from hub.demo.world import World
from hub.infra.access import system
from hub.infra.clock import SystemClock, business_date
from hub.infra.settings import HubSettings, load_settings
from hub.leasing.reports import service as reports
from hub.sdk.clock import VirtualClock
from hub.sdk.sandbox.app import SandboxSettings
from hub.sdk.sandbox.serve import MachineClock, SandboxProtocol
from hub.wiring import Hub, configured, embedded, open_hub

_SANDBOX_START_S = 60.0


async def sandbox(port: int, books: Path | None, *, until_stdin_closes: bool) -> int:
    """Serve every installed stand-in vendor under /<capability>."""
    folder = books or load_settings().data_dir / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    clock, settings = MachineClock(), SandboxSettings()
    vendors = {point.name: point.load()(folder, clock, settings) for point in entry_points(group="leasehub.sandboxes")}
    if not vendors:
        raise LeaseHubError("no stand-in vendor is installed: run `make install`")
    app = Starlette(routes=[Mount(f"/{name}", app=vendor) for name, vendor in vendors.items()])
    if until_stdin_closes:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    config = uvicorn.Config(app, port=port, http=SandboxProtocol, log_level="warning", access_log=False)
    await uvicorn.Server(config).serve()
    return 0


def _stop_with_stdin() -> None:
    """End this process when the one that started it ends, however it ends: its end of the pipe is closed then."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _sandbox_process(settings: HubSettings) -> Iterator[str]:
    """The stand-in vendors in a process of their own, for as long as the block runs; its address."""
    address = f"http://127.0.0.1:{settings.sandbox_port}"
    _check_asked_there(settings, address)
    command = [sys.executable, "-m", "hub", "sandbox", "--port", str(settings.sandbox_port), "--until-stdin-closes"]
    command += ["--books", str(settings.data_dir / "sandbox")]
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", settings.sandbox_port)) == 0:
            raise LeaseHubError(
                f"port {settings.sandbox_port} is taken: another LeaseHub, or its stand-in vendors, run already"
            )
    # A session of its own: Ctrl-C at the terminal is ours to handle, and the vendors stay until the last call is made.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603
    try:
        _wait_until_up(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=10)


def _check_asked_there(settings: HubSettings, address: str) -> None:
    """Raise InvalidInput when every provider is configured for another place than where the stand-ins will be."""
    providers = configured(settings, os.environ).providers.values()
    given = [one.overrides.get("base_url", one.settings.get("base_url")) for one in providers]
    asked = [base for base in given if isinstance(base, str)]
    if asked and not any(base == address or base.startswith(f"{address}/") for base in asked):
        raise InvalidInput(
            "LEASEHUB_SANDBOX_PORT",
            f"the stand-in vendors would be at {address}, and no base_url in {settings.config} is: change it there, or "
            "set LEASEHUB_P__<INSTANCE>__BASE_URL",
        )


def _wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    waited = threading.Event()
    for _ in range(int(_SANDBOX_START_S / 0.1)):
        if process.poll() is not None:
            raise LeaseHubError(f"the stand-in vendors could not be started at {address}: is the port taken?")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{address}/payments/_sandbox/books", timeout=1).is_success:
                return
        waited.wait(0.1)
    raise LeaseHubError(f"the stand-in vendors did not answer at {address} within {_SANDBOX_START_S:.0f} s")


async def demo(path: Path, until: str | None, *, check: bool, picture: Path | None) -> int:
    """Play a file of applications; with `check`, only read it; with `picture`, keep what is printed as SVG."""
    if check:
        people, problems = _read(path)
        _show_problems(problems)
        print(f"{path}: {len(people)} good lines, {len(problems)} bad")
        return 0 if people and not problems else 1
    people, problems = _playable(path)
    last = _last_day(until)
    settings, url = prepared()
    with _sandbox_process(settings) as address:
        return await _play(settings, url, address, people, problems, last, picture)


async def up(demo_file: Path | None) -> int:
    """Database, stand-in vendors, demo and API; everything that was started is stopped again at the end."""
    people, problems = _playable(demo_file) if demo_file else ([], [])
    settings, url = prepared()
    started = embedded(settings) if settings.database_url is None else None
    try:
        with _sandbox_process(settings) as address:
            if demo_file:
                await _play(settings, url, address, people, problems, _last_day(None))
                _welcome(settings)
            await serve_at(settings, url, worker=True)
    finally:
        if started is not None:
            started.stop()
    return 0


def _read(path: Path) -> tuple[list[file.Applicant], list[file.Problem]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput("file", f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidInput("file", f"{path} is not UTF-8 text") from None
    return file.read(text, today=business_date(SystemClock()))


def _playable(path: Path) -> tuple[list[file.Applicant], list[file.Problem]]:
    """What can be played of a file; raises InvalidInput when that is nothing."""
    people, problems = _read(path)
    if not people:
        _show_problems(problems)
        raise InvalidInput("file", f"{path} has no line that can be played")
    return people, problems


def _last_day(until: str | None) -> date:
    today = business_date(SystemClock())
    if until is None:
        return today
    try:
        day = date.fromisoformat(until)
    except ValueError:
        raise InvalidInput("until", "is not a date like 2026-01-31") from None
    if day > today:
        raise InvalidInput("until", f"lies in the future: today is {today}")
    return day


async def _play(
    settings: HubSettings,
    url: str,
    address: str,
    people: list[file.Applicant],
    problems: list[file.Problem],
    until: date,
    picture: Path | None = None,
) -> int:
    console = Console(record=picture is not None)
    clock = VirtualClock(opening(min(one.applied_on for one in people)) - timedelta(hours=1))
    async with open_hub(settings, url, clock=clock) as hub, httpx.AsyncClient(base_url=address, timeout=30) as client:
        with _bar(console, len(people)) as progress:
            await play(hub, clock, World(client), people, until, progress)
        code = await _show_summary(console, hub, problems)
    if picture is not None:
        console.save_svg(str(picture), title="hub demo")
    return code


@contextmanager
def _bar(console: Console, people: int) -> Iterator[Told]:
    """A progress bar at a terminal; elsewhere a line each month of the demo."""
    if not console.is_terminal:
        yield _monthly_lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("stories told"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("the demo begins", total=people)

        def tell(day: date, ended: int, _: int) -> None:
            progress.update(task, description=f"{day}", completed=ended)

        yield tell


def _monthly_lines(console: Console) -> Told:
    told: set[str] = set()

    def tell(day: date, ended: int, people: int) -> None:
        month = f"{day:%Y-%m}"
        if month not in told:
            told.add(month)
            console.print(f"{day}: {ended} of {people} stories told")

    return tell


async def _show_summary(console: Console, hub: Hub, problems: list[file.Problem]) -> int:
    async with hub.house.database.transaction(system("demo")) as tx:
        summary = await reports.summary(tx)
        refused = await tx.execute(
            select(DemoApplicant.reference, DemoApplicant.refusal)
            .where(DemoApplicant.step == Step.REFUSED)
            .order_by(DemoApplicant.reference)
        )
        reasons = {reference: reason or "" for reference, reason in refused}
    show(console, summary, problems, reasons)
    return 0 if summary.books_balance else 1


def _show_problems(problems: list[file.Problem]) -> None:
    for problem in problems:
        place = f"line {problem.line}: {problem.column}" if problem.column else f"line {problem.line}"
        print(f"{place}: {problem.reason}", file=sys.stderr)


def _welcome(settings: HubSettings) -> None:
    Console().print(
        f"\n[bold]LeaseHub serves at {settings.public_url}[/] · open it in a browser · API description at {settings.public_url}"
        f"/api/v1/openapi.json\nlogins of the demo company are in {settings.data_dir / 'demo-passwords.txt'}"
        " · Ctrl-C stops everything\n"
    )
