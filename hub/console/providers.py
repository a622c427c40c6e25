"""The desk of providers: who does what for the company, in which order, how they are, and what an operator can do about it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.actions import Action
from hub.console.forms import Field, Kind, Option, Values
from hub.console.i18n import N_
from hub.console.page import Column, Fact, Look, spreadsheet
from hub.console.subject import Alert, Subject, Tab, add_subject, found
from hub.console.visit import Visit, visiting
from hub.core.hookspecs import OPERATIONS
from hub.core.provider import Capability
from hub.infra import audit
from hub.infra.access import Permission as P
from hub.infra.clock import BUSINESS_ZONE
from hub.infra.paging import Window
from hub.integrations import orders, secret_files, switches, usage, validity
from hub.integrations.breaker import BreakerState
from hub.integrations.generation import Instance
from hub.integrations.orders import RouteView
from hub.integrations.plugins import HEALTH, ProviderState
from hub.integrations.routing import Condition, Routes, Strategy, ordered
from hub.integrations.switches import SwitchView
from hub.integrations.usage import Lag, Usage
from hub.integrations.validity import CredentialView, Validity

router = APIRouter()
_DAY = timedelta(hours=24)
# What plugins say of the personal data that leaves the house with them; each is said by its label.
PERSONAL_DATA = (
    N_("Bank account"),
    N_("Company number"),
    N_("Contract"),
    N_("Contract number"),
    N_("Email"),
    N_("Identity number"),
    N_("Text of messages"),
    N_("Name"),
    N_("None"),
    N_("The hub's own id of a customer"),
    N_("Payment account"),
    N_("Phone"),
    N_("Plate"),
    N_("Whereabouts"),
)
_BREAKER_SAYS = {
    BreakerState.CLOSED: (N_("Calls pass"), "ok"),
    BreakerState.OPEN: (N_("Calls are held back"), "bad"),
    BreakerState.HALF_OPEN: (N_("One call is tried"), "warn"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """An instance with how it was switched and what it has been used for."""

    instance: Instance
    switched: SwitchView | None = None
    usage: Usage = field(default_factory=Usage)
    unknowns: int = 0
    breaker: BreakerState = BreakerState.CLOSED
    lag: Lag = field(default_factory=Lag)

    @property
    def name(self) -> str:
        """What the instance is called in hub.toml."""
        return self.instance.name

    @property
    def is_on(self) -> bool:
        """Whether it is meant to take calls."""
        return self.instance.enabled and (self.switched is None or self.switched.enabled)

    @property
    def is_held(self) -> bool:
        """Whether this process keeps calls from it, for the last ones failed."""
        return self.is_on and self.breaker is not BreakerState.CLOSED

    @property
    def is_following(self) -> bool:
        """Whether this process has still to take up a switch: it does so within seconds."""
        return self.is_on is (self.instance.state is ProviderState.DISABLED)

    @property
    def state(self) -> ProviderState:
        """How it stands, the switch before anything else."""
        return self.instance.state if self.is_on else ProviderState.DISABLED

    @property
    def reason(self) -> str:
        """Why it stands so."""
        if not self.is_on and self.instance.enabled and self.switched is not None:
            return self.switched.reason
        return self.instance.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The providers of one capability, those of its route first and in its order; None: of no capability."""

    capability: Capability | None
    rows: Sequence[tuple[int | None, ProviderView]]
    route: RouteView | None = None

    def moved(self, name: str, by: int) -> str:
        """The order with one of them moved, as an address says it; `""` where it cannot move so."""
        return moved(self.route.order, name, by) if self.route is not None and self.route.may_change else ""


def moved(order: Sequence[str], name: str, by: int) -> str:
    """An order with one of them moved by so many places, as an address says it; `""` where it cannot move so."""
    if name not in order or not 0 <= order.index(name) + by < len(order):
        return ""
    others = [one for one in order if one != name]
    others.insert(order.index(name) + by, name)
    return ",".join(others)


async def views_of(visit: Visit) -> Mapping[str, ProviderView]:
    """Every provider by its name, with how it stands and what it was used for."""
    tx, generation = visit.tx, visit.house.registry.current
    shut = {
        name: state
        for (name, _), state in visit.house.executor.breakers.standing(generation.number).items()
        if state is not BreakerState.CLOSED
    }
    switched = await switches.standings(tx)
    used = await usage.usage(tx, instances=generation.instances, since=tx.now - _DAY)
    unknowns = await usage.unknowns_by_instance(tx)
    lags = await usage.inbox_lag(tx) if visit.actor.branches is None else {}
    return {
        name: ProviderView(
            instance=instance,
            switched=switched.get(name),
            usage=used.get(name, Usage()),
            unknowns=unknowns.get(name, 0),
            breaker=shut.get(name, BreakerState.CLOSED),
            lag=lags.get(name, Lag()),
        )
        for name, instance in generation.instances.items()
    }


def sections(routes: Sequence[RouteView], views: Mapping[str, ProviderView]) -> list[Section]:
    """Every provider under each of its capabilities, as calls would try them."""
    by_capability = {one.capability: one for one in routes}
    made = [_section(capability, by_capability.get(capability), views) for capability in Capability]
    idle = [(None, view) for view in views.values() if not view.instance.capabilities]
    made.append(Section(capability=None, rows=idle))
    return [section for section in made if section.rows]


def _section(capability: Capability, route: RouteView | None, views: Mapping[str, ProviderView]) -> Section:
    routed = route.order if route else ()
    rows: list[tuple[int | None, ProviderView]] = [(place, views[name]) for place, name in enumerate(routed, start=1)]
    others = [view for view in views.values() if capability in view.instance.capabilities and view.name not in routed]
    rows += [(None, view) for view in others]
    return Section(capability=capability, rows=rows, route=route)


@router.get("/providers", name="Providers")
async def providers(visit: Visit = visiting(P.PROVIDERS_READ)) -> Response:
    """Every provider by what it does, and every plugin that is installed or allowed."""
    generation = visit.house.registry.current
    return visit.page(
        "providers.html",
        title=N_("Providers"),
        sections=sections(await orders.routes(visit.tx, generation), await views_of(visit)),
        plugins=generation.plugins,
        may_switch=visit.actor.may(P.PROVIDERS_WRITE),
    )


_COLUMNS: tuple[Column[tuple[Section, int | None, ProviderView]], ...] = (
    Column(label=N_("Capability"), value=lambda row: row[0].capability, look=Look.WORD),
    Column(label=N_("Place"), value=lambda row: row[1], look=Look.NUMBER),
    Column(label=N_("Provider"), value=lambda row: row[2].name, look=Look.NAME),
    Column(label=N_("Distribution"), value=lambda row: row[2].instance.distribution, look=Look.NAME),
    Column(label=N_("Version"), value=lambda row: row[2].instance.version, look=Look.NAME),
    Column(label=N_("Mode"), value=lambda row: row[2].instance.mode, look=Look.WORD),
    Column(label=N_("State"), value=lambda row: row[2].state, look=Look.STATE),
    Column(label=N_("Reason"), value=lambda row: row[2].reason, look=Look.NAME),
    Column(label=N_("Calls, 24 h"), value=lambda row: row[2].usage.calls, look=Look.NUMBER),
    Column(label=N_("Errors, 24 h"), value=lambda row: row[2].usage.errors, look=Look.NUMBER),
    Column(label=N_("Median latency"), value=lambda row: duration(row[2].usage.median_ms)),
    Column(label=N_("Spend, 24 h"), value=lambda row: row[2].usage.spend, look=Look.MONEY),
    Column(label=N_("Unknown outcomes"), value=lambda row: row[2].unknowns, look=Look.NUMBER),
)


@router.get("/providers.csv", name="Providers as CSV")
async def providers_as_csv(visit: Visit = visiting(P.PROVIDERS_READ)) -> Response:
    """The same providers as a spreadsheet opens them."""
    routes = await orders.routes(visit.tx, visit.house.registry.current)
    made = sections(routes, await views_of(visit))
    rows = [(section, place, view) for section in made for place, view in section.rows]
    await audit.record(visit.tx, action="list.exported", subject="list", subject_id="providers", detail={})
    return spreadsheet(visit, "providers", _COLUMNS, rows)


# One provider


async def _load(visit: Visit, name: str) -> ProviderView:
    return found((await views_of(visit)).get(name), "provider", name)


async def _facts(visit: Visit, view: ProviderView) -> Sequence[Fact]:
    one, used, calls = view.instance, view.usage, f"/calls?instance={view.name}"
    return (
        Fact(label=N_("Calls, 24 h"), value=used.calls, look=Look.NUMBER, href=calls),
        Fact(label=N_("Errors, 24 h"), value=used.errors, look=Look.NUMBER),
        Fact(label=N_("Median latency"), value=duration(used.median_ms)),
        Fact(label=N_("Spend, 24 h"), value=used.spend, look=Look.MONEY),
        Fact(label=N_("Unknown outcomes"), value=view.unknowns, look=Look.NUMBER),
        Fact(label=N_("Callbacks that wait"), value=view.lag.waiting, look=Look.NUMBER),
        Fact(label=N_("Plugin"), value=one.plugin, look=Look.CODE),
        Fact(label=N_("Distribution"), value=one.distribution, look=Look.NAME),
        Fact(label=N_("Version"), value=one.version, look=Look.NAME),
        Fact(label=N_("Contract version"), value=one.descriptor.contract if one.descriptor else None, look=Look.NAME),
        Fact(label=N_("Mode"), value=one.mode, look=Look.WORD),
        Fact(label=N_("The hub needs it to start"), value=N_("Yes") if one.required else N_("No")),
    )


def duration(ms: float | None) -> str | None:
    """Milliseconds as people read them."""
    return None if ms is None else f"{round(ms)} ms"


_ENDS = {
    Validity.ENDS_SOON: (N_("%(name)s counts until %(day)s. Ask the vendor for its successor."), "warn"),
    Validity.ENDED: (N_("%(name)s has counted until %(day)s."), "bad"),
}


def _papers(visit: Visit, name: str) -> list[CredentialView]:
    found = validity.credentials(visit.house.registry.current, visit.tx.now)
    return [one for one in found if one.instance == name]


def _ending(visit: Visit, name: str) -> list[Alert]:
    alerts = []
    for one in validity.warned_of(_papers(visit, name)):
        text, tone = _ENDS[one.validity]
        day = one.not_after.astimezone(BUSINESS_ZONE).date().isoformat() if one.not_after else ""
        parts = {"name": one.name, "day": day}
        alerts.append(Alert(text=text, parts=parts, tone=tone, href=f"/providers/{name}/settings"))
    return alerts


def _held(view: ProviderView) -> list[Alert]:
    """What to do about a provider from which calls are kept; each leads to where it is done."""
    if not view.is_held:
        return []
    here = f"/providers/{view.name}"
    return [
        Alert(
            text=N_("Calls are held back: too many of the last ones failed. See what went wrong."),
            tone="bad",
            href=f"/calls?instance={view.name}",
        ),
        Alert(
            text=N_(
                "After half a minute one call is let through; a good answer opens the way. Ask it now with a test call."
            ),
            href=f"{here}/do/test",
        ),
        Alert(
            text=N_(
                "Meanwhile calls go to the next provider in the order. Put another one first, or switch this one off."
            ),
            href="/providers",
        ),
    ]


async def _alerts(visit: Visit, view: ProviderView) -> Sequence[Alert]:
    alerts = [*_held(view), *_ending(visit, view.name)]
    if not view.is_on and view.switched is not None and not view.switched.enabled:
        parts = {"who": view.switched.actor, "why": view.switched.reason}
        alerts.append(Alert(text=N_("Switched off by %(who)s: %(why)s"), parts=parts))
    elif view.instance.reason and not view.is_following:
        alerts.append(Alert(text="%(why)s", parts={"why": view.instance.reason}, tone="bad"))
    if view.is_following:
        alerts.append(Alert(text=N_("It was just switched; every process follows within seconds."), tone="info"))
    if view.unknowns:
        alerts.append(
            Alert(
                text=N_("Outcomes that nobody knows: %(number)s. See them in the call log."),
                parts={"number": view.unknowns},
                href=f"/calls?instance={view.name}&state=unknown",
            )
        )
    if view.lag.failed:
        alerts.append(
            Alert(
                text=N_("Callbacks that could not be applied: %(number)s."),
                parts={"number": view.lag.failed},
                href=f"/callbacks?instance={view.name}&state=failed",
            )
        )
    return alerts


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLine:
    """One way by which calls come to a provider: `place` in the order, and for which calls; none means all."""

    capability: Capability
    place: int
    of: int
    strategy: Strategy
    when: Condition | None = None


def routes_of(routes: Mapping[Capability, Routes], name: str) -> list[RouteLine]:
    """Every route and rule that names an instance."""
    lines = []
    for capability, ways in routes.items():
        for when, order in [(None, ways.default), *((rule.when, rule.use) for rule in ways.rules)]:
            if name in order:
                lines.append(
                    RouteLine(
                        capability=capability,
                        place=order.index(name) + 1,
                        of=len(order),
                        strategy=ways.strategy,
                        when=when,
                    )
                )
    return lines


async def _overview(visit: Visit, view: ProviderView) -> Mapping[str, Any]:
    registry, breakers = visit.house.registry, visit.house.executor.breakers
    number = registry.current.number
    standing = ordered(registry.current.configured, await orders.orders(visit.tx))
    capabilities = sorted(view.instance.capabilities)
    wanted = {"subject": "provider", "subject_id": view.name, "action": "provider.health_asked"}
    return {
        "routes": routes_of(standing, view.name),
        "breakers": [(one, *_BREAKER_SAYS[breakers.state(view.name, one, number)]) for one in capabilities],
        "tests": (await audit.page(visit.tx, Window(filters=wanted, limit=5))).rows,
        "personal_data": sorted(view.instance.descriptor.data_categories) if view.instance.descriptor else [],
    }


async def _settings(visit: Visit, view: ProviderView) -> Mapping[str, Any]:
    return {"may_replace": visit.actor.may(P.PROVIDERS_WRITE), "papers": _papers(visit, view.name)}


async def _operations(visit: Visit, view: ProviderView) -> Mapping[str, Any]:
    offered = sorted(view.instance.operations.items())
    return {
        "operations": [
            (OPERATIONS[name], one.facts, span(one.facts.key_lifetime), span(one.facts.settle_window))
            for name, one in offered
            if name != HEALTH
        ]
    }


def span(length: timedelta | None) -> str | None:
    """A length of time in the largest unit that says it whole."""
    if length is None:
        return None
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


# What can be done


async def _switch_off(visit: Visit, view: ProviderView, values: Values) -> str | None:
    await switches.switch(visit.tx, view.name, enabled=False, reason=values["reason"])
    return None


async def _switch_on(visit: Visit, view: ProviderView, values: Values) -> str | None:
    await switches.switch(visit.tx, view.name, enabled=True, reason=values["reason"])
    return None


async def _replace_secret(visit: Visit, view: ProviderView, values: Values) -> str | None:
    await secret_files.replace_secret(
        visit.tx, visit.house.registry, instance=view.name, setting=values["setting"], value=values["value"]
    )
    return f"/providers/{view.name}/settings"


async def _secret_fields(visit: Visit, view: ProviderView) -> Sequence[Field]:
    options = [
        Option(value=card.name, label=f"{card.name} · {card.place}", is_name=True)
        for card in view.instance.settings
        if card.can_be_replaced
    ]
    start = options[0].value if len(options) == 1 else ""
    return (
        Field(name="setting", label=N_("Setting"), kind=Kind.CHOICE, options=options, start=start),
        Field(name="value", label=N_("New secret"), kind=Kind.PASSWORD, longest=10_000),
    )


async def _reload(visit: Visit, view: ProviderView, values: Values) -> str | None:
    await switches.ask_for_reload(visit.tx)
    return None


async def _test(visit: Visit, view: ProviderView, values: Values) -> str | None:
    began = time.perf_counter()
    asked = await visit.house.registry.ask_health(view.name)
    took_ms = round((time.perf_counter() - began) * 1000)
    async with visit.transaction() as tx:
        await audit.record(
            tx,
            action="provider.health_asked",
            subject="provider",
            subject_id=view.name,
            detail={"state": asked.state.value, "reason": asked.reason, "took_ms": took_ms},
        )
    return None


def _not_off(view: ProviderView) -> str | None:
    if not view.instance.enabled:
        return N_("It is switched off in hub.toml; switch it on there.")
    return None if view.is_on else N_("It is switched off already.")


def _not_on(view: ProviderView) -> str | None:
    if not view.instance.enabled:
        return N_("It is switched off in hub.toml; switch it on there.")
    return N_("It is switched on already.") if view.is_on else None


def _no_secret(view: ProviderView) -> str | None:
    if any(card.can_be_replaced for card in view.instance.settings):
        return None
    return N_('None of its secrets is kept in a file: write { file = "…" } for it in hub.toml.')


def _no_health(view: ProviderView) -> str | None:
    if HEALTH in view.instance.operations:
        return None
    return N_("It could not be set up, so there is nobody to ask.")


PROVIDER: Subject[ProviderView] = Subject(
    path="/providers",
    kind="provider",
    noun=N_("Provider"),
    plural=N_("Providers"),
    permission=P.PROVIDERS_READ,
    ref=str,
    load=_load,
    id_of=lambda view: view.name,
    title=lambda view: view.name,
    state=lambda view: view.state,
    facts=_facts,
    alerts=_alerts,
    tabs=(
        Tab(key="overview", label=N_("Overview"), template="provider_overview_tab.html", load=_overview),
        Tab(key="settings", label=N_("Settings"), template="provider_settings_tab.html", load=_settings),
        Tab(key="operations", label=N_("What it can do"), template="provider_operations_tab.html", load=_operations),
    ),
    actions=(
        Action(
            key="test",
            label=N_("Test call"),
            permission=P.PROVIDERS_WRITE,
            perform=_test,
            done=N_("It was asked how it is. The answer stands below."),
            off=_no_health,
            explain=N_("The provider is asked how it is. Nothing is charged, and nothing of a lease is sent."),
            is_main=True,
            calls_out=True,
        ),
        Action(
            key="secret",
            label=N_("Replace a secret"),
            permission=P.PROVIDERS_WRITE,
            perform=_replace_secret,
            done=N_("The secret is replaced. Every process reads it anew within seconds."),
            fields_for=_secret_fields,
            off=_no_secret,
            explain=N_("It is written into its file, for nobody else to read, and never shown again."),
        ),
        Action(
            key="reload",
            label=N_("Reload"),
            permission=P.PROVIDERS_WRITE,
            perform=_reload,
            done=N_("Every process reads its configuration anew within seconds."),
            explain=N_("Every process reads hub.toml, the secrets and the switches of all providers anew."),
        ),
        Action(
            key="off",
            label=N_("Switch off"),
            permission=P.PROVIDERS_WRITE,
            perform=_switch_off,
            done=N_("It is switched off."),
            fields=(Field(name="reason", label=N_("Reason"), kind=Kind.LONG_TEXT, longest=400),),
            off=_not_off,
            explain=N_("It takes no new calls. What was begun with it is still asked after."),
            is_danger=True,
        ),
        Action(
            key="on",
            label=N_("Switch on"),
            permission=P.PROVIDERS_WRITE,
            perform=_switch_on,
            done=N_("It is switched on."),
            fields=(Field(name="reason", label=N_("Reason"), kind=Kind.LONG_TEXT, longest=400),),
            off=_not_on,
        ),
    ),
)

add_subject(router, PROVIDER)
