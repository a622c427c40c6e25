"""Whether a cluster's server process lives: its claims in lock files against what the kernel says (Linux).

Starting and stopping it is in `hub.infra.embedded_postgres`.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from hub.infra.postgres_binaries import DatabaseServerError

SOCKET_NAME = ".s.PGSQL.5432"
_LEAVE_LIMIT_S = 5.0


class _Process(Enum):
    """What has a process number now."""

    NONE = auto()
    OURS = auto()  # it works in the cluster's data, as all of PostgreSQL's processes do
    DYING = auto()  # killed, and not gone until its parent takes note
    ANOTHER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmaster:
    """The first process of the cluster in `data`, whether or not there is one."""

    data: Path
    socket_dir: Path

    def lives(self) -> bool:
        """Whether the process that claims the cluster works in it."""
        return self._has(self.pid()) is _Process.OURS

    def pid(self) -> int | None:
        """The process that claims the cluster, None when nobody has."""
        return _pid_in(self.data / "postmaster.pid")

    def clear_away(self) -> None:
        """Make room for a new server after one that was killed; raises DatabaseServerError when it does not go.

        PostgreSQL refuses to start beside what is left of a server: its other processes, or itself, which stays in
        the process table until its parent has taken note of its death.
        """
        deadline = time.monotonic() + _LEAVE_LIMIT_S
        while (dying := self._has(self.pid()) is _Process.DYING) or self._anybody_works_here():
            if time.monotonic() > deadline:
                why = "nobody reaps it: run with an init (docker --init, tini)" if dying else "its processes linger"
                raise DatabaseServerError(f"the PostgreSQL that was killed in {self.data} is not gone; {why}")
            time.sleep(0.02)
        self._drop_claims()

    def _drop_claims(self) -> None:
        """Remove a dead server's claims when another program has its number now, as after a container's restart.

        Only when no process works in the cluster: PostgreSQL would take that program for its postmaster.
        """
        for claim in (self.data / "postmaster.pid", self.socket_dir / f"{SOCKET_NAME}.lock"):
            if self._has(_pid_in(claim)) is _Process.ANOTHER:
                claim.unlink()

    def _anybody_works_here(self) -> bool:
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return any(self._has(pid) is _Process.OURS for pid in pids)

    def _has(self, pid: int | None) -> _Process:
        """What has this number now."""
        process = Path(f"/proc/{pid}")
        if pid is None or not process.exists():
            return _Process.NONE
        try:
            return _Process.OURS if os.readlink(process / "cwd") == str(self.data) else _Process.ANOTHER
        except PermissionError:
            return _Process.ANOTHER  # of another user
        except OSError:
            return _Process.DYING if process.exists() else _Process.NONE


def _pid_in(claim: Path) -> int | None:
    try:
        return int(claim.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
