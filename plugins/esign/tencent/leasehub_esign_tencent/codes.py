"""The codes of the service beside the common ones. What is said of templates, QR codes and staff cannot come here.

Source: `errorcodes` of tencentcloud-sdk-python-ess 3.1.194 (2020-11-11). A bare `FailedOperation` is left out: it may
mean anything.
"""

from __future__ import annotations

from leasehub_tc3.codes import Codes, Meaning

# The vendor's own words for not knowing an envelope; a bare ResourceNotFound may also mean that we may not see it.
NO_SUCH_FLOW = frozenset({"ResourceNotFound.Flow", "ResourceNotFound.NotExistFlow"})

_OURS = Meaning.MISCONFIGURED  # our contract, our rights, our company's standing with the vendor
_THEIRS = Meaning.REJECTED  # this envelope, this signer

ESS: Codes = {
    "FailedOperation.AgeNotAchieveNormalLegal": _THEIRS,
    "FailedOperation.AuthorizationInfoHasBeenDeleted": _OURS,
    "FailedOperation.BalanceNotEnough": _OURS,
    "FailedOperation.FailedConverToQiWeiUserId": _OURS,
    "FailedOperation.FailedOpenWkAppReview": _OURS,
    "FailedOperation.FailedUpdateTemplateOperation": _THEIRS,
    "FailedOperation.FlowHasDocument": _THEIRS,
    "FailedOperation.FlowHasNoDocument": _THEIRS,
    "FailedOperation.IdCardNumberCheckFailed": _THEIRS,
    "FailedOperation.LicenseNoQuota": _OURS,
    "FailedOperation.NoSignReviewPass": _THEIRS,
    "FailedOperation.NotAvailableSignReview": _THEIRS,
    "FailedOperation.NotFoundShadowUser": _OURS,
    "FailedOperation.OrganizationExperienceChange": _OURS,
    "FailedOperation.OrganizationNameChanged": _OURS,
    "FailedOperation.OrganizationNameNeedChange": _OURS,
    "FailedOperation.PathTypeError": _THEIRS,
    "FailedOperation.PreViewUrlFail": _THEIRS,
    "FailedOperation.QrCodeCreatorSignComponents": _THEIRS,
    "FailedOperation.QrCodeSignUsers": _THEIRS,
    "FailedOperation.QrCodeTemplateId": _THEIRS,
    "FailedOperation.RequestLimitExceeded": Meaning.RATE_LIMITED,
    "FailedOperation.TemplateHasNoResource": _THEIRS,
    "FailedOperation.UserAutoSignEnableAlready": _THEIRS,
    "FailedOperation.UserAutoSignEnableUrlNotExist": _THEIRS,
    "FailedOperation.UserInfoNoMatch": _THEIRS,
    "OperationDenied": _THEIRS,
    "OperationDenied.BranchSendFlowToParentNotAllow": _OURS,
    "OperationDenied.ErrNoResourceAccess": _OURS,
    "OperationDenied.LicenseHasExpired": _OURS,
    "OperationDenied.NoApiAuth": _OURS,
    "OperationDenied.NoApproverMobileCheckPermission": _OURS,
    "OperationDenied.NoFlowPermission": _OURS,
    "OperationDenied.NoIdentityVerify": _OURS,
    "OperationDenied.NoLogin": _OURS,
    "OperationDenied.NoOpenServerSign": _OURS,
    "OperationDenied.NoPermissionUseResource": _OURS,
    "OperationDenied.NoPermissionUseServerSignSeal": _OURS,
    "OperationDenied.NoQuota": _OURS,
    "OperationDenied.NoSupportJumpPage": _OURS,
    "OperationDenied.NoVerify": _OURS,
    "OperationDenied.NotBelongSuperAdminOrLegalPerson": _OURS,
    "OperationDenied.NotFoundLicense": _OURS,
    "OperationDenied.NotInAutoSignWhiteList": _OURS,
    "OperationDenied.OperatorHasNoPermission": _OURS,
    "OperationDenied.OrganizationClosing": _OURS,
    "OperationDenied.OrganizationNotActivated": _OURS,
    "OperationDenied.OutQueryLimit": Meaning.RATE_LIMITED,
    "OperationDenied.OverSeaForbid": Meaning.ELSEWHERE,
    "OperationDenied.ProveNoQuota": _OURS,
    "OperationDenied.SubOrgNotJoin": _OURS,
    "OperationDenied.UserNotInOrganization": _OURS,
    "OperationDenied.WhiteListForbid": _OURS,
    "UnauthorizedOperation": _OURS,
}
