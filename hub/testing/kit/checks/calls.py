"""Silver and gold: what one call sends, how often, until when, and what is known of it afterwards."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import httpx

from hub.core.effects import Effect
from hub.core.errors import NotSent, ProviderError
from hub.core.hookspecs import OperationSpec
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.esign import VoidRequest
from hub.core.ports.payments import CancelRequest, Mandate, MandateStatus, PaymentOutcome, PaymentResult, RevokeRequest
from hub.testing.kit.bench import HANGING_S, Attempt, Bench
from hub.testing.kit.catalogue import NotApplicable, Tier, Where, check, require
from hub.testing.kit.line import Trouble
from hub.testing.kit.samples import by_key

FIFTY = 50
_AMOUNTS = (1, 29, 115, 820, 1990, 10_010)  # each of them is another number when it passes through a float
_STALL_S = 0.25
_SLOW_VENDOR_S = 0.5
_LEEWAY_S = 0.4
_TRIES = 3  # a busy machine may stall once; a plugin that blocks does so each time
# Fifty of these about one thing are forty-nine refusals, or forty-nine that find nothing left to do.
_ONCE_A_THING = (
    "payments_cancel",
    "payments_refund",
    "payments_revoke_mandate",
    "esign_void",
    "gps_geofence_delete",
    "gps_immobilize",
)
_STATUS = ("credit_status", "esign_status", "payments_status", "payments_mandate_status", "messaging_status")


def _effects(bench: Bench) -> list[OperationSpec]:
    found = [spec for spec in bench.operations if spec.effect is not Effect.READ]
    if not found:
        raise NotApplicable("no operation has an effect")
    return found


def _booked(bench: Bench) -> list[OperationSpec]:
    """The operations that leave something at the vendor by themselves."""
    rig = bench.rig
    return [spec for spec in bench.operations if rig.on_a_line and spec.name not in rig.until_agreed]


@check(
    "calls.client",
    Tier.BRONZE,
    "Limits, certificates, proxies and the log of calls are the hub's, and hold only for the client that it hands in.",
)
async def client(bench: Bench) -> None:
    """Every operation goes out over the client of its context, and over nothing else."""
    for spec in bench.operations:
        attempt = await bench.attempt(spec.name)
        if bench.rig.on_a_line:
            require(attempt.sent >= 1, f"{spec.name}: nothing came over the client that was handed in")
        else:
            require(not bench.line.seen, f"{spec.name}: it speaks to somebody, and the rig says to nobody")


@check(
    "calls.key",
    Tier.SILVER,
    "The key is what keeps a repeated call from being a second effect; one made anew at each attempt keeps nothing.",
)
async def key(bench: Bench) -> None:
    """The call's idempotency key is on the wire, and the same at the next attempt."""
    idempotent = [spec for spec in _effects(bench) if bench.rig.descriptor.operations[spec.name].idempotent]
    if not idempotent:
        raise NotApplicable("no effect is declared idempotent")
    for spec in idempotent:
        request, used = await bench.request_for(spec.name), bench.new_key()
        for trouble in (Trouble.ERROR_BEFORE, None):
            before = len(bench.line.carried)
            await bench.attempt(spec.name, trouble, request=request, key=used)
            carriers = [_shown(one) for one in bench.line.carried[before:]]
            require(any(used.encode() in one for one in carriers), f"{spec.name}: the key is not on the wire")


def _shown(request: httpx.Request) -> bytes:
    """Everything of a request that a vendor sees."""
    headers = b"\n".join(name + b":" + value for name, value in request.headers.raw)
    return b"\n".join([str(request.url).encode(), headers, request.content])


@check(
    "calls.no_retry",
    Tier.SILVER,
    "Only the hub's executor repeats, because only it knows the effect, the deadline and what else is tried.",
)
async def no_retry(bench: Bench) -> None:
    """Whatever goes wrong, one call sends what it has to send once."""
    troubles = (Trouble.REFUSED, Trouble.AUTH, Trouble.RATE_LIMITED, Trouble.ERROR_AFTER, Trouble.DROP_AFTER)
    for spec in bench.operations:
        request = await bench.request_for(spec.name)
        usual = (await bench.attempt(spec.name, request=request)).sent
        for trouble in troubles:
            attempt = await bench.attempt(spec.name, trouble, request=await bench.request_for(spec.name))
            require(attempt.sent <= usual, f"{spec.name} was sent {attempt.sent} times after {trouble.value}")


@check(
    "calls.same_key_once",
    Tier.GOLD,
    "This is what `idempotent` promises, and what the hub relies on when it sends an unknown call again.",
)
async def same_key_once(bench: Bench) -> None:
    """An effect whose answer was lost, sent again under the same key, is had once."""
    declared = bench.rig.descriptor.operations
    idempotent = [spec for spec in _booked(bench) if spec.effect is not Effect.READ and declared[spec.name].idempotent]
    if not idempotent:
        raise NotApplicable("no effect is declared idempotent")
    for spec in idempotent:
        request = await bench.request_for(spec.name)
        lost = await bench.attempt(spec.name, Trouble.TIMEOUT_AFTER, request=request)
        again = await bench.attempt(spec.name, request=request, key=lost.key)
        require(again.error is None, f"{again} when it was sent again")
        times = len(await bench.booked(lost.key))
        require(times == 1, f"{spec.name}: the vendor's books have it {times} times")


@check(
    "calls.found_again",
    Tier.GOLD,
    "After a lost answer this question is all that the hub has; NoRecord would have it sent again.",
)
async def found_again(bench: Bench) -> None:
    """An effect whose answer was lost is found again through the status operation: by its key, and by what it stops."""
    declared = bench.rig.descriptor.operations
    asked = [(spec, spec.status_by) for spec in _booked(bench) if spec.status_by and spec.status_by in declared]
    if not asked:
        raise NotApplicable("no effect of this plugin has a status operation")
    for spec, status in asked:
        request = await bench.request_for(spec.name)
        lost = await bench.attempt(spec.name, Trouble.TIMEOUT_AFTER, request=request)
        query = by_key(status, lost.key, bench.rig.clock)
        query = dataclasses.replace(query, provider_ref=_named(lost.result, request))
        found = await bench.attempt(status, request=query)
        require(found.error is None, f"{found} when asked by the key of {spec.name}")
        require(not isinstance(found.result, NoRecord), f"{spec.name}: {status} knows nothing of its key")


def _named(result: object, request: object) -> str | None:
    """The reference that the hub can ask by: one that came with "unknown", or what was to be stopped."""
    match result, request:
        case PaymentResult(payment_ref=str(ref)), _:
            return ref
        case _, CancelRequest(payment_ref=ref) | VoidRequest(envelope_ref=ref) | RevokeRequest(mandate_ref=ref):
            return ref
        case _:
            return None


@check(
    "mandates.revoked",
    Tier.GOLD,
    "A payer who has taken the permission back and is debited all the same is a complaint to the regulator.",
)
async def revoked(bench: Bench) -> None:
    """A mandate that is taken back is revoked, says so when asked, and can be taken back once more without harm."""
    if "payments_revoke_mandate" not in bench.rig.descriptor.operations or not bench.rig.on_a_line:
        raise NotApplicable("the vendor takes no mandate back")
    request = await bench.request_for("payments_revoke_mandate")
    for time in ("first", "second"):
        attempt = await bench.attempt("payments_revoke_mandate", request=request)
        ended = isinstance(attempt.result, Mandate) and attempt.result.status is MandateStatus.REVOKED
        require(ended, f"{attempt} the {time} time, not in a mandate that is revoked")
        require(attempt.result.mandate_ref == request.mandate_ref, f"{attempt} about another mandate")  # type: ignore[attr-defined]
    if "payments_mandate_status" in bench.rig.descriptor.operations:
        asked = await bench.attempt("payments_mandate_status", request=StatusQuery(provider_ref=request.mandate_ref))
        ended = isinstance(asked.result, Mandate) and asked.result.status is MandateStatus.REVOKED
        require(ended, f"{asked}, and not in a mandate that is revoked")


@check(
    "status.no_record",
    Tier.SILVER,
    "Only the vendor's own word that it knows nothing lets the hub send an unknown call again.",
)
async def no_record(bench: Bench) -> None:
    """A status operation answers NoRecord for a key that was never sent."""
    for name in _status_operations(bench):
        attempt = await bench.attempt(name, request=by_key(name, bench.new_key(), bench.rig.clock))
        require(isinstance(attempt.result, NoRecord), f"{attempt}, not in NoRecord")


@check(
    "status.bare_404",
    Tier.GOLD,
    "A gateway that has lost its backend answers 404 too. Taken for NoRecord, it makes the hub send money again.",
)
async def bare_404(bench: Bench) -> None:
    """A 404 that does not carry the vendor's own word is no NoRecord."""
    for name in _status_operations(bench):
        attempt = await bench.attempt(name, Trouble.BARE_404)
        require(isinstance(attempt.error, ProviderError), f"{attempt}, not in an error")


@check(
    "status.harmless",
    Tier.SILVER,
    "The hub asks as often as it likes: in every retry, at every callback, whenever somebody opens the lease.",
)
async def harmless(bench: Bench) -> None:
    """A status operation leaves nothing in the vendor's books."""
    for name in _status_operations(bench):
        request = await bench.request_for(name)
        before = list(await bench.rig.books())
        await bench.attempt(name, request=request)
        require(list(await bench.rig.books()) == before, f"{name}: the vendor's books have changed")


def _status_operations(bench: Bench) -> list[str]:
    found = [spec.name for spec in bench.operations if spec.name in _STATUS]
    if not found:
        raise NotApplicable("the plugin has no status operation")
    return found


@check(
    "money.exact",
    Tier.SILVER,
    "One cent off is a contract that never closes, and a float is off by one cent in a hundred.",
)
async def exact(bench: Bench) -> None:
    """The vendor moves exactly the minor units that were asked for, and the result says the same."""
    moving = [spec.name for spec in bench.operations if spec.effect is Effect.MONEY and spec.name != "payments_cancel"]
    if not moving:
        raise NotApplicable("no operation moves money")
    currencies = sorted(bench.rig.descriptor.currencies or {"CNY"})
    for name in moving:
        request = await bench.request_for(name)
        if request.money.currency in currencies:
            for minor in _AMOUNTS:
                money = Money(minor, request.money.currency)
                await _moves(bench, name, dataclasses.replace(request, money=money), money)


async def _moves(bench: Bench, name: str, request: Any, money: Money) -> None:
    attempt = await bench.attempt(name, request=request)
    require(attempt.error is None, f"{attempt} for {money}")
    moved = [booking.money for booking in await bench.booked(attempt.key)]
    require(moved == [money], f"{name}: asked for {money.minor}, the vendor moved {moved}")
    result = attempt.result
    if isinstance(result, PaymentResult) and result.outcome is PaymentOutcome.SUCCEEDED:
        require(result.money == money, f"{name}: moved {money.minor}, the result says {result.money}")


@check(
    "deadline.passed",
    Tier.SILVER,
    "Whoever asked has gone; what is not sent need not be asked after.",
)
async def passed(bench: Bench) -> None:
    """After its deadline a call sends nothing and raises NotSent."""
    for spec in bench.operations:
        attempt = await bench.attempt(spec.name, limit_s=0)
        require(attempt.sent == 0, f"{spec.name}: sent after its deadline")
        require(isinstance(attempt.error, NotSent), f"{attempt}, not in NotSent")


@check(
    "deadline.kept",
    Tier.GOLD,
    "A call that outlasts its deadline holds a place that every other lease waits for.",
    where=Where.SOCKETS,
)
async def kept(bench: Bench) -> None:
    """A silent vendor is left at the deadline, not much later."""
    for spec in bench.operations:
        for tries_left in reversed(range(_TRIES)):
            took_s = (await bench.attempt(spec.name, Trouble.TIMEOUT_BEFORE, limit_s=HANGING_S)).took_s
            if took_s < HANGING_S + _LEEWAY_S:
                break
            require(tries_left > 0, f"{spec.name} took {took_s:.1f} s with {HANGING_S} s to go")


@check(
    "concurrency.fifty",
    Tier.GOLD,
    "On the fifth of the month a thousand rents fall due in one minute, over one client.",
    where=Where.EVERYWHERE,
)
async def fifty(bench: Bench) -> None:
    """Fifty calls at once each get the answer to their own question, and each is had once."""
    for spec in bench.operations:
        request = await bench.request_for(spec.name)
        if spec.name in _ONCE_A_THING:
            continue
        attempts = await asyncio.gather(*(_one_of_fifty(bench, spec.name, request, n) for n in range(FIFTY)))
        failed = [attempt for attempt in attempts if attempt.error is not None]
        require(not failed, f"{len(failed)} of {FIFTY} failed: {failed[0] if failed else ''}")
        if spec.effect is not Effect.READ and spec in _booked(bench):
            booked = [booking.key for booking in await bench.rig.books()]
            require(all(booked.count(attempt.key) == 1 for attempt in attempts), f"{spec.name}: not each had once")


async def _one_of_fifty(bench: Bench, operation: str, request: Any, number: int) -> Attempt:
    money = getattr(request, "money", None)
    if money is not None:
        request = dataclasses.replace(request, money=Money(1000 + number, money.currency))
    attempt = await bench.attempt(operation, request=request, limit_s=20)
    told = getattr(attempt.result, "money", None)
    mixed = money is not None and told is not None and told != request.money
    return dataclasses.replace(attempt, error=AssertionError("another call's answer")) if mixed else attempt


@check(
    "concurrency.loop",
    Tier.GOLD,
    "One event loop carries every call of the hub: who blocks it stops callbacks, jobs and all other vendors.",
)
async def loop(bench: Bench) -> None:
    """While a call waits for a slow vendor the event loop keeps turning."""
    bench.line.slow_s = _SLOW_VENDOR_S
    stalls_s = []
    for _ in range(_TRIES):
        watch = asyncio.create_task(_longest_stall())
        await asyncio.sleep(0)
        await bench.attempt_all(Trouble.SLOW)
        watch.cancel()
        stalls_s.append(await watch)
        if stalls_s[-1] < _STALL_S:
            return
    raise AssertionError(f"the loop stood still for {min(stalls_s):.2f} s, each of {_TRIES} times")


async def _longest_stall() -> float:
    """Until cancelled: the longest time, in seconds, in which nothing else had its turn."""
    clock, longest = asyncio.get_running_loop().time, 0.0
    last = clock()
    while True:
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            return max(longest, clock() - last - 0.01)
        longest, last = max(longest, clock() - last - 0.01), clock()
