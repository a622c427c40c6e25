"""What must be true of everything that is stored, asked in SQL alone, and what the payment vendors' books say of it.

Nothing of the hub is imported, so that a mistake in the hub cannot hide itself here: the tables are read as a stranger
would read them. Every violation has the name of its invariant, the row and what is wrong with it. The database is
expected at rest: what is under way between us and a vendor is not yet the same on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing that is not as it must be: which invariant, of which row, in which way."""

    invariant: str
    name: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.name}: {self.subject}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a vendor's own book: money that it was asked to move under a key of ours, and what came of it."""

    key: str
    kind: str  # charge, refund, payout
    status: str  # settled when it has moved
    minor: int
    settled_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorBooks:
    """A payment vendor's books: its movements, and the ids of the callbacks that we have taken with a yes."""

    movements: Sequence[Movement]
    delivered: Sequence[str] = ()

    @classmethod
    def of(
        cls, ledger: Mapping[str, Sequence[Mapping[str, object]]], callbacks: Iterable[Mapping[str, object]] = ()
    ) -> VendorBooks:
        """From what a stand-in vendor shows of itself."""
        rows = [row for kind in ("charges", "refunds", "payouts") for row in ledger[kind]]
        return cls(
            movements=[
                Movement(
                    key=str(row["key"]),
                    kind=str(row["kind"]),
                    status=str(row["status"]),
                    minor=int(str(row["amount_minor"])),
                    settled_at=None if row["settled_at"] is None else str(row["settled_at"]),
                )
                for row in rows
            ],
            delivered=[str(row["event_id"]) for row in callbacks if row["state"] == "delivered"],
        )


# Each gives (subject, detail) of what violates it. `:now` and friends are bound; vendors' books are temporary tables.
_OWN: dict[tuple[str, str], str] = {
    ("L1", "entry_balances"): """
        select e.ref, 'off by ' || sum(l.amount) from entry e join line l on l.entry_id = e.id
        group by e.ref having sum(l.amount) <> 0
    """,
    ("L1", "entry_is_whole"): """
        select e.ref, count(l.entry_id) || ' of ' || e.line_count || ' lines' from entry e
        left join line l on l.entry_id = e.id group by e.id having count(l.entry_id) <> e.line_count
    """,
    ("L2", "rent_receivable_is_what_rents_owe"): """
        select a.contract_id::text, 'books ' || coalesce(b.booked, 0) || ', rents ' || r.owed + coalesce(o.owed, 0)
        from lease_account a
        join (select contract_id, sum(case when state in ('due', 'overdue', 'paid') then principal_amount
                  + interest_amount - paid_principal_amount - paid_interest_amount else 0 end) owed
              from instalment group by 1) r using (contract_id)
        left join (select e.contract_id, sum(l.amount) booked from entry e join line l on l.entry_id = e.id
                   where l.account_code = '1122' group by 1) b using (contract_id)
        left join (select contract_id, option_amount owed from lease_end
                   where option_charged_at is not null and option_paid_on is null) o using (contract_id)
        where coalesce(b.booked, 0) not in (r.owed, r.owed + coalesce(o.owed, 0))
    """,
    ("L2", "penalty_receivable_is_what_rents_owe"): """
        select a.contract_id::text, 'books ' || coalesce(b.booked, 0) || ', rents ' || r.owed from lease_account a
        join (select contract_id, sum(penalty_amount - paid_penalty_amount) owed from instalment group by 1) r
            using (contract_id)
        left join (select e.contract_id, sum(l.amount) booked from entry e join line l on l.entry_id = e.id
                   where l.account_code = '1221' group by 1) b using (contract_id)
        where coalesce(b.booked, 0) <> r.owed
    """,
    ("L2", "suspense_is_what_receipts_left"): """
        select a.contract_id::text, 'books ' || -coalesce(b.booked, 0) || ', receipts ' || coalesce(r.left_over, 0)
        from lease_account a
        left join (select contract_id, sum(suspense_amount) left_over from receipt group by 1) r using (contract_id)
        left join (select e.contract_id, sum(l.amount) booked from entry e join line l on l.entry_id = e.id
                   where l.account_code = '224102' group by 1) b using (contract_id)
        where -coalesce(b.booked, 0) <> coalesce(r.left_over, 0)
    """,
    ("L3", "entry_is_as_it_was_posted"): """
        select e.ref, 'its lines do not give its fingerprint' from entry e
        join (select entry_id, string_agg(part, E'\\n' order by part collate "C") body
              from (select entry_id, account_code || '|' || (amount * 100)::bigint || '|' || coalesce(instance, '') part
                    from line) p group by 1) l on l.entry_id = e.id
        where e.fingerprint <> encode(sha256(convert_to(e.kind || '|' || e.value_on || '|'
            || coalesce(e.contract_id::text, '') || '|' || coalesce(e.reverses_id::text, '') || E'\\n' || l.body,
            'UTF8')), 'hex')
    """,
    ("L3", "books_are_append_only"): """
        select wanted.name, 'its trigger is missing or off'
        from (values ('entry', 'entry_append_only'), ('line', 'line_append_only'), ('line', 'line_balanced'),
                     ('audit_entry', 'audit_entry_append_only'), ('contract_event', 'contract_event_kept'),
                     ('vehicle_movement', 'vehicle_movement_allowed')) wanted (name, guard)
        where not exists (select from pg_trigger t join pg_class c on c.oid = t.tgrelid
                          where c.relname = wanted.name and t.tgname = wanted.guard and t.tgenabled in ('O', 'A'))
    """,
    ("L4", "rents_repay_what_was_financed"): """
        select a.contract_id::text, 'financed ' || a.financed_amount || ', rents repay ' || sum(i.principal_amount)
        from lease_account a join instalment i using (contract_id)
        group by a.contract_id having sum(i.principal_amount) <> a.financed_amount
    """,
    ("L4", "principal_in_the_books_is_what_is_to_come"): """
        select a.contract_id::text, 'books ' || coalesce(b.booked, 0) || ', to come ' || r.to_come from lease_account a
        join (select contract_id, coalesce(sum(principal_amount) filter (where state = 'scheduled'), 0) to_come
              from instalment group by 1) r using (contract_id)
        left join (select e.contract_id, sum(l.amount) booked from entry e join line l on l.entry_id = e.id
                   where l.account_code = '1531' group by 1) b using (contract_id)
        where coalesce(b.booked, 0) <> r.to_come
    """,
    ("L4", "rent_is_paid_by_receipts"): """
        select i.id::text, p.part || ' paid ' || p.paid || ', allocated ' || coalesce(a.allocated, 0)
        from instalment i
        cross join lateral (values ('principal', i.paid_principal_amount), ('interest', i.paid_interest_amount),
                                   ('penalty', i.paid_penalty_amount)) p (part, paid)
        left join (select instalment_id, part, sum(amount) allocated from receipt_allocation group by 1, 2) a
            on a.instalment_id = i.id and a.part = p.part
        where p.paid <> coalesce(a.allocated, 0)
    """,
    ("L4", "receipt_is_spent_once"): """
        select r.id::text, 'received ' || r.amount || ', pays ' || r.suspense_amount + coalesce(sum(a.amount), 0)
        from receipt r left join receipt_allocation a on a.receipt_id = r.id
        group by r.id having r.suspense_amount + coalesce(sum(a.amount), 0) > r.amount
    """,
    ("P1", "one_live_charge_a_subject"): """
        select purpose || ' ' || subject_id, count(*) || ' live charges' from charge
        where state in ('requested', 'sent', 'pending', 'unknown') group by purpose, subject_id having count(*) > 1
    """,
    ("P3", "what_is_unknown_is_asked_after"): """
        select id::text, state || ' since ' || coalesce(started_at, created_at) || ', nobody asks' from provider_call
        where state in ('intent', 'unknown', 'pending') and effect <> 'read'
          and (reconcile_at is null or reconcile_at < %(now)s - interval '1 day')
    """,
    ("P3", "what_is_unknown_is_a_persons_in_the_end"): """
        select id::text, state || ' since ' || started_at || ' and no case' from provider_call
        where state in ('intent', 'unknown') and effect <> 'read' and started_at < %(now)s - interval '8 days'
    """,
    ("P3", "a_charge_in_doubt_has_a_call_that_is"): """
        select c.id::text, c.state || ', its call is ' || coalesce(p.state, 'not there') from charge c
        left join provider_call p on p.idempotency_key = c.id::text and p.operation = 'payments_collect' and p.holds_key
        where c.state in ('pending', 'unknown')
          and coalesce(p.state not in ('intent', 'unknown', 'pending', 'escalated'), true)
    """,
    ("P4", "a_success_has_its_receipt"): """
        select c.id::text, c.purpose || ' succeeded, ' || count(e.id) || ' entries' from charge c
        left join entry e on e.ref in ('receipt_from_provider:' || c.id, 'signing_payment_received:' || c.id)
        where c.state = 'succeeded' group by c.id having count(e.id) <> 1
    """,
    ("P4", "a_receipt_has_its_success"): """
        select e.ref, 'no charge has succeeded for it' from entry e
        left join charge c on c.id::text = split_part(e.ref, ':', 2) and c.state = 'succeeded'
        where e.kind in ('receipt_from_provider', 'signing_payment_received') and c.id is null
    """,
    ("P4", "a_callback_of_success_has_its_entry"): """
        select w.id::text, 'key ' || (told.event ->> 'subject_key') || ' has come in and is not booked'
        from webhook_inbox w cross join lateral jsonb_array_elements(w.events) told (event)
        join charge c on c.id::text = told.event ->> 'subject_key'
        where told.event ->> 'kind' = 'payment' and told.event ->> 'status' = 'succeeded'
          and c.state not in ('succeeded', 'disputed') and w.state <> 'received'
          and not exists (select from provider_call p where p.idempotency_key = c.id::text and p.holds_key
                          and p.state in ('intent', 'unknown', 'pending', 'escalated'))
    """,
    ("M2", "a_delivery_is_applied_or_waits"): """
        select id::text, state || ' after ' || tries || ' tries: ' || error from webhook_inbox
        where state = 'failed' or (state = 'received') <> (apply_at is not null)
           or (state <> 'received' and applied_at is null) or apply_at < %(now)s - interval '1 day'
    """,
    ("M2", "an_event_is_taken_once"): """
        select instance || ' ' || event_key, count(*) || ' times' from webhook_inbox
        group by instance, event_key having count(*) > 1
    """,
    ("S1", "a_contracts_story_hangs_together"): """
        select contract_id::text, 'event ' || number || ': ' || coalesce(before_state, 'nothing') || ' to ' || after_state
        from (select *, lag(after_state) over (partition by contract_id order by number) told from contract_event) e
        where before_state is distinct from told
           or (before_state, after_state) not in (('drafted', 'out_for_signature'), ('drafted', 'cancelled'),
               ('out_for_signature', 'signed'), ('out_for_signature', 'drafted'), ('out_for_signature', 'cancelled'),
               ('signed', 'funded'), ('signed', 'cancelled'), ('funded', 'active'), ('funded', 'cancelled'),
               ('active', 'settled'), ('active', 'terminated'), ('settled', 'closed'))
           or (before_state is null and after_state <> 'drafted')
    """,
    ("S1", "a_contract_stands_where_its_story_ends"): """
        select c.id::text, c.state || ', its story says ' || e.after_state from contract c
        join (select distinct on (contract_id) contract_id, after_state from contract_event
              order by contract_id, number desc) e on e.contract_id = c.id
        where c.state <> e.after_state
    """,
    ("S1", "a_car_moves_as_the_table_allows"): """
        select m.vehicle_id::text, 'movement ' || m.number || ': ' || m.kind || ' from '
            || coalesce(m.from_status, 'nothing') || ' to ' || m.to_status
        from (select *, lag(to_status) over (partition by vehicle_id order by number) told from vehicle_movement) m
        where m.from_status is distinct from m.told
           or not exists (select from vehicle_transition t where t.kind = m.kind and t.to_status = m.to_status
                          and t.from_status is not distinct from m.from_status)
    """,
    ("S1", "a_charges_end_fits_its_facts"): """
        select id::text, state || ', settled on ' || coalesce(settled_on::text, 'no day') from charge
        where (state = 'succeeded') <> (settled_on is not null)
           or (state in ('requested', 'sent')) <> (answered_at is null)
    """,
    ("S1", "a_settled_account_owes_nothing"): """
        select a.contract_id::text, i.state || ' rent ' || i.number from lease_account a
        join instalment i using (contract_id)
        where a.state = 'settled' and i.state in ('scheduled', 'due', 'overdue')
    """,
    ("B1", "a_rent_falls_due_once"): """
        select i.id::text, i.state || ', booked due ' || count(e.id) || ' times' from instalment i
        left join entry e on e.ref = 'rent_fell_due:' || i.id
        where i.principal_amount + i.interest_amount > 0
        group by i.id having count(e.id) <> (i.state in ('due', 'overdue', 'paid'))::int
    """,
    ("B1", "a_day_bears_one_penalty"): """
        select p.instalment_id::text, p.accrued_on || ': ' || p.times || ' accruals of ' || p.amount
            || ', books ' || coalesce(e.amount, 0)
        from (select instalment_id, accrued_on, count(*) times, sum(amount) amount from penalty_accrual
              where amount > 0 group by 1, 2) p
        left join (select e.ref, sum(l.amount) filter (where l.account_code = '1221') amount
                   from entry e join line l on l.entry_id = e.id where e.kind = 'penalty_accrued' group by 1) e
            on e.ref = 'penalty_accrued:' || p.instalment_id || ':' || p.accrued_on
        where p.times > 1 or p.amount is distinct from e.amount
    """,
    ("B1", "a_rents_penalty_is_that_of_its_days"): """
        select i.id::text, 'bears ' || i.penalty_amount || ', its days ' || coalesce(sum(p.amount), 0)
        from instalment i left join penalty_accrual p on p.instalment_id = i.id
        group by i.id having i.penalty_amount <> coalesce(sum(p.amount), 0)
    """,
    ("D1", "no_penalty_within_grace"): """
        select p.instalment_id::text, p.accrued_on || ', due ' || i.due_on || ' with ' || a.penalty_grace_days || ' days'
        from penalty_accrual p join instalment i on i.id = p.instalment_id
        join lease_account a using (contract_id)
        where p.accrued_on <= i.due_on + a.penalty_grace_days
        group by p.instalment_id, p.accrued_on, i.due_on, a.penalty_grace_days having sum(p.amount) > 0
    """,
    ("D1", "no_penalty_on_what_was_paid_in_time"): """
        select i.id::text, 'paid on ' || max(al.paid_on) || ', due ' || i.due_on || ', bears ' || i.penalty_amount
        from instalment i join lease_account a using (contract_id)
        join receipt_allocation al on al.instalment_id = i.id and al.part <> 'penalty'
        where i.penalty_amount > i.paid_penalty_amount
          and i.principal_amount + i.interest_amount = i.paid_principal_amount + i.paid_interest_amount
        group by i.id, a.penalty_grace_days having max(al.paid_on) <= i.due_on + a.penalty_grace_days
    """,
    ("A1", "the_trail_is_as_it_was_sealed"): """
        select coalesce(s.entry_id, e.id)::text, case when e.id is null then 'is gone'
            when s.entry_id is null then 'was put in later' else 'was changed, or its seal' end
        from (select *, lag(chain, 1, decode(repeat('00', 32), 'hex')) over (order by number) before,
                     lag(number, 1, 0::bigint) over (order by number) last from audit_seal) s
        full join (select * from audit_entry where (xid, id) <= (select xid, entry_id from audit_seal
                   order by number desc limit 1)) e on e.id = s.entry_id
        where e.id is null or s.entry_id is null or s.number <> s.last + 1 or s.chain <> sha256(s.before || s.digest)
           or s.digest <> sha256(convert_to(jsonb_build_array(e.id, (extract(epoch from e.at) * 1000000)::bigint, e.xid,
                e.actor, e.staff_id, e.action, e.subject, e.subject_id, e.branch_id, e.correlation_id,
                e.detail)::text, 'UTF8'))
    """,
}
_WITH_VENDOR: dict[tuple[str, str], str] = {
    ("P1", "a_rent_is_captured_once"): """
        select c.purpose || ' ' || c.subject_id, count(*) || ' captures, ' || sum(v.minor) || ' minor units'
        from vendor_movement v join charge c on c.id::text = v.key
        left join instalment i on c.purpose = 'rent' and i.id = c.subject_id
        where v.kind = 'charge' and v.status = 'settled'
          and (i.id is null or v.minor >= (i.principal_amount + i.interest_amount) * 100)
        group by c.purpose, c.subject_id having count(*) > 1
    """,
    ("P1", "what_is_captured_was_asked_for"): """
        select v.key, v.kind || ' of ' || v.minor || ', asked ' || coalesce((m.amount * 100)::bigint::text, 'nothing')
        from vendor_movement v
        left join (select id, amount, 'charge' kind from charge union all select id, amount, 'payout' from payout) m
            on m.id::text = v.key and m.kind = v.kind
        where v.status = 'settled' and v.kind <> 'refund' and (m.amount * 100)::bigint is distinct from v.minor
    """,
    ("P2", "the_vendor_holds_what_the_books_say"): """
        select instance || ' ' || coalesce(v.day, b.day),
               'vendor ' || coalesce(v.amount, 0) || ', books ' || coalesce(b.amount, 0)
        from (select instance, (settled_at at time zone 'Asia/Shanghai')::date as day,
                     sum(case when kind = 'charge' then minor else -minor end) / 100.0 amount
              from vendor_movement where status = 'settled' group by 1, 2) v
        full join (select l.instance, e.value_on as day, sum(l.amount) amount from entry e join line l on l.entry_id = e.id
                   where l.account_code = '1012' and e.kind not in ('provider_settled', 'provider_funded', 'provider_fee')
                     and l.instance in (select instance from vendor) group by 1, 2) b using (instance, day)
        where coalesce(v.amount, 0) <> coalesce(b.amount, 0)
    """,
    ("P4", "what_the_vendor_took_is_booked"): """
        select v.key, v.kind || ' of ' || v.minor || ' has settled, ours is ' || coalesce(m.state, 'not there')
        from vendor_movement v
        left join (select id, state, 'charge' kind from charge union all select id, state, 'payout' from payout) m
            on m.id::text = v.key and m.kind = v.kind
        where v.status = 'settled' and v.kind <> 'refund' and m.state is distinct from 'succeeded'
    """,
    ("P4", "what_we_booked_the_vendor_took"): """
        select m.id::text, m.kind || ' has succeeded, the vendor says ' || coalesce(v.status, 'nothing')
        from (select id, instance, state, 'charge' kind from charge
              union all select id, instance, state, 'payout' from payout) m
        join vendor using (instance)
        left join vendor_movement v on v.key = m.id::text and v.kind = m.kind
        where m.state = 'succeeded' and v.status is distinct from 'settled'
    """,
    ("M2", "an_accepted_callback_is_in_the_inbox"): """
        select instance || ' ' || event_id, 'taken with a yes and not there' from vendor_delivered d
        where not exists (select from webhook_inbox w where w.instance = d.instance
                          and d.event_id = any (string_to_array(w.event_key, E'\\n')))
    """,
}
NAMES = tuple(f"{number} {name}" for number, name in (*_OWN, *_WITH_VENDOR))


def violations(
    connection: Connection, now: datetime, vendors: Mapping[str, VendorBooks] | None = None
) -> list[Violation]:
    """Everything that is not as it must be, as of `now`; `vendors` are the books of payment instances, by instance.

    Leaves nothing behind. Without any vendor's books, what takes two sides is not looked at. While others write, the
    connection's isolation level must give one snapshot to all questions.
    """
    with connection.transaction(force_rollback=True):
        queries = dict(_OWN)
        if vendors:
            _lay_open(connection, vendors)
            queries |= _WITH_VENDOR
        return list(_found(connection, queries, now))


def _found(connection: Connection, queries: Mapping[tuple[str, str], str], now: datetime) -> Iterator[Violation]:
    for (number, name), query in queries.items():
        for subject, detail in connection.execute(query.encode(), {"now": now}):
            yield Violation(invariant=number, name=name, subject=str(subject), detail=str(detail))


_TABLES = """
create temporary table vendor (instance text primary key) on commit drop;
create temporary table vendor_movement (instance text, key text, kind text, status text, minor bigint,
    settled_at timestamptz) on commit drop;
create temporary table vendor_delivered (instance text, event_id text) on commit drop
"""


def _lay_open(connection: Connection, vendors: Mapping[str, VendorBooks]) -> None:
    """The vendors' books as temporary tables, gone with the transaction."""
    connection.execute(_TABLES)
    with connection.cursor() as cursor:
        cursor.executemany("insert into vendor values (%s)", [(name,) for name in vendors])
        cursor.executemany(
            "insert into vendor_movement values (%s, %s, %s, %s, %s, %s)",
            [
                (name, row.key, row.kind, row.status, row.minor, row.settled_at)
                for name, books in vendors.items()
                for row in books.movements
            ],
        )
        cursor.executemany(
            "insert into vendor_delivered values (%s, %s)",
            [(name, event_id) for name, books in vendors.items() for event_id in books.delivered],
        )
