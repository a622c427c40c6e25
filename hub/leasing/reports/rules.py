"""What a summary of the business says: frozen numbers, nothing to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from hub.ledger.rules import Finding, TrialBalance


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The business on one day: applications, contracts and accounts by state, the books, and the provider calls.

    `calls` counts by operation and outcome. `findings` is empty when the books balance.
    """

    as_of: date
    applications: Mapping[str, int]
    contracts: Mapping[str, int]
    accounts: Mapping[str, int]
    calls: Mapping[tuple[str, str], int]
    books: TrialBalance
    findings: tuple[Finding, ...]

    @property
    def books_balance(self) -> bool:
        """Whether debits equal credits and the check of the books found nothing."""
        return self.books.balances and not self.findings
