"""The numbers of this process and of the company for Prometheus: what was counted here, and what stands in the database.

Every process answers for itself; what comes from the database is the same whichever is asked, so take its maximum.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from hub.core.errors import NotAuthenticated
from hub.house import House
from hub.infra import job_queue
from hub.infra.access import system
from hub.infra.database import Tx, horizon_age
from hub.infra.meters import REGISTRY
from hub.integrations import call_log, inbox, validity
from hub.integrations.breaker import BreakerState
from hub.leasing.servicing import service as servicing

__all__ = ["CONTENT_TYPE_LATEST", "let_scrape", "scraped"]

# Headers that only a proxy sets: behind one, everybody seems to come from this machine.
_BY_PROXY = ("forwarded", "x-forwarded-for", "x-real-ip")
_SHUT = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}

_Labelled = Iterable[tuple[Sequence[str], float]]


def let_scrape(house: House, address: str | None, headers: Mapping[str, str]) -> None:
    """Let through whoever shows the scrape token or, where none is set, this machine alone; raises NotAuthenticated."""
    token = house.settings.metrics_token
    if token is None:
        if not _from_this_machine(address, headers):
            raise NotAuthenticated("set LEASEHUB_METRICS_TOKEN to scrape from another machine")
        return
    shown = headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(shown.encode(), token.get_secret_value().encode()):
        raise NotAuthenticated


def _from_this_machine(address: str | None, headers: Mapping[str, str]) -> bool:
    if address is None or any(name in headers for name in _BY_PROXY):
        return False
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


async def scraped(house: House) -> bytes:
    """Everything that is counted, as text."""
    async with house.database.transaction(system("metrics")) as tx:
        standing = [*_process(house), *await _company(tx)]
    return generate_latest(REGISTRY) + generate_latest(_taken(standing))


class _Once:
    """Gauges that were read a moment ago."""

    def __init__(self, gauges: Sequence[GaugeMetricFamily]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Them."""
        yield from self._gauges


def _taken(gauges: Sequence[GaugeMetricFamily]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Once(gauges))
    return registry


def _gauge(name: str, text: str, labels: Sequence[str], values: _Labelled) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"leasehub_{name}", text, labels=labels)
    for named, value in values:
        gauge.add_metric(named, value)
    return gauge


def _process(house: House) -> list[GaugeMetricFamily]:
    """How this process stands."""
    generation, pool = house.registry.current, house.database.pool()
    breakers = house.executor.breakers.standing(generation.number)
    usable = ((name, float(instance.usable)) for name, instance in generation.instances.items())
    kept = {"kept": pool.size, "in_use": pool.in_use, "overflow": pool.overflow}
    return [
        _gauge("generation", "The generation of providers that is in use", [], [([], generation.number)]),
        _gauge("provider_usable", "Whether an instance takes calls", ["instance"], (([n], one) for n, one in usable)),
        _gauge(
            "breaker",
            "Breakers of this process: 0 closed, 1 half open, 2 open",
            ["instance", "capability"],
            ((key, _SHUT[state]) for key, state in breakers.items()),
        ),
        _gauge(
            "credential_seconds_left",
            "Until a key or certificate of a provider in use no longer counts; below nothing, it has ended",
            ["instance", "credential"],
            _credential_seconds(house),
        ),
        _gauge("pool", "Connections of this process", ["state"], (([state], many) for state, many in kept.items())),
    ]


def _credential_seconds(house: House) -> _Labelled:
    now = house.database.clock.now()
    for one in validity.credentials(house.registry.current, now):
        if one.current and one.not_after is not None:
            yield [one.instance, one.name], (one.not_after - now).total_seconds()


async def _company(tx: Tx) -> list[GaugeMetricFamily]:
    """How the company stands, whichever process is asked."""
    tasks, lags = await job_queue.standing(tx), await inbox.lag(tx)
    unsettled = await call_log.unsettled(tx)
    ages = (([lag.instance], max((tx.now - lag.due_since).total_seconds(), 0.0)) for lag in lags)
    return [
        _gauge("calls_unsettled", "Calls whose outcome is not known", ["instance", "state"], unsettled.items()),
        _gauge(
            "inbox_waiting", "Callbacks to be applied", ["instance"], (([lag.instance], lag.waiting) for lag in lags)
        ),
        _gauge("inbox_lag_seconds", "For how long the oldest of them has been due", ["instance"], ages),
        _gauge("jobs_waiting", "Jobs that wait", ["task"], (([one.task], one.waiting) for one in tasks)),
        _gauge("jobs_running", "Jobs under way", ["task"], (([one.task], one.running) for one in tasks)),
        _gauge(
            "jobs_oldest_seconds", "Wait of the oldest job", ["task"], (([one.task], one.oldest_s) for one in tasks)
        ),
        _gauge("workers", "Workers that live, on all machines", [], [([], await job_queue.workers(tx))]),
        _gauge("night_left", "Accounts to close for the business date", [], [([], await servicing.night_left(tx))]),
        _gauge("horizon_age_seconds", "Age of the oldest writer of the server", [], [([], await horizon_age(tx))]),
    ]
