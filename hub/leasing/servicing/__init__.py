"""From commencement to the last cent: the lease account, its instalments, penalties, receipts, and how it ends.

An account runs active → settling (an early settlement is being paid) → settled; a settling one whose money did not come
is active again. An instalment runs scheduled → due → overdue → paid, or is cancelled by an early settlement. Every
night the account is closed for the day: what falls due is posted and debited, what is late bears its penalty. What a
receipt pays is decided by the waterfall; what is left over waits in suspense and is never lost.
"""
