"""Money in and out through providers: charges and payouts, each asked for once and never repeated blindly.

A charge, which is made under a mandate, runs requested → sent → pending → succeeded | rejected; one that nobody knows of
is unknown until it is reconciled, and while it is, no second charge for the same thing can exist. A payout runs the same
way. What the money was for is the business of the room that asked: it hears `ChargeSucceeded`, `ChargeRejected`,
`PayoutSucceeded` and decides.
"""
