"""Leads: people who may want a car, before they are anybody's customer.

A lead comes in by a channel, gets an intent level, and the level's plan makes the follow-up tasks by itself. It goes
open → qualified → converted, or is lost from either. A task is open, becomes overdue, and is done by a contact; a new
level cancels what the old one had planned. Who the customer is (parties) and what they ask for (applications) comes
after.
"""
