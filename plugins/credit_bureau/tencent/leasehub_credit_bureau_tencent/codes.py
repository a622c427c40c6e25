"""The codes of the service beside the common ones, and the numbers that its checks answer with.

The same number means something else in each check. Source: `errorcodes` and `models` of tencentcloud-sdk-python-faceid
3.1.179 (2018-03-01). Codes that only pictures, videos and tokens can cause are refusals like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from leasehub_tc3.codes import Codes, Meaning

from hub.core.ports.credit_bureau import CheckKind

FACEID: Codes = {
    "FailedOperation": Meaning.REJECTED,
    "FailedOperation.CompareLibServiceUnavailable": Meaning.UNKNOWN,
    "FailedOperation.CompareSystemError": Meaning.UNKNOWN,
    "FailedOperation.DbError": Meaning.UNKNOWN,
    "FailedOperation.DecryptSystemError": Meaning.UNKNOWN,
    "FailedOperation.DetectEngineSystemError": Meaning.UNKNOWN,
    "FailedOperation.DownLoadTimeoutError": Meaning.UNKNOWN,
    "FailedOperation.EncryptSystemError": Meaning.UNKNOWN,
    "FailedOperation.FileSaveError": Meaning.UNKNOWN,
    "FailedOperation.IdPhotoSystemNoanswer": Meaning.UNKNOWN,
    "FailedOperation.IdentityAuthLimitExceeded": Meaning.RATE_LIMITED,
    "FailedOperation.LivessSystemError": Meaning.UNKNOWN,
    "FailedOperation.RequestLimitExceeded": Meaning.RATE_LIMITED,
    "FailedOperation.StsUnAuthErrError": Meaning.AUTH_FAILED,
    "FailedOperation.UnKnown": Meaning.UNKNOWN,
    "UnauthorizedOperation.ActivateError": Meaning.MISCONFIGURED,
    "UnauthorizedOperation.Activating": Meaning.MISCONFIGURED,
    "UnauthorizedOperation.Arrears": Meaning.MISCONFIGURED,
    "UnauthorizedOperation.ChargeStatusException": Meaning.MISCONFIGURED,
    "UnauthorizedOperation.NonAuthorize": Meaning.MISCONFIGURED,
    "UnauthorizedOperation.Nonactivated": Meaning.MISCONFIGURED,
}


class Found(StrEnum):
    """What a check's number says."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NO_RECORD = "no_record"
    BAD_INPUT = "bad_input"  # the vendor did not even ask its source
    NOT_SERVED = "not_served"  # rejected, and another provider may well do it
    BUSY = "busy"  # not now, and not charged
    TOMORROW = "tomorrow"  # so many times a day about one person, and no more
    CARD = "card"  # the card is in a state in which nothing is said of its holder


RESULTS: Mapping[CheckKind, Mapping[str, tuple[Found, str]]] = {
    CheckKind.IDENTITY: {
        "0": (Found.MATCH, ""),
        "-1": (Found.MISMATCH, "identity_mismatch"),
        "-2": (Found.BAD_INPUT, "document_invalid"),
        "-3": (Found.BAD_INPUT, "name_invalid"),
        "-4": (Found.BUSY, "source_failed"),
        "-5": (Found.NO_RECORD, ""),
        "-6": (Found.BUSY, "source_upgrading"),
        "-7": (Found.TOMORROW, "daily_limit"),
    },
    CheckKind.PHONE: {
        "0": (Found.MATCH, ""),
        "-4": (Found.MISMATCH, "phone_mismatch"),
        "-6": (Found.BAD_INPUT, "phone_invalid"),
        "-7": (Found.BAD_INPUT, "document_invalid"),
        "-8": (Found.BAD_INPUT, "name_invalid"),
        "-9": (Found.NO_RECORD, ""),
        "-11": (Found.BUSY, "source_busy"),
        "-12": (Found.TOMORROW, "daily_limit"),
        "-13": (Found.NOT_SERVED, "phone_range_not_served"),
    },
    CheckKind.BANK_CARD: {
        "0": (Found.MATCH, ""),
        "-1": (Found.MISMATCH, "bank_card_mismatch"),
        "-2": (Found.BAD_INPUT, "name_invalid"),
        "-3": (Found.BAD_INPUT, "document_invalid"),
        "-4": (Found.BAD_INPUT, "bank_card_invalid"),
        "-5": (Found.BAD_INPUT, "phone_invalid"),
        "-6": (Found.MISMATCH, "bank_card_mismatch"),
        "-7": (Found.CARD, "card_not_open_for_payment"),
        "-8": (Found.CARD, "card_confiscated"),
        "-9": (Found.CARD, "card_number_invalid"),
        "-10": (Found.CARD, "card_issuer_unknown"),
        "-11": (Found.CARD, "card_dormant"),
        "-12": (Found.CARD, "card_swallowed"),
        "-13": (Found.CARD, "card_reported_lost"),
        "-14": (Found.CARD, "card_expired"),
        "-15": (Found.CARD, "card_restricted"),
        "-16": (Found.CARD, "card_pin_blocked"),
        "-17": (Found.CARD, "card_issuer_does_not_answer"),
        "-18": (Found.BUSY, "source_busy"),
        "-19": (Found.TOMORROW, "daily_limit"),
        "-20": (Found.NOT_SERVED, "document_not_served"),
        "-21": (Found.CARD, "card_abnormal"),
    },
}

# What differs, where a check of a phone says so: whether name and document belong together at all.
DETAILS: Mapping[str, str] = {
    "PhoneIdCardMismatch": "phone_mismatch",
    "PhoneNameMismatch": "identity_mismatch",
    "PhoneNameIdCardMismatch": "phone_mismatch",
    "NameIdCardMismatch": "identity_mismatch",
    "OtherMismatch": "phone_mismatch",
}
CARRIERS: Mapping[str, str] = {"移动": "china_mobile", "电信": "china_telecom", "联通": "china_unicom"}
