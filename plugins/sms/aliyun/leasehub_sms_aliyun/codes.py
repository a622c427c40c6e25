"""Every code of the vendor's published lists: refusals, carriers' reports, and how a call ended.

Sources: "API error codes" of Short Message Service (document 101346), of Voice Messaging Service (112502, 178344 and the
OpenAPI list of dyvmsapi 2017-05-25), and "Carrier receipt codes" (55085), all at help.aliyun.com.
"""

from __future__ import annotations

from leasehub_acs3.codes import Meaning

from hub.core.ports.sms import MessageStatus

_LIMITED = (
    "isv.BUSINESS_LIMIT_CONTROL",
    "isv.DAY_LIMIT_CONTROL",
    "isv.MONTH_LIMIT_CONTROL",
    "isv.SMS_OVER_LIMIT",
)
_CREDENTIALS = ("isp.RAM_PERMISSION_DENY",)
_SETTINGS = (
    "isv.ACCOUNT_ABNORMAL",
    "isv.ACCOUNT_NOT_EXISTS",
    "isv.AMOUNT_NOT_ENOUG",  # spelt so in the voice service's list
    "isv.AMOUNT_NOT_ENOUGH",
    "isv.BILLID_NOT_EXIST",
    "isv.DENY_IP_RANGE",
    "isv.DISPLAY_NUMBER_ILLEGAL",
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
    "isv.EXTEND_CODE_ERROR",
    "isv.ONE_CODE_MULTIPLE_SIGN",
    "isv.CODE_ERROR",
    "isv.CODE_EXCEED_LIMIT",
    "isv.OUT_OF_SERVICE",
    "isv.PRODUCT_UN_SUBSCRIPT",
    "isv.PRODUCT_UNSUBSCRIBE",
    "isv.SECURITY_FROZEN_ACCOUNT",
    "isv.SIGN_NAME_ILLEGAL",
    "isv.SIGN_SOURCE_ILLEGAL",
    "isv.SIGN_STATE_ILLEGAL",
    "isv.SMS_SIGN_ILLEGAL",
    "isv.SMS_SIGN_EMOJI_ILLEGAL",
    "isv.SMS_SIGNATURE_ILLEGAL",
    "isv.SMS_SIGNATURE_SCENE_ILLEGAL",
    "isv.SMS_TEMPLATE_ILLEGAL",
    "isv.SMS_TEST_SIGN_TEMPLATE_LIMIT",
    "isv.TEMPLATE_ILLEGAL",
    "isv.TTS_TEMPLATE_ILLEGAL",
    "isv.VOICE_FILE_ILLEGAL",
    "isp.RES_OWNER_ID_UNKNOWN",
    "isp.USER_ASSERT_NOT_EXIST",
    "isp.USER_NOT_EXIST",
    "PORT_NOT_REGISTERED",
    "SIGNATURE_BLACKLIST",
    "BillidNotExist",
)
_BUSINESS = (
    "isv.BLACK_KEY_CONTROL_LIMIT",
    "isv.COMPLAINT_REJECT",
    "isv.CUSTOMER_REFUSED",
    "isv.INVALID_JSON_PARAM",
    "isv.INVALID_PARAMETERS",
    "isv.MOBILE_COUNT_OVER_LIMIT",
    "isv.MOBILE_NUMBER_ILLEGAL",
    "isv.PARAM_LENGTH_LIMIT",
    "isv.PARAM_NOT_SUPPORT_URL",
    "isv.PHONENUMBERS_OVER_LIMIT",
    "isv.SMS_CONTENT_ILLEGAL",
    "isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE",
    "isv.SMS_TEST_NUMBER_LIMIT",
    "isv.SMS_TEST_TEMPLATE_PARAMS_ILLEGAL",
    "isv.TEMPLATE_MISSING_PARAMETERS",
    "isv.TEMPLATE_PARAMS_ILLEGAL",
    "isv.UNSUPPORTED_CONTENT",
    "isv.VOICE_CALL_FAIL",
    "isv.VOICE_CALL_PERIOD_ERROR",
    "isv.VOICE_ROBOT_CALLEE_LIMIT",
    "isv.VOICE_ROBOT_NOT_PERIOD",
    "template_parameter_count_illegal",
    "ComplaintReject",
    "InvalidParameter.date",
    "InvalidParameters",
)
_DOUBT = ("isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "isp.UNKNOWN", "isp.UNKNOWN_ERR_CODE")

REFUSALS = {
    **dict.fromkeys(_LIMITED, Meaning.LIMITED),
    **dict.fromkeys(_CREDENTIALS, Meaning.CREDENTIALS),
    **dict.fromkeys(_SETTINGS, Meaning.SETTINGS),
    **dict.fromkeys(_BUSINESS, Meaning.BUSINESS),
    **dict.fromkeys(_DOUBT, Meaning.DOUBT),
}
# Refusals of a number, a word or an hour that another vendor may take all the same.
ELSEWHERE = frozenset({"isv.MOBILE_NUMBER_ILLEGAL", "isv.SMS_CONTENT_ILLEGAL", "isv.COMPLAINT_REJECT"})

# SendStatus of QuerySendDetails. One that is not listed counts as accepted, never as more.
SEND_STATUS = {1: MessageStatus.ACCEPTED, 2: MessageStatus.UNDELIVERABLE, 3: MessageStatus.DELIVERED}
# Why a text message did not arrive, as the carrier says; what is not listed is `undeliverable`.
CARRIER = {
    "MOBILE_NOT_ON_SERVICE": "unreachable",
    "MOBILE_ACCOUNT_ABNORMAL": "unreachable",
    "MOBLLE_TERMINAL_ERROR": "unreachable",  # spelt so by the vendor
    "REQUEST_SUCCESS": "unreachable",
    "SP_NOT_BY_INTER_SMS": "unreachable",
    "NO_ROUTE": "unreachable",
    "INVALID_NUMBER": "invalid_recipient",
    "MOBILE_IN_BLACK": "blocked_by_recipient",
    "USER_REJECT": "blocked_by_recipient",
    "CONTENT_KEYWORD": "content_refused",
    "CONTENT_ERROR": "content_refused",
    "PARAMS_ILLEGAL": "content_refused",
    "SIGNATURE_BLACKLIST": "content_refused",
    "MOBILE_SEND_LIMIT": "too_many_messages",
    "IS_CLOSE": "undeliverable",
    "PORT_NOT_REGISTERED": "undeliverable",
    "SP_UNKNOWN_ERROR": "undeliverable",
}
# How a call ended: None when somebody heard it. A state that is not listed is no end.
CALL_END: dict[str, str | None] = {
    "200000": None,  # heard to the end
    "200001": None,  # hung up before the end
    "200002": "unreachable",  # engaged
    "200003": "unreachable",  # not answered
    "200004": "invalid_recipient",
    "200005": "unreachable",
    "200006": "content_refused",  # the sound cannot be played
    "200007": "unreachable",  # out of reach
    "200010": "unreachable",  # switched off
    "200011": "unreachable",  # number out of service
    "200104": "undeliverable",  # the calling number is restricted
    "200105": "blocked_by_recipient",  # the called number is restricted
    "200111": "blocked_by_recipient",
    "200112": "unreachable",
    "200113": "unreachable",
    "200116": "invalid_recipient",
    "200117": "undeliverable",  # the displayed number is not allowed
    "200118": "undeliverable",  # not at this hour
    "200120": "unreachable",
    "200121": "too_many_messages",
}
