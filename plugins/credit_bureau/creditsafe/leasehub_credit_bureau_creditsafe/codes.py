"""What each message of the vendor means. Source: `MessageCode` and `ReportSection` of Connect's OpenAPI 1.10.4."""

from __future__ import annotations

from hub.sdk.refusals import meanings

NOTHING_FOUND = "NoResults"
SCORE_SECTION = "CreditScore"
# A report that another bureau may have all the same.
ELSEWHERE = frozenset({"ReportUnavailable", "ReportUnavailableDueToLegal", "ReportUnavailableOnline"})
REFUSALS = meanings(
    limited=("TooManyRequests",),
    credentials=("InvalidCredentials",),
    settings=(
        "AccessRestricted",
        "InsufficientCustomerData",
        "InvalidCustomData",
        "InvalidRequestXml",
        "OperationNotSupported",
        "ReportboxFull",
    ),
    business=(NOTHING_FOUND, *ELSEWHERE, "InvalidOperationParameters", "TooManyResults"),
    doubt=(
        "DataServiceAccessProblems",
        "DataServiceInvalidResponse",
        "EndpointShutdown",
        "Other",
        "TemporarySystemProblem",
        "UnexpectedInternalError",
    ),
)
# Messages that say something and refuse nothing.
NEWS = frozenset({"AccessLimitsNearing", "ChangeNotification", "LegalNotice", "ReportboxAlmostFull"})
# What a common rating says; E is "not rated". Source: `CommonRatingValue`, and the vendor's description of it.
BAND_REASONS = {"D": "high_risk", "E": "not_rated"}
