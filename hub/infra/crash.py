"""The crash seam: a named place where a test can kill the process; a no-op in production."""

from __future__ import annotations

import os
import signal

_VARIABLE = "LEASEHUB_CRASH_AT"


def crash_point(name: str) -> None:
    """Die here, as by kill -9, when the environment names this point in `LEASEHUB_CRASH_AT`; otherwise do nothing."""
    if os.environ.get(_VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
