"""Whether a cluster's server process lives: its claim in `postmaster.pid` against what the kernel says (Linux).

Starting and stopping it is in `hub.infra.embedded_postgres`.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from hub.infra.postgres_binaries import DatabaseServerError

_LEAVE_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The first process of the cluster in `data`, whether or not there is one."""

    data: Path

    def lives(self) -> bool:
        """Whether the process that claims the cluster lives and works in it."""
        pid = self.pid()
        return pid is not None and _folder_of(pid) == str(self.data)

    def pid(self) -> int | None:
        """The process named in `postmaster.pid`, None when nobody has claimed the cluster."""
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def clear_away(self) -> None:
        """Make room for a new server after one that was killed; raises DatabaseServerError when it does not go.

        Its other processes linger, and itself until its parent takes note; PostgreSQL takes either for a live server.
        """
        deadline = time.monotonic() + _LEAVE_LIMIT_S
        while (zombie := _is_zombie(self.pid())) or self._anybody_works_here():
            if time.monotonic() > deadline:
                why = "nobody reaps it: run with an init (docker --init, tini)" if zombie else "its processes linger"
                raise DatabaseServerError(f"the PostgreSQL that was killed in {self.data} is not gone; {why}")
            time.sleep(0.02)
        self._forget_reused_pid()

    def _forget_reused_pid(self) -> None:
        """Remove the claim of a dead server whose number another program has now, as after a restart of a container.

        Only when no process works in the cluster: PostgreSQL would take that program for its postmaster.
        """
        if (pid := self.pid()) is not None and Path(f"/proc/{pid}").exists():
            (self.data / "postmaster.pid").unlink()

    def _anybody_works_here(self) -> bool:
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return any(_folder_of(pid) == str(self.data) for pid in pids)


def _folder_of(pid: int) -> str | None:
    """The folder a process works in: PostgreSQL's all work in their data. None for the dead and for other users'."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


def _is_zombie(pid: int | None) -> bool:
    """Whether the process is dead, and its parent has not yet taken note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except OSError:
        return False
