"""Traces, for whoever collects them: off, and OpenTelemetry not even imported, until an address to send them to is set.

A span has names that we gave (a route's template, an operation, a task) and outcomes. No address, body, key or text of
an error goes into one: what may be personal stays in the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from hub.core.errors import Misconfigured
from hub.infra.logs import correlation_id

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Tracer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_NAME = "leasehub"
_PARENT = "traceparent"  # Source: W3C Trace Context, 3.2

_tracer: Tracer | None = None
_provider: TracerProvider | None = None


class Span:
    """One span, or none when nobody collects them."""

    def __init__(self, inner: Any = None) -> None:
        self._inner = inner

    def note(self, name: str, value: str | int) -> None:
        """Add what is known only later."""
        if self._inner is not None:
            self._inner.set_attribute(name, value)

    def rename(self, name: str) -> None:
        """Give it its name, once it is known."""
        if self._inner is not None:
            self._inner.update_name(name)

    def failed(self, kind: str) -> None:
        """Say that it failed, and with which kind of error."""
        if self._inner is not None:
            from opentelemetry.trace import Status, StatusCode

            self._inner.set_attribute("error.type", kind)
            self._inner.set_status(Status(StatusCode.ERROR))


_NO_SPAN = nullcontext(Span())


def start(environment: Mapping[str, str]) -> None:
    """Send traces from now on, if the environment says where to; the rest of OpenTelemetry's variables hold as well."""
    if not environment.get(ENDPOINT):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise Misconfigured(
            f"{ENDPOINT} is set, and OpenTelemetry is not installed: install leasehub[telemetry]"
        ) from None
    send_through(BatchSpanProcessor(OTLPSpanExporter()))


def send_through(processor: SpanProcessor) -> None:
    """Hand every span to this processor from now on: the seam for tests."""
    global _tracer, _provider
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider

    _provider = TracerProvider(resource=Resource.create().merge(Resource({SERVICE_NAME: _NAME})))
    _provider.add_span_processor(processor)
    _tracer = _provider.get_tracer(_NAME)


def stop() -> None:
    """Send what waits, and no more."""
    global _tracer, _provider
    if _provider is not None:
        _provider.shutdown()
    _tracer, _provider = None, None


def span(name: str, *, parent: str | None = None, **attributes: str | int) -> AbstractContextManager[Span]:
    """A span around the block, below the one around it or below `parent`, a W3C traceparent from elsewhere."""
    return _NO_SPAN if _tracer is None else _collected(_tracer, name, parent, attributes)


@contextmanager
def _collected(tracer: Tracer, name: str, parent: str | None, attributes: Mapping[str, str | int]) -> Iterator[Span]:
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    if (correlation := correlation_id()) is not None:
        named["leasehub.correlation_id"] = correlation
    # An error's own text may name a person: only its kind is kept.
    around = tracer.start_as_current_span(
        name, context=_context(parent), attributes=named, record_exception=False, set_status_on_exception=False
    )
    with around as inner:
        one = Span(inner)
        try:
            yield one
        except BaseException as error:
            one.failed(type(error).__name__)
            raise


def traceparent() -> str | None:
    """What names the present span elsewhere; None when nobody collects."""
    if _tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carried: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carried)
    return carried.get(_PARENT)


def _context(parent: str | None) -> Any:
    if parent is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({_PARENT: parent})
