"""LeaseHub: the system an auto-finance-leasing company runs on, from the first lead to the transfer of title."""

__version__ = "0.1.0"
