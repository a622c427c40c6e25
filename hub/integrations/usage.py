"""What instances have been used for lately, from the call log: how many calls, how many went wrong, how long, at what cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, func, not_, select

from hub.core.effects import Effect
from hub.core.money import Money
from hub.infra.database import Tx
from hub.integrations.call_log import in_scope
from hub.integrations.records import InboxDelivery, ProviderCall
from hub.integrations.verdicts import CallState

WENT_WRONG = (CallState.REJECTED, CallState.NOT_EXECUTED, CallState.UNKNOWN, CallState.ESCALATED)
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


async def usage(tx: Tx, *, since: datetime) -> Mapping[str, Usage]:
    """The usage of each instance that was called since then, as far as the actor sees its calls."""
    wrong = ProviderCall.state.in_(WENT_WRONG)
    counted = (
        select(
            ProviderCall.instance,
            func.count(),
            func.count().filter(wrong),
            func.percentile_cont(0.5).within_group(ProviderCall.duration_ms),
            func.sum(ProviderCall.cost_amount),
        )
        .where(ProviderCall.created_at >= since, ProviderCall.instance.is_not(None))
        .group_by(ProviderCall.instance)
    )
    rows = await tx.execute(await in_scope(tx, counted))
    return {
        name: Usage(calls=calls, errors=errors, median_ms=median, spend=spend)
        for name, calls, errors, median, spend in rows
    }


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
