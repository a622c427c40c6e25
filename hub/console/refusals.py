"""What people are told when something is refused, in their language: which rule, in a sentence; which field, and why.

The rooms give codes; the sentences stand here. Reasons that they give in words are in `reasons`.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.console.i18n import N_, Language, say
from hub.console.labels import label
from hub.console.reasons import said
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
    "last_administrator": N_("The company would have no administrator left."),
    "own_administrator_role": N_("Nobody takes their own administrator role away."),
    "no_health_question": N_("It could not be set up, so there is nobody to ask."),
    "account_not_active": N_("Rent does not run on this lease now."),
    "bank_account_missing": N_("There is no bank account to debit."),
    "charge_under_way": N_("A debit of this lease is under way. Wait until it is settled or refused."),
    "commencement_in_future": N_("A lease cannot begin on a day that is still to come."),
    "contract_has_no_vehicle": N_("The contract has no car yet."),
    "contract_has_vehicle": N_("The contract has its car already."),
    "contract_not_cancellable": N_("Only a drafted or signed contract can be cancelled."),
    "device_not_bound": N_("No tracker is installed in the car."),
    "disbursement_has_no_payee": N_("Nobody has said yet which account it goes to."),
    "disbursement_not_refused": N_("Only what the provider has refused is asked for again."),
    "disbursement_state": N_("The disbursement is not in a state in which this can be done."),
    "mandate_not_active": N_("There is no active mandate to debit."),
    "more_than_is_owed": N_("The books owe less than this and what is promised already."),
    "more_than_owed": N_("This is more than is owed today."),
    "more_than_waits": N_("This is more than waits in suspense."),
    "no_deposit_to_return": N_("There was no deposit."),
    "no_envelope_out": N_("The provider has not taken the papers yet."),
    "no_purchase_option_owed": N_("The contract has no purchase option to pay."),
    "not_what_was_shown": N_("The amount or the account is not the one that would be paid. Look at it again."),
    "nothing_owed": N_("Nothing is owed."),
    "nothing_to_settle": N_("Nothing is left to settle early."),
    "difference_not_open": N_("Nobody has to look at it any more."),
    "difference_is_not_booked_by_itself": N_(
        "The books have something of it already: reverse that first, or explain it."
    ),
    "nothing_to_ask_about": N_("There is no movement of ours that the provider could be asked about."),
    "statement_being_fetched": N_("The statement is being fetched. Wait a moment."),
    "provider_does_not_revoke": N_("This provider ends no mandate for us: the payer or its own console must."),
    "revocation_under_way": N_("The provider is being asked to end this mandate already."),
    "over_mandate_limit": N_("The mandate does not allow a debit of so much."),
    "own_disbursement": N_("Whoever drafted it or chose the account cannot approve it."),
    "payee_ended": N_("Nothing more is paid to this payee."),
    "payee_named_already": N_("There is one already. End that one first."),
    "payoff_locked_in": N_("The lease cannot be settled so early."),
    "payoff_not_valid_today": N_("The quote is not valid today: quote the early settlement again."),
    "payoff_outdated": N_("What is owed has changed since the quote: quote the early settlement again."),
    "payout_under_way": N_("The payout is on its way or has been made."),
    "promise_open": N_("A promise is open already."),
    "purchase_option_paid": N_("The purchase option is paid."),
    "refund_paid": N_("The refund has been paid."),
    "signing_payment_under_way": N_("Money of this contract is under way or has come in."),
    "quotes_are_made_on_published_versions": N_("Quotes are made on a published version of a product only."),
    "partner_not_active": N_("The channel partner is not active."),
    "movement_has_its_own_verb": N_("This move has a button of its own."),
    "purchase_order_state": N_("The purchase order is not in a state in which this can be done."),
    "device_state": N_("The tracker is not in a state in which this can be done."),
    "disbursement_exists": N_("There is a disbursement for it already."),
    "device_known": N_("A tracker with this number is known already."),
    "vehicle_has_device_of_kind": N_("The car has a tracker of this kind already."),
    "vehicle_has_contract": N_("The car belongs to another contract."),
    "warning_raised_again": N_("It has happened again meanwhile. Look at it once more before you close it."),
    "order_decides_nothing": N_("Calls are given out by weight or by cost here: an order would change nothing."),
    "order_changed_meanwhile": N_("Somebody else has changed the order meanwhile. Load the page again."),
    "required_provider_unusable": N_("A provider that the hub needs could not be set up."),
    "vehicle_held": N_("Another contract holds this car."),
    "vehicle_known": N_("A car with this VIN is known already."),
    "vehicle_movement": N_("The car is not where this can be done."),
    "vehicle_not_available": N_("The car is not free."),
    "vehicle_not_delivered": N_("The car is not with the lessee yet."),
    "vehicle_not_held_for_contract": N_("The car is not kept for this contract."),
}


def refusal(language: Language, error: Exception) -> tuple[str, str]:
    """The field that an error names, `""` when none, and the sentence to show."""
    match error:
        case errors.InvalidInput():
            return error.field, said(language, error.reason)
        case errors.RuleBroken():
            known = RULES.get(error.rule)
            facts = ", ".join(f"{say(language, label(name))}: {value}" for name, value in error.facts.items())
            text = say(language, known) if known else say(language, label(error.rule))
            return "", f"{text} ({facts})" if facts and not known else text
        case errors.Conflict():
            name, colon, reason = error.reason.partition(": ")
            is_of_field = bool(colon) and name.isidentifier()
            return (
                (name, said(language, reason))
                if is_of_field
                else ("", said(language, RULES.get(error.reason, error.reason)))
            )
        case errors.NotFound():
            return "", say(language, N_("There is nothing here, or it is not in your branches."))
        case errors.NotAllowed(reason="permission missing"):
            return "", say(language, N_("Your roles do not allow it: %(permission)s."), permission=error.permission)
        case errors.NotAllowed():
            return "", said(language, error.reason)
        case _:
            return "", say(language, str(error))
