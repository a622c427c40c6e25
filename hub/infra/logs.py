"""Logs: one pipeline for our own lines and for everybody else's, masked before it is written, JSON or for a terminal.

What is masked, and how, is in `masking`. Nothing reaches a stream around it: lines of libraries (httpx writes whole
addresses, encode/httpx#2760) go through the same handler.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from hub.core.provider import Logger
from hub.infra.masking import masked_text, masked_value

_correlation: ContextVar[str | None] = ContextVar("correlation_id", default=None)
_QUERY = re.compile(r"\?[^\s\"'<>]*")


class LogFormat(StrEnum):
    """How a line is written: for machines or for a person at a terminal."""

    JSON = "json"
    CONSOLE = "console"


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """Mark every line, audit entry and call in this block with one id."""
    token = _correlation.set(correlation_id)
    try:
        yield
    finally:
        _correlation.reset(token)


def correlation_id() -> str | None:
    """The id of the request or job that is being worked on."""
    return _correlation.get()


def logger(name: str) -> Logger:
    """A structured logger: `logger("executor").info("call_finished", instance="psp_main")`."""
    named: Logger = structlog.stdlib.get_logger(name)
    return named


def configure(
    *, level: str = "INFO", form: LogFormat = LogFormat.JSON, stream: TextIO | None = None
) -> logging.Handler:
    """Send every line of the process, ours and the libraries', masked to `stream` (standard error); returns its handler."""
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_common()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            keep_exc_info=False,
            keep_stack_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    _take_over_others()
    return handler


# Libraries that write a line for each job or step: the rooms' rows say more.
_CHATTY = ("httpcore", "procrastinate", "alembic", "uvicorn.error")


def _take_over_others() -> None:
    """Let the lines of libraries that brought handlers of their own come to ours."""
    for name in list(logging.root.manager.loggerDict):
        other = logging.getLogger(name)
        other.handlers.clear()
        other.propagate = True
        other.setLevel(logging.NOTSET)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _common() -> list[Processor]:
    """What every line goes through; masking is last, after tracebacks have become text."""
    return [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _correlate,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        mask,
    ]


def _correlate(wrapped: WrappedLogger, method: str, line: EventDict) -> EventDict:
    current = _correlation.get()
    if current is not None:
        line.setdefault("correlation_id", current)
    return line


_OURS = frozenset({"level", "timestamp", "logger", "correlation_id", "_record", "_from_structlog", "_logger", "_name"})


def mask(wrapped: WrappedLogger, method: str, line: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Mask the event and every field of a line; of an HTTP library's addresses, the query goes whole."""
    about_http = str(line.get("logger", "")).startswith(("httpx", "httpcore", "aiohttp"))
    for name, value in list(line.items()):
        if name == "event":
            text = masked_text(str(value))
            line[name] = _QUERY.sub("?***", text) if about_http else text
        elif name not in _OURS and not isinstance(value, float):
            line[name] = masked_value(name, value)
    return line


# At import, not in `configure`: a line that is logged before, or in a test that never configures, is masked as well.
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        *_common(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=False,
)
