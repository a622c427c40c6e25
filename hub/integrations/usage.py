"""What instances have been used for lately, from the call log: how many calls, how many went wrong, how long, at what cost.

A busy day has more calls than a page may look at: a job counts them by the hour, and a page sums up the hours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, and_, func, not_, select, text

from hub.core.effects import Effect
from hub.core.money import Money
from hub.infra.access import system
from hub.infra.database import FUNCTIONAL_CURRENCY, Database, Tx
from hub.integrations.call_log import codes_in_scope, in_scope
from hub.integrations.records import InboxDelivery, ProviderCall, UsageHour
from hub.integrations.verdicts import CallState

WENT_WRONG = (CallState.REJECTED, CallState.NOT_EXECUTED, CallState.UNKNOWN, CallState.ESCALATED)
TALLY = "usage.tally"
_DAY, _AN_HOUR = timedelta(hours=24), timedelta(hours=1)
_NEWEST = 500  # calls of an instance that its median is taken of
_LOCK = 0x7A11
_OPEN = (CallState.UNKNOWN, CallState.ESCALATED, CallState.INTENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One instance. `spend` is None where no call has said what it costs, which is not the same as nothing."""

    calls: int = 0
    errors: int = 0
    median_ms: float | None = None
    spend: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """Callbacks of one instance that wait to be applied: how many, since when, and how many nobody could apply."""

    waiting: int = 0
    oldest_at: datetime | None = None
    failed: int = 0


# Of what has been counted by the hour only the last moments are looked at call by call. `codes` null: the whole company.
_USED = """
with counted as (
    select instance, sum(calls) calls, sum(errors) errors, sum(spend) spend, max(counted_at) counted_at
    from usage_hour
    where instance = any(cast(:names as text[])) and hour_at >= :since
        and (cast(:codes as text[]) is null or branch = any(cast(:codes as text[])))
    group by instance
), wanted as (
    select name, coalesce(counted_at, :since) as since, calls, errors, spend
    from unnest(cast(:names as text[])) as name left join counted on instance = name
)
select name, coalesce(w.calls, 0) + f.calls, coalesce(w.errors, 0) + f.errors, n.median,
    case when w.spend is not null or f.spend is not null then coalesce(w.spend, 0) + coalesce(f.spend, 0) end
from wanted w
cross join lateral (
    select count(*) calls, count(*) filter (where state = any(cast(:wrong as text[]))) errors, sum(cost_amount) spend
    from provider_call c
    where c.instance = w.name and c.created_at >= w.since
        and (cast(:codes as text[]) is null or c.branch = any(cast(:codes as text[])))
) f
cross join lateral (
    select percentile_cont(0.5) within group (order by duration_ms) median
    from (
        select duration_ms, branch from provider_call c
        where c.instance = w.name and c.created_at >= :since order by c.created_at desc limit :newest
    ) newest
    where cast(:codes as text[]) is null or branch = any(cast(:codes as text[]))
) n
"""

_COUNT_HOUR = """
insert into usage_hour (instance, branch, hour_at, calls, errors, spend, open_calls, counted_at)
select instance, coalesce(branch, ''), :hour_at, count(*), count(*) filter (where state = any(cast(:wrong as text[]))),
    sum(cost_amount), count(*) filter (where reconcile_at is not null or state = 'escalated'), :until
from provider_call
where instance = any(cast(:names as text[])) and created_at >= :hour_at and created_at < least(:until, :end_at)
group by instance, coalesce(branch, '')
on conflict (instance, branch, hour_at) do update set calls = excluded.calls, errors = excluded.errors,
    spend = excluded.spend, open_calls = excluded.open_calls, counted_at = excluded.counted_at
"""
_FORGET = "delete from usage_hour where hour_at < :hour_at"


async def usage(tx: Tx, *, instances: Collection[str], since: datetime) -> Mapping[str, Usage]:
    """The usage of these instances since the beginning of that hour, as far as the actor sees their calls.

    The median is that of the newest calls. An instance that was not called is left out.
    """
    codes = await codes_in_scope(tx)
    given = {"names": list(instances), "since": _hour(since), "codes": codes, "wrong": list(WENT_WRONG)}
    rows = await tx.execute(text(_USED), given | {"newest": _NEWEST})
    return {
        name: Usage(
            calls=calls,
            errors=errors,
            median_ms=median,
            spend=None if spend is None else Money.of(spend, FUNCTIONAL_CURRENCY),
        )
        for name, calls, errors, median, spend in rows
        if calls
    }


async def tally(database: Database, instances: Collection[str]) -> int:
    """Count the calls of the hours in which something may have changed, for `usage` to sum up; takes nothing on.

    Those are the hours since the last time and the one before, and each of the last day with a call that is still open.
    """
    async with database.transaction(system("usage")) as tx:
        if not await tx.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
            return 0
        this, oldest = _hour(tx.now), _hour(tx.now - _DAY)
        last = await tx.scalar(select(func.max(UsageHour.counted_at)).where(UsageHour.hour_at >= oldest))
        hour = oldest if last is None else max(oldest, _hour(last) - _AN_HOUR)
        unsettled = select(UsageHour.hour_at).where(UsageHour.hour_at >= oldest, UsageHour.open_calls > 0)
        hours = set(await tx.scalars(unsettled.distinct()))
        while hour <= this:
            hours.add(hour)
            hour += _AN_HOUR
        given = {"names": list(instances), "until": tx.now, "wrong": list(WENT_WRONG)}
        for one in sorted(hours):
            await tx.execute(text(_COUNT_HOUR), given | {"hour_at": one, "end_at": one + _AN_HOUR})
        await tx.execute(text(_FORGET), {"hour_at": oldest})
    return 0


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


async def unknowns_by_instance(tx: Tx) -> Mapping[str, int]:
    """How many calls of each instance have an outcome that nobody knows, whenever they were made."""
    mere_look = and_(ProviderCall.effect == Effect.READ, ProviderCall.reconcile_at.is_(None))
    query: Select[str | None, int] = (
        select(ProviderCall.instance, func.count())
        .where(ProviderCall.state.in_(_OPEN), not_(mere_look), ProviderCall.instance.is_not(None))
        .group_by(ProviderCall.instance)
    )
    return {name: number for name, number in await tx.execute(await in_scope(tx, query)) if name is not None}


async def inbox_lag(tx: Tx) -> Mapping[str, Lag]:
    """The callbacks of each instance that wait or could not be applied."""
    waits = InboxDelivery.apply_at.is_not(None)
    rows = await tx.execute(
        select(
            InboxDelivery.instance,
            func.count().filter(waits),
            func.min(InboxDelivery.received_at).filter(waits),
            func.count().filter(InboxDelivery.state == "failed"),
        )
        .where(waits | (InboxDelivery.state == "failed"))
        .group_by(InboxDelivery.instance)
    )
    return {name: Lag(waiting=waiting, oldest_at=oldest, failed=failed) for name, waiting, oldest, failed in rows}
