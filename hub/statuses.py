"""From an error to an HTTP status: the only table, for every door that speaks HTTP."""

from __future__ import annotations

from hub.core import errors

STATUS: dict[type[errors.LeaseHubError], int] = {
    errors.InvalidInput: 422,
    errors.NotFound: 404,
    errors.NotAuthenticated: 401,
    errors.NotAllowed: 403,
    errors.Conflict: 409,
    errors.RuleBroken: 409,
    errors.RateLimited: 503,
    errors.ProviderError: 502,
    errors.LeaseHubError: 500,
}


def status_of(error: errors.LeaseHubError) -> int:
    """The status of the nearest kind in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
