"""Each fault of the vendor ends in the one error that says what is known: in the process and on the wire."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from hub.core.errors import AuthFailed, NotSent, ProviderError, RateLimited, Rejected, UnknownOutcome
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import BankAccount, CollectRequest, MandateRequest, PaymentOutcome
from hub.testing.sandboxes import Rig

RENT = Money.of("3280.55")


async def collect_request(rig: Rig) -> CollectRequest:
    account = BankAccount(holder="张三", number="6222020200112233445", bank_code="ICBC")
    asked = MandateRequest(payer_ref="party-1", account=account, limit=Money.of("50000.00"), contract_number="C-1")
    mandate = await rig.provider.payments_mandate(asked, rig.ctx("mandate-1"))
    rig.clock.advance(timedelta(seconds=5))
    return CollectRequest(
        money=RENT, mandate_ref=mandate.mandate_ref, due_on=date(2026, 3, 5), purpose="rent", contract_number="C-1"
    )


@pytest.mark.parametrize(
    ("fault", "error", "executed"),
    [
        ("connection_drop_before", UnknownOutcome, False),
        ("connection_drop_after", UnknownOutcome, True),
        ("timeout_before_effect", UnknownOutcome, False),
        ("timeout_after_effect", UnknownOutcome, True),
        ("http_500_before", UnknownOutcome, False),
        ("http_500_after", UnknownOutcome, True),
        ("garbage_body", UnknownOutcome, True),
        ("wrong_type", UnknownOutcome, True),
        ("huge_body", UnknownOutcome, True),
        ("empty_body", UnknownOutcome, True),
        ("truncated_body", UnknownOutcome, True),
        ("endless_body", UnknownOutcome, True),
        ("redirect_3xx", UnknownOutcome, False),
        ("rate_limited", RateLimited, False),
        ("auth_401", AuthFailed, False),
        ("payment_402", Rejected, False),
    ],
)
async def test_a_fault_ends_in_its_error_and_the_same_key_then_settles_it_once(
    any_rig: Rig, fault: str, error: type[ProviderError], executed: bool
) -> None:
    request = await collect_request(any_rig)
    await any_rig.fault("collect", fault, seconds=7)
    with pytest.raises(ProviderError) as raised:
        await any_rig.provider.payments_collect(request, any_rig.ctx("charge-1"))
    assert type(raised.value) is error
    assert len((await any_rig.books())["charges"]) == int(executed)

    again = await any_rig.provider.payments_collect(request, any_rig.ctx("charge-1", limit_s=10))
    assert (again.outcome, again.money) == (PaymentOutcome.SUCCEEDED, RENT)
    assert len((await any_rig.books())["charges"]) == 1


async def test_rate_limited_tells_when_to_come_back(any_rig: Rig) -> None:
    request = await collect_request(any_rig)
    await any_rig.fault("collect", "rate_limited", seconds=7)
    with pytest.raises(RateLimited) as raised:
        await any_rig.provider.payments_collect(request, any_rig.ctx("charge-1"))
    assert raised.value.retry_after_s == 7


async def test_a_slow_answer_within_the_limit_is_an_answer(any_rig: Rig) -> None:
    request = await collect_request(any_rig)
    await any_rig.fault("collect", "slow", seconds=0.02)
    result = await any_rig.provider.payments_collect(request, any_rig.ctx("charge-1"))
    assert result.outcome is PaymentOutcome.SUCCEEDED


@pytest.mark.parametrize(
    ("fault", "money"), [("wrong_currency", Money(RENT.minor, "USD")), ("wrong_amount", Money(RENT.minor + 1))]
)
async def test_other_money_is_told_as_the_vendor_tells_it(any_rig: Rig, fault: str, money: Money) -> None:
    request = await collect_request(any_rig)
    await any_rig.fault("collect", fault)
    result = await any_rig.provider.payments_collect(request, any_rig.ctx("charge-1"))
    assert result.money == money


async def test_an_answer_may_be_about_something_else(any_rig: Rig) -> None:
    request = await collect_request(any_rig)
    await any_rig.fault("collect", "other_ref")
    result = await any_rig.provider.payments_collect(request, any_rig.ctx("charge-1"))
    [charge] = (await any_rig.books())["charges"]
    assert result.payment_ref not in (None, charge["ref"])


async def test_a_lagging_status_knows_nothing_yet_and_then_does(any_rig: Rig) -> None:
    request = await collect_request(any_rig)
    await any_rig.provider.payments_collect(request, any_rig.ctx("charge-1"))
    query = StatusQuery(idempotency_key="charge-1")
    await any_rig.fault("status", "not_found_yet")
    assert await any_rig.provider.payments_status(query, any_rig.ctx()) == NoRecord(query=query)
    assert (await any_rig.provider.payments_status(query, any_rig.ctx())).outcome is PaymentOutcome.SUCCEEDED


async def test_a_passed_deadline_is_not_sent_at_all(any_rig: Rig) -> None:
    request = await collect_request(any_rig)
    late = any_rig.ctx("charge-1", limit_s=0)
    with pytest.raises(NotSent):
        await any_rig.provider.payments_collect(request, late)
    assert (await any_rig.books())["charges"] == []


async def test_no_error_carries_a_secret_an_account_or_an_address(any_rig: Rig) -> None:
    request = await collect_request(any_rig)
    for fault in ("http_500_after", "timeout_after_effect", "garbage_body", "auth_401", "redirect_3xx"):
        await any_rig.fault("collect", fault)
        with pytest.raises(ProviderError) as raised:
            await any_rig.provider.payments_collect(request, any_rig.ctx(f"charge-{fault}"))
        for secret in ("sandbox-api-key", "6222020200112233445", "张三", "http://"):
            assert secret not in repr(raised.value) + raised.value.detail


async def test_chance_strikes_the_same_calls_for_the_same_seed(rig: Rig) -> None:
    request = await collect_request(rig)

    async def struck(seed: int) -> list[int]:
        await rig.control("chaos", seed=seed, rate=0.3, faults=["http_500_before"])
        found = []
        for number in range(60):
            try:
                await rig.provider.payments_collect(request, rig.ctx(f"chance-{number}"))
            except UnknownOutcome:
                found.append(number)
        return found

    first = await struck(1)
    assert 8 <= len(first) <= 30
    assert await struck(1) == first
    assert await struck(2) != first
    await rig.control("chaos", rate=0)
    await rig.provider.payments_collect(request, rig.ctx("calm"))
