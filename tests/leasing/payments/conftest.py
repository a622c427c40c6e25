"""The house in which a lease runs, and the till of a payer."""

from tests.leasing.running import house, lease
from tests.leasing.till import till

__all__ = ["house", "lease", "till"]
