"""Schedules (还款计划): how a deal becomes instalments, as pure functions, exact to the minor unit under any convention.

A plan (`rules`) becomes dates (`dues`), shares of a year (`shares`), a level rent (`annuity`) and then rows
(`schedule`). How a figure came about is told apart from making it (`explaining`). What happens to a schedule later is
in the room `replays`. Nothing is stored here, and nobody is asked.
"""
