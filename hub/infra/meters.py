"""What this process counts and times, for Prometheus: requests, calls to providers, jobs.

Everything here is of one process; whoever scrapes adds the processes up. What stands in the database (waiting jobs,
open outcomes) is read when it is asked for, not kept here. Labels are words of ours and names that the operator gave:
never an id, a vendor's word or anything of a person.
"""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()

# Seconds. A page of the console should take 0.03, a provider may take its deadline of 15.
_REQUEST_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_CALL_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 5.0, 10.0, 15.0)
_JOB_BUCKETS = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0)

_requests = Counter(
    "leasehub_requests", "Requests by route and status", ["method", "route", "status"], registry=REGISTRY
)
_request_seconds = Histogram(
    "leasehub_request_seconds",
    "How long a request took",
    ["method", "route"],
    buckets=_REQUEST_BUCKETS,
    registry=REGISTRY,
)
_calls = Counter(
    "leasehub_provider_calls",
    "Calls to providers by how they ended",
    ["instance", "operation", "outcome"],
    registry=REGISTRY,
)
_call_seconds = Histogram(
    "leasehub_provider_call_seconds",
    "How long a call to a provider took, with what is sent again",
    ["instance", "operation"],
    buckets=_CALL_BUCKETS,
    registry=REGISTRY,
)
_jobs = Counter("leasehub_jobs", "Jobs by how they ended", ["task", "outcome"], registry=REGISTRY)
_job_seconds = Histogram(
    "leasehub_job_seconds", "How long a job took", ["task"], buckets=_JOB_BUCKETS, registry=REGISTRY
)
_held_up = Counter(
    "leasehub_loop_held_up_seconds", "How long plugins have kept everybody waiting", ["instance"], registry=REGISTRY
)

UNKNOWN_ROUTE = "(none)"  # what no route takes has one name, whatever was asked for


@cache
def _of_request(method: str, route: str, status: str) -> tuple[Counter, Histogram]:
    """What counts and what times such requests: to look them up costs as much as all else."""
    return _requests.labels(method, route, status), _request_seconds.labels(method, route)


@cache
def _of_call(instance: str, operation: str, outcome: str) -> tuple[Counter, Histogram]:
    return _calls.labels(instance, operation, outcome), _call_seconds.labels(instance, operation)


def request(method: str, route: str, status: int, seconds: float) -> None:
    """A request was answered. `route` is the template, `/contracts/{contract_id}`."""
    number, duration = _of_request(method, route, str(status))
    number.inc()
    duration.observe(seconds)


def provider_call(instance: str, operation: str, outcome: str, seconds: float) -> None:
    """A call to a provider has ended. `outcome` is the state of the call, never the vendor's own code."""
    number, duration = _of_call(instance, operation, outcome)
    number.inc()
    duration.observe(seconds)


def job(task: str, outcome: str, seconds: float) -> None:
    """A job has ended."""
    _jobs.labels(task, outcome).inc()
    _job_seconds.labels(task).observe(seconds)


def loop_held_up(instance: str, seconds: float) -> None:
    """A plugin has kept the event loop to itself for so long."""
    _held_up.labels(instance).inc(seconds)
