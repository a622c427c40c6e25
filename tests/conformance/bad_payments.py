"""Payment plugins that are each wrong in one way: for every check of the kit the one that must fail it.

All are the stand-in's own plugin with one thing spoilt; nothing else about the rig changes.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from leasehub_payments_sandbox.conformance import make
from leasehub_payments_sandbox.plugin import PaymentsSandbox, descriptor
from leasehub_payments_sandbox.settings import PaymentsSandboxSettings
from pydantic_settings import SettingsConfigDict

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    UnknownOutcome,
)
from hub.core.hookspecs import hookimpl
from hub.core.money import Money
from hub.core.ports import NoRecord
from hub.core.ports.payments import Mandate, MandateStatus, PaymentOutcome, PaymentResult, PayoutRequest
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookRequest
from hub.core.provider import Credential, CredentialKind, Health, OperationFacts, PluginDescriptor
from hub.sdk.webhooks import standard_headers, verify_standard
from hub.testing import Rig
from hub.testing.kit.rig import MakeRig
from hub.testing.kit.samples import RENT, mandate_request

Call = Callable[[Any, Any, Any], Awaitable[Any]]
_good_collect = PaymentsSandbox.payments_collect
_good_status = PaymentsSandbox.payments_status
_good_receive = PaymentsSandbox.webhook_receive
_later = itertools.count()


def with_card(**changes: Any) -> MakeRig:
    """The good plugin with another descriptor."""
    return with_descriptor(dataclasses.replace(descriptor, **changes))


def with_descriptor(other: PluginDescriptor) -> MakeRig:
    """The good rig with another descriptor."""

    @asynccontextmanager
    async def spoilt() -> AsyncIterator[Rig]:
        async with make() as rig:
            yield dataclasses.replace(rig, descriptor=other)

    return spoilt


def with_methods(**methods: Any) -> MakeRig:
    """The good plugin with other operations."""
    return with_card(factory=type("Spoilt", (PaymentsSandbox,), methods))


def with_settings(kind: type[PaymentsSandboxSettings]) -> MakeRig:
    """The good plugin with other settings."""
    return with_card(settings=kind)


def collecting(function: Call) -> MakeRig:
    """The good plugin with another way to collect: a function of provider, request and context."""

    async def payments_collect(self: Any, request: Any, ctx: Any) -> Any:
        return await function(self, request, ctx)

    return with_methods(payments_collect=hookimpl(payments_collect))


def asking(function: Call) -> MakeRig:
    """The good plugin with another way to ask what became of a payment."""

    async def payments_status(self: Any, query: Any, ctx: Any) -> Any:
        return await function(self, query, ctx)

    return with_methods(payments_status=hookimpl(payments_status))


def healthy(function: Callable[[Any, Any], Awaitable[Health]]) -> MakeRig:
    """The good plugin with another word on its health."""

    async def provider_health(self: Any, ctx: Any) -> Health:
        return await function(self, ctx)

    return with_methods(provider_health=hookimpl(provider_health))


def receiving(function: Callable[[Any, WebhookRequest], Any]) -> MakeRig:
    """The good plugin with another way to read a callback."""

    def webhook_receive(self: Any, request: WebhookRequest) -> Any:
        return function(self, request)

    return with_methods(webhook_receive=hookimpl(webhook_receive))


def mistaking(kind: type[ProviderError], for_: Callable[[ProviderError], ProviderError]) -> MakeRig:
    """One error is taken for another."""

    async def collect(provider: Any, request: Any, ctx: Any) -> Any:
        try:
            return await _good_collect(provider, request, ctx)
        except kind as error:
            raise for_(error) from error

    return collecting(collect)


async def _without_asking(provider: Any, request: Any, ctx: Any) -> Any:
    return PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref="made-up")


async def _new_key_each_time(provider: Any, request: Any, ctx: Any) -> Any:
    return await _good_collect(provider, request, dataclasses.replace(ctx, idempotency_key=f"other-{next(_later)}"))


async def _again(provider: Any, request: Any, ctx: Any) -> Any:
    try:
        return await _good_collect(provider, request, ctx)
    except UnknownOutcome:
        return await _good_collect(provider, request, ctx)


async def _through_a_float(provider: Any, request: Any, ctx: Any) -> Any:
    cents = int(float(request.money.amount) * 100)
    return await _good_collect(provider, dataclasses.replace(request, money=Money(cents)), ctx)


async def _beyond_the_deadline(provider: Any, request: Any, ctx: Any) -> Any:
    return await _good_collect(provider, request, dataclasses.replace(ctx, deadline=ctx.deadline + timedelta(hours=1)))


async def _impatient(provider: Any, request: Any, ctx: Any) -> Any:
    try:
        async with asyncio.timeout(0.05):
            return await _good_collect(provider, request, ctx)
    except TimeoutError:
        raise UnknownOutcome("too slow for us") from None


async def _one_for_all(provider: Any, request: Any, ctx: Any) -> Any:
    provider.latest = request
    await asyncio.sleep(0)
    return await _good_collect(provider, provider.latest, ctx)


async def _blocking(provider: Any, request: Any, ctx: Any) -> Any:
    time.sleep(0.4)  # noqa: ASYNC251 (that is what is wrong with it)
    return await _good_collect(provider, request, ctx)


async def _telling(provider: Any, request: Any, ctx: Any) -> Any:
    try:
        return await _good_collect(provider, request, ctx)
    except UnknownOutcome as error:
        raise UnknownOutcome(f"with {provider._settings.api_key.get_secret_value()}") from error


async def _logging(provider: Any, request: Any, ctx: Any) -> Any:
    provider.client._context.logger.info("collect", key=provider._settings.api_key.get_secret_value())
    return await _good_collect(provider, request, ctx)


async def _changed(provider: Any, request: Any, ctx: Any, **changes: Any) -> Any:
    result = await _good_collect(provider, request, ctx)
    wrong = object.__new__(PaymentResult)
    for field in dataclasses.fields(PaymentResult):
        object.__setattr__(wrong, field.name, changes.get(field.name, getattr(result, field.name)))
    return wrong


async def _other_type(provider: Any, request: Any, ctx: Any) -> Any:
    return await _changed(provider, request, ctx, outcome="pending")


async def _no_reference(provider: Any, request: Any, ctx: Any) -> Any:
    return await _changed(provider, request, ctx, payment_ref="")


async def _optimistic(provider: Any, request: Any, ctx: Any) -> Any:
    return await _changed(provider, request, ctx, outcome=PaymentOutcome.SUCCEEDED)


async def _never_knowing(provider: Any, query: Any, ctx: Any) -> Any:
    return NoRecord(query=query) if query.idempotency_key else await _good_status(provider, query, ctx)


async def _no_record_as_error(provider: Any, query: Any, ctx: Any) -> Any:
    found = await _good_status(provider, query, ctx)
    if isinstance(found, NoRecord):
        raise UnknownOutcome("not found")
    return found


async def _any_404(provider: Any, query: Any, ctx: Any) -> Any:
    try:
        return await _good_status(provider, query, ctx)
    except Misconfigured:
        return NoRecord(query=query)


async def _asking_with_effect(provider: Any, query: Any, ctx: Any) -> Any:
    paid = PayoutRequest(money=RENT, account=mandate_request().account, purpose="oh")
    await provider.payments_payout(paid, ctx)
    return await _good_status(provider, query, ctx)


async def _ill(provider: Any, ctx: Any) -> Health:
    return Health(healthy=False)


async def _health_with_effect(provider: Any, ctx: Any) -> Health:
    await provider.payments_mandate(mandate_request(), ctx)
    return Health(healthy=True)


async def _health_that_hides(provider: Any, ctx: Any) -> Health:
    try:
        return await PaymentsSandbox.provider_health(provider, ctx)
    except AuthFailed:
        return Health(healthy=False)


async def _forgetful(self: Any, request: Any, ctx: Any) -> Mandate:
    return Mandate(mandate_ref=request.mandate_ref, status=MandateStatus.REVOKED)


def _believing(provider: Any, request: WebhookRequest) -> WebhookDelivery:
    return WebhookDelivery(verified=True, events=(_event("x"),))


def _event(event_id: str, kind: WebhookKind = WebhookKind.PAYMENT, status: str = "") -> WebhookEvent:
    return WebhookEvent(event_id=event_id, kind=kind, subject_ref="ref", status=status)


def _doubting(provider: Any, request: WebhookRequest) -> WebhookDelivery:
    return WebhookDelivery(verified=False)


def _with_signature(request: WebhookRequest, signature: str) -> WebhookRequest:
    return dataclasses.replace(request, headers={**request.headers, "webhook-signature": signature})


def _by_prefix(provider: Any, request: WebhookRequest) -> WebhookDelivery:
    given = request.headers.get("webhook-signature", "")
    secret, event_id = provider._settings.webhook_secret.get_secret_value(), request.headers.get("webhook-id", "")
    whole = standard_headers(secret, event_id, request.received_at, request.body)["webhook-signature"]
    return _good_receive(provider, _with_signature(request, whole) if whole.startswith(given) else request)


def _first_of_two(provider: Any, request: WebhookRequest) -> WebhookDelivery:
    given = request.headers.get("webhook-signature", "")
    version, _, rest = given.partition(",")
    return _good_receive(provider, _with_signature(request, f"{version},{rest.split(',')[0]}"))


def _when_there_is_one(provider: Any, request: WebhookRequest) -> WebhookDelivery:
    if not request.headers.get("webhook-signature"):
        return WebhookDelivery(verified=True)
    return _good_receive(provider, request)


def _patient(provider: Any, request: WebhookRequest) -> WebhookDelivery:
    verified = verify_standard(request, provider._settings.webhook_secrets(), tolerance=timedelta(days=1)).verified
    return WebhookDelivery(verified=verified, events=(_event("x"),) if verified else ())


def _counting(provider: Any, request: WebhookRequest) -> WebhookDelivery:
    delivery = _good_receive(provider, request)
    events = tuple(dataclasses.replace(event, event_id=f"{next(_later)}") for event in delivery.events)
    return dataclasses.replace(delivery, events=events)


def _remembering(provider: Any, request: WebhookRequest) -> WebhookDelivery:
    delivery = _good_receive(provider, request)
    before = getattr(provider, "status", "")
    provider.status = "".join(event.status for event in delivery.events)
    return dataclasses.replace(delivery, events=tuple(_event(str(e.event_id), status=before) for e in delivery.events))


async def _waiting(self: Any, request: WebhookRequest) -> WebhookDelivery:
    return _good_receive(self, request)


def _guessing(provider: Any, request: WebhookRequest) -> WebhookDelivery:
    delivery = _good_receive(provider, request)
    events = tuple(dataclasses.replace(event, kind=WebhookKind.PAYMENT) for event in delivery.events)
    return dataclasses.replace(delivery, events=events)


def _raising(provider: Any, request: WebhookRequest) -> WebhookDelivery:
    json.loads(request.body)["id"]
    return _good_receive(provider, request)


def _showing_its_key(self: Any) -> tuple[Credential, ...]:
    key = self._settings.api_key.get_secret_value()
    return (Credential(name="api_key", kind=CredentialKind.SECRET, fingerprint=key),)


class _Lax(PaymentsSandboxSettings):
    model_config = SettingsConfigDict(extra="ignore")


class _FromEnvironment(PaymentsSandboxSettings):
    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, *sources: Any, **named: Any) -> tuple[Any, ...]:
        return (named["env_settings"], named["init_settings"])


class _PlainSecret(PaymentsSandboxSettings):
    api_token: str = "plain"


class _Showing(PaymentsSandbox):
    def __init__(self, settings: Any, context: Any) -> None:
        super().__init__(settings, context)
        self.key = settings.api_key.get_secret_value()


async def _unmarked(self: Any, request: Any, ctx: Any) -> Any:
    return None


_AS_NOT_SENT = mistaking(UnknownOutcome, lambda error: NotSent(error.detail))
_FACTS = OperationFacts(idempotent=True, key_max_len=64, key_lifetime=None)

BAD: Mapping[str, MakeRig] = {
    "card.shape": with_card(data_categories=frozenset()),
    "card.operations": with_methods(payments_statement=_unmarked),
    "card.absent": with_card(
        operations={name: facts for name, facts in descriptor.operations.items() if name != "payments_payout"}
    ),
    "card.facts": with_card(operations={**descriptor.operations, "payments_collect": _FACTS}),
    "settings.unknown_field": with_settings(_Lax),
    "settings.environment": with_settings(_FromEnvironment),
    "settings.secret_types": with_settings(_PlainSecret),
    "settings.secrets_shown": with_card(factory=_Showing),
    "health.well": healthy(_ill),
    "health.harmless": healthy(_health_with_effect),
    "health.credentials": healthy(_health_that_hides),
    "results.types": collecting(_other_type),
    "results.values": collecting(_no_reference),
    "results.strange_status": collecting(_optimistic),
    "errors.refused": mistaking(NotSent, lambda error: UnknownOutcome(error.detail)),
    "errors.auth": mistaking(AuthFailed, lambda error: Misconfigured(error.detail)),
    "errors.rejected": mistaking(Rejected, lambda error: UnknownOutcome(error.detail)),
    "errors.rate_limited": mistaking(RateLimited, lambda error: RateLimited(error.detail)),
    "errors.timeout_before": _AS_NOT_SENT,
    "errors.timeout_after": _AS_NOT_SENT,
    "errors.dropped_before": _AS_NOT_SENT,
    "errors.dropped_after": _AS_NOT_SENT,
    "errors.server_error_before": _AS_NOT_SENT,
    "errors.server_error_after": _AS_NOT_SENT,
    "errors.garbage": mistaking(UnknownOutcome, lambda error: Rejected("unreadable")),
    "errors.other_shape": mistaking(UnknownOutcome, lambda error: Misconfigured("another shape")),
    "errors.huge": _AS_NOT_SENT,
    "errors.redirect": mistaking(UnknownOutcome, lambda error: Misconfigured("moved")),
    "errors.slow": collecting(_impatient),
    "errors.late": _AS_NOT_SENT,
    "calls.client": collecting(_without_asking),
    "calls.key": collecting(_new_key_each_time),
    "calls.no_retry": collecting(_again),
    "calls.same_key_once": collecting(_new_key_each_time),
    "calls.found_again": asking(_never_knowing),
    "mandates.revoked": with_methods(payments_revoke_mandate=hookimpl(_forgetful)),
    "status.no_record": asking(_no_record_as_error),
    "status.bare_404": asking(_any_404),
    "status.harmless": asking(_asking_with_effect),
    "money.exact": collecting(_through_a_float),
    "deadline.passed": collecting(_beyond_the_deadline),
    "deadline.kept": collecting(_beyond_the_deadline),
    "concurrency.fifty": collecting(_one_for_all),
    "concurrency.loop": collecting(_blocking),
    "secrecy.errors": collecting(_telling),
    "secrecy.logs": collecting(_logging),
    "secrecy.credentials": with_methods(provider_credentials=hookimpl(_showing_its_key)),
    "webhooks.genuine": receiving(_doubting),
    "webhooks.tampered": receiving(_believing),
    "webhooks.wrong_key": receiving(_believing),
    "webhooks.unsigned": receiving(_when_there_is_one),
    "webhooks.prefix": receiving(_by_prefix),
    "webhooks.doubled": receiving(_first_of_two),
    "webhooks.stale": receiving(_patient),
    "webhooks.duplicate": receiving(_counting),
    "webhooks.reordered": receiving(_remembering),
    "webhooks.pure": with_methods(webhook_receive=hookimpl(_waiting)),
    "webhooks.unmapped": receiving(_guessing),
    "webhooks.never_raises": receiving(_raising),
}
