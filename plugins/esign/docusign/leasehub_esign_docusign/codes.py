"""What each code of the vendor means. Codes are compared in capitals: some are written in both ways.

Sources: DocuSign, "Error codes" and "Rules and limits" (developers.docusign.com/docs/esign-rest-api/esign101);
`errorCode` in docusign-esign 6.1.0. The list is not complete: one that is missing makes an effect an unknown outcome.
"""

from __future__ import annotations

from hub.core.ports.esign import EnvelopeStatus
from hub.sdk.refusals import meanings

NOT_THERE = frozenset({"ENVELOPE_DOES_NOT_EXIST", "INVALID_ENVELOPE_ID", "ENVELOPE_NOT_FOUND"})
CANNOT_VOID = "ENVELOPE_CANNOT_VOID_INVALID_STATE"

_LIMITED = (
    "HOURLY_APIINVOCATION_LIMIT_EXCEEDED",
    "BURST_APIINVOCATION_LIMIT_EXCEEDED",
    "HOURLY_ENVELOPE_POLLING_LIMIT_EXCEEDED",
    "BURST_ENVELOPE_POLLING_LIMIT_EXCEEDED",
    "HOURLY_APIINVOCATION_ENVELOPE_LIMIT_EXCEEDED",
    "BURST_APIINVOCATION_ENVELOPE_LIMIT_EXCEEDED",
    "MAXIMUM_CONCURRENT_REQUESTS_EXCEEDED",
)
_CREDENTIALS = (
    "AUTHORIZATION_INVALID_TOKEN",
    "USER_AUTHENTICATION_FAILED",
    "USER_NOT_ACTIVE",
    "USER_DOES_NOT_EXIST_IN_SYSTEM",
)
_SETTINGS = (
    "ACCOUNT_LACKS_PERMISSIONS",
    "ACCOUNT_NOT_AUTHORIZED_FOR_ENVELOPE",
    "ACCOUNT_DOES_NOT_EXIST_IN_SYSTEM",
    "ACCOUNT_SUSPENDED",
    "BILLING_API_ERROR",
    "CONSENT_REQUIRED",
    "CONNECT_DISABLED",
    "ENVELOPE_ALLOWANCE_EXCEEDED",
    "INTEGRATOR_KEY_NOT_SPECIFIED",
    "INVALID_REQUEST_URL",
    "ONESIGNALLSIGN_NOT_SATISFIED",
    "PARTNER_AUTHENTICATION_FAILED",
    "PLAN_ITEM_ERROR",
    "RESOURCE_NOT_FOUND",
    "USER_DOES_NOT_BELONG_TO_SPECIFIED_ACCOUNT",
    "USER_LACKS_MEMBERSHIP",
    "USER_LACKS_PERMISSIONS",
)
_BUSINESS = (
    *NOT_THERE,
    CANNOT_VOID,
    "ANCHOR_TAB_STRING_NOT_FOUND",
    "ANCHOR_TAG_PROCESSING_FAILURE",
    "DOCUMENT_CONVERSION_FAILURE",
    "DOCUMENT_DOES_NOT_EXIST",
    "ENVELOPE_HAS_BEEN_PURGED",
    "ENVELOPE_INVALID_STATUS",
    "ENVELOPE_IS_INCOMPLETE",
    "FILE_TYPE_NOT_SUPPORTED",
    "INVALID_CONTENT_TYPE",
    "INVALID_EMAIL_ADDRESS_FOR_RECIPIENT",
    "INVALID_REQUEST_BODY",
    "INVALID_REQUEST_PARAMETER",
    "INVALID_USERNAME_FOR_RECIPIENT",
    "MAX_ENVELOPE_SIZE_EXCEEDED",
    "PDF_VALIDATION_FAILED",
    "RECIPIENT_NOT_IN_SEQUENCE",
    "REQUIRED_ARGUMENT_MISSING",
    "TAB_OUT_OF_BOUNDS",
    "UNKNOWN_ENVELOPE_RECIPIENT",
    "VALIDATION_ERROR",
)
_DOUBT = ("EDIT_LOCK_ALREADY_LOCKED", "INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "UNSPECIFIED_ERROR")

REFUSALS = meanings(limited=_LIMITED, credentials=_CREDENTIALS, settings=_SETTINGS, business=_BUSINESS, doubt=_DOUBT)

# A status that is not listed counts as sent, never as more. Source: docusign-esign 6.1.0, `Envelope.status`.
STATUS = {
    "created": EnvelopeStatus.SENT,
    "processing": EnvelopeStatus.SENT,
    "correct": EnvelopeStatus.SENT,
    "sent": EnvelopeStatus.SENT,
    "delivered": EnvelopeStatus.SENT,
    "signed": EnvelopeStatus.PARTLY_SIGNED,
    "completed": EnvelopeStatus.COMPLETED,
    "declined": EnvelopeStatus.DECLINED,
    "voided": EnvelopeStatus.VOIDED,
    "deleted": EnvelopeStatus.VOIDED,
    "timedout": EnvelopeStatus.EXPIRED,
}
# What a callback is about; every other event is kept and told to nobody.
EVENTS = {
    "envelope-sent": EnvelopeStatus.SENT,
    "envelope-delivered": EnvelopeStatus.SENT,
    "envelope-completed": EnvelopeStatus.COMPLETED,
    "envelope-declined": EnvelopeStatus.DECLINED,
    "envelope-voided": EnvelopeStatus.VOIDED,
    "recipient-completed": EnvelopeStatus.PARTLY_SIGNED,
}
