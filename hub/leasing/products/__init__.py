"""Products and quotes: what the company offers, and what it would cost this customer.

A product is defined without code. Its terms stand in versions, `draft` → `published` → `retired`: a draft may be
changed, a published version never, and publishing one retires the one before it. A contract keeps the version it was
written on. A quote prices one car on one published version: schedule to the cent, what is due at signing, the
annualised rate; it binds until its last day.
"""
