"""Money in and out through providers: mandates, charges and payouts, each asked for once and never repeated blindly.

A mandate (代扣签约) runs requested → pending → active | rejected, later revoked. A charge runs requested → sent → pending →
succeeded | rejected; one that nobody knows of is unknown until it is reconciled, and while it is, no second charge for
the same thing can exist. A payout runs the same way. What the money was for is the business of the room that asked:
it hears `ChargeSucceeded`, `ChargeRejected`, `PayoutSucceeded` and decides.
"""
