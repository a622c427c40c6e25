"""From commencement to the last cent: the lease account, its instalments, their penalties, and how it ends.

An account runs active → settling (an early settlement is being paid) → settled; a settling one whose money did not come
is active again. Its instalments are those of `instalments`. Every night the account is closed for the day: what falls
due is posted and debited, what is late bears its penalty. What money pays is decided by the waterfall; what is left over
waits in suspense (`receipts`) and is never lost.
"""
