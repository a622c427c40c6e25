"""The order in which calls try the instances of a capability: that of hub.toml until an operator wants another.

Only the default order is changed: who is in it, the rules for some calls and the strategy stay with the configuration.
Every process takes it up with its next generation, as it does a switch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.provider import Capability
from hub.infra import audit
from hub.infra.database import Tx
from hub.integrations import switches
from hub.integrations.generation import Generation
from hub.integrations.records import ProviderOrder
from hub.integrations.routing import Routes, Strategy, in_order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """The order that an operator wants of a capability: who wanted it, when and why."""

    instances: tuple[str, ...]
    changed_at: datetime
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """The default order of a capability as it stands, that of hub.toml, and who has changed it if somebody has."""

    capability: Capability
    strategy: Strategy
    order: tuple[str, ...]
    configured: tuple[str, ...]
    changed: OrderView | None

    @property
    def may_change(self) -> bool:
        """Whether another order would change anything."""
        return self.strategy is Strategy.PRIORITY and len(self.configured) > 1


async def orders(tx: Tx) -> Mapping[Capability, tuple[str, ...]]:
    """What operators want: what `Registry.reload` must be told."""
    return {capability: view.instances for capability, view in (await standings(tx)).items()}


async def standings(tx: Tx) -> Mapping[Capability, OrderView]:
    """Every order that differs from the configuration, with who wanted it."""
    return {
        Capability(row.capability): OrderView(
            instances=tuple(row.instances), changed_at=row.changed_at, actor=row.actor, reason=row.reason
        )
        for row in await tx.scalars(sa.select(ProviderOrder))
    }


async def routes(tx: Tx, generation: Generation) -> list[RouteView]:
    """The default order of every capability that has one, as it stands."""
    wanted = await standings(tx)
    return [_view(capability, found, wanted.get(capability)) for capability, found in generation.configured.items()]


def _view(capability: Capability, configured: Routes, changed: OrderView | None) -> RouteView:
    return RouteView(
        capability=capability,
        strategy=configured.strategy,
        order=in_order(configured, changed.instances if changed else ()).default,
        configured=configured.default,
        changed=changed,
    )


async def route(tx: Tx, generation: Generation, capability: Capability) -> RouteView:
    """The default order of one capability; raises NotFound when hub.toml gives it no route."""
    found = [one for one in await routes(tx, generation) if one.capability is capability]
    if not found:
        raise NotFound("route", capability)
    return found[0]


async def change(
    tx: Tx,
    generation: Generation,
    capability: Capability,
    order: Sequence[str] | None,
    *,
    reason: str,
    seen: Sequence[str] | None = None,
) -> None:
    """Have new calls try the instances in this order; None, or the order of hub.toml, goes back to the configuration.

    `seen` is the order that whoever decides has looked at: Conflict when it is another by now. Raises RuleBroken where
    calls are given out by weight or cost, InvalidInput for an order that does not name each instance once.
    """
    now = await route(tx, generation, capability)
    if now.strategy is not Strategy.PRIORITY:
        raise RuleBroken("order_decides_nothing", capability=capability)
    if not reason.strip():
        raise InvalidInput("reason", "say why, for whoever finds it changed")
    wanted = now.configured if order is None else tuple(order)
    if sorted(wanted) != sorted(now.configured):
        raise InvalidInput("order", f"must name each of these once: {', '.join(now.configured)}")
    if seen is not None and tuple(seen) != now.order:
        raise Conflict("order_changed_meanwhile")
    await _put(tx, now, wanted, reason)
    await switches.wake_everybody(tx)
    await audit.record(
        tx,
        action="provider.order_reset" if wanted == now.configured else "provider.order_changed",
        subject="capability",
        subject_id=capability,
        detail={"before": list(now.order), "after": list(wanted), "reason": reason},
    )


async def _put(tx: Tx, now: RouteView, wanted: tuple[str, ...], reason: str) -> None:
    if wanted == now.configured:
        await tx.execute(sa.delete(ProviderOrder).where(ProviderOrder.capability == now.capability))
        return
    values = {"instances": list(wanted), "changed_at": tx.now, "actor": tx.actor.name, "reason": reason}
    put = insert(ProviderOrder).values(capability=now.capability, **values)
    await tx.execute(put.on_conflict_do_update(index_elements=["capability"], set_=values))
