"""Channels: whoever brings us deals, and the commission that they earn.

A partner is active, suspended, or ended. A commission is accrued once for a contract and rule; it goes
accrued → settled, or accrued → clawed_back. The leases themselves are told elsewhere; a contract is only its id here.
"""
