"""Every code that the vendor publishes for these actions.

Sources: "Error codes" of information verification, and the pages of Id2MetaVerify, Mobile3MetaDetailVerify, BankMetaVerify,
VehicleMetaVerify and Vehicle5ItemQuery (help.aliyun.com/zh/id-verification/information-verification).
"""

from __future__ import annotations

from leasehub_acs3.codes import Meaning

OK = "200"
# Refusals in the answer itself. They look like HTTP statuses and are none.
REFUSALS = {
    "400": Meaning.BUSINESS,  # a parameter is missing
    "401": Meaning.BUSINESS,  # a parameter is wrong
    "402": Meaning.DOUBT,  # the source is down, or does not answer for this account
    "403": Meaning.LIMITED,  # too many repeated calls
    "405": Meaning.BUSINESS,  # this range of numbers is not offered
    "410": Meaning.SETTINGS,  # the service is not activated
    "411": Meaning.CREDENTIALS,  # the RAM user may not
    "412": Meaning.SETTINGS,  # the account is overdue
    "500": Meaning.DOUBT,
}
ELSEWHERE = frozenset({"405"})
ABOUT_PARAMETERS = frozenset({"400", "401"})

MATCH, MISMATCH, NO_RECORD = "1", "2", "3"
CARRIER = {"CMCC": "china_mobile", "CUCC": "china_unicom", "CTCC": "china_telecom"}

# SubCode of a phone check: whether the number belongs to the name, and to the document.
PHONE = {
    "101": ("yes", "yes"),
    "201": ("no", "no"),
    "202": ("yes", "no"),
    "203": ("no", "yes"),
}
ANOTHER_NAME = "203"  # the number is registered to this very document, under a name that is not the applicant's
HOLDER = "201"
# SubCode of a bank-card check: what is the matter with the card.
CARD = {
    "101": "good",
    "201": "holder_differs",
    "202": "card_not_open_for_payment",
    "203": "card_expired",
    "204": "card_restricted",
    "205": "card_confiscated",
    "206": "card_invalid",
    "207": "card_issuer_unknown",
    "208": "card_dormant",
    "209": "card_swallowed",
    "210": "card_reported_lost",
    "211": "card_pin_blocked",
    "212": "card_not_supported_by_issuer",
    "213": "card_abnormal",
    "214": "card_no_phone_registered",
    "215": "card_wrong_secret",
    "216": "other",
    "301": "card_not_supported",
    "302": "card_refused_by_issuer",
    "303": "card_phone_not_supported",
    "304": "card_number_invalid",
    "305": "card_not_verifiable",
    "306": "too_many_attempts",
}
