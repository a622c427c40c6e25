"""A lease while it is written."""

from tests.leasing.writing import approved, contract_id, facts

__all__ = ["approved", "contract_id", "facts"]
