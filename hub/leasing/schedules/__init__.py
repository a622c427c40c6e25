"""Schedules (还款计划): the money side of a deal as pure functions, exact to the minor unit under any convention.

A plan (`rules`) becomes dates (`dues`), shares of a year (`shares`), a level rent (`annuity`) and then rows
(`schedule`). What happens to a running schedule is replayed over it (`replay`); how a figure came about is told apart
from making it (`explaining`). Nothing is stored here, and nobody is asked.
"""
