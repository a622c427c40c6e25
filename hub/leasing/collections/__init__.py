"""Dunning (催收): what is said to a lessee who is late, what they promise, and how the case closes.

A case opens when a rent is overdue and runs open → promised → open again when the promise breaks, → closed when nothing
is owed. Every contact runs requested → sent | failed | unknown, or is withdrawn when the money comes first. No contact
leaves outside decent hours, or while money of the lease is under way or in doubt.
"""
