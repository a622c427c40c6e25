"""The collection of rents in memory, seed by seed; and mutants of the hub, which it must tell from the hub.

`make test` runs 100,000 seeds, `make soak` 5,000,000 others. A seed that fails says how it is replayed, and its number
belongs into a file under `seeds/` from then on, with what was wrong in one line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hub.core.effects import RULES, Effect
from hub.core.errors import UnknownOutcome
from hub.core.ports import NoRecord
from hub.core.ports.payments import PaymentOutcome
from hub.integrations import pursuit, verdicts
from hub.integrations.errands import Ended
from hub.integrations.pursuit import Learned
from hub.integrations.verdicts import CallState
from hub.leasing.payments import movements
from tests.faults import simulation
from tests.faults.simulation import Call, Delivery, World, failing, violation_of

CHUNK, CHUNKS = 12_500, 8
SOAK_FROM, SOAK = 1_000_000, 5_000_000
SEEDS = sorted((Path(__file__).parent / "seeds").glob("*.txt"))


def _replay(seed: int, violated: str) -> str:
    return f"seed {seed}: {violated}\n    replay: python -m tests.faults.simulation {seed}\n    keep: tests/faults/seeds/{seed}.txt"


def _report(first: int, number: int) -> list[str]:
    return [_replay(seed, violated) for seed, violated in failing(first, number)]


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_seed_violates_anything(chunk: int) -> None:
    assert _report(chunk * CHUNK, CHUNK) == []


@pytest.mark.soak
def test_no_seed_of_many_violates_anything() -> None:
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        starts = range(SOAK_FROM, SOAK_FROM + SOAK, CHUNK)
        reports = [line for report in pool.map(_report, starts, [CHUNK] * len(starts)) for line in report]
    assert reports == []


@pytest.mark.parametrize("file", SEEDS, ids=lambda file: file.stem)
def test_a_seed_that_once_failed_does_not(file: Path) -> None:
    assert violation_of(int(file.stem)) is None


def test_a_seed_gives_one_run() -> None:
    said: list[list[str]] = [[], []]
    for lines in said:
        World(7, say=lines.append).run()
    assert said[0] == said[1]
    assert said[0]


def test_every_fault_and_every_end_is_met() -> None:
    """What the simulation is for is really in it: otherwise its silence would mean nothing."""
    lines: list[str] = []
    for seed in range(400):
        World(seed, say=lines.append).run()
    said = "\n".join(lines)
    for part in ("power cut", "takes effect later", "after the effect", "not_sent", "rate_limited", "auth_failed"):
        assert part in said, part
    for part in (
        "for a person",
        "in doubt",
        "found to be ok",
        "found to be pending",
        "insufficient_funds",
        "sent again",
    ):
        assert part in said, part


# Mutants: each is a mistake that somebody has made, in the hub's own code or in how it is driven


class _NewKeyOnResend(World):
    """A request that goes out once more is given a key of its own. It is found by the money, not by the strange key."""

    def key_of_resend(self, key: str) -> str:
        return f"{key} again"

    def post(self, event_id: str, key: str, outcome: PaymentOutcome, tries: int = 0) -> None:
        super().post(event_id, key.split()[0], outcome, tries)

    def prove_safe(self) -> None:
        for moved in self.vendor.book:
            moved.key = moved.key.split()[0]
        super().prove_safe()


class _CallbacksDecide(World):
    """What a callback says is believed without a question."""

    def knock(self, call: Call, delivery: Delivery) -> Generator[timedelta, None, Learned]:
        yield timedelta()
        told = self.vendor.status(str(call.charge.id), None)
        if told is None or isinstance(told, NoRecord) or call.at.state is CallState.INTENT:
            return Learned.NOTHING
        code = "declined" if delivery.outcome == "rejected" else None
        ended = Ended.with_result(replace(told, outcome=delivery.outcome, code=code))
        self._write(call, pursuit.settled(call.at, ended, self.now))
        return Learned.SETTLED


class _OneDebitTooMany(World):
    """The night does not look whether a rent has a debit under way."""

    def _under_way(self) -> set[object]:  # type: ignore[override]
        return set()

    def _take_facts(self) -> None:
        super()._take_facts()
        for rent in self.lease.rents:  # as when a person has it debited again
            if rent.state in simulation.OWED and rent.charge_on is None:
                self._change(rent, charge_on=self.today + timedelta(days=1))


def _first_no_record_counts(patch: pytest.MonkeyPatch) -> type[World]:
    honest = pursuit.after_question

    def mutant(before: pursuit.Pursuit, **known: object) -> pursuit.Turn:
        if isinstance(known["found"], NoRecord) and before.state is CallState.UNKNOWN:
            ended = Ended(state=CallState.NOT_EXECUTED, error_code="not_found")
            return pursuit.settled(before, ended, known["now"])  # type: ignore[arg-type]
        return honest(before, **known)  # type: ignore[arg-type]

    patch.setattr(pursuit, "after_question", mutant)
    return World


def _silence_is_failure(patch: pytest.MonkeyPatch) -> type[World]:
    honest = verdicts.conduct

    def mutant(error: UnknownOutcome, effect: Effect) -> verdicts.Conduct:
        conduct = honest(error, effect)
        return replace(conduct, state=CallState.NOT_EXECUTED) if isinstance(error, UnknownOutcome) else conduct

    patch.setattr("hub.integrations.errands.conduct", mutant)
    return World


def _silence_is_sent_again(patch: pytest.MonkeyPatch) -> type[World]:
    patch.setitem(RULES, Effect.MONEY, replace(RULES[Effect.MONEY], repeat_unknown=True))
    return World


def _keys_live_for_ever(patch: pytest.MonkeyPatch) -> type[World]:
    honest = verdicts.after_no_record

    def mutant(search: verdicts.Search, facts: object) -> verdicts.Step:
        young = replace(search, age=facts.settle_window or timedelta())  # type: ignore[attr-defined]
        return honest(young, facts)  # type: ignore[arg-type]

    patch.setattr(pursuit, "after_no_record", mutant)
    return World


def _stale_news_is_news(patch: pytest.MonkeyPatch) -> type[World]:
    patch.setattr(movements, "may_move", lambda before, after: True)
    return World


MUTANTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], type[World]], int]] = {
    "first_no_record_counts": (_first_no_record_counts, 200),
    "silence_is_failure": (_silence_is_failure, 100),
    "silence_is_sent_again": (_silence_is_sent_again, 500),
    "keys_live_for_ever": (_keys_live_for_ever, 5000),
    "stale_news_is_news": (_stale_news_is_news, 2000),
    "new_key_on_resend": (lambda patch: _NewKeyOnResend, 5000),
    "callbacks_decide": (lambda patch: _CallbacksDecide, 500),
    "one_debit_too_many": (lambda patch: _OneDebitTooMany, 200),
}


def _first_caught(seeds: Iterator[tuple[int, str]]) -> tuple[int, str] | None:
    return next(seeds, None)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate, within = MUTANTS[name]
    caught = _first_caught(failing(0, within, mutate(monkeypatch)))
    assert caught is not None, f"no seed of {within} tells it from the hub"
    print(f"caught by seed {caught[0]}: {caught[1]}")
    assert caught[1].startswith("Violated"), caught
