"""Seals on the audit trail: a chain of digests over what the database gives back, so that a change shows, and where.

An entry is sealed once it is committed for good: in the order of transactions and ids, below the snapshot horizon, one
sealer at a time, many entries in one transaction. Whoever writes the trail waits for nobody. A seal keeps the digest
of its entry and the chain up to it; the last chain value, the head, is what to keep elsewhere: who can change this
database can also make a new chain, but not one that ends in a head that was printed before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from string import Template
from uuid import UUID

import sqlalchemy as sa

from hub.core.errors import InvalidInput
from hub.infra.access import system
from hub.infra.audit import AuditSeal
from hub.infra.database import Database, Tx

SEAL_AUDIT = "audit.seal"
CHUNK = 5000
_LOCK = 0x5EA1
_NOTHING = bytes(32)

# Everything that an entry says, as the database itself gives it back: microseconds as a whole number, no time zone.
_DIGEST = """
sha256(convert_to(jsonb_build_array(e.id, (extract(epoch from e.at) * 1000000)::bigint, e.xid, e.actor, e.staff_id,
    e.action, e.subject, e.subject_id, e.branch_id, e.correlation_id, e.detail)::text, 'UTF8'))
"""
_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


def _whole(statement: str) -> str:
    return Template(statement).substitute(digest=_DIGEST, horizon=_HORIZON)


_HEAD = "select s.number, s.entry_id, s.xid, s.chain from audit_seal s order by s.number desc limit 1"
_UNSEALED = _whole("""
select e.id, e.xid, $digest as digest from audit_entry e
where e.xid < $horizon and (e.xid, e.id) > (cast(:xid as bigint), cast(:id as uuid))
order by e.xid, e.id limit :most
""")
# After a restore on another server transactions count from the beginning again: then the cursor says nothing.
_IS_AHEAD = _whole("select cast(:xid as bigint) >= $horizon")
_WITHOUT_SEAL = _whole("""
select e.id, e.xid, $digest as digest from audit_entry e
where e.xid < $horizon and not exists (select from audit_seal s where s.entry_id = e.id)
order by e.xid, e.id limit :most
""")
# Right after a restore on another server it may say no while there is something: the full round finds that.
_ANYTHING = _whole("""
with head as (select xid, entry_id from audit_seal order by number desc limit 1),
     newest as (select xid, id from audit_entry where xid < $horizon order by xid desc, id desc limit 1)
select exists (select from newest where not exists (
    select from head where (head.xid, head.entry_id) >= (newest.xid, newest.id)))
""")
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the chain ends: how many entries are sealed, and the value that stands for all of them."""

    number: int
    chain: str

    def __str__(self) -> str:
        return f"{self.number}:{self.chain}"

    @classmethod
    def of(cls, text: str) -> Head:
        """A head as it was printed; raises InvalidInput for anything else."""
        number, _, chain = text.partition(":")
        if not number.isdecimal() or len(chain) != 64 or set(chain) - set("0123456789abcdef"):
            raise InvalidInput("head", "is printed as a number, a colon and 64 hexadecimal digits")
        return cls(number=int(number), chain=chain)


class FlawKind(StrEnum):
    """What can be wrong with the trail."""

    ENTRY_CHANGED = "entry_changed"
    ENTRY_GONE = "entry_gone"
    ENTRY_ADDED = "entry_added"  # among those that were sealed long before
    CHAIN_BROKEN = "chain_broken"  # the seals themselves were touched
    HEAD_DIFFERS = "head_differs"  # a whole new chain, or one that was cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One thing that is wrong with the trail: what, with which entry, at which seal (0: none)."""

    kind: FlawKind
    entry_id: UUID
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a look at the whole trail has found. `waiting` entries are not sealed yet."""

    head: Head
    waiting: int
    flaws: tuple[Flaw, ...]


async def seal_due(database: Database, *, limit: int = CHUNK) -> int:
    """Seal what is committed and not sealed, at most `limit` entries; returns how many, 0 while another one seals."""
    async with database.transaction(system("audit")) as tx:
        if not await tx.scalar(sa.text("select pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
            return 0
        head = (await tx.execute(sa.text(_HEAD))).one_or_none()
        number, last_id, last_xid, chain = head if head is not None else (0, _NOBODY, 0, _NOTHING)
        if await tx.scalar(sa.text(_IS_AHEAD), {"xid": last_xid}):
            rows = (await tx.execute(sa.text(_WITHOUT_SEAL), {"most": limit})).all()
        else:
            known = {"xid": last_xid, "id": last_id, "most": limit}
            rows = (await tx.execute(sa.text(_UNSEALED), known)).all()
        if rows:
            await tx.execute(sa.insert(AuditSeal), list(_seals(number, bytes(chain), rows)))
        return len(rows)


async def anything_to_seal(database: Database) -> bool:
    """Whether an entry newer than the last seal is committed for good: one statement, for whoever asks every second."""
    async with database.engine.connect() as connection:
        quick = await connection.execution_options(isolation_level="AUTOCOMMIT")
        return bool(await quick.scalar(sa.text(_ANYTHING)))


def _seals(number: int, chain: bytes, rows: Iterable[sa.Row[UUID, int, bytes]]) -> Iterator[dict[str, object]]:
    for at, (entry_id, xid, digest) in enumerate(rows, start=number + 1):
        chain = _next(chain, digest)
        yield {"number": at, "entry_id": entry_id, "xid": xid, "digest": bytes(digest), "chain": chain}


def _next(chain: bytes, digest: bytes) -> bytes:
    return hashlib.sha256(chain + digest).digest()


_EVERY = _whole("""
select s.number, s.entry_id, s.digest, s.chain, $digest as found, e.id is null as gone
from audit_seal s left join audit_entry e on e.id = s.entry_id
where s.number > :after order by s.number limit :most
""")
# Below what is sealed no entry is without a seal; right after a restore nothing can be said of it.
_ADDED = _whole("""
select e.id from audit_entry e
where (e.xid, e.id) < (select s.xid, s.entry_id from audit_seal s order by s.number desc limit 1)
  and (select max(xid) from audit_seal) < $horizon
  and not exists (select from audit_seal s where s.entry_id = e.id) order by e.id limit 1000
""")
_WAITING = "select (select count(*) from audit_entry) - (select count(*) from audit_seal)"


async def verify(tx: Tx, *, expected: Head | None = None) -> Verification:
    """Recount the whole chain against the entries; `expected` is a head that was kept elsewhere."""
    flaws: list[Flaw] = []
    number, chain, entry_id, passed = 0, _NOTHING, _NOBODY, expected is None
    while rows := (await tx.execute(sa.text(_EVERY), {"after": number, "most": CHUNK * 4})).all():
        for at, entry_id, digest, link, found, gone in rows:
            if gone:
                flaws.append(Flaw(kind=FlawKind.ENTRY_GONE, entry_id=entry_id, number=at))
            elif found != digest:
                flaws.append(Flaw(kind=FlawKind.ENTRY_CHANGED, entry_id=entry_id, number=at))
            if at != number + 1 or link != _next(chain, digest):
                flaws.append(Flaw(kind=FlawKind.CHAIN_BROKEN, entry_id=entry_id, number=at))
            number, chain = at, bytes(link)
            passed = passed or (expected is not None and (at, chain.hex()) == (expected.number, expected.chain))
    if not passed:
        flaws.append(Flaw(kind=FlawKind.HEAD_DIFFERS, entry_id=entry_id, number=expected.number if expected else 0))
    added = await tx.scalars(sa.text(_ADDED))
    flaws += [Flaw(kind=FlawKind.ENTRY_ADDED, entry_id=one, number=0) for one in added]
    waiting = await tx.scalar(sa.text(_WAITING)) or 0
    return Verification(head=Head(number=number, chain=chain.hex()), waiting=max(waiting, 0), flaws=tuple(flaws))
