"""Tencent Cloud as a messenger: `plugin` is the card and the operations, `callbacks` reads receipts, `mapping` translates.

Signing and the one call are `leasehub_tc3`'s; `standin` is the vendor for tests.
"""
