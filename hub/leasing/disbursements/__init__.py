"""The disbursements (放款): what the company owes for a lease to dealers and third parties, paid through providers.

A disbursement runs drafted → approved → paying → paid. One that the provider refused is approved again, or drafted
anew for another payee; one that nobody has asked a provider for, or that was refused, can be cancelled. It is drafted
when a bought car has arrived and when a lease begins, or by hand; somebody else approves it, with its amount and account
before their eyes. A *payee* (收款方) is where money for a dealer or for a kind of fee goes: a party's bank account.
"""
