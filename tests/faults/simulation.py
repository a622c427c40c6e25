"""A lease's rents collected in memory on a virtual clock, by the hub's own decisions, at a vendor that fails.

One seed is one lease. What is decided is the hub's own code: the table of the contract, the pursuit of outcomes, the
fate of events, the breaker, the moves of a charge, the night's close, penalties and the waterfall. Modelled are only a
store that forgets nothing and processes that die at any step. Two phases: while faults strike, nothing may be taken
twice and nothing unknown may count as failed; once they end, everything settles or is named for a person.

    python -m tests.faults.simulation SEED [SEED …]    replays seeds and says what happens
    python -m tests.faults.simulation FIRST-LAST       runs a range and says how far it has come, to go on from there
"""

from __future__ import annotations

import gc
import heapq
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from hub.core.effects import Effect
from hub.core.errors import ProviderError
from hub.core.ids import InstalmentId
from hub.core.money import Money
from hub.core.ports.payments import PaymentOutcome, PaymentResult
from hub.core.ports.webhooks import WebhookKind
from hub.core.provider import OperationFacts
from hub.integrations import fates, pursuit, verdicts
from hub.integrations.answers import CallOutcome
from hub.integrations.breaker import Breaker, BreakerRules, BreakerState
from hub.integrations.dispatch import CLAIM, News
from hub.integrations.errands import Ended
from hub.integrations.fates import Fate
from hub.integrations.pursuit import Learned, Pursuit, Turn
from hub.integrations.verdicts import OPEN_STATES, Asking, CallState, Mark
from hub.leasing.instalments import night, penalty, waterfall
from hub.leasing.instalments.debits import retry_on
from hub.leasing.instalments.penalty import Accrual, RentPayment
from hub.leasing.instalments.rules import OPEN, OWED, Instalment, InstalmentState, PenaltyTerms
from hub.leasing.payments import movements
from hub.leasing.payments.rules import (
    DOUBTFUL,
    LIVE,
    ChargeInDoubt,
    ChargePurpose,
    ChargeRejected,
    ChargeSucceeded,
    MovementState,
)
from tests.faults.remembered import Remembered
from tests.faults.simulated_vendor import Vendor

START = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)  # nine in the morning in Shanghai
FAULTS_END = timedelta(days=9)
THE_END = timedelta(days=75)
_FAULTS_END_AT, _THE_END_AT = START + FAULTS_END, START + THE_END
_BATCH, _REPORTED = 100, 50_000
_DEADLINE_S = 15.0
_ATTEMPTS = 3
_DAY, _AT_ONE = timedelta(days=1), time(1, tzinfo=UTC)
_ZONE_AHEAD = timedelta(hours=8)
_TERMS = PenaltyTerms(daily_rate=Decimal("0.0005"), grace_days=3, cap_share=None)
_ZERO = Money(0)
Steps = Generator[timedelta, None, None]


class Violated(AssertionError):
    """Something that must never be, is."""


@dataclass(slots=True)
class Charge:
    """What the hub stores of a debit; the names are those of its table."""

    id: UUID
    contract_id: UUID
    subject_id: UUID
    amount: Money
    purpose: ChargePurpose = ChargePurpose.RENT
    state: MovementState = MovementState.REQUESTED
    instance: str | None = None
    payment_ref: str | None = None
    code: str | None = None
    answered_at: datetime | None = None
    settled_on: date | None = None
    claimed_until_at: datetime | None = None
    key: str = ""

    def __post_init__(self) -> None:
        self.key = str(self.id)


@dataclass(slots=True)
class Call:
    """What the hub stores of a call under a charge's key."""

    charge: Charge
    at: Pursuit
    result: PaymentResult | None = None
    error_code: str | None = None
    named: bool = False  # a person has been told


@dataclass(slots=True)
class Delivery:
    """A callback in the inbox."""

    key: str
    outcome: PaymentOutcome
    tries: int = 0
    apply_at: datetime | None = None
    fate: Fate | None = None


@dataclass(slots=True)
class Lease:
    """The rents of the lease, and what has come in for them."""

    rents: list[Instalment]
    accrued: dict[int, list[Accrual]] = field(default_factory=dict)  # these by the number of the rent
    paid: dict[int, list[RentPayment]] = field(default_factory=dict)
    paid_on: dict[int, date] = field(default_factory=dict)
    receipts: dict[UUID, Money] = field(default_factory=dict)
    suspense: Money = _ZERO
    uncollectable: set[int] = field(default_factory=set)


class World:
    """The hub and its vendor under one seed."""

    def __init__(
        self, seed: int, say: Callable[[str], None] | None = None, remembered: Remembered | None = None
    ) -> None:
        self.chance, self.rules = Random(seed), remembered or Remembered()
        self.now, self.faults, self.say = START, True, say
        self.epoch, self.up = 0, True
        self._calendar: list[tuple[datetime, int, int | None, object]] = []
        self._serial = 0
        self.vendor = Vendor(self, _promises(self.chance))
        self.with_person = self.chance.random() < 0.8
        self.breaker = Breaker(rules=BreakerRules())
        self.contract = UUID(int=1)
        self.lease = Lease(rents=_rents(self.chance))
        self.charges: list[Charge] = []
        self.calls: dict[str, Call] = {}  # by the key that they hold
        self.inbox: dict[str, Delivery] = {}
        self.facts: list[object] = []
        self.accepted: set[str] = set()

    # The hub's transaction, as far as the pure code asks of it

    @property
    def today(self) -> date:
        """The business date."""
        return (self.now + _ZONE_AHEAD).date()

    def emit(self, fact: object) -> None:
        """Take a fact."""
        self.facts.append(fact)

    # Time

    def later(self, delay: timedelta, act: object) -> None:
        """Something that happens whatever becomes of the hub."""
        self._put(self.now + delay, None, act)

    def wake(self, at: datetime, act: Callable[[], Steps | None]) -> None:
        """A tick of the hub: while it is down, it comes when the hub is up again."""
        self._put(at, -1, act)

    def _put(self, at: datetime, epoch: int | None, act: object) -> None:
        self._serial += 1
        heapq.heappush(self._calendar, (at, self._serial, epoch, act))

    def run(self) -> None:
        """Both phases, and what must be true after each."""
        self.wake(self._morning(self.lease.rents[0].due_on), self.night)
        self._until(_FAULTS_END_AT)
        self.prove_safe()
        self.faults = False
        if self.with_person:
            self.later(_DAY, self.see_to_it)
        self._until(_THE_END_AT)
        self.prove_safe()
        self.prove_settled()

    def _until(self, end: datetime) -> None:
        calendar, pop = self._calendar, heapq.heappop
        self._end = end
        while calendar and calendar[0][0] <= end:
            at, _, epoch, act = pop(calendar)
            if at > self.now:
                self.now = at
            if epoch is None:
                act()  # type: ignore[operator]
            elif epoch == -1:
                if not self.up:
                    self._put(self._up_at, -1, act)
                elif (steps := act()) is not None:  # type: ignore[operator]
                    self._go_on(steps)
            elif epoch == self.epoch:
                self._go_on(act)  # type: ignore[arg-type]
        self.now = end

    def _go_on(self, steps: Steps) -> None:
        """Let a process of the hub do its next step, unless the power goes; and the one after, if nothing is between."""
        calendar, faults, random = self._calendar, self.faults, self.chance.random
        for pause in steps:
            if faults and random() < 0.02:
                self._crash()
                return
            at = self.now + pause
            if at > self._end or (calendar and calendar[0][0] <= at):
                self._put(at, self.epoch, steps)
                return
            self.now = at

    def _crash(self) -> None:
        """Everything that is not stored is gone; after a while somebody starts the hub again."""
        self._log("power cut")
        self.epoch, self.up = self.epoch + 1, False
        away = self.chance.random()
        self._up_at = self.now + (timedelta(seconds=60 * away) if away < 0.7 else timedelta(hours=40 * (away - 0.7)))
        self.later(self._up_at - self.now, self._start)

    def _start(self) -> None:
        self.up, self.breaker = True, Breaker(rules=BreakerRules())
        for charge in self.charges:
            self._await_performance(charge)
        for call in self.calls.values():
            self._await_turn(call)
        for delivery in self.inbox.values():
            self._await_application(delivery)

    def _morning(self, day: date) -> datetime:
        return datetime.combine(day, _AT_ONE)

    def _log(self, text: str) -> None:
        if self.say is not None:
            self.say(f"{self.now:%m-%d %H:%M:%S} {text}")

    # The night, and what comes in: a store around the rules of servicing

    def night(self) -> None:
        """Close the day, debit what wants to be debited, and come again when anything is to be closed."""
        doubtful = any(charge.state in DOUBTFUL for charge in self.charges)
        for closed in self._close(self.today, may_charge=not doubtful):
            if closed.to_charge and closed.instalment.number not in self._under_way():
                self._request(closed.instalment)
        next_on = night.next_event_on(self.lease.rents, self.today)
        if next_on is not None:
            self.wake(self._morning(next_on), self.night)

    def _close(self, day: date, *, may_charge: bool = False) -> list[night.Closed]:
        results = []
        for number, rent in enumerate(self.lease.rents):
            if rent.state in OPEN:
                closed = self.rules.close_day(rent, _TERMS, day, may_charge=may_charge)
                self.lease.rents[number] = closed.instalment
                self.lease.accrued.setdefault(rent.number, []).extend(closed.accrued)
                results.append(closed)
        return results

    def _under_way(self) -> set[int]:
        return {_number(charge.subject_id) for charge in self.charges if charge.state in LIVE}

    def _change(self, rent: Instalment, **fields: object) -> None:
        self.lease.rents[rent.number - 1] = self.rules.changed(rent, **fields)

    def _request(self, rent: Instalment) -> None:
        charge = Charge(UUID(int=1000 + len(self.charges)), self.contract, rent.id, rent.left)
        self._change(rent, charge_on=None, attempts=rent.attempts + 1)
        self.charges.append(charge)
        self._log(f"charge {charge.id.int} of {charge.amount} for rent {rent.number}")
        self._await_performance(charge)

    def _take_facts(self) -> None:
        while self.facts:
            fact = self.facts.pop(0)
            match fact:
                case ChargeSucceeded():
                    self._take_receipt(fact)
                case ChargeRejected():
                    self._take_refusal(fact)
                case ChargeInDoubt():
                    self._log(f"charge {fact.charge_id.int} is in doubt")

    def _take_receipt(self, fact: ChargeSucceeded) -> None:
        lease = self.lease
        self._log(f"charge {fact.charge_id.int} has succeeded on {fact.settled_on}")
        if fact.charge_id in lease.receipts:
            raise Violated(f"charge {fact.charge_id.int} is booked twice")
        self._close(fact.settled_on)
        owed = [rent for rent in lease.rents if rent.state in OWED]
        then = [penalty.as_of(rent, lease.accrued.get(rent.number, ()), fact.settled_on) for rent in owed]
        allocations, left = waterfall.allocate(fact.money, then, asked_for=fact.subject_id)
        lease.receipts[fact.charge_id], lease.suspense = fact.money, lease.suspense + left
        for rent in owed:
            parts = [one for one in allocations if one.instalment_id == rent.id]
            if parts:
                self._change(rent, **{(name := f"paid_{one.part}"): getattr(rent, name) + one.money for one in parts})
            for one in parts:
                if one.part is not waterfall.Part.PENALTY:
                    payment = RentPayment(paid_on=fact.settled_on, money=one.money)
                    lease.paid.setdefault(rent.number, []).append(payment)
        self._take_back_undue()
        self._mark_paid(fact.settled_on)

    def _take_back_undue(self) -> None:
        lease = self.lease
        for rent in [rent for rent in lease.rents if rent.state in OWED]:
            accrued = lease.accrued.get(rent.number)
            if not accrued:
                continue
            excess = penalty.undue(rent.rent, accrued, lease.paid.get(rent.number, []), _TERMS)
            back = penalty.newest(excess, rent.penalty_left)
            accrued.extend(replace(row, money=-row.money) for row in back)
            if back:
                self._change(rent, penalty=rent.penalty - Money.total(row.money for row in back))

    def _mark_paid(self, paid_on: date) -> None:
        for rent in [rent for rent in self.lease.rents if rent.state in OWED]:
            if not rent.left:
                self.lease.paid_on[rent.number] = paid_on
                self._change(rent, state=InstalmentState.PAID, charge_on=None)
            elif rent.charge_on is None and rent.number not in self._under_way():
                self._change(rent, charge_on=self.today + _DAY)

    def _take_refusal(self, fact: ChargeRejected) -> None:
        self._log(f"charge {fact.charge_id.int} is refused: {fact.code}")
        self.prove_refused(fact.charge_id)
        rent = self.lease.rents[_number(fact.subject_id) - 1]
        if rent.state in OWED and rent.charge_on is None:
            again_on = retry_on(self.today, rent.attempts, fact.advice)
            self._change(rent, charge_on=again_on)
            if again_on is None:
                self.lease.uncollectable.add(rent.number)

    # Performing a charge: claim, call, record

    def _await_performance(self, charge: Charge) -> None:
        if charge.state is MovementState.REQUESTED:
            self.wake(self.now, lambda: self.perform(charge))
        elif charge.state is MovementState.SENT and charge.claimed_until_at is not None:
            self.wake(charge.claimed_until_at + timedelta(seconds=1), lambda: self.perform(charge))

    def perform(self, charge: Charge) -> Steps | None:
        """Send out a charge that waits, or that somebody has left behind."""
        forsaken = charge.state is MovementState.SENT and charge.claimed_until_at < self.now  # type: ignore[operator]
        return self._perform(charge) if charge.state is MovementState.REQUESTED or forsaken else None

    def _perform(self, charge: Charge) -> Steps:
        charge.state, charge.claimed_until_at = MovementState.SENT, self.now + CLAIM
        yield self._moment()
        news = yield from self._call(charge)
        yield self._moment()
        call = self.calls.get(charge.key)
        news = replace(news, given_up=call is not None and call.at.state is CallState.ESCALATED)
        movements.take_charge(self, charge, news)  # type: ignore[arg-type]
        self._take_facts()

    def _call(self, charge: Charge) -> Generator[timedelta, None, News]:
        """As the executor does it: who holds the key answers, an intent comes first, and its end is written down."""
        held = self.calls.get(charge.key)
        if held is not None:
            outcome = verdicts.outcome_of(held.at.state)
            return News(instance="v", outcome=outcome, result=held.result, error_code=held.error_code, advice=None)
        if self.breaker.state(self.now.timestamp(), 1) is BreakerState.OPEN:
            return News(
                instance=None, outcome=CallOutcome.NOT_EXECUTED, result=None, error_code="no_route", advice=None
            )
        expires_at = self.now + timedelta(seconds=_DEADLINE_S)
        at = Pursuit(
            state=CallState.INTENT,
            effect=Effect.MONEY,
            started_at=self.now,
            reconcile_at=pursuit.intent_until(expires_at),
        )
        call = self.calls[charge.key] = Call(charge, at)
        self._await_turn(call)
        ended = yield from self._deliver(charge.key, charge.amount, expires_at)
        yield self._moment()
        if call.at.state in (CallState.INTENT, CallState.UNKNOWN):
            look_at = pursuit.first_look(Effect.MONEY, ended.state, self.now)
            call.at = replace(call.at, state=ended.state, reconcile_at=look_at)
            call.result, call.error_code = ended.result, ended.error_code  # type: ignore[assignment]
            if ended.state is CallState.NOT_EXECUTED:
                del self.calls[charge.key]
            self._await_turn(call)
        outcome = verdicts.outcome_of(ended.state)
        return News(
            instance="v", outcome=outcome, result=ended.result, error_code=ended.error_code, advice=ended.advice
        )

    def _deliver(self, key: str, money: Money, expires_at: datetime) -> Generator[timedelta, None, Ended]:
        """As the courier does it: the attempts that the table of the contract allows, and the breaker's marks."""
        for attempt in range(1, _ATTEMPTS + 1):
            yield self._moment()
            try:
                result = self.vendor.collect(key, money)
            except ProviderError as error:
                yield self._moment()
                conduct = verdicts.conduct(error, Effect.MONEY)
                self._mark(conduct.mark)
                self._log(f"call {key[-4:]}: {error.code}: {error}")
                if not conduct.retry or attempt == _ATTEMPTS or self.now >= expires_at:
                    return Ended.with_error(error, Effect.MONEY)
            else:
                yield self._moment()
                self.breaker.succeeded()
                return Ended.with_result(result)
        raise AssertionError("an attempt returns")

    def _mark(self, mark: Mark) -> None:
        now = self.now.timestamp()
        if mark is Mark.FAILURE:
            self.breaker.failed(now)
        elif mark is Mark.COOLDOWN:
            self.breaker.cool_down(now, None)

    def _moment(self) -> timedelta:
        chance = self.chance.random()
        return timedelta(0, 4 * chance if chance < 0.3 else 0.1 * chance)

    # The pursuit of outcomes

    def _await_turn(self, call: Call) -> None:
        if call.at.reconcile_at is not None:
            self.wake(call.at.reconcile_at, lambda: self.reconcile(call))

    def reconcile(self, call: Call) -> Steps | None:
        """Ask after a call whose time has come."""
        if call.at.reconcile_at is None or call.at.reconcile_at > self.now:
            return None
        call.at = pursuit.taken(call.at, self.now)
        self._await_turn(call)
        return self._turn(call)

    def _turn(self, call: Call) -> Generator[timedelta, None, Learned]:
        if call.at.state not in OPEN_STATES:
            return Learned.CLOSED
        key, ref = call.charge.key, call.result.payment_ref if call.result else None
        yield self._moment()
        found = self.vendor.status(key, ref)
        yield self._moment()
        facts = self.vendor.facts
        turn = pursuit.after_question(
            call.at, found=found, known=call.result, facts=facts, asking=Asking.POSSIBLE, now=self.now
        )
        self._write(call, turn)
        if not turn.send_again:
            return turn.learned
        self._log(f"call {call.charge.id.int}: is sent again")
        ended = yield from self._deliver(
            self.key_of_resend(key), call.charge.amount, self.now + timedelta(seconds=_DEADLINE_S)
        )
        yield self._moment()
        again = pursuit.after_second_send(call.at, ended, self.now)
        self._write(call, again)
        return again.learned

    def key_of_resend(self, key: str) -> str:
        """Under which key a request goes out once more."""
        return key

    def _write(self, call: Call, turn: Turn) -> None:
        if turn.learned is Learned.CLOSED:
            return
        before, call.at = call.at.reconcile_at, turn.after
        if turn.ended is not None:
            call.error_code = turn.ended.error_code
            if turn.ended.result is not None:
                call.result = turn.ended.result  # type: ignore[assignment]
            self._log(f"call {call.charge.id.int}: found to be {turn.ended.state}")
            outcome = verdicts.outcome_of(turn.ended.state)
            code = turn.ended.error_code
            news = News(instance="v", outcome=outcome, result=turn.ended.result, error_code=code, advice=None)
            movements.take_charge(self, call.charge, news)  # type: ignore[arg-type]
        if turn.escalated is not None:
            self._log(f"call {call.charge.id.int}: for a person, {turn.escalated}")
            call.named = True
            movements.doubt_charge(self, call.charge)  # type: ignore[arg-type]
        self._take_facts()
        if call.at.reconcile_at != before:
            self._await_turn(call)

    # Callbacks

    def post(self, event_id: str, key: str, outcome: PaymentOutcome, tries: int = 0) -> None:
        """A callback at the door: a yes once it is stored; while nobody is there the vendor tries again a few times."""
        if not self.up:
            if tries < 8:
                self.later(timedelta(minutes=2 << tries), lambda: self.post(event_id, key, outcome, tries + 1))
            return
        if outcome is PaymentOutcome.SUCCEEDED:
            self.accepted.add(key)
        if event_id not in self.inbox:
            delivery = self.inbox[event_id] = Delivery(key, outcome, apply_at=self.now)
            self._await_application(delivery)

    def _await_application(self, delivery: Delivery) -> None:
        if delivery.apply_at is not None:
            self.wake(max(delivery.apply_at, self.now), lambda: self.apply(delivery))

    def apply(self, delivery: Delivery) -> Steps | None:
        """Apply a callback that waits."""
        if delivery.apply_at is None or delivery.apply_at > self.now:
            return None
        delivery.tries, delivery.apply_at = delivery.tries + 1, self.now + timedelta(minutes=2)
        return self._apply(delivery)

    def _apply(self, delivery: Delivery) -> Steps:
        call = self.calls.get(delivery.key)
        news: list[fates.News] = []
        if call is not None and call.at.state in OPEN_STATES:
            news.append((yield from self.knock(call, delivery)))
        yield self._moment()
        says_so = call is not None and call.result is not None and call.result.outcome == delivery.outcome
        kind = WebhookKind.PAYMENT
        fate, _ = fates.fate_of(kind, tries=delivery.tries, calls=int(call is not None), news=news, says_so=says_so)
        waits = fate is Fate.WAITS
        delivery.fate = fate
        delivery.apply_at = self.now + fates.AGAIN[delivery.tries - 1] if waits else None
        self._await_application(delivery)

    def knock(self, call: Call, delivery: Delivery) -> Generator[timedelta, None, Learned]:
        """Ask after the call at once, unless it is still on its way out."""
        at = call.at
        if at.state is CallState.INTENT and at.reconcile_at is not None and at.reconcile_at > self.now:
            return Learned.NOTHING
        return (yield from self._turn(call))

    # A person

    def see_to_it(self) -> None:
        """Once a day somebody finds out from the vendor's own book what the machine gave up, and has debited again."""
        for call in list(self.calls.values()):
            if call.at.state is CallState.ESCALATED:
                key = call.charge.key
                booked = next((moved for moved in self.vendor.book if moved.key == key), None)
                if booked is None:
                    ended = Ended(state=CallState.NOT_EXECUTED, error_code="decided_by_hand")
                else:
                    ended = Ended.with_result(self.vendor._told(booked))
                self._write(call, pursuit.settled(call.at, ended, self.now))
        for rent in [rent for rent in self.lease.rents if rent.state in OWED]:
            if rent.charge_on is None and rent.number not in self._under_way():
                self._change(rent, charge_on=self.today + _DAY)
        if any(rent.state in OPEN for rent in self.lease.rents) or any(
            c.at.state in OPEN_STATES for c in self.calls.values()
        ):
            self.later(_DAY, self.see_to_it)

    # What must be true

    def prove_refused(self, charge_id: UUID) -> None:
        """What was refused has moved nothing and will not."""
        for moved in self.vendor.book:
            if moved.key == str(charge_id) and moved.outcome is not PaymentOutcome.REJECTED:
                raise Violated(f"charge {charge_id.int} counts as failed, and the vendor says {moved.outcome}")

    def prove_safe(self) -> None:
        """Nothing was taken twice, and nothing that came in is booked otherwise than it came."""
        subjects = {charge.key: _number(charge.subject_id) for charge in self.charges}
        taken: dict[int, int] = {}
        for moved in self.vendor.book:
            subject = subjects.get(moved.key)
            if subject is None:
                raise Violated(f"the vendor was given a key that nobody knows: {moved.key}")
            if moved.outcome is not PaymentOutcome.REJECTED:
                taken[subject] = taken.get(subject, 0) + moved.minor
        for rent in self.lease.rents:
            gross = sum(row.money.minor for row in self.lease.accrued.get(rent.number, ()) if row.money.minor > 0)
            if taken.get(rent.number, 0) > rent.rent.minor + gross + 1:
                raise Violated(f"rent {rent.number} of {rent.rent} was taken {taken[rent.number]} minor units for")
        for charge in self.charges:
            if charge.state is MovementState.REJECTED:
                self.prove_refused(charge.id)
            if (charge.state is MovementState.SUCCEEDED) != (charge.id in self.lease.receipts):
                raise Violated(f"charge {charge.id.int} is {charge.state}, its receipt is not")
        self._prove_books()

    def _prove_books(self) -> None:
        lease = self.lease
        paid = sum(r.paid_principal.minor + r.paid_interest.minor + r.paid_penalty.minor for r in lease.rents)
        came = sum(money.minor for money in lease.receipts.values())
        if paid + lease.suspense.minor != came:
            raise Violated(f"{came} came in, {paid} was allocated, {lease.suspense} waits")
        for rent in lease.rents:
            days: dict[date, int] = {}
            for row in lease.accrued.get(rent.number, ()):
                days[row.accrued_on] = days.get(row.accrued_on, 0) + row.money.minor
            if sum(days.values()) != rent.penalty.minor:
                raise Violated(f"rent {rent.number} bears {rent.penalty}, its days do not")
            first_on = rent.due_on + timedelta(days=_TERMS.grace_days + 1)
            if any(minor > 0 and day < first_on for day, minor in days.items()):
                raise Violated(f"rent {rent.number} bears penalty within the days of grace")
            if (
                rent.number in lease.paid_on
                and lease.paid_on[rent.number] < first_on
                and rent.penalty > rent.paid_penalty
            ):
                raise Violated(f"rent {rent.number} was paid in time and bears penalty")

    def prove_settled(self) -> None:
        """Faults are over for long: every movement is known or a person's, every rent paid or a person's."""
        charges = {charge.key: charge for charge in self.charges}
        for charge in self.charges:
            call = self.calls.get(charge.key)
            named = call is not None and call.at.state is CallState.ESCALATED and not self.with_person
            if charge.state in LIVE and not named:
                raise Violated(f"charge {charge.id.int} is {charge.state} for ever, its call {call and call.at}")
        for moved in self.vendor.book:
            if (
                moved.outcome is PaymentOutcome.SUCCEEDED
                and charges[moved.key].state
                not in (
                    MovementState.SUCCEEDED,
                    MovementState.DISPUTED,
                )
                and not self._named(moved.key)
            ):
                raise Violated(f"{moved.key[-4:]} has come in and is {charges[moved.key].state} with us")
        for key in self.accepted:
            if charges[key].state not in (MovementState.SUCCEEDED, MovementState.DISPUTED) and not self._named(key):
                raise Violated(f"the callback of {key[-4:]} was accepted, and its money is lost")
        for event_id, delivery in self.inbox.items():
            if delivery.fate in (None, Fate.WAITS, Fate.FAILED):
                raise Violated(f"callback {event_id} is {delivery.fate} for ever")
        self._prove_paid()

    def _named(self, key: str) -> bool:
        call = self.calls.get(key)
        return call is not None and call.at.state is CallState.ESCALATED and not self.with_person

    def _prove_paid(self) -> None:
        in_doubt = any(charge.state in DOUBTFUL for charge in self.charges)
        for rent in self.lease.rents:
            named = in_doubt or (not self.with_person and rent.number in self.lease.uncollectable)
            if rent.state is not InstalmentState.PAID and not named:
                raise Violated(f"rent {rent.number} is {rent.state} and nobody's: {rent}")


def _promises(chance: Random) -> OperationFacts:
    """What this seed's vendor promises."""
    return OperationFacts(
        idempotent=chance.random() < 0.8,
        settle_window=chance.choice((None, timedelta(), timedelta(seconds=60), timedelta(minutes=10))),
        key_lifetime=chance.choice((None, timedelta(hours=2), timedelta(days=1), timedelta(days=30))),
    )


def _number(rent_id: UUID) -> int:
    """The number of the rent that has this id."""
    return rent_id.int - 100


def _rent(number: int, after: int) -> Instalment:
    due_on = START.date() + timedelta(days=after)
    return Instalment(
        id=InstalmentId(UUID(int=100 + number)),
        number=number,
        due_on=due_on,
        principal=Money(300_000),
        interest=Money(12_345),
        penalty=_ZERO,
        paid_principal=_ZERO,
        paid_interest=_ZERO,
        paid_penalty=_ZERO,
        state=InstalmentState.SCHEDULED,
        charge_on=due_on,
        attempts=0,
        penalty_through_on=None,
    )


_RENTS = (_rent(1, 0), _rent(2, 4))


def _rents(chance: Random) -> list[Instalment]:
    """One rent that is due at the beginning, and perhaps a second a few days later."""
    return [*_RENTS] if chance.random() < 0.3 else [_RENTS[0]]


def violation_of(seed: int, world: type[World] = World, remembered: Remembered | None = None) -> str | None:
    """What this seed violates, None when nothing."""
    try:
        world(seed, remembered=remembered).run()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def failing(first: int, number: int, world: type[World] = World) -> Iterator[tuple[int, str]]:
    """The seeds of a range that violate something, with what."""
    remembered = Remembered()
    for start in range(first, first + number, _BATCH):
        found = []
        gc.disable()  # a world dies as a whole: looking through what lives, again and again, finds nothing
        try:
            for seed in range(start, min(start + _BATCH, first + number)):
                if (violated := violation_of(seed, world, remembered)) is not None:
                    found.append((seed, violated))
        finally:
            gc.enable()
        yield from found


def _range(first: int, last: int) -> int:
    """Run a range of seeds in this process; the number of those that violate something."""
    violated = 0
    for start in range(first, last + 1, _REPORTED):
        end = min(start + _REPORTED - 1, last)
        for seed, why in failing(start, end - start + 1):
            violated += 1
            print(f"seed {seed}: {why}", flush=True)
        print(f"seeds {first}-{end} of {first}-{last} run, {violated} of them violate something", flush=True)
    return violated


def _replay(seed: int) -> None:
    print(f"seed {seed}")
    World(seed, say=print).run()
    print("nothing is violated")


if __name__ == "__main__":
    ranges = [word.split("-") for word in sys.argv[1:] if "-" in word]
    for word in sys.argv[1:]:
        if "-" not in word:
            _replay(int(word))
    sys.exit(1 if sum([_range(int(first), int(last)) for first, last in ranges]) else 0)
