"""Money that has come in for a lease: what of it paid what, and what of it waits in suspense.

A receipt has no states. What nothing was owed for waits on it until it is used, and never becomes less than nothing.
"""
