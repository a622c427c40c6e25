"""Yields (收益率与费率): what money over time comes to as a rate, and which amount, rent or term belongs to a rate.

Internal rates and annual percentage rates with the ways in which laws count time (`intervals`, `rates`), any one
unknown of a deal solved from the others (`solving`). Pure; rates are fractions, nothing here becomes an amount that is
owed without being rounded by its plan.
"""
