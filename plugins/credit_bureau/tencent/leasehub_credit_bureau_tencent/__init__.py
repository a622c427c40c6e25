"""Tencent Cloud's checks of a person: `plugin` is the card and the operations, `mapping` translates, `codes` are its own.

Signing and the one call are `leasehub_tc3`'s; `standin` is the vendor for tests.
"""
