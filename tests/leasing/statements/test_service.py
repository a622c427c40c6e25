"""Statements are planned, fetched and held against the books on a real database, against a bank that does as it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from hub.core.errors import InvalidInput, NotAllowed, NotFound, Rejected, RetryAdvice, RuleBroken
from hub.core.money import Money
from hub.core.ports.payments import SettlementKind, SettlementLine, Statement, StatementRequest
from hub.infra.access import Actor
from hub.infra.paging import Window
from hub.leasing.payments.rules import ChargeSucceeded, MovementView
from hub.leasing.statements import listing, service
from hub.leasing.statements.rules import DifferenceKind, DifferenceState, DifferenceView, StatementState, StatementView
from hub.ledger import postings
from hub.ledger import service as ledger
from tests.leasing.running import settled
from tests.leasing.till import RENT, Till

D = DifferenceKind
Book = dict[date, list[SettlementLine]]


@pytest.fixture
def book(till: Till) -> Book:
    """What the bank has in its book, by day."""
    lines: Book = {}

    def page(request: StatementRequest, _: object) -> Statement:
        mine = lines.get(request.day_on, [])
        start = int(request.cursor or 0)
        following = start + 2
        return Statement(
            lines=tuple(mine[start:following]), next_cursor=str(following) if following < len(mine) else None
        )

    till.house.bank.steps["payments_statement"] = [page]
    return lines


async def _charged(till: Till, ref: str, *, booked: bool = True) -> MovementView:
    """A rent that was debited today, and is in the books."""

    async def post(tx: Any, fact: ChargeSucceeded) -> None:
        parts = postings.ReceiptParts(unallocated=fact.money)
        draft = postings.receipt_from_provider(
            charge_id=fact.charge_id,
            contract_id=fact.contract_id,
            value_on=fact.settled_on,
            instance=fact.instance,
            parts=parts,
        )
        await ledger.post(tx, draft)

    till.house.table = {**till.house.table, ChargeSucceeded: (post,) if booked else ()}

    def step(request: Any, ctx: Any) -> Any:
        return replace(settled()(request, ctx), payment_ref=ref)  # type: ignore[operator]

    return await till.charged(step)


def _line(
    till: Till, ref: str, money: Money = RENT, kind: SettlementKind = SettlementKind.COLLECTED, key: str | None = None
) -> SettlementLine:
    at = till.house.clock.now()
    return SettlementLine(kind=kind, payment_ref=ref, idempotency_key=key, money=money, settled_at=at)


async def _reconcile(till: Till) -> int:
    return await service.perform(till.database, till.house.executor)


async def _statements(till: Till) -> list[StatementView]:
    async with till.database.transaction(till.house.system) as tx:
        return list((await listing.statements(tx, Window())).rows)


async def _differences(till: Till) -> list[DifferenceView]:
    async with till.database.transaction(till.house.system) as tx:
        return list((await listing.differences(tx, Window())).rows)


async def _next_noon(till: Till, days: int = 2) -> None:
    """Go to where yesterday is over everywhere on earth."""
    await till.house.go_to(till.house.today + timedelta(days=days), hour=21)


async def test_a_day_is_fetched_once_when_it_is_over_and_matches(till: Till, book: Book) -> None:
    day = till.house.today
    refs = ("p-1", "p-2", "p-3")
    for ref in refs:
        await _charged(till, ref)
    book[day] = [_line(till, ref) for ref in refs]
    assert await _reconcile(till) == 0, "the day is not over"
    await _next_noon(till, days=1)
    assert await _reconcile(till) == 1
    assert await _reconcile(till) == 0
    [one] = await _statements(till)
    assert (one.day_on, one.state, one.lines, one.matched, one.named) == (day, StatementState.MATCHED, 3, 3, 0)
    assert (one.stated, one.booked, one.difference) == (Money.of("300.00"), Money.of("300.00"), Money(0))
    sent = till.house.bank.of("payments_statement")
    assert [(call.request.day_on, call.request.cursor) for call in sent] == [(day, None), (day, "2")]


async def test_a_provider_that_has_never_moved_anything_is_not_asked(till: Till, book: Book) -> None:
    await _next_noon(till)
    assert await _reconcile(till) == 0
    assert till.house.bank.of("payments_statement") == []


async def test_every_day_since_the_first_movement_is_fetched_also_without_any_of_ours(till: Till, book: Book) -> None:
    day = till.house.today
    await _charged(till, "p-1")
    book[day] = [_line(till, "p-1")]
    book[day + timedelta(days=1)] = [_line(till, "somebody's")]
    await _next_noon(till, days=3)
    assert await _reconcile(till) == 3
    found = {one.day_on: (one.state, one.open) for one in await _statements(till)}
    assert found == {
        day: (StatementState.MATCHED, 0),
        day + timedelta(days=1): (StatementState.DIFFERS, 1),
        day + timedelta(days=2): (StatementState.MATCHED, 0),
    }


async def test_what_differs_is_named_kept_and_gone_when_it_agrees_again(till: Till, book: Book) -> None:
    day = till.house.today
    await _charged(till, "p-1")
    await _charged(till, "p-2")
    book[day] = [_line(till, "p-1", Money(9000)), _line(till, "x-9"), _line(till, "p-1", Money(60), SettlementKind.FEE)]
    await _next_noon(till, days=1)
    await _reconcile(till)
    found = {one.kind: one for one in await _differences(till)}
    assert set(found) == {D.AMOUNT, D.NOT_STATED, D.ONLY_STATED, D.FEES}
    [statement] = await _statements(till)
    assert statement.open == statement.named == 4
    assert statement.difference == Money.total(one.difference for one in found.values())
    assert found[D.NOT_STATED].contract_id == till.contract_id
    book[day] = [_line(till, "p-1"), _line(till, "p-2"), _line(till, "p-1", Money(60), SettlementKind.FEE)]
    async with till.database.transaction(till.house.system) as tx:
        await service.fetch_again(tx, statement.id)
    assert await _reconcile(till) == 1
    states = {one.kind: one.state for one in await _differences(till)}
    gone = dict.fromkeys((D.AMOUNT, D.NOT_STATED, D.ONLY_STATED), DifferenceState.GONE)
    assert states == {**gone, D.FEES: DifferenceState.OPEN}


async def test_fees_and_what_went_to_our_bank_are_booked_by_a_person(till: Till, book: Book) -> None:
    day = till.house.today
    await _charged(till, "p-1")
    book[day] = [
        _line(till, "p-1"),
        _line(till, "p-1", Money(60), SettlementKind.FEE),
        _line(till, "po_" + "1" * 60, Money(5000), SettlementKind.PAID_OUT),
    ]
    await _next_noon(till, days=1)
    await _reconcile(till)
    for one in await _differences(till):
        assert one.kind in (D.FEES, D.SETTLED)
        async with till.database.transaction(till.house.system) as tx:
            assert (await service.book(tx, one.id)).state is DifferenceState.GONE
    [statement] = await _statements(till)
    assert (statement.state, statement.difference) == (StatementState.MATCHED, Money(0))
    async with till.database.transaction(till.house.system) as tx:
        assert (await ledger.clearing_balances(tx))["bank"] == RENT - Money(5060)
        assert await ledger.check(tx) == ()
        with pytest.raises(RuleBroken, match="difference_not_open"):
            await service.book(tx, one.id)


async def test_a_movement_that_is_not_in_the_books_is_found(till: Till, book: Book) -> None:
    await _charged(till, "p-1", booked=False)
    book[till.house.today] = [_line(till, "p-1")]
    await _next_noon(till, days=1)
    await _reconcile(till)
    [found] = await _differences(till)
    assert (found.kind, found.stated, found.booked) == (D.NOT_BOOKED, RENT, Money(0))
    async with till.database.transaction(till.house.system) as tx:
        with pytest.raises(RuleBroken, match="not_booked_by_itself"):
            await service.book(tx, found.id)


async def test_a_line_is_ours_by_the_key_that_the_provider_was_given(till: Till, book: Book) -> None:
    charge = await _charged(till, "p-1")
    book[till.house.today] = [_line(till, "another name", key=str(charge.id))]
    await _next_noon(till, days=1)
    await _reconcile(till)
    assert await _differences(till) == []


async def test_another_calendar_is_explained_on_both_days(till: Till, book: Book) -> None:
    """The provider states on the day after what we have on this one; on either it is named, and needs nobody."""
    day = till.house.today
    await _charged(till, "p-1")
    book[day + timedelta(days=1)] = [_line(till, "p-1")]
    await _next_noon(till, days=1)
    await _reconcile(till)
    [found] = await _differences(till)
    assert (found.kind, found.state) == (D.NOT_STATED, DifferenceState.OPEN)
    await _next_noon(till, days=1)
    await _reconcile(till)
    both = sorted(await _differences(till), key=lambda one: one.day_on)
    assert [(one.kind, one.state, one.day_on, one.other_on) for one in both] == [
        (D.OTHER_DAY, DifferenceState.EXPLAINED, day, day + timedelta(days=1)),
        (D.OTHER_DAY, DifferenceState.EXPLAINED, day + timedelta(days=1), day),
    ]
    assert {one.state for one in await _statements(till)} == {StatementState.MATCHED}


async def test_an_explanation_holds_until_the_difference_is_another(till: Till, book: Book, outsider: Actor) -> None:
    day = till.house.today
    await _charged(till, "p-1")
    book[day] = [_line(till, "p-1"), _line(till, "x-9")]
    await _next_noon(till, days=1)
    await _reconcile(till)
    [found] = await _differences(till)
    async with till.database.transaction(outsider) as tx:
        with pytest.raises(NotAllowed):
            await service.explain(tx, found.id, reason="mine")
        with pytest.raises(NotFound):
            await service.get_difference(tx, found.id)
        assert list((await listing.differences(tx, Window())).rows) == []
    async with till.database.transaction(till.house.system) as tx:
        with pytest.raises(InvalidInput, match="reason"):
            await service.explain(tx, found.id, reason=" ")
        told = await service.explain(tx, found.id, reason="a deposit of another business")
        assert (told.state, told.closed_by) == (DifferenceState.EXPLAINED, "system:test")
    [statement] = await _statements(till)
    assert statement.state is StatementState.MATCHED
    for line, state in ((_line(till, "x-9"), "explained"), (_line(till, "x-9", Money(1)), "open")):
        book[day] = [_line(till, "p-1"), line]
        async with till.database.transaction(till.house.system) as tx:
            await service.fetch_again(tx, statement.id)
        await _reconcile(till)
        [again] = await _differences(till)
        assert again.state == state


async def test_a_statement_that_cannot_be_had_is_asked_for_again_and_then_given_to_a_person(
    till: Till, book: Book
) -> None:
    await _charged(till, "p-1")
    till.house.bank.steps["payments_statement"] = [Rejected("STATEMENT_CREATING", advice=RetryAdvice.LATER)]
    await _next_noon(till, days=1)
    asked = 0
    for _ in range(40):
        asked += await service.perform(till.database, till.house.executor, limit=1)
        till.house.clock.advance(timedelta(hours=3))
    oldest = (await _statements(till))[-1]
    assert (oldest.state, oldest.code, oldest.fetch_at) == (StatementState.FAILED, "STATEMENT_CREATING", None)
    assert asked >= 11


async def test_asking_the_provider_once_more_needs_a_movement_of_ours(till: Till, book: Book) -> None:
    day = till.house.today
    await _charged(till, "p-1")
    book[day] = [_line(till, "x-9")]
    await _next_noon(till, days=1)
    await _reconcile(till)
    found = {one.kind: one for one in await _differences(till)}
    with pytest.raises(RuleBroken, match="nothing_to_ask_about"):
        await service.ask_again(till.database, till.house.executor, till.house.system, found[D.ONLY_STATED])
    await service.ask_again(till.database, till.house.executor, till.house.system, found[D.NOT_STATED])
    assert {one.kind for one in await _differences(till)} == {D.ONLY_STATED, D.NOT_STATED}
