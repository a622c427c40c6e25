"""The table of the last run, docs/bench.md: written by the benchmark itself, so that nobody copies a number."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.ground import ROOT
from bench.measure import Report

PAGE = ROOT / "docs" / "bench.md"
_HEAD = """# How fast it is

Made by `make bench`; do not edit. Baseline and subject take turns in one run, five rounds each after one to warm up, on a
machine that was left alone as far as it would be; a ratio is the median of the rounds. Rates and times are of the machine that it
ran on, and a machine that others use at the same time makes them worse; ratios bear more. A goal that was missed says
so.
"""
_MARK = {None: "", True: "reached", False: "**missed**"}


def write(reports: Sequence[Report], *, seed: int, commit: str, path: Path = PAGE) -> None:
    """Put the reports of a whole run down."""
    moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    ran = f"{moment}, commit `{commit}`, seed {seed}, Python {platform.python_version()}, {_cores()}"
    parts = [_HEAD, f"Last run: {ran}.\n", *(_section(report) for report in reports)]
    path.write_text("\n".join(parts), encoding="utf-8")


def _cores() -> str:
    return f"{os.cpu_count()} cores"


def _section(report: Report) -> str:
    lines = [f"## {report.workload}\n", "| what | measured | goal | |", "|---|---|---|---|"]
    lines += [f"| {one.what} | {one.measured} | {one.goal} | {_MARK[one.reached]} |" for one in report.lines]
    counts = ", ".join(f"{number:,} {what}" for what, number in report.counts.items())
    lines.append(f"\nRows: {counts}.\n")
    lines += [f"- {'holds' if held else '**broken**'}: {what}" for what, held in report.invariants.items()]
    return "\n".join(lines) + "\n"
