"""`python -m bench [W1 …] [--small] [--seed N]`: run workloads, print what came of them; a whole run keeps the table."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Awaitable, Callable

from bench import page, w1_overhead, w5_webhooks, w7_lists, w8_start
from bench.ground import ROOT, Ground, laid
from bench.measure import Report, hurry
from hub.infra import logs, loop

WORKLOADS: dict[str, Callable[[Ground], Awaitable[Report]]] = {
    "w1": w1_overhead.run,
    "w5": w5_webhooks.run,
    "w7": w7_lists.run,
    "w8": w8_start.run,
}


def main() -> int:
    """Run what is asked for; fails when an invariant did not hold, not when a goal was missed."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("workloads", nargs="*", type=str.lower, help=f"of {', '.join(WORKLOADS)}; all when left out")
    parser.add_argument(
        "--small", action="store_true", help="sizes for a test of seconds: proves that it runs, measures nothing"
    )
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    logs.configure(level="WARNING")
    if asked.small:
        hurry()
    reports = []
    for name in asked.workloads or WORKLOADS:
        with laid(name, seed=asked.seed, small=asked.small) as ground:
            report = loop.run(WORKLOADS[name](ground))
        _show(report, asked.seed)
        reports.append(report)
    if not asked.small and not asked.workloads:
        page.write(reports, seed=asked.seed, commit=commit())
    return 0 if all(report.sound for report in reports) else 1


def _show(report: Report, seed: int) -> None:
    print(f"\n{report.workload} · seed {seed} · commit {commit()}")
    for line in report.lines:
        mark = {None: " ", True: "+", False: "-"}[line.reached]
        print(f" {mark} {line.what}: {line.measured}{f' (goal {line.goal})' if line.goal else ''}")
    print("   rows: " + ", ".join(f"{number:,} {what}" for what, number in report.counts.items()))
    for what, held in report.invariants.items():
        print(f"   {'holds' if held else 'BROKEN'}: {what}")


def commit() -> str:
    """What is measured: the commit, and whether something was changed since."""
    shown = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return shown.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
