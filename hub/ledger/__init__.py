"""The books: every movement of money as a balanced double entry that is never changed.

`chart` names the accounts, `rules` says what an entry is, `postings` turns what has happened into a draft, `records`
are the three append-only tables, `service` posts, reverses, sums and proves. A mistake is reversed, never edited.
Nothing here knows a lease beyond the contract's id.
"""
