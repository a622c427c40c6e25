"""Posting, reversing, summing and proving the books. What is posted is made in `postings`; nobody else writes here.

There is no row with a running balance: balances are sums of lines, so posting locks nothing but its own reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from hub.core.errors import Conflict, NotFound
from hub.core.ids import EntryId
from hub.core.money import Money
from hub.infra import audit
from hub.infra.database import Tx
from hub.ledger import postings
from hub.ledger.chart import CHART, Account
from hub.ledger.records import AccountRecord, EntryRecord, LineRecord
from hub.ledger.rules import (
    AccountTotal,
    EntryDraft,
    EntryView,
    Finding,
    FindingKind,
    LineView,
    TrialBalance,
    one_of_each,
)

# Arrays keep the number of parameters fixed: a night's postings of any size are two statements.
_INSERT_ENTRIES = sa.text("""
    insert into entry (id, ref, kind, value_on, posted_on, posted_at, posted_by, contract_id, memo, reverses_id,
                       line_count, fingerprint)
    select id, ref, kind, value_on, :posted_on, :posted_at, :posted_by, contract_id, memo, reverses_id, line_count,
           fingerprint
    from unnest(cast(:ids as uuid[]), cast(:refs as text[]), cast(:kinds as text[]), cast(:values_on as date[]),
                cast(:contracts as uuid[]), cast(:memos as text[]), cast(:reversed as uuid[]),
                cast(:counts as smallint[]), cast(:fingerprints as text[]))
         as draft (id, ref, kind, value_on, contract_id, memo, reverses_id, line_count, fingerprint)
    on conflict (ref) do nothing
    returning ref, id
""")
_INSERT_LINES = sa.text("""
    insert into line (entry_id, position, account_code, amount, instance)
    select * from unnest(cast(:entries as uuid[]), cast(:positions as smallint[]), cast(:accounts as text[]),
                         cast(:amounts as numeric[]), cast(:instances as text[]))
""")


class _LineRow(NamedTuple):
    entry_id: UUID
    position: int
    account: str
    amount: object
    instance: str | None


async def post(tx: Tx, draft: EntryDraft) -> EntryId:
    """Post one entry, or find it posted already under its reference; raises Conflict when that one says otherwise."""
    return (await post_many(tx, [draft]))[draft.ref]


async def post_many(tx: Tx, drafts: Iterable[EntryDraft]) -> dict[str, EntryId]:
    """Post entries together, in two statements however many they are; gives the id of each reference.

    A reference that is already posted with the same content is left as it is; with another content Conflict is
    raised and nothing of the transaction stays. References are taken in order, so two posters never block in a ring.
    """
    once = one_of_each(drafts)
    if not once:
        return {}
    await tx.flush()
    posted = await _insert_entries(tx, once)
    await _insert_lines(tx, [(posted[draft.ref], draft) for draft in once if draft.ref in posted])
    known = [draft for draft in once if draft.ref not in posted]
    return posted | (await _already_posted(tx, known) if known else {})


async def _insert_entries(tx: Tx, drafts: Sequence[EntryDraft]) -> dict[str, EntryId]:
    rows = await tx.execute(
        _INSERT_ENTRIES,
        {
            "posted_on": tx.today,
            "posted_at": tx.now,
            "posted_by": tx.actor.name,
            "ids": [tx.new_id() for _ in drafts],
            "refs": [draft.ref for draft in drafts],
            "kinds": [draft.kind for draft in drafts],
            "values_on": [draft.value_on for draft in drafts],
            "contracts": [draft.contract_id for draft in drafts],
            "memos": [draft.memo for draft in drafts],
            "reversed": [draft.reverses_id for draft in drafts],
            "counts": [len(draft.lines) for draft in drafts],
            "fingerprints": [draft.fingerprint for draft in drafts],
        },
    )
    return {ref: EntryId(entry_id) for ref, entry_id in rows}


async def _insert_lines(tx: Tx, posted: Sequence[tuple[EntryId, EntryDraft]]) -> None:
    rows = [
        _LineRow(entry_id, position, line.account.value, line.amount.amount, line.instance)
        for entry_id, draft in posted
        for position, line in enumerate(draft.lines, start=1)
    ]
    if rows:
        names = ("entries", "positions", "accounts", "amounts", "instances")
        columns = (list(column) for column in zip(*rows, strict=True))
        await tx.execute(_INSERT_LINES, dict(zip(names, columns, strict=True)))


async def _already_posted(tx: Tx, drafts: Sequence[EntryDraft]) -> dict[str, EntryId]:
    refs = sa.literal([draft.ref for draft in drafts], ARRAY(sa.String))
    columns = sa.select(EntryRecord.ref, EntryRecord.id, EntryRecord.fingerprint)
    rows = await tx.execute(columns.where(EntryRecord.ref == sa.any_(refs)))
    found = {ref: (EntryId(entry_id), fingerprint) for ref, entry_id, fingerprint in rows}
    for draft in drafts:
        if found[draft.ref][1] != draft.fingerprint:
            raise Conflict(f"{draft.ref} is posted already, with another content")
    return {ref: entry_id for ref, (entry_id, _) in found.items()}


async def reverse(tx: Tx, entry_id: EntryId, reason: str) -> EntryId:
    """Post the mirror of an entry, on its own value day; a second time finds the first."""
    entry = await get_entry(tx, entry_id)
    reversal_id = await post(tx, postings.reversal(entry, reason=reason))
    await audit.record(
        tx, action="entry.reversed", subject="entry", subject_id=entry_id, detail={"ref": entry.ref, "reason": reason}
    )
    return reversal_id


async def get_entry(tx: Tx, entry_id: EntryId) -> EntryView:
    """One entry with its lines; raises NotFound."""
    entries = await _entries(tx, sa.select(EntryRecord).where(EntryRecord.id == entry_id))
    if not entries:
        raise NotFound("entry", entry_id)
    return entries[0]


async def find_entry(tx: Tx, ref: str) -> EntryView | None:
    """The entry posted under a reference, if there is one."""
    entries = await _entries(tx, sa.select(EntryRecord).where(EntryRecord.ref == ref))
    return entries[0] if entries else None


async def entries_of_contract(
    tx: Tx, contract_id: UUID, *, after: UUID | None = None, limit: int = 200
) -> tuple[EntryView, ...]:
    """The entries of a contract in the order of posting, from behind entry `after` on, at most `limit`."""
    chosen = sa.select(EntryRecord).where(EntryRecord.contract_id == contract_id)
    if after is not None:
        last_seen = sa.select(EntryRecord.number).where(EntryRecord.id == after).scalar_subquery()
        chosen = chosen.where(EntryRecord.number > last_seen)
    return await _entries(tx, chosen.order_by(EntryRecord.number).limit(limit))


async def _entries(tx: Tx, chosen: sa.Select[EntryRecord]) -> tuple[EntryView, ...]:
    records = (await tx.scalars(chosen)).all()
    lines: dict[UUID, list[LineView]] = {record.id: [] for record in records}
    in_order = (
        sa.select(LineRecord).where(LineRecord.entry_id.in_(lines)).order_by(LineRecord.entry_id, LineRecord.position)
    )
    for line in await tx.scalars(in_order):
        view = LineView(account=Account(line.account_code), amount=line.amount, instance=line.instance)
        lines[line.entry_id].append(view)
    return tuple(_view(record, tuple(lines[record.id])) for record in records)


def _view(record: EntryRecord, lines: tuple[LineView, ...]) -> EntryView:
    return EntryView(
        id=EntryId(record.id),
        number=record.number,
        ref=record.ref,
        kind=record.kind,
        value_on=record.value_on,
        posted_on=record.posted_on,
        posted_by=record.posted_by,
        contract_id=record.contract_id,
        memo=record.memo,
        reverses_id=None if record.reverses_id is None else EntryId(record.reverses_id),
        lines=lines,
    )


async def balance(
    tx: Tx,
    account: Account,
    *,
    contract_id: UUID | None = None,
    instance: str | None = None,
    as_of: date | None = None,
) -> Money:
    """Debit less credit of an account: of the whole company, or of one contract, one provider instance, both.

    With `as_of`, of what had been posted by the end of that day.
    """
    total = sa.select(sa.func.sum(LineRecord.amount)).where(LineRecord.account_code == account.value)
    if contract_id is not None or as_of is not None:
        total = total.join(EntryRecord, EntryRecord.id == LineRecord.entry_id)
    if contract_id is not None:
        total = total.where(EntryRecord.contract_id == contract_id)
    if instance is not None:
        total = total.where(LineRecord.instance == instance)
    if as_of is not None:
        total = total.where(EntryRecord.posted_on <= as_of)
    return await tx.scalar(total) or Money.zero()


async def trial_balance(tx: Tx, as_of: date | None = None) -> TrialBalance:
    """Turnover of every account, of all that had been posted by the end of `as_of` (None: of everything).

    By the day of posting, not the value day: the same day always gives the same answer.
    """
    amount = LineRecord.amount
    sums = sa.select(
        LineRecord.account_code,
        sa.func.sum(amount).filter(amount > Money.zero()),
        sa.func.sum(amount).filter(amount < Money.zero()),
    ).group_by(LineRecord.account_code)
    if as_of is not None:
        sums = sums.join(EntryRecord, EntryRecord.id == LineRecord.entry_id).where(EntryRecord.posted_on <= as_of)
    nothing = Money.zero()
    turnover = {code: (debit or nothing, -(credit or nothing)) for code, debit, credit in await tx.execute(sums)}
    totals = (
        AccountTotal(account=a, debit=d, credit=c) for a in CHART for d, c in [turnover.get(a.value, (nothing,) * 2)]
    )
    return TrialBalance(as_of=as_of, totals=tuple(sorted(totals, key=lambda total: total.account)))


async def clearing_balances(tx: Tx) -> dict[str, Money]:
    """What each provider instance holds for us, by instance."""
    held = (
        sa.select(LineRecord.instance, sa.func.sum(LineRecord.amount))
        .where(LineRecord.account_code == Account.PROVIDER_CLEARING.value)
        .group_by(LineRecord.instance)
        .order_by(LineRecord.instance)
    )
    return {str(instance): amount for instance, amount in await tx.execute(held)}


async def clearing_lines(tx: Tx, instance: str, value_on: date) -> list[tuple[str, Money]]:
    """What the books have of an instance's clearing account on a value day: each entry's reference and signed amount."""
    rows = (
        sa.select(EntryRecord.ref, sa.func.sum(LineRecord.amount))
        .join(EntryRecord, EntryRecord.id == LineRecord.entry_id)
        .where(LineRecord.account_code == Account.PROVIDER_CLEARING.value, LineRecord.instance == instance)
        .where(EntryRecord.value_on == value_on)
        .group_by(EntryRecord.ref)
        .order_by(EntryRecord.ref)
    )
    return [(ref, amount) for ref, amount in await tx.execute(rows)]


# What must never be found, each as a query that gives (subject, detail). The checks read tables, not this module.
_CHECKS: dict[FindingKind, sa.TextClause] = {
    FindingKind.ENTRY_UNBALANCED: sa.text("""
        select entry.ref, 'off by ' || sum(line.amount)
        from line join entry on entry.id = line.entry_id group by entry.ref having sum(line.amount) <> 0
    """),
    FindingKind.LINES_MISSING: sa.text("""
        select entry.ref, 'has ' || count(line.entry_id) || ' of ' || entry.line_count || ' lines'
        from entry left join line on line.entry_id = entry.id
        group by entry.id having count(line.entry_id) <> entry.line_count
    """),
    FindingKind.TOTAL_NOT_ZERO: sa.text("""
        select 'all accounts', 'off by ' || sum(amount) from line having sum(amount) <> 0
    """),
    FindingKind.REVERSAL_NOT_MIRRORED: sa.text("""
        select entry.ref, line.account_code || ' is off by ' || sum(line.amount)
        from entry join line on line.entry_id in (entry.id, entry.reverses_id)
        where entry.reverses_id is not null
        group by entry.ref, line.account_code, line.instance having sum(line.amount) <> 0
    """),
}


async def check(tx: Tx) -> tuple[Finding, ...]:
    """Recount the whole books and give what is wrong with them; nothing, as it should be, when nothing is."""
    findings = [
        Finding(kind=kind, subject=subject, detail=detail)
        for kind, query in _CHECKS.items()
        for subject, detail in await tx.execute(query)
    ]
    return (*findings, *await _chart_differs(tx))


async def _chart_differs(tx: Tx) -> list[Finding]:
    stored = {record.code: record for record in await tx.scalars(sa.select(AccountRecord))}
    findings = []
    for account, facts in CHART.items():
        record = stored.pop(account.value, None)
        if record is None or (record.kind, record.normal_side) != (facts.kind, facts.normal_side):
            detail = "is not in the database" if record is None else "is of another kind in the database"
            findings.append(Finding(kind=FindingKind.CHART_DIFFERS, subject=account.value, detail=detail))
    return findings + [
        Finding(kind=FindingKind.CHART_DIFFERS, subject=code, detail="is not in the chart") for code in stored
    ]
