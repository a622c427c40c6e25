"""Money that nothing was owed for waits until a person decides: it pays what is owed by now, or it is given back.

A refund runs owed → paid. One whose payout was refused stays owed, and is asked for again by a person.
"""
