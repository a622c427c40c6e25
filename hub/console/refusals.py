"""What people are told when something is refused, in their language: which rule, in a sentence; which field, and why.

The rooms give codes; the sentences stand here. A reason that has no translation is shown as the rule gave it.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.console.i18n import N_, Language, say
from hub.console.labels import label
from hub.core import errors

# The business says no: what each rule means.
RULES: Mapping[str, str] = {
    "contract_state": N_("The contract is not in a state in which this can be done."),
    "no_active_mandate": N_("There is no active mandate to debit."),
    "money_in_doubt": N_("The outcome of a payment is not known yet. Wait until it is, or settle it in the call log."),
    "last_administrator": N_("The company would have no administrator left."),
    "own_administrator_role": N_("Nobody takes their own administrator role away."),
    "no_health_question": N_("It could not be set up, so there is nobody to ask."),
}

# Reasons of the rooms that the console translates.
REASONS = (N_("is not kept in a file of its own"),)


def refusal(language: Language, error: Exception) -> tuple[str, str]:
    """The field that an error names, `""` when none, and the sentence to show."""
    match error:
        case errors.InvalidInput():
            return error.field, say(language, error.reason)
        case errors.RuleBroken():
            known = RULES.get(error.rule)
            facts = ", ".join(f"{say(language, label(name))}: {value}" for name, value in error.facts.items())
            text = say(language, known) if known else say(language, label(error.rule))
            return "", f"{text} ({facts})" if facts and not known else text
        case errors.NotFound():
            return "", say(language, N_("There is nothing here, or it is not in your branches."))
        case errors.NotAllowed():
            return "", say(language, error.reason)
        case _:
            return "", say(language, str(error))
