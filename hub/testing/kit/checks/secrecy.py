"""Silver: neither a secret nor a person stands in an error or a log line."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from hub.core.provider import Credential
from hub.testing.kit.bench import Bench
from hub.testing.kit.catalogue import NotApplicable, Tier, check, require
from hub.testing.kit.line import Trouble
from hub.testing.kit.samples import PERSONAL

_TROUBLES = (Trouble.AUTH, Trouble.REJECTED, Trouble.ERROR_AFTER, Trouble.GARBAGE, Trouble.DROP_AFTER, Trouble.REFUSED)


@check(
    "secrecy.errors",
    Tier.SILVER,
    "Errors are stored with the call, shown to operators and written to logs that leave the house.",
)
async def errors(bench: Bench) -> None:
    """No error carries a secret, not even in its causes, nor a name, number or address of a person."""
    for spec in bench.operations:
        for trouble in _TROUBLES:
            error = (await bench.attempt(spec.name, trouble)).error
            if error is not None:
                told = f"{error!s} {error!r} {getattr(error, 'detail', '')}"
                _silent(told, PERSONAL, f"{spec.name} after {trouble.value}: the error tells of a person")
                whole = "".join(traceback.format_exception(error))
                _silent(whole, bench.secrets(), f"{spec.name} after {trouble.value}: the error shows a secret")


@check(
    "secrecy.logs",
    Tier.SILVER,
    "A log is read by more people than any page of the system, and kept longer.",
)
async def logs(bench: Bench) -> None:
    """No log line carries a secret or a person: neither of the context's logger nor of any other."""
    with _everything_logged() as lines:
        for spec in bench.operations:
            for trouble in (None, *_TROUBLES):
                await bench.attempt(spec.name, trouble)
    told = "\n".join([*lines, *(f"{event} {fields}" for event, fields in bench.log.lines)])
    _silent(told, (*bench.secrets(), *PERSONAL), "a log line shows a secret or a person")


@check(
    "secrecy.credentials",
    Tier.SILVER,
    "An operator must see in time which certificate ends, and must not see the key.",
)
async def credentials(bench: Bench) -> None:
    """What the plugin names of its credentials is a tuple of them, each under the name of a setting, with a time zone
    at its end, and without any secret in it."""
    named = bench.implemented.get("provider_credentials")
    if named is None:
        raise NotApplicable("it names no credential")
    found = named()
    right = isinstance(found, tuple) and all(isinstance(one, Credential) for one in found)
    require(right, "provider_credentials must give a tuple of Credential")
    settings = bench.rig.descriptor.settings.model_fields
    for one in found:
        require(one.name.partition(".")[0] in settings, f"{one.name}: no setting is called so")
        aware = one.not_after is None or one.not_after.tzinfo is not None
        require(aware, f"{one.name}: its end carries no time zone")
    _silent(repr(found), bench.secrets(), "a credential shows its secret")


def _silent(told: str, words: tuple[str, ...], otherwise: str) -> None:
    require(not any(word in told for word in words), otherwise)


@contextmanager
def _everything_logged() -> Iterator[list[str]]:
    """Every line of every logger of the process, down to the least."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, handler = logging.getLogger(), Kept(level=logging.DEBUG)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
