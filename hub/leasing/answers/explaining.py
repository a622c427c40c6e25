"""The explaining pass of an answer: every amount with its formula, days, rate, rounding and rule, as structured steps."""

from __future__ import annotations

from hub.leasing.answers.renting import Answer, Figures
from hub.leasing.cases.deal import Terms
from hub.leasing.replays.replay import Stretch
from hub.leasing.schedules.explaining import Step, explained
from hub.leasing.schedules.schedule import build

_DIGITS = 20


def explained_rows(answer: Answer) -> list[Figures]:
    """For each row of an answer's schedule the steps that made it, by the plan that held then."""
    if answer.standing is None or answer.terms is None:
        return []
    return [told for stretch in answer.standing.stretches for told in _stretch(stretch, answer)]


def _stretch(stretch: Stretch, answer: Answer) -> list[Figures]:
    assert answer.terms is not None
    steps = explained(stretch.plan, build(stretch.plan))
    return [
        {
            "n": row.number + answer.first_number - 1,
            **({"due_date": row.due_on.isoformat()} if answer.rows[0].due_on else {}),
            "steps": [_step(answer.terms, step, dated=bool(answer.rows[0].due_on)) for step in steps[place]],
        }
        for place, row in enumerate(stretch.rows)
    ]


def _step(terms: Terms, step: Step, *, dated: bool) -> Figures:
    found: Figures = {
        "of": step.of,
        "rule": step.rule.value,
        "formula": step.formula,
        "amount": terms.shown(terms.major(step.amount)),
        "balance_before": terms.shown(terms.major(step.balance)),
    }
    if step.exact is not None:
        found["exact"] = f"{terms.major(step.exact):.{_DIGITS}f}".rstrip("0").rstrip(".")
    if step.rounding is not None and not terms.convention.exact:
        found |= {"rounding": step.rounding.value, "unit": f"{terms.major(step.unit).normalize():f}"}
    if step.annual_rate is not None:
        found["annual_rate"] = f"{step.annual_rate.normalize():f}"
    if step.factor is not None:
        found |= {"factor": f"{step.factor[0]}/{step.factor[1]}", "day_count": str(step.day_count)}
    if dated and step.from_on and step.to_on:
        found |= {"from": step.from_on.isoformat(), "to": step.to_on.isoformat(), "days": step.days}
    if step.brought:
        found["brought_along"] = terms.shown(terms.major(step.brought))
    return found
