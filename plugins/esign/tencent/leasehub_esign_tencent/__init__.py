"""Tencent E-Sign: `plugin` is the card and the operations, `callbacks` reads notices, `mapping` and `codes` translate.

Signing of requests and the one call are `leasehub_tc3`'s; `standin` is the vendor for tests.
"""
