"""How things are timed: baseline and subject by turns in one run, on a machine as quiet as it gets, and what came of it."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROUNDS = 5
_QUIET_SHARE, _QUIET_S, _PATIENCE_S = 0.25, 0.5, 10.0


_hurried = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measured thing: `reached` is None where there is no goal."""

    what: str
    measured: str
    goal: str = ""
    reached: bool | None = None


@dataclass(slots=True, kw_only=True)
class Report:
    """What a workload says of itself: what was measured, how much there was of what, and what held afterwards."""

    workload: str
    lines: list[Line] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    invariants: dict[str, bool] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether every invariant held: a fast wrong run is a failure."""
        return bool(self.invariants) and all(self.invariants.values())

    def line(self, what: str, measured: str, goal: str = "", reached: bool | None = None) -> None:
        """Write down one measured thing."""
        self.lines.append(Line(what=what, measured=measured, goal=goal, reached=reached))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Seconds of baseline and subject, round by round."""

    baseline: Sequence[float]
    subject: Sequence[float]

    @property
    def ratio(self) -> float:
        """Median of the rounds' ratios, subject by baseline: in time, so less is better."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.subject, self.baseline, strict=True))

    @property
    def best(self) -> float:
        """The best round of the subject by the best of the baseline."""
        return min(self.subject) / min(self.baseline)


Timed = Callable[[], Awaitable[float]]


async def by_turns(baseline: Timed, subject: Timed, rounds: int = ROUNDS) -> Pair:
    """Time both by turns, one round to warm up; each says itself how many seconds it took."""
    await baseline()
    await subject()
    theirs, mine = [], []
    for number in range(1 if _hurried else rounds):
        await quiet()
        turns = [(baseline, theirs), (subject, mine)]
        for timed, times in turns if number % 2 == 0 else reversed(turns):
            times.append(await timed())
    return Pair(baseline=theirs, subject=mine)


async def quiet() -> None:
    """Wait for half a second in which others leave the machine alone, for some seconds at most."""
    deadline = time.monotonic() + (0 if _hurried else _PATIENCE_S)
    while time.monotonic() < deadline:
        before = _busy()
        await asyncio.sleep(_QUIET_S)
        after = _busy()
        if after[0] - before[0] < _QUIET_SHARE * (after[1] - before[1]):
            return


def hurry() -> None:
    """Wait for no quiet and take one round: for a test that only asks whether it runs."""
    global _hurried
    _hurried = True


def _busy() -> tuple[int, int]:
    """Ticks that the machine's cores have worked, and all ticks, since it was started. Source: proc(5), /proc/stat."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0, 1
    ticks = [int(one) for one in stat.read_text().split("\n", 1)[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def percentile(times: Sequence[float], share: float) -> float:
    """The time that this share of all does not exceed."""
    ordered = sorted(times)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def spent(times: Sequence[float], worked_at: float) -> str:
    """The median, and what one took of the processor since `worked_at` on this process's clock, asker and asked together:
    unlike the other, others' load changes it little."""
    worked = (time.process_time() - worked_at) / len(times)
    return f"median {percentile(times, 0.5) * 1000:.1f} ms, {worked * 1000:.1f} ms of the processor"


async def abreast(number: int, at_once: int, work: Callable[[int], Awaitable[object]]) -> float:
    """Do `work` for 0 … number-1 with so many under way at any moment; returns the seconds it took."""
    turns = iter(range(number))

    async def runner() -> None:
        for turn in turns:
            await work(turn)

    started = time.perf_counter()
    await asyncio.gather(*(runner() for _ in range(at_once)))
    return time.perf_counter() - started
