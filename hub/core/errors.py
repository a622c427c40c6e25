"""One tree of errors with stable codes; a door turns a code into a status and a text, nothing else does.

    LeaseHubError
    ├── InvalidInput(field, reason)      the caller's words are wrong
    ├── NotFound(kind, ref)              nothing there, or not for this actor
    ├── NotAuthenticated                 nobody knows who is asking
    ├── NotAllowed(permission)           this actor may not
    ├── Conflict(reason)                 somebody was first, or the state has moved on
    ├── RuleBroken(rule, facts)          the business says no
    └── ProviderError(detail)            a third party; the executor acts on the kind
        ├── NotSent                      proven not executed: refused, DNS, connect time-out, no free place
        ├── RateLimited(retry_after_s)   refused for now, not executed
        ├── Rejected(code, advice)       the vendor's business no
        ├── AuthFailed                   credentials
        ├── Misconfigured                settings or contract
        └── UnknownOutcome               sent, and nobody knows

A decline, a full queue or a missed bucket is a value, not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class LeaseHubError(Exception):
    """Anything LeaseHub refuses or fails at, with a stable `code`."""

    code: str = "error"


class InvalidInput(LeaseHubError):
    """A value from outside that cannot be used: names the field and the reason."""

    code = "invalid_input"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class NotFound(LeaseHubError):
    """Nothing of this kind under this reference, as far as the actor may see."""

    code = "not_found"

    def __init__(self, kind: str, ref: object) -> None:
        super().__init__(f"{kind} {ref} not found")
        self.kind = kind
        self.ref = str(ref)


class NotAuthenticated(LeaseHubError):
    """The caller has not shown who they are: no token, or one that is unknown, expired or revoked."""

    code = "not_authenticated"

    def __init__(self, reason: str = "a valid token is needed") -> None:
        super().__init__(reason)
        self.reason = reason


class NotAllowed(LeaseHubError):
    """The actor lacks the permission, or the row lies outside their branches."""

    code = "not_allowed"

    def __init__(self, permission: str, reason: str = "permission missing") -> None:
        super().__init__(f"{permission}: {reason}")
        self.permission = permission
        self.reason = reason


class Conflict(LeaseHubError):
    """The state has moved on, or somebody else was first."""

    code = "conflict"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RuleBroken(LeaseHubError):
    """A rule of the business forbids it; `facts` are what the rule looked at."""

    code = "rule_broken"

    def __init__(self, rule: str, **facts: object) -> None:
        shown = ", ".join(f"{name}={value}" for name, value in facts.items())
        super().__init__(f"{rule} ({shown})" if shown else rule)
        self.rule = rule
        self.facts: Mapping[str, object] = facts


class RetryAdvice(StrEnum):
    """What the vendor says of trying a rejected request again."""

    NEVER = "never"
    LATER = "later"
    OTHER_PROVIDER = "other_provider"


class ProviderError(LeaseHubError):
    """A third party did not do what was asked. `detail` must carry no personal data and no secret."""

    code = "provider_error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.code)
        self.detail = detail


class NotSent(ProviderError):
    """Proven not executed: connection refused, DNS, connect time-out, no free place in the bulkhead."""

    code = "not_sent"


class RateLimited(ProviderError):
    """Refused for now and not executed. `retry_after_s` in seconds, None when the vendor did not say."""

    code = "rate_limited"

    def __init__(self, detail: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Rejected(ProviderError):
    """The vendor understood and said no for a reason of its business. `vendor_code` is the vendor's own."""

    code = "rejected"

    def __init__(self, vendor_code: str, detail: str = "", *, advice: RetryAdvice = RetryAdvice.NEVER) -> None:
        super().__init__(detail or vendor_code)
        self.vendor_code = vendor_code
        self.advice = advice


class AuthFailed(ProviderError):
    """The vendor refused our credentials; nothing works until the settings change."""

    code = "auth_failed"


class Misconfigured(ProviderError):
    """Our settings or our contract with the vendor do not allow this operation."""

    code = "misconfigured"


class UnknownOutcome(ProviderError):
    """It was sent and nobody knows whether it took effect: reconcile, never repeat blindly."""

    code = "unknown_outcome"
