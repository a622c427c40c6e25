"""pytest plugin: `--conformance-report FILE` writes what came of the kit as JSON; the terminal shows each plugin's tier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

_PROPERTY = "leasehub.conformance"  # the same as `hub.testing.kit.suite.PROPERTY`, which is imported late
_FINDINGS = pytest.StashKey[list[dict[str, Any]]]()
_OPTION = "--conformance-report"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the option."""
    group = parser.getgroup("leasehub")
    group.addoption(_OPTION, metavar="FILE", type=Path, help="write what the conformance kit found as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to collect; with several workers only the process that hears all of them does."""
    if not hasattr(config, "workerinput"):
        config.stash[_FINDINGS] = []
        config.pluginmanager.register(_Collector(config), "leasehub-conformance")


class _Collector:
    """Keeps what the tests of the kit tell."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @property
    def _found(self) -> list[dict[str, Any]]:
        return self._config.stash[_FINDINGS]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test has told."""
        if report.when == "call":
            self._found.extend(value for name, value in report.user_properties if name == _PROPERTY)  # type: ignore[misc]

    def pytest_sessionfinish(self) -> None:
        """Write the report."""
        path: Path | None = self._config.getoption(_OPTION)
        if path is not None:
            from hub.testing.kit import report

            report.write(path, self._found)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where each plugin stands."""
        if not self._found:
            return
        from hub.testing.kit.report import standings

        terminalreporter.section("conformance")
        for standing in standings(self._found):
            terminalreporter.write_line(str(standing))
            for id_, reason in standing.exemptions.items():
                terminalreporter.write_line(f"    exempt from {id_}: {reason}")
