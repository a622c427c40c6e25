"""Plan the statements of days that are over, fetch them, hold them against the books, and see differences to their end.

Three steps as everywhere: what is due is written down, it is fetched with no transaction open, and what came is
recorded and compared in one transaction. What differs is compared again while it is open, for late news settles most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from hub.core.dates import each_day
from hub.core.errors import Conflict, NotFound, RuleBroken
from hub.core.money import Money
from hub.core.ports.payments import SettlementKind, SettlementLine, Statement, StatementRequest
from hub.infra import audit
from hub.infra.abreast import abreast
from hub.infra.access import Actor, Permission, system
from hub.infra.database import FUNCTIONAL_CURRENCY, Database, Tx
from hub.integrations import call_log, reconcile
from hub.integrations.answers import Ask, CallOutcome
from hub.integrations.executor import Executor
from hub.leasing.parties.documents import clean_text
from hub.leasing.payments import listing as movements
from hub.leasing.payments.rules import MovementState, MovementView
from hub.leasing.statements.listing import difference_shown, shown
from hub.leasing.statements.records import DifferenceRecord, StatementLineRecord, StatementRecord
from hub.leasing.statements.rules import (
    ASKABLE,
    BOOKABLE,
    REASON_LENGTH,
    Booked,
    Comparison,
    DifferenceKind,
    DifferenceState,
    DifferenceView,
    Found,
    Moved,
    Stated,
    StatementState,
    StatementView,
    compare,
    ready_at,
    short,
    starts_as,
)
from hub.ledger import postings
from hub.ledger import service as ledger

PERFORM = "statements.perform"
OPERATION = "payments_statement"
_ACTOR = system("statements")
CHUNK = 50
AT_ONCE = 4
_CLAIM = timedelta(minutes=10)
# How far back a statement is asked for that was never fetched: providers keep theirs for a month at least.
_BACK = timedelta(days=31)
# A statement that cannot be had is asked for again so much later; then a person must look.
_AGAIN = (timedelta(hours=1),) * 6 + (timedelta(hours=12),) * 4
# While something is open, it is looked at again so much later, for so many days.
_LOOK_AGAIN = timedelta(hours=1)
_LOOK_DAYS = timedelta(days=10)
_PAGES, _DEADLINE_S = 2000, 60.0


async def perform(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Plan, fetch and compare what is due; returns how many statements were fetched."""
    async with database.transaction(_ACTOR) as tx:
        await _plan(tx, executor)
    fetched = await abreast(await _claim(database, limit), lambda due: _fetch(database, executor, due), at_once=AT_ONCE)
    if not fetched:
        await _compare_again(database, limit)
    return fetched


# What is due


async def _plan(tx: Tx, executor: Executor) -> None:
    """Write down the statements of every day that is over at each provider that has any."""
    for name, instance in executor.registry.current.instances.items():
        if not instance.usable or OPERATION not in instance.operations:
            continue
        after = instance.operations[OPERATION].facts.ready_after
        first_on = await _first_day(tx, name)
        if first_on is None:
            continue
        days = [day for day in each_day(first_on, tx.today) if ready_at(day, after) <= tx.now]
        if days:
            await tx.execute(insert(StatementRecord).on_conflict_do_nothing(), [_due(tx, name, day) for day in days])


async def _first_day(tx: Tx, instance: str) -> date | None:
    """The first day whose statement is not planned yet; None for a provider that never moved anything for us."""
    last_on = await tx.scalar(select(func.max(StatementRecord.day_on)).where(StatementRecord.instance == instance))
    if last_on is not None:
        return max(last_on + timedelta(days=1), tx.today - _BACK)
    first_on = await movements.first_settled_on(tx, instance)
    return None if first_on is None else max(first_on, tx.today - _BACK)


def _due(tx: Tx, instance: str, day_on: date) -> dict[str, object]:
    nothing = Money.zero()
    counts = dict.fromkeys(("tries", "line_count", "matched_count", "named_count", "open_count"), 0)
    return {
        "id": tx.new_id(),
        "instance": instance,
        "day_on": day_on,
        "state": StatementState.DUE,
        "fetch_at": tx.now,
        "covers": [],
        "stated_amount": nothing,
        "booked_amount": nothing,
        **counts,
    }


@dataclass(frozen=True, slots=True)
class _Due:
    """A statement in hand: which, of whom, of what day."""

    id: UUID
    instance: str
    day_on: date
    tries: int


async def _claim(database: Database, limit: int) -> list[_Due]:
    async with database.transaction(_ACTOR) as tx:
        due = select(StatementRecord).where(StatementRecord.fetch_at <= tx.now).order_by(StatementRecord.fetch_at)
        rows = list(await tx.scalars(due.limit(limit).with_for_update(skip_locked=True)))
        for row in rows:
            row.fetch_at, row.tries = tx.now + _CLAIM, row.tries + 1
        return [_Due(row.id, row.instance, row.day_on, row.tries) for row in rows]


# Fetching, and writing down what came


async def _fetch(database: Database, executor: Executor, due: _Due) -> None:
    pages = await _pages(executor, due)
    async with database.transaction(_ACTOR) as tx:
        row = await tx.get_one(StatementRecord, due.id, with_for_update=True)
        if isinstance(pages, str):
            _put_off(tx, row, pages)
            return
        await _take(tx, row, pages)
        await _compare(tx, row.instance, row.day_on)
    # What seemed missing on the days around may stand here. One row a transaction: nobody waits for anybody in a ring.
    for day_on in (due.day_on - timedelta(days=1), due.day_on + timedelta(days=1)):
        async with database.transaction(_ACTOR) as tx:
            await _compare(tx, due.instance, day_on)


async def _pages(executor: Executor, due: _Due) -> list[Statement] | str:
    """Every page of a statement; the code of the refusal when one of them is not to be had."""
    pages: list[Statement] = []
    cursor: str | None = None
    while len(pages) < _PAGES:
        ask = Ask(
            operation=OPERATION,
            request=StatementRequest(day_on=due.day_on, cursor=cursor),
            key=f"{due.id}:{due.tries}:{len(pages)}",
            pin=due.instance,
            deadline_s=_DEADLINE_S,
        )
        answer = await executor.call(ask)
        if answer.outcome is not CallOutcome.OK or not isinstance(answer.result, Statement):
            return answer.error_code or answer.outcome.value
        pages.append(answer.result)
        cursor = answer.result.next_cursor
        if cursor is None:
            return pages
    return "too_many_pages"


def _put_off(tx: Tx, row: StatementRecord, code: str) -> None:
    row.code = code
    if row.tries <= len(_AGAIN):
        row.fetch_at = tx.now + _AGAIN[row.tries - 1]
        return
    row.fetch_at = None
    if row.state == StatementState.DUE:
        row.state = StatementState.FAILED


async def _take(tx: Tx, row: StatementRecord, pages: Sequence[Statement]) -> None:
    """Keep the lines of a statement in place of those that an earlier fetch has left."""
    lines = [line for page in pages for line in page.lines]
    covers = {kind for page in pages for kind in (SettlementKind if page.covers is None else page.covers)}
    row.code, row.fetch_at, row.tries, row.fetched_at = None, None, 0, tx.now
    row.covers, row.line_count = sorted(covers), len(lines)
    await tx.execute(delete(StatementLineRecord).where(StatementLineRecord.statement_id == row.id))
    tx.add_all(_line(row.id, place, line) for place, line in enumerate(lines))
    await tx.flush()


def _line(statement_id: UUID, position: int, line: SettlementLine) -> StatementLineRecord:
    return StatementLineRecord(
        statement_id=statement_id,
        position=position,
        kind=line.kind,
        payment_ref=line.payment_ref,
        idempotency_key=line.idempotency_key,
        amount_minor=line.money.minor,
        currency=line.money.currency,
        settled_at=line.settled_at,
    )


# Comparing


async def _compare_again(database: Database, limit: int) -> None:
    """Look again at what is open, for late news of a movement may have settled it meanwhile."""
    async with database.transaction(_ACTOR) as tx:
        open_ = and_(StatementRecord.state == StatementState.DIFFERS, StatementRecord.day_on >= tx.today - _LOOK_DAYS)
        stale = StatementRecord.compared_at <= tx.now - _LOOK_AGAIN
        rows = select(StatementRecord.instance, StatementRecord.day_on).where(open_, stale)
        due = (await tx.execute(rows.order_by(StatementRecord.compared_at).limit(limit))).all()
    for instance, day_on in due:
        async with database.transaction(_ACTOR) as tx:
            await _compare(tx, instance, day_on)


async def _compare(tx: Tx, instance: str, day_on: date) -> None:
    """Hold the statement of a day, if it is there, against our movements and books as they stand now."""
    wanted = select(StatementRecord).where(StatementRecord.instance == instance, StatementRecord.day_on == day_on)
    row = await tx.scalar(wanted.with_for_update().execution_options(populate_existing=True))
    if row is None or row.fetched_at is None:
        return
    lines = list(
        await tx.scalars(
            select(StatementLineRecord)
            .where(StatementLineRecord.statement_id == row.id)
            .order_by(StatementLineRecord.position)
        )
    )
    named = await _movements_of(tx, instance, lines)
    ours = {one.id: one for one in (*await movements.settled(tx, instance, day_on), *named.values())}
    entries = await ledger.clearing_lines(tx, instance, day_on)
    elsewhere = await _stated_elsewhere(tx, row, list(ours.values()))
    causes = {str(cause): one.id for one in ours.values() for cause in (one.id, one.subject_id)}
    compared = compare(
        instance,
        day_on,
        lines=[_stated(line, named) for line in lines],
        moved=[_moved(one, elsewhere.get(one.id)) for one in ours.values()],
        booked=[Booked(ref=ref, money=money, movement_id=causes.get(_cause(ref))) for ref, money in entries],
        covers=frozenset(SettlementKind(word) for word in row.covers),
        currency=FUNCTIONAL_CURRENCY,
    )
    await _write(tx, row, compared)


def _cause(ref: str) -> str:
    """The id of the cause in the reference of an entry."""
    return ref.partition(":")[2].partition(":")[0]


async def _movements_of(tx: Tx, instance: str, lines: Iterable[StatementLineRecord]) -> dict[str, MovementView]:
    """Our movements that lines are about, by the provider's reference and by the key that it was given."""
    about = [line for line in lines if line.kind != SettlementKind.FEE]
    keys = {line.idempotency_key for line in about if line.idempotency_key}
    asked = await call_log.asked_under(tx, instance, ("payments_collect", "payments_payout"), keys)
    found = await movements.named(tx, instance, {line.payment_ref for line in about}, set(asked.values()))
    by_id = {one.id: one for one in found}
    by_key = {key: by_id[one] for key, one in asked.items() if one in by_id}
    return {one.payment_ref: one for one in found if one.payment_ref} | by_key


def _named(line: StatementLineRecord, named: Mapping[str, MovementView]) -> MovementView | None:
    """The movement that a line is about: a payout by a payout, a debit by a debit; what is given back is neither."""
    one = (named.get(line.idempotency_key) if line.idempotency_key else None) or named.get(line.payment_ref)
    fits = {SettlementKind.COLLECTED: False, SettlementKind.PAID_OUT: True}
    return one if one is not None and fits.get(SettlementKind(line.kind)) is one.is_payout else None


def _stated(line: StatementLineRecord, named: Mapping[str, MovementView]) -> Stated:
    one = _named(line, named)
    return Stated(
        kind=SettlementKind(line.kind),
        payment_ref=line.payment_ref,
        money=Money(line.amount_minor, line.currency),
        movement_id=None if one is None else one.id,
    )


def _moved(one: MovementView, stated_on: date | None) -> Moved:
    return Moved(
        id=one.id,
        is_payout=one.is_payout,
        money=one.money,
        succeeded=one.state is MovementState.SUCCEEDED,
        settled_on=one.settled_on,
        payment_ref=one.payment_ref,
        contract_id=one.contract_id,
        stated_on=stated_on,
    )


async def _stated_elsewhere(tx: Tx, row: StatementRecord, ours: Sequence[MovementView]) -> dict[UUID, date]:
    """Which movements the provider states on the day before or after: its calendar need not be ours."""
    line, other = StatementLineRecord, StatementRecord
    refs = {one.payment_ref: one.id for one in ours if one.payment_ref}
    near = (row.day_on - timedelta(days=1), row.day_on + timedelta(days=1))
    rows = (
        select(line.payment_ref, other.day_on)
        .join(other, other.id == line.statement_id)
        .where(other.instance == row.instance, other.day_on.in_(near), line.payment_ref.in_(refs))
        .where(line.kind.in_((SettlementKind.COLLECTED, SettlementKind.PAID_OUT)))
    )
    return {refs[ref]: day_on for ref, day_on in await tx.execute(rows)}


async def _write(tx: Tx, row: StatementRecord, compared: Comparison) -> None:
    known = {
        one.subject: one
        for one in await tx.scalars(select(DifferenceRecord).where(DifferenceRecord.statement_id == row.id))
    }
    for found in compared.found:
        _note(tx, row, found, known.pop(found.subject, None))
    for gone in known.values():
        _close(tx, gone, DifferenceState.GONE)
    await tx.flush()
    counted = select(func.count()).where(DifferenceRecord.statement_id == row.id)
    still_open = counted.where(DifferenceRecord.state == DifferenceState.OPEN)
    row.open_count, row.named_count = await tx.scalar(still_open) or 0, len(compared.found)
    row.stated_amount, row.booked_amount, row.matched_count = compared.stated, compared.booked, compared.matched
    row.state = StatementState.DIFFERS if row.open_count else StatementState.MATCHED
    row.compared_at = tx.now


def _note(tx: Tx, row: StatementRecord, found: Found, known: DifferenceRecord | None) -> None:
    """Write down what was found; one that a person has explained stays so as long as it is the same."""
    moved = found.moved
    told = {
        "kind": found.kind,
        "stated_amount": found.stated,
        "booked_amount": found.booked,
        "ref": found.ref,
        "note": found.note,
        "movement_id": moved.id if moved else None,
        "is_payout": bool(moved and moved.is_payout),
        "contract_id": moved.contract_id if moved else None,
        "other_on": (moved.stated_on or moved.settled_on) if moved else None,
    }
    if known is None:
        known = DifferenceRecord(
            id=tx.new_id(),
            statement_id=row.id,
            instance=row.instance,
            day_on=row.day_on,
            subject=found.subject,
            state=starts_as(found.kind),
            found_at=tx.now,
            **told,
        )
        tx.add(known)
        return
    same = all(getattr(known, name) == told[name] for name in ("kind", "stated_amount", "booked_amount"))
    if not same or known.state == DifferenceState.GONE:
        known.state, known.reason, known.closed_at, known.closed_by = starts_as(found.kind), None, None, None
    for name, value in told.items():
        setattr(known, name, value)


def _close(tx: Tx, row: DifferenceRecord, state: DifferenceState, reason: str | None = None) -> None:
    if row.state != state:
        row.state, row.closed_at, row.closed_by = state, tx.now, tx.actor.name
        row.reason = reason or row.reason


# What a person does


async def fetch_again(tx: Tx, statement_id: UUID) -> StatementView:
    """Have a statement fetched anew; Conflict while it is being fetched."""
    tx.actor.require_whole_company(Permission.PAYMENTS_WRITE)
    row = await _statement(tx, statement_id, lock=True)
    if row.fetch_at is not None and row.fetch_at > tx.now and row.code is None:
        raise Conflict("statement_being_fetched")
    row.fetch_at, row.tries = tx.now, 0
    await _audit(tx, "statement.fetch_requested", row.id, {})
    await tx.jobs.enqueue(tx, PERFORM, key=PERFORM)
    return shown(row)


async def explain(tx: Tx, difference_id: UUID, *, reason: str) -> DifferenceView:
    """Close an open difference with a reason; raises RuleBroken for one that is not open."""
    row = await _open(tx, difference_id)
    reason = clean_text("reason", reason, longest=REASON_LENGTH)
    _close(tx, row, DifferenceState.EXPLAINED, reason)
    await _audit(tx, "difference.explained", row.statement_id, {"difference": str(row.id), "reason": reason})
    await tx.flush()
    await _compare(tx, row.instance, row.day_on)
    return difference_shown(row)


async def book(tx: Tx, difference_id: UUID) -> DifferenceView:
    """Book what the statement says of fees, or of money that has gone to our bank account; raises RuleBroken otherwise."""
    row = await _open(tx, difference_id)
    if DifferenceKind(row.kind) not in BOOKABLE or row.booked_amount:
        raise RuleBroken("difference_is_not_booked_by_itself", kind=row.kind)
    amount = -row.stated_amount
    if row.kind == DifferenceKind.FEES:
        draft = postings.provider_fee(instance=row.instance, value_on=row.day_on, amount=amount)
    else:
        draft = postings.provider_settled(
            settlement_ref=short(row.ref), value_on=row.day_on, instance=row.instance, amount=amount
        )
    await ledger.post(tx, draft)
    await _audit(tx, "difference.booked", row.statement_id, {"difference": str(row.id), "entry": draft.ref})
    await _compare(tx, row.instance, row.day_on)
    return difference_shown(await tx.get_one(DifferenceRecord, difference_id, populate_existing=True))


async def ask_again(database: Database, executor: Executor, actor: Actor, difference: DifferenceView) -> None:
    """Ask the provider once more what became of the movement that a difference is about, and compare anew.

    Never inside a transaction. Raises RuleBroken for a difference that is about no movement of ours.
    """
    async with database.transaction(actor) as tx:
        tx.actor.require_whole_company(Permission.PAYMENTS_WRITE)
        operation = "payments_payout" if difference.is_payout else "payments_collect"
        call_id = await call_log.held_by(tx, operation, str(difference.movement_id))
        if difference.kind not in ASKABLE or call_id is None:
            raise RuleBroken("nothing_to_ask_about", kind=difference.kind)
        await _audit(tx, "difference.asked_again", difference.statement_id, {"difference": str(difference.id)})
    await reconcile.reconcile_now(database, executor, call_id)
    async with database.transaction(_ACTOR) as tx:
        await _compare(tx, difference.instance, difference.day_on)


async def _open(tx: Tx, difference_id: UUID) -> DifferenceRecord:
    tx.actor.require_whole_company(Permission.PAYMENTS_WRITE)
    row = await tx.get(DifferenceRecord, difference_id)
    if row is None:
        raise NotFound("difference", difference_id)
    await _statement(tx, row.statement_id, lock=True)  # first, as whoever compares does
    await tx.refresh(row, with_for_update=True)
    if row.state != DifferenceState.OPEN:
        raise RuleBroken("difference_not_open", state=row.state)
    return row


async def _audit(tx: Tx, action: str, statement_id: UUID, detail: Mapping[str, str]) -> None:
    await audit.record(tx, action=action, subject="statement", subject_id=statement_id, detail=detail)


# Looking


async def _statement(tx: Tx, statement_id: UUID, *, lock: bool = False) -> StatementRecord:
    row = await tx.get(StatementRecord, statement_id, with_for_update=lock)
    if row is None or tx.actor.branches is not None:
        raise NotFound("statement", statement_id)
    return row


async def get(tx: Tx, statement_id: UUID) -> StatementView:
    """One statement; raises NotFound, also for an actor who is kept to branches."""
    return shown(await _statement(tx, statement_id))


async def differences_of(tx: Tx, statement_id: UUID) -> list[DifferenceView]:
    """Everything that was found to differ in a statement, what is open first."""
    await _statement(tx, statement_id)
    rows = select(DifferenceRecord).where(DifferenceRecord.statement_id == statement_id)
    order = (DifferenceRecord.state != DifferenceState.OPEN, DifferenceRecord.kind, DifferenceRecord.subject)
    return [difference_shown(row) for row in await tx.scalars(rows.order_by(*order))]


async def get_difference(tx: Tx, difference_id: UUID) -> DifferenceView:
    """One difference; raises NotFound, also for an actor who is kept to branches."""
    row = await tx.get(DifferenceRecord, difference_id)
    if row is None or tx.actor.branches is not None:
        raise NotFound("difference", difference_id)
    return difference_shown(row)
