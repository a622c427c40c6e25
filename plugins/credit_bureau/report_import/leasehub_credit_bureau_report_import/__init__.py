"""Reports that people fetch from a bureau by hand, as a bureau: there is no wire at all.

`intake` puts a report on the shelf, with what somebody has read in it; `shelf` keeps and finds it; `mapping` says what it
means; `plugin` is the card and the operations.
"""
