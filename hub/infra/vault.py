"""The vault: personal data sealed at rest with key ids, opened by purpose, found by blind index."""

from __future__ import annotations

from uuid import UUID


class Vault:
    """Seals and opens single fields. A sealed value is bound to its table, column and row."""

    def seal(self, text: str, *, column: str, row: UUID) -> bytes:
        """Encrypt `text` for `column` ("party.phone") of `row`."""
        raise NotImplementedError

    def open(self, sealed: bytes, *, column: str, row: UUID) -> str:
        """Decrypt; raises ValueError when the value was not sealed for that column and row."""
        raise NotImplementedError

    def blind_index(self, kind: str, value: str) -> bytes:
        """A keyed digest of a normalised value, for equality look-ups without opening anything."""
        raise NotImplementedError
