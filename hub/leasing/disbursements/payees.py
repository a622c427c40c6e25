"""Who is paid for what: named for a dealer or a kind of fee, found from a branch upwards, ended, never changed."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select, not_, select
from sqlalchemy.exc import IntegrityError

from hub.core.errors import Conflict, InvalidInput, NotFound
from hub.core.ids import BankAccountId, BranchId, ChannelId, PartyId
from hub.infra import audit, staff
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.infra.paging import Order, Slice, Window, sliced
from hub.leasing.channels import service as channels
from hub.leasing.disbursements.records import PayeeRecord
from hub.leasing.disbursements.rules import PayeeStanding, PayeeView
from hub.leasing.parties import service as parties
from hub.leasing.parties.documents import clean_text

_NAME = "payee.name"
_LONGEST_NAME = 120
LONGEST_KIND = 40
_ORDER = Order(key=PayeeRecord.id, columns={"named": PayeeRecord.id}, standard="named")  # ids rise with time


async def name_payee(
    tx: Tx,
    *,
    branch_id: BranchId,
    name: str,
    party_id: PartyId,
    bank_account_id: BankAccountId,
    channel_id: ChannelId | None = None,
    fee_kind: str | None = None,
) -> PayeeView:
    """Say where money for a dealer, a kind of fee, or both goes, for a branch and those below it.

    Raises InvalidInput when it is for neither, or the account is not the party's, Conflict when there is one already:
    that one is ended first, so that an account is never changed under a draft.
    """
    if channel_id is None and fee_kind is None:
        raise InvalidInput("channel_id", "name a dealer or a kind of fee")
    await staff.check_branch(tx, branch_id)
    if channel_id is not None:
        await channels.get_partner(tx, channel_id)
    accounts = {account.id: account for account in await parties.list_bank_accounts(tx, party_id)}
    if bank_account_id not in accounts:
        raise InvalidInput("bank_account_id", "is not an account of the party")
    payee_id = tx.new_id()
    payee = PayeeRecord(
        id=payee_id,
        branch_id=branch_id,
        name_sealed=tx.vault.seal(clean_text("name", name, longest=_LONGEST_NAME), column=_NAME, row=payee_id),
        channel_id=channel_id,
        fee_kind=None if fee_kind is None else clean_text("fee_kind", fee_kind, longest=LONGEST_KIND),
        party_id=party_id,
        bank_account_id=bank_account_id,
        bank_code=accounts[bank_account_id].bank_code,
        last_four=accounts[bank_account_id].last_four,
        named_by=tx.actor.name,
        named_by_id=tx.actor.staff_id,
        named_at=tx.now,
    )
    tx.add(payee)
    try:
        await tx.flush()
    except IntegrityError as error:
        raise Conflict("payee_named_already") from error
    await _record(tx, "payee.named", payee)
    return view(tx, payee)


async def end_payee(tx: Tx, payee_id: UUID) -> PayeeView:
    """Nothing more is drafted for this payee; raises Conflict when it was ended before."""
    rows = visible(select(PayeeRecord), PayeeRecord.branch_id, tx.actor).with_for_update()
    payee = await _payee(tx, rows, payee_id)
    if payee.ended_at is not None:
        raise Conflict("payee_ended")
    payee.ended_at = tx.now
    await _record(tx, "payee.ended", payee)
    return view(tx, payee)


async def _record(tx: Tx, action: str, payee: PayeeRecord) -> None:
    detail = {
        "channel_id": payee.channel_id,
        "fee_kind": payee.fee_kind,
        "bank_code": payee.bank_code,
        "last_four": payee.last_four,
    }
    await audit.record(
        tx, action=action, subject="payee", subject_id=payee.id, detail=detail, branch_id=payee.branch_id
    )


async def list_payees(tx: Tx, *, after: UUID | None = None, limit: int = 50) -> tuple[PayeeView, ...]:
    """Payees of the actor's branches, newest first, ended ones too."""
    rows = visible(select(PayeeRecord), PayeeRecord.branch_id, tx.actor).order_by(PayeeRecord.id.desc()).limit(limit)
    if after is not None:
        rows = rows.where(PayeeRecord.id < after)
    return tuple(view(tx, payee) for payee in await tx.scalars(rows))


async def page(tx: Tx, window: Window) -> Slice[PayeeView]:
    """Payees in a window; filters `standing` and `fee_kind`."""
    rows = visible(select(PayeeRecord), PayeeRecord.branch_id, tx.actor)
    if standing := window.filters.get("standing"):
        is_ended = PayeeRecord.ended_at.is_not(None)
        rows = rows.where(is_ended if standing == PayeeStanding.ENDED else not_(is_ended))
    if fee_kind := window.filters.get("fee_kind"):
        rows = rows.where(PayeeRecord.fee_kind == fee_kind)
    return await sliced(tx, rows, _ORDER, window, lambda payee: view(tx, payee))


async def get(tx: Tx, payee_id: UUID) -> PayeeView:
    """One payee that the actor may see; raises NotFound."""
    return view(tx, await _payee(tx, visible(select(PayeeRecord), PayeeRecord.branch_id, tx.actor), payee_id))


async def _payee(tx: Tx, rows: Select[PayeeRecord], payee_id: UUID) -> PayeeRecord:
    payee = await tx.scalar(rows.where(PayeeRecord.id == payee_id))
    if payee is None:
        raise NotFound("payee", payee_id)
    return payee


async def serving(tx: Tx, payee_id: UUID, branch_id: UUID) -> PayeeRecord:
    """A payee that serves this branch; raises NotFound, and Conflict for one that is ended."""
    payee = await tx.get(PayeeRecord, payee_id)
    if payee is None or payee.branch_id not in await staff.branches_above(tx, branch_id):
        raise NotFound("payee", payee_id)
    if payee.ended_at is not None:
        raise Conflict("payee_ended")
    return payee


async def of_channel(tx: Tx, channel_id: ChannelId, branch_id: UUID) -> PayeeRecord | None:
    """Where a dealer's money goes, by the nearest branch that says so; None when nobody has."""
    return await _nearest(tx, branch_id, select(PayeeRecord).where(PayeeRecord.channel_id == channel_id))


async def of_fee(tx: Tx, fee_kind: str, branch_id: UUID) -> PayeeRecord | None:
    """Where money for a kind of fee goes, by the nearest branch that says so; None when nobody has."""
    return await _nearest(tx, branch_id, select(PayeeRecord).where(PayeeRecord.fee_kind == fee_kind))


async def _nearest(tx: Tx, branch_id: UUID, query: Select[PayeeRecord]) -> PayeeRecord | None:
    nearest_first = await staff.branches_above(tx, branch_id)
    named = query.where(PayeeRecord.ended_at.is_(None), PayeeRecord.branch_id.in_(nearest_first))
    found = {payee.branch_id: payee for payee in await tx.scalars(named)}
    return next((found[one] for one in nearest_first if one in found), None)


def name_of(tx: Tx, payee: PayeeRecord) -> str:
    """What the payee is called."""
    return tx.vault.open(payee.name_sealed, column=_NAME, row=payee.id)


def view(tx: Tx, payee: PayeeRecord) -> PayeeView:
    """A payee as others see it."""
    return PayeeView(
        id=payee.id,
        branch_id=BranchId(payee.branch_id),
        name=name_of(tx, payee),
        channel_id=None if payee.channel_id is None else ChannelId(payee.channel_id),
        fee_kind=payee.fee_kind,
        party_id=PartyId(payee.party_id),
        bank_account_id=BankAccountId(payee.bank_account_id),
        bank_code=payee.bank_code,
        last_four=payee.last_four,
        named_by=payee.named_by,
        named_at=payee.named_at,
        ended_at=payee.ended_at,
    )
