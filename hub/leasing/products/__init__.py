"""Products (产品): what the company offers.

A product is defined without code. Its terms stand in versions, `draft` → `published` → `retired`: a draft may be
changed, a published version never, and publishing one retires the one before it. A contract keeps the version it was
written on. How terms become instalments, to the cent, is in the room `schedules`.
"""
