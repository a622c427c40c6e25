"""Each benchmark runs, at sizes of seconds, and what it measures is right; how fast it is, is not asked here.

One that starts a whole server and a company costs many seconds of work: `.ci/run` runs those by `make bench SMALL=1`,
and `make soak` runs them here.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import bench.__main__ as main
from bench import measure, page
from bench.__main__ import WORKLOADS
from bench.ground import Ground
from bench.measure import Pair, Report, abreast, by_turns, percentile

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "workload", [pytest.param(name, marks=[] if name == "w1" else pytest.mark.soak) for name in WORKLOADS]
)
def test_a_workload_runs_and_its_invariants_hold(
    workload: str, server_url: Callable[[str], str], worker_name: str
) -> None:
    own = {"TEST_DATABASE_URL": server_url("postgres"), "BENCH_DATABASE": f"bench_{workload}_{worker_name}"}
    done = subprocess.run(
        [sys.executable, "-m", "bench", workload, "--small"],
        env=os.environ | own,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 1 · commit" in done.stdout
    assert "BROKEN" not in done.stdout
    assert "holds: " in done.stdout


@pytest.mark.parametrize(("held", "code"), [(True, 0), (False, 1)])
def test_a_broken_invariant_is_an_exit_code(monkeypatch: pytest.MonkeyPatch, held: bool, code: int) -> None:
    report = Report(workload="W1")

    async def run(ground: Ground) -> Report:
        report.invariants["all there"] = held
        return report

    @contextmanager
    def laid(name: str, *, seed: int, small: bool) -> Iterator[Ground]:
        yield Ground(url="", folder=Path(), seed=seed, small=small)

    monkeypatch.setattr(main, "laid", laid)
    monkeypatch.setattr(main, "hurry", lambda: None)
    monkeypatch.setattr(main, "WORKLOADS", {"w1": run})
    monkeypatch.setattr(sys, "argv", ["bench", "w1", "--small"])
    assert main.main() == code


async def test_baseline_and_subject_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "_PATIENCE_S", 0)  # other tests never leave the machine alone
    turns: list[str] = []

    async def timed(name: str, seconds: float) -> float:
        turns.append(name)
        return seconds

    pair = await by_turns(lambda: timed("b", 2.0), lambda: timed("s", 3.0), rounds=3)
    assert turns == ["b", "s", "b", "s", "s", "b", "b", "s"], "one of each to warm up, then by turns"
    assert (pair.ratio, pair.best) == (1.5, 1.5)


def test_a_ratio_is_the_median_of_the_rounds_and_the_best_that_of_the_best() -> None:
    pair = Pair(baseline=[1.0, 2.0, 1.0], subject=[2.0, 2.0, 9.0])
    assert (pair.ratio, pair.best) == (2.0, 2.0)
    assert percentile([float(n) for n in range(1, 101)], 0.95) == 96.0


async def test_never_more_at_once_than_asked_for() -> None:
    under_way, most, done = 0, 0, []

    async def work(number: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        done.append(number)

    await abreast(20, 4, work)
    assert (most, sorted(done)) == (4, list(range(20)))


def test_the_page_says_what_was_missed_and_what_broke(tmp_path: Path) -> None:
    report = Report(workload="W0")
    report.line("fast", "2 s", "<= 1 s", reached=False)
    report.counts, report.invariants = {"rows": 1000}, {"all there": False}
    page.write([report], seed=7, commit="abc", path=tmp_path / "bench.md")
    text = (tmp_path / "bench.md").read_text()
    for part in ("commit `abc`, seed 7", "| fast | 2 s | <= 1 s | **missed** |", "1,000 rows", "**broken**: all there"):
        assert part in text
    assert not report.sound
    assert not Report(workload="nothing proved").sound
