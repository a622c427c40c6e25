"""The codes of the two services beside the common ones; families that are common stand in `leasehub_tc3.codes`.

Source: `errorcodes` of tencentcloud-sdk-python-sms 3.1.153 (2021-01-11) and -vms 3.0.1459 (2020-09-02), and the tables of
documents 382/52075 and 1128/38004. What is said of adding templates and signatures cannot come here, and is a matter of
settings.
"""

from __future__ import annotations

from leasehub_tc3.codes import Codes, Meaning

OK = "Ok"

_BOTH: Codes = {
    "FailedOperation.ContainSensitiveWord": Meaning.REJECTED,
    "FailedOperation.FailResolvePacket": Meaning.MISCONFIGURED,
    "FailedOperation.JsonParseFail": Meaning.MISCONFIGURED,
    "FailedOperation.ParametersOtherError": Meaning.UNKNOWN,
    "FailedOperation.TemplateIncorrectOrUnapproved": Meaning.MISCONFIGURED,
    "InternalError.SigVerificationFail": Meaning.AUTH_FAILED,
}

SMS: Codes = {
    **_BOTH,
    "FailedOperation.ForbidAddMarketingTemplates": Meaning.MISCONFIGURED,
    "FailedOperation.InsufficientBalanceInSmsPackage": Meaning.MISCONFIGURED,
    "FailedOperation.MarketingSendTimeConstraint": Meaning.REJECTED,
    "FailedOperation.MissingSignature": Meaning.MISCONFIGURED,
    "FailedOperation.MissingSignatureList": Meaning.MISCONFIGURED,
    "FailedOperation.MissingSignatureToModify": Meaning.MISCONFIGURED,
    "FailedOperation.MissingTemplateList": Meaning.MISCONFIGURED,
    "FailedOperation.MissingTemplateToModify": Meaning.MISCONFIGURED,
    "FailedOperation.NotEnterpriseCertification": Meaning.MISCONFIGURED,
    "FailedOperation.OtherError": Meaning.UNKNOWN,
    "FailedOperation.PhoneNumberInBlacklist": Meaning.REJECTED,
    "FailedOperation.PhoneNumberParseFail": Meaning.REJECTED,
    "FailedOperation.ProhibitSubAccountUse": Meaning.MISCONFIGURED,
    "FailedOperation.QualificationIdNotApproved": Meaning.MISCONFIGURED,
    "FailedOperation.SignIdNotExist": Meaning.MISCONFIGURED,
    "FailedOperation.SignNumberLimit": Meaning.MISCONFIGURED,
    "FailedOperation.SignatureIncorrectOrUnapproved": Meaning.MISCONFIGURED,
    "FailedOperation.TemplateAlreadyPassedCheck": Meaning.MISCONFIGURED,
    "FailedOperation.TemplateIdNotExist": Meaning.MISCONFIGURED,
    "FailedOperation.TemplateNumberLimit": Meaning.MISCONFIGURED,
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": Meaning.REJECTED,
    "FailedOperation.TemplateUnapprovedOrNotExist": Meaning.MISCONFIGURED,
    "InternalError.SigFieldMissing": Meaning.AUTH_FAILED,
    "InvalidParameter.AppidAndBizId": Meaning.MISCONFIGURED,
    "InvalidParameterValue.SdkAppIdNotExist": Meaning.MISCONFIGURED,
    "LimitExceeded.AppCountryOrRegionInBlacklist": Meaning.ELSEWHERE,  # no limit that ends: a country that is not open
    "LimitExceeded.PhoneNumberCountLimit": Meaning.REJECTED,
}

VOICE: Codes = {
    **_BOTH,
    "FailedOperation.AccessUpstreamTimeout": Meaning.UNKNOWN,
    "FailedOperation.InsufficientBalanceInVoicePackage": Meaning.MISCONFIGURED,
    "FailedOperation.InvalidJsonParameters": Meaning.MISCONFIGURED,
    "FailedOperation.InvalidParameters": Meaning.REJECTED,
    "FailedOperation.PhonenumberUnappliedOrExpired": Meaning.MISCONFIGURED,
    "InvalidParameterValue.SdkAppidNotExist": Meaning.MISCONFIGURED,
}
