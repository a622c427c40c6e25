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
    "lead_closed": N_("The lead is converted or lost."),
    "lead_state": N_("The lead is converted or lost."),
    "application_state": N_("The application is not in a state in which this can be done."),
    "quote_expired": N_("The quote does not bind any more. Make a new one."),
    "material_missing": N_("Material is missing; the checklist says which."),
    "consent_missing": N_("The customer has not consented to a credit check, or has withdrawn the consent."),
    "own_application": N_("You have opened or submitted this application yourself. Somebody else must decide."),
    "credit_missing": N_("There is no credit outcome yet."),
    "credit_declined": N_("The credit check says no."),
    "credit_expired": N_("The credit outcome has run out. Have the credit checked again."),
    "approval_limit": N_("It is more than you may approve."),
    "party_elsewhere": N_("The customer is not in your branches."),
    "application_not_approved": N_("The application is not approved."),
    "approval_expired": N_("The approval has run out."),
    "application_has_contract": N_("There is a contract from this application already."),
    "no_active_mandate": N_("There is no active mandate to debit."),
    "money_in_doubt": N_("The outcome of a payment is not known yet. Wait until it is, or settle it in the call log."),
}


# What the rooms say of a field that is wrong, where they always say it so.
REASONS: tuple[str, ...] = (
    N_("must not be empty"),
    N_("must not contain control characters"),
    N_("not a phone number"),
    N_("not a phone number that can be called"),
    N_("an identity number has 17 digits and a check character"),
    N_("the check digit is wrong"),
    N_("the date of birth in it does not exist"),
    N_("a passport number has 5 to 20 letters and digits"),
    N_("not an e-mail address"),
    N_("must not be larger than 10 MiB"),
    N_("must be a PDF, JPEG or PNG"),
    N_("a bank account has 6 to 32 digits"),
    N_("a bank code has 2 to 14 letters and digits"),
    N_("must not be negative"),
    N_("there is a live application on this quote already"),
    N_("a VIN has 17 letters and digits, without I, O and Q"),
    N_("must be more than nothing"),
    N_("this document is on the blacklist already"),
    N_("another party is registered under this document"),
)


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
        case errors.Conflict():
            name, colon, reason = error.reason.partition(": ")
            is_of_field = bool(colon) and name.isidentifier()
            return (
                (name, say(language, reason))
                if is_of_field
                else ("", say(language, RULES.get(error.reason, error.reason)))
            )
        case errors.NotFound():
            return "", say(language, N_("There is nothing here, or it is not in your branches."))
        case errors.NotAllowed():
            return "", say(language, error.reason)
        case _:
            return "", say(language, str(error))
