"""Idempotency keys of our own API: a request under a key takes effect once, and its first answer is given again.

The answer is written in the transaction of the effect, so neither exists without the other, whatever crashes. While
that transaction runs it holds an advisory lock on the key, which dies with it: no row says "under way" for ever.
Neither the key nor the request is stored, only keyed digests; the answer is sealed. Statuses and headers of HTTP are
the API's business.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, SmallInteger, String, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.errors import Conflict, InvalidInput
from hub.infra.access import system
from hub.infra.database import Base, Database, Tx

HEADER = "Idempotency-Key"
FORGET = "idempotency.forget"
KEPT_FOR = timedelta(hours=25)  # a day, as callers are told, and an hour for clocks that differ
CHUNK = 500
_LONGEST_ROUTE = 200
_ANSWER = "kept_answer.answer"


class KeptAnswer(Base):
    """The first answer to one request under a key of one member of staff."""

    __tablename__ = "kept_answer"
    __table_args__ = (
        CheckConstraint("octet_length(key_index) = 32", name="key_index_length"),
        CheckConstraint("octet_length(request_index) = 32", name="request_index_length"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    key_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    request_index: Mapped[bytes] = mapped_column(LargeBinary)
    route: Mapped[str] = mapped_column(String(_LONGEST_ROUTE))
    status: Mapped[int] = mapped_column(SmallInteger)
    answer_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    kept_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request under a key: by whom, at which route ("POST /api/v1/leads"), and what makes it this very request."""

    staff_id: UUID
    key: str
    route: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as it goes out."""

    status: int
    media_type: str | None
    text: str


async def claim(tx: Tx, asked: Asked) -> Reply | None:
    """Take a key for this transaction; gives the first answer where there has been one.

    Raises Conflict while another transaction has the key, and InvalidInput when it belongs to another request.
    """
    index = _key_index(tx, asked)
    lock = int.from_bytes(index[:8], "big", signed=True)
    if not await tx.scalar(select(func.pg_try_advisory_xact_lock(lock))):
        raise Conflict(f"{HEADER}: a request under this key is still running; ask again in a moment")
    row = await tx.scalar(select(KeptAnswer).where(KeptAnswer.key_index == index))
    if row is None:
        return None
    if row.route != asked.route[:_LONGEST_ROUTE]:
        raise InvalidInput(HEADER, f"was used for {row.route} before; a new request needs a new key")
    if row.request_index != _request_index(tx, asked):
        raise InvalidInput(HEADER, "was used for a request with other content before; a new request needs a new key")
    kept = json.loads(tx.vault.open(row.answer_sealed, column=_ANSWER, row=row.id))
    return Reply(status=row.status, media_type=kept["media_type"], text=kept["text"])


async def keep(tx: Tx, asked: Asked, reply: Reply) -> None:
    """Keep the first answer to a request whose key this transaction has taken; it lasts as the effect does."""
    row_id = tx.new_id()
    answer = json.dumps({"media_type": reply.media_type, "text": reply.text})
    tx.add(
        KeptAnswer(
            id=row_id,
            staff_id=asked.staff_id,
            key_index=_key_index(tx, asked),
            request_index=_request_index(tx, asked),
            route=asked.route[:_LONGEST_ROUTE],
            status=reply.status,
            answer_sealed=tx.vault.seal(answer, column=_ANSWER, row=row_id),
            kept_at=tx.now,
        )
    )


async def forget(database: Database) -> int:
    """Delete a chunk of the answers that have been kept long enough; returns how many."""
    async with database.transaction(system("idempotency")) as tx:
        old = select(KeptAnswer.id).where(KeptAnswer.kept_at < tx.now - KEPT_FOR).limit(CHUNK)
        gone = await tx.execute(delete(KeptAnswer).where(KeptAnswer.id.in_(old)).returning(KeptAnswer.id))
        return len(gone.all())


def _key_index(tx: Tx, asked: Asked) -> bytes:
    return tx.vault.blind_index("idempotency key", f"{asked.staff_id}\0{asked.key}")


def _request_index(tx: Tx, asked: Asked) -> bytes:
    return tx.vault.blind_index("idempotent request", asked.digest)
