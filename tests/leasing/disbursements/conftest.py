"""The house in which a lease runs."""

from tests.leasing.running import house, lease

__all__ = ["house", "lease"]
