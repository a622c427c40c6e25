"""The invariants of `hub.commands.proof`, asked of a test's database and its payment vendor's books, which must be at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg

from hub.commands.proof import VendorBooks, violations


def vendor_books(books: Mapping[str, Any], callbacks: Mapping[str, Any] | None = None) -> VendorBooks:
    """What the payment stand-in shows of itself on `/_sandbox/books` and `/_sandbox/webhooks`."""
    return VendorBooks.of(books, (callbacks or {"webhooks": []})["webhooks"])


async def nothing_is_violated(url: str, now: datetime, **vendors: VendorBooks) -> None:
    """Every invariant holds."""
    assert await asyncio.to_thread(found, url, now, vendors) == []


def found(url: str, now: datetime, vendors: Mapping[str, VendorBooks]) -> list[str]:
    """What is violated, as an operator reads it."""
    with psycopg.connect(url) as connection:
        return [str(violation) for violation in violations(connection, now, vendors)]
