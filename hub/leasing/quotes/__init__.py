"""Quotes (报价): what a car would cost this customer, to the cent.

A quote prices one deal on one published version of a product: the schedule, what is due at signing, the annualised
rate. It binds until its last day and never changes; another wish is another quote.
"""
