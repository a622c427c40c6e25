"""Answers (测算结果): what is made of a case that is asked of the calculator.

Schedules with what happens to them and every figure told of them (`renting`); rates, by one law or another, and any one
unknown (`rating`); what is owed or given back (`owing`). Pure; nothing is stored.
"""
