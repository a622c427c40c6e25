"""The call log and the inbox: what providers were asked and what they said, masked; and settling what nobody knows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from hub.console.actions import Action
from hub.console.forms import Field, Kind, Option, Values, choices
from hub.console.i18n import N_
from hub.console.page import Column, Fact, Filter, Listing, Look, add_listing
from hub.console.providers import duration
from hub.console.subject import Alert, Subject, Tab, add_subject
from hub.console.visit import Visit
from hub.core.errors import InvalidInput, NotFound
from hub.core.hookspecs import OPERATIONS
from hub.core.ids import ContractId
from hub.core.json import JsonValue
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Slice, Window
from hub.integrations import call_log, inbox, listing, reconcile, wire
from hub.integrations.answers import CallOutcome
from hub.integrations.call_log import CallView
from hub.integrations.fates import Fate
from hub.integrations.inbox import DeliveryView
from hub.integrations.plugins import HEALTH
from hub.integrations.verdicts import OPEN_STATES, CallState
from hub.leasing.contracts import listing as contract_listing

router = APIRouter()
_NOT_JSON = N_("is not a JSON object")
_DECIDABLE = (CallState.UNKNOWN, CallState.ESCALATED, CallState.PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """A call with the number of its contract, where it belongs to one that the visitor sees."""

    call: CallView
    contract: str | None = None


async def _page(visit: Visit, window: Window) -> Slice[CallRow]:
    found = await listing.calls(visit.tx, _readable(window))
    numbers = await _contract_numbers(visit, found.rows)
    rows = [CallRow(call=one, contract=numbers.get(one.lease_id)) for one in found.rows]
    return Slice(rows=rows, after=found.after, before=found.before)


def _readable(window: Window) -> Window:
    """The window; raises InvalidInput for a contract that is no id."""
    if lease_id := window.filters.get("lease_id"):
        try:
            UUID(lease_id)
        except ValueError:
            raise InvalidInput("lease_id", N_("is not an id")) from None
    return window


async def _contract_numbers(visit: Visit, calls: Sequence[CallView]) -> Mapping[UUID | None, str]:
    if not visit.actor.may(P.CONTRACTS_READ):
        return {}
    wanted = {ContractId(one.lease_id) for one in calls if one.lease_id is not None}
    found = await contract_listing.numbers_of(visit.tx, wanted) if wanted else {}
    return {contract_id: number for contract_id, number in found.items()}  # noqa: C416 - a mapping is not covariant in its key


async def _counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.counts_of_calls(visit.tx, _readable(window))


async def _instances(visit: Visit) -> Mapping[str, Sequence[Option]]:
    names = visit.house.registry.current.instances
    return {"instance": [Option(value=name, label=name, is_name=True) for name in names]}


async def _narrowing(visit: Visit) -> Mapping[str, Sequence[Option]]:
    """The providers; and the contract whose calls are looked at, so that its number stands there and can be left."""
    found = dict(await _instances(visit))
    lease_id = _readable(Window(filters={"lease_id": visit.request.query_params.get("lease_id", "")})).filters[
        "lease_id"
    ]
    if lease_id:
        numbers = await contract_listing.numbers_of(visit.tx, [ContractId(UUID(lease_id))])
        found["lease_id"] = [Option(value=lease_id, label=next(iter(numbers.values()), lease_id), is_name=True)]
    return found


_INSTANCE = Filter(name="instance", label=N_("Provider"))

CALLS: Listing[CallRow] = Listing(
    path="/calls",
    title=N_("Call log"),
    permission=P.PROVIDERS_READ,
    columns=(
        Column(
            label=N_("Time"),
            value=lambda row: row.call.created_at,
            look=Look.INSTANT,
            sort="time",
            href=lambda row: f"/calls/{row.call.id}",
        ),
        Column(label=N_("Provider"), value=lambda row: row.call.instance, look=Look.NAME),
        Column(label=N_("Operation"), value=lambda row: row.call.operation, look=Look.CODE),
        Column(
            label=N_("Contract"),
            value=lambda row: row.contract,
            look=Look.CODE,
            href=lambda row: f"/contracts/{row.call.lease_id}" if row.contract else None,
        ),
        Column(label=N_("Outcome"), value=lambda row: row.call.state, look=Look.STATE),
        Column(label=N_("Error"), value=lambda row: row.call.error_code, look=Look.CODE),
        Column(label=N_("Took, ms"), value=lambda row: _whole(row.call.duration_ms), look=Look.NUMBER),
        Column(label=N_("Attempts"), value=lambda row: row.call.attempt, look=Look.NUMBER),
    ),
    fetch=_page,
    tab="state",
    tabs=tuple(CallState),
    counts=_counts,
    filters=(
        _INSTANCE,
        Filter(name="lease_id", label=N_("Contract"), needs_options=True),
        Filter(
            name="operation",
            label=N_("Operation"),
            options=[Option(value=name, label=name, is_name=True) for name in OPERATIONS if name != HEALTH],
        ),
    ),
    options=_narrowing,
    empty=N_("No provider has been called yet."),
)


def _whole(ms: float | None) -> int | None:
    return None if ms is None else round(ms)


# One call


async def _load(visit: Visit, call_id: UUID) -> CallView:
    return await call_log.get_call(visit.tx, call_id)


async def _facts(visit: Visit, call: CallView) -> Sequence[Fact]:
    numbers = await _contract_numbers(visit, [call])
    href = f"/contracts/{call.lease_id}" if call.lease_id in numbers else None
    return (
        Fact(label=N_("Time"), value=call.created_at, look=Look.INSTANT),
        Fact(label=N_("Provider"), value=call.instance, look=Look.NAME, href=_provider_page(visit, call.instance)),
        Fact(label=N_("Contract"), value=numbers.get(call.lease_id), look=Look.CODE, href=href),
        Fact(label=N_("Effect"), value=call.effect, look=Look.WORD),
        Fact(label=N_("Took"), value=duration(call.duration_ms)),
        Fact(label=N_("Attempts"), value=call.attempt, look=Look.NUMBER),
        Fact(label=N_("What it cost"), value=call.cost, look=Look.MONEY),
        Fact(label=N_("Asked next"), value=call.reconcile_at, look=Look.INSTANT),
        Fact(label=N_("The provider's reference"), value=call.provider_ref, look=Look.CODE),
        Fact(label=N_("Key"), value=call.idempotency_key, look=Look.CODE),
        Fact(label=N_("Correlation"), value=call.correlation_id, look=Look.CODE),
    )


def _provider_page(visit: Visit, instance: str | None) -> str | None:
    return f"/providers/{instance}" if instance in visit.house.registry.current.instances else None


async def _alerts(visit: Visit, call: CallView) -> Sequence[Alert]:
    said = {"code": call.error_code or "", "detail": call.detail}
    match call.state:
        case CallState.ESCALATED:
            text = N_(
                "No machine can find out what became of it. Ask the provider's people and decide by hand. %(detail)s"
            )
            return [Alert(text=text, tone="bad", parts=said)]
        case CallState.UNKNOWN:
            text = N_("It may have happened or not. It is asked after, and never sent twice. %(detail)s")
            return [Alert(text=text, tone="bad", parts=said)]
        case _ if call.error_code or call.detail:
            return [Alert(text="%(code)s %(detail)s", parts=said)]
        case _:
            return []


async def _overview(visit: Visit, call: CallView) -> Mapping[str, Any]:
    route: Any = call.route if isinstance(call.route, dict) else {}
    return {
        "request": written(call.request),
        "answer": None if call.result is None else written(call.result),
        "route": route,
        "chain": await listing.chain(visit.tx, call),
        "questions": await listing.questions(visit.tx, call),
    }


def written(value: JsonValue) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


async def _ask_now(visit: Visit, call: CallView, values: Values) -> str | None:
    await reconcile.reconcile_now(visit.house.database, visit.house.executor, call.id)
    return None


def _not_askable(call: CallView) -> str | None:
    if call.state not in OPEN_STATES:
        return N_("Its outcome is known.")
    if OPERATIONS[call.operation].status_by is None:
        return N_("This operation cannot be asked after.")
    return None


async def _decide(visit: Visit, call: CallView, values: Values) -> str | None:
    outcome, text = CallOutcome(values["outcome"]), values["result"]
    result = wire.result_given(call.operation, _object(text)) if outcome is CallOutcome.OK and text else None
    await reconcile.decide_by_hand(visit.tx, call_id=call.id, outcome=outcome, reason=values["reason"], result=result)
    return None


def _object(text: str) -> Mapping[str, JsonValue]:
    try:
        given = json.loads(text)
    except ValueError:
        raise InvalidInput("result", _NOT_JSON) from None
    if not isinstance(given, dict):
        raise InvalidInput("result", _NOT_JSON)
    return given


async def _decision_fields(visit: Visit, call: CallView) -> Sequence[Field]:
    known = (CallOutcome.REJECTED, CallOutcome.NOT_EXECUTED, CallOutcome.OK)
    return (
        Field(name="outcome", label=N_("Outcome"), kind=Kind.CHOICE, options=choices(CallOutcome, only=known)),
        Field(
            name="reason",
            label=N_("Reason"),
            help=N_("How you know: whom you asked, when, under which reference."),
            kind=Kind.LONG_TEXT,
            longest=400,
        ),
        Field(
            name="result",
            label=N_("The provider's answer"),
            help=N_("Only for the outcome OK: field by field, as JSON."),
            kind=Kind.LONG_TEXT,
            required=False,
            longest=10_000,
            start=_skeleton(call.operation),
        ),
    )


def _skeleton(operation: str) -> str:
    """The fields that an answer must have, to be filled in."""
    kind: Any = wire.result_kinds(operation)[0]
    needed = [
        one.name
        for one in dataclasses.fields(kind)
        if one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
    ]
    return written(dict.fromkeys(needed, ""))


def _not_decidable(call: CallView) -> str | None:
    return None if call.state in _DECIDABLE else N_("Its outcome is known.")


CALL: Subject[CallView] = Subject(
    path="/calls",
    kind="provider_call",
    noun=N_("Call"),
    plural=N_("Call log"),
    permission=P.PROVIDERS_READ,
    load=_load,
    id_of=lambda call: call.id,
    title=lambda call: call.operation,
    state=lambda call: call.state,
    facts=_facts,
    alerts=_alerts,
    tabs=(Tab(key="call", label=N_("Overview"), template="call_tab.html", load=_overview),),
    actions=(
        Action(
            key="question",
            label=N_("Ask the provider now"),
            permission=P.PROVIDERS_WRITE,
            perform=_ask_now,
            done=N_("The provider was asked. What is known by now stands below."),
            off=_not_askable,
            explain=N_("The provider is asked what became of this call. Nothing is sent a second time by asking."),
            is_main=True,
            calls_out=True,
        ),
        Action(
            key="decision",
            label=N_("Decide by hand"),
            permission=P.PROVIDERS_WRITE,
            perform=_decide,
            done=N_("The outcome is settled."),
            fields_for=_decision_fields,
            off=_not_decidable,
            explain=N_("What you decide counts as the outcome for the lease and the books, and cannot be taken back."),
            is_danger=True,
        ),
    ),
)


# Callbacks: they belong to no branch, so whoever is kept to branches sees none of them


async def _deliveries(visit: Visit, window: Window) -> Slice[DeliveryView]:
    return Slice(rows=()) if visit.actor.branches is not None else await listing.deliveries(visit.tx, window)


async def _delivery_counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return {} if visit.actor.branches is not None else await listing.counts_of_deliveries(visit.tx, window)


def _kinds(one: DeliveryView) -> str:
    events: Any = one.events or []
    return ", ".join(sorted({str(event.get("kind", "")) for event in events}))


def _lag_s(one: DeliveryView) -> int | None:
    return None if one.applied_at is None else round((one.applied_at - one.received_at).total_seconds())


CALLBACKS: Listing[DeliveryView] = Listing(
    path="/callbacks",
    title=N_("Callbacks"),
    permission=P.PROVIDERS_READ,
    columns=(
        Column(
            label=N_("Received at"),
            value=lambda one: one.received_at,
            look=Look.INSTANT,
            sort="time",
            href=lambda one: f"/callbacks/{one.id}",
        ),
        Column(label=N_("Provider"), value=lambda one: one.instance, look=Look.NAME),
        Column(label=N_("Says"), value=_kinds, look=Look.CODE),
        Column(label=N_("State"), value=lambda one: Fate(one.state), look=Look.STATE),
        Column(label=N_("Applied after, s"), value=_lag_s, look=Look.NUMBER),
        Column(label=N_("Tries"), value=lambda one: one.tries, look=Look.NUMBER),
        Column(label=N_("Replayed"), value=lambda one: one.replayed_count or None, look=Look.NUMBER),
    ),
    fetch=_deliveries,
    tab="state",
    tabs=tuple(Fate),
    counts=_delivery_counts,
    filters=(_INSTANCE,),
    options=_instances,
    empty=N_(
        "No callback is stored that you may see. Callbacks belong to no branch: they are shown to the whole company."
    ),
)


async def _delivery(visit: Visit, delivery_id: UUID) -> DeliveryView:
    if visit.actor.branches is not None:
        raise NotFound("webhook_inbox", delivery_id)
    return await listing.get_delivery(visit.tx, delivery_id)


async def _delivery_facts(visit: Visit, one: DeliveryView) -> Sequence[Fact]:
    return (
        Fact(label=N_("Received at"), value=one.received_at, look=Look.INSTANT),
        Fact(label=N_("Provider"), value=one.instance, look=Look.NAME, href=_provider_page(visit, one.instance)),
        Fact(label=N_("Applied"), value=one.applied_at, look=Look.INSTANT),
        Fact(label=N_("Applied after, s"), value=_lag_s(one), look=Look.NUMBER),
        Fact(label=N_("Tried next"), value=one.apply_at, look=Look.INSTANT),
        Fact(label=N_("Tries"), value=one.tries, look=Look.NUMBER),
        Fact(label=N_("Replayed"), value=one.replayed_count, look=Look.NUMBER),
    )


async def _delivery_alerts(visit: Visit, one: DeliveryView) -> Sequence[Alert]:
    return [Alert(text="%(why)s", tone="bad", parts={"why": one.error})] if one.error else []


async def _said(visit: Visit, one: DeliveryView) -> Mapping[str, Any]:
    return {"events": one.events or [], "path": one.path, "headers": written(one.headers)}


async def _replay(visit: Visit, one: DeliveryView, values: Values) -> str | None:
    await inbox.replay(visit.tx, visit.house.registry, inbox_id=one.id)
    return None


CALLBACK: Subject[DeliveryView] = Subject(
    path="/callbacks",
    kind="webhook_inbox",
    noun=N_("Callback"),
    plural=N_("Callbacks"),
    permission=P.PROVIDERS_READ,
    load=_delivery,
    id_of=lambda one: one.id,
    title=lambda one: one.instance,
    state=lambda one: Fate(one.state),
    facts=_delivery_facts,
    alerts=_delivery_alerts,
    tabs=(Tab(key="said", label=N_("Overview"), template="callback_tab.html", load=_said),),
    actions=(
        Action(
            key="replay",
            label=N_("Apply again"),
            permission=P.PROVIDERS_WRITE,
            perform=_replay,
            done=N_("It is applied again within seconds."),
            explain=N_("The callback is read anew by the plugin as it is now, and wakes its question once more."),
            is_main=True,
        ),
    ),
)

add_listing(router, CALLS)
add_subject(router, CALL)
add_listing(router, CALLBACKS)
add_subject(router, CALLBACK)
