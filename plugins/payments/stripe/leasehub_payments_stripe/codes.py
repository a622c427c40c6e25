"""Every error code and decline code that Stripe publishes, in the hub's words.

Sources: docs.stripe.com/error-codes (the list in stripe-python 16.1.0 is the same) and docs.stripe.com/declines/codes.
"""

from __future__ import annotations

from hub.core.ports.payments import RejectionAdvice

CREDENTIALS = frozenset({"api_key_expired", "platform_api_key_expired", "secret_key_required"})
LIMITED = frozenset(
    {"rate_limit", "lock_timeout", "payment_intent_rate_limit_exceeded", "card_decline_rate_limit_exceeded"}
)
# The same key is in flight: the first request may have had its effect already.
DOUBT = frozenset({"idempotency_key_in_use", "payment_method_provider_timeout"})
SETTINGS = frozenset(
    {
        "account_country_invalid_address",
        "account_error_country_change_requires_additional_steps",
        "account_information_mismatch",
        "account_invalid",
        "account_token_required_for_v2_account",
        "application_fees_not_allowed",
        "approval_required",
        "capability_not_active",
        "country_unsupported",
        "livemode_mismatch",
        "not_allowed_on_standard_account",
        "parameter_invalid_empty",
        "parameter_invalid_integer",
        "parameter_invalid_string_blank",
        "parameter_invalid_string_empty",
        "parameter_missing",
        "parameter_unknown",
        "parameters_exclusive",
        "payment_intent_invalid_parameter",
        "payment_method_configuration_failures",
        "payment_method_invalid_parameter",
        "payment_method_invalid_parameter_testmode",
        "payment_method_unactivated",
        "payment_method_unsupported_type",
        "platform_account_required",
        "setup_intent_invalid_parameter",
        "testmode_charges_only",
        "tls_version_unsupported",
        "url_invalid",
    }
)
# Refusals of a request, of a payment or of its method: nothing was done.
BUSINESS = frozenset(
    """
    account_closed account_number_invalid acss_debit_session_incomplete action_blocked alipay_upgrade_required
    amount_too_large amount_too_small anomalous_money_movement_request authentication_failure authentication_required
    balance_insufficient balance_invalid_parameter bank_account_bad_routing_numbers bank_account_declined
    bank_account_exists bank_account_restricted bank_account_unusable bank_account_unverified
    bank_account_verification_failed billing_invalid_mandate bitcoin_upgrade_required
    capture_charge_authorization_expired capture_unauthorized_payment card_declined cardholder_phone_number_required
    charge_already_captured charge_already_refunded charge_disputed charge_exceeds_source_limit
    charge_exceeds_transaction_limit charge_expired_for_capture charge_invalid_parameter charge_not_refundable
    clearing_code_unsupported country_code_invalid coupon_expired customer_max_payment_methods
    customer_max_subscriptions customer_session_expired customer_tax_location_invalid debit_not_authorized
    dispute_evidence_page_limit_exceeded email_invalid expired_card expired_payment_method failed_tax_calculation
    financial_account_balance_does_not_support_currency financial_account_capability_not_enabled
    financial_account_capability_restricted financial_connections_account_inactive
    financial_connections_account_pending_account_numbers financial_connections_account_unavailable_account_numbers
    financial_connections_consent_locale_invalid financial_connections_consent_locale_unsupported
    financial_connections_no_successful_transaction_refresh forwarding_api_inactive forwarding_api_invalid_parameter
    forwarding_api_retryable_upstream_error forwarding_api_upstream_connection_error
    forwarding_api_upstream_connection_timeout forwarding_api_upstream_error incorrect_address incorrect_cvc
    incorrect_number incorrect_postal_code incorrect_zip india_recurring_payment_mandate_canceled
    instant_payouts_config_disabled instant_payouts_currency_disabled instant_payouts_limit_exceeded
    instant_payouts_unsupported insufficient_funds intent_invalid_state intent_verification_method_missing
    invalid_canceled_subscription_fields invalid_card_type invalid_characters invalid_charge_amount invalid_cvc
    invalid_expiry_month invalid_expiry_year invalid_mandate_reference_prefix_format invalid_number
    invalid_source_usage invalid_tax_location invoice_no_customer_line_items invoice_no_payment_method_types
    invoice_no_subscription_line_items invoice_not_editable invoice_on_behalf_of_not_editable
    invoice_payment_intent_requires_action invoice_upcoming_none missing no_account out_of_inventory
    ownership_declaration_not_allowed payment_evaluation_on_api_version_not_supported payment_intent_action_required
    payment_intent_authentication_failure payment_intent_incompatible_payment_method
    payment_intent_konbini_rejected_confirmation_number payment_intent_mandate_invalid
    payment_intent_payment_attempt_expired payment_intent_payment_attempt_failed payment_intent_unexpected_state
    payment_method_bank_account_already_verified payment_method_bank_account_blocked
    payment_method_billing_details_address_missing payment_method_currency_mismatch payment_method_customer_decline
    payment_method_microdeposit_failed payment_method_microdeposit_processing_error
    payment_method_microdeposit_verification_amounts_invalid payment_method_microdeposit_verification_amounts_mismatch
    payment_method_microdeposit_verification_attempts_exceeded
    payment_method_microdeposit_verification_descriptor_code_mismatch
    payment_method_microdeposit_verification_timeout payment_method_not_available payment_method_provider_decline
    payment_method_restricted payment_method_unexpected_state payout_reconciliation_not_ready payouts_limit_exceeded
    payouts_not_allowed postal_code_invalid processing_error product_inactive progressive_onboarding_limit_exceeded
    refer_to_customer refund_disputed_payment request_blocked resource_already_exists resource_missing
    return_intent_already_processed routing_number_invalid sepa_unsupported_account
    service_period_coupon_with_metered_tiered_item_unsupported setup_attempt_failed setup_intent_authentication_failure
    setup_intent_mandate_invalid setup_intent_mobile_wallet_unsupported setup_intent_setup_attempt_expired
    setup_intent_unexpected_state shipping_address_invalid shipping_calculation_failed siret_invalid sku_inactive
    smart_disputes_not_available state_unsupported status_transition_invalid storer_capability_missing
    storer_capability_not_active stripe_tax_inactive subscription_update_trial_after_billing_cycle_anchor
    tax_id_invalid tax_id_prohibited taxes_calculation_failed terminal_location_country_unsupported
    terminal_reader_busy terminal_reader_hardware_fault terminal_reader_invalid_location_for_activation
    terminal_reader_invalid_location_for_payment terminal_reader_offline terminal_reader_timeout
    three_d_secure_authentication_not_supported three_d_secure_authentication_upstream_error token_already_used
    token_card_network_invalid token_in_use transfer_source_balance_parameters_mismatch transfers_not_allowed
    """.split()  # noqa: SIM905 (two hundred lines of one word each say no more)
)

_LATER, _NEVER, _ANEW = RejectionAdvice.RETRY_LATER, RejectionAdvice.DO_NOT_RETRY, RejectionAdvice.NEW_MANDATE

# Why a debit was declined: the hub's word, and what may be done next. decline_code first, else the error's own code.
DECLINES: dict[str, tuple[str, RejectionAdvice]] = {
    "insufficient_funds": ("insufficient_funds", _LATER),
    "card_velocity_exceeded": ("limit_exceeded", _LATER),
    "withdrawal_count_limit_exceeded": ("limit_exceeded", _LATER),
    "charge_exceeds_source_limit": ("limit_exceeded", _LATER),
    "charge_exceeds_transaction_limit": ("limit_exceeded", _LATER),
    "amount_too_large": ("limit_exceeded", _NEVER),
    "invalid_amount": ("limit_exceeded", _NEVER),
    "amount_too_small": ("amount_too_small", _NEVER),
    "issuer_not_available": ("bank_unavailable", _LATER),
    "processing_error": ("bank_unavailable", _LATER),
    "reenter_transaction": ("bank_unavailable", _LATER),
    "try_again_later": ("bank_unavailable", _LATER),
    "payment_method_provider_decline": ("declined", _LATER),
    "approve_with_id": ("declined", _LATER),
    "call_issuer": ("declined", _LATER),
    "do_not_honor": ("declined", _LATER),
    "generic_decline": ("declined", _LATER),
    "no_action_taken": ("declined", _LATER),
    "not_permitted": ("declined", _LATER),
    "service_not_allowed": ("declined", _LATER),
    "transaction_not_allowed": ("declined", _LATER),
    "card_declined": ("declined", _LATER),
    "card_decline_rate_limit_exceeded": ("declined", _LATER),
    "payment_intent_payment_attempt_failed": ("declined", _LATER),
    "payment_intent_payment_attempt_expired": ("declined", _LATER),
    "do_not_try_again": ("declined", _NEVER),
    "duplicate_transaction": ("duplicate", _NEVER),
    "fraudulent": ("declined", _NEVER),
    "highest_risk_level": ("declined", _NEVER),
    "previously_declined_do_not_retry": ("declined", _NEVER),
    "security_violation": ("declined", _NEVER),
    "merchant_blacklist": ("declined", _NEVER),
    "restricted_card": ("account_frozen", _NEVER),
    "bank_account_restricted": ("account_frozen", _NEVER),
    "lost_card": ("account_closed", _NEVER),
    "stolen_card": ("account_closed", _NEVER),
    "pickup_card": ("account_closed", _NEVER),
    "testmode_decline": ("declined", _NEVER),
    "live_mode_test_card": ("declined", _NEVER),
    "expired_card": ("account_expired", _ANEW),
    "expired_payment_method": ("account_expired", _ANEW),
    "account_closed": ("account_closed", _ANEW),
    "no_account": ("account_closed", _ANEW),
    "invalid_account": ("account_closed", _ANEW),
    "new_account_information_available": ("account_closed", _ANEW),
    "bank_account_declined": ("account_closed", _ANEW),
    "bank_account_unusable": ("account_closed", _ANEW),
    "payment_method_bank_account_blocked": ("account_frozen", _ANEW),
    "payment_method_restricted": ("account_frozen", _ANEW),
    "debit_not_authorized": ("mandate_revoked", _ANEW),
    "revocation_of_all_authorizations": ("mandate_revoked", _ANEW),
    "revocation_of_authorization": ("mandate_revoked", _ANEW),
    "stop_payment_order": ("mandate_revoked", _ANEW),
    "payment_intent_mandate_invalid": ("mandate_revoked", _ANEW),
    "india_recurring_payment_mandate_canceled": ("mandate_revoked", _ANEW),
    "payment_method_customer_decline": ("mandate_revoked", _ANEW),
    "refer_to_customer": ("mandate_revoked", _ANEW),
    "authentication_required": ("authentication_required", _ANEW),
    "authentication_not_handled": ("authentication_required", _ANEW),
    "payment_intent_action_required": ("authentication_required", _ANEW),
    "payment_intent_authentication_failure": ("authentication_required", _ANEW),
    "authentication_failure": ("authentication_required", _ANEW),
    "mobile_device_authentication_required": ("authentication_required", _ANEW),
    "offline_pin_required": ("authentication_required", _ANEW),
    "online_or_offline_pin_required": ("authentication_required", _ANEW),
    "card_not_supported": ("account_unsupported", _ANEW),
    "currency_not_supported": ("account_unsupported", _ANEW),
    "payment_method_currency_mismatch": ("account_unsupported", _ANEW),
    "incorrect_address": ("account_wrong", _ANEW),
    "incorrect_cvc": ("account_wrong", _ANEW),
    "incorrect_number": ("account_wrong", _ANEW),
    "incorrect_pin": ("account_wrong", _ANEW),
    "incorrect_postal_code": ("account_wrong", _ANEW),
    "incorrect_zip": ("account_wrong", _ANEW),
    "invalid_cvc": ("account_wrong", _ANEW),
    "invalid_expiry_month": ("account_wrong", _ANEW),
    "invalid_expiry_year": ("account_wrong", _ANEW),
    "invalid_number": ("account_wrong", _ANEW),
    "invalid_pin": ("account_wrong", _ANEW),
    "pin_try_exceeded": ("account_frozen", _ANEW),
}
OTHER_DECLINE = ("declined", _NEVER)

# failure_reason of a refund.
REFUND_FAILURES = {
    "lost_or_stolen_card": "account_closed",
    "expired_or_canceled_card": "account_closed",
    "charge_for_pending_refund_disputed": "disputed",
    "insufficient_funds": "insufficient_funds",
    "declined": "declined",
    "merchant_request": "cancelled",
    "unknown": "declined",
}
