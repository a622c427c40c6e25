"""What every room stands on: settings, database, jobs, vault, access, audit, clock, files, and the seams for faults.

Nothing here knows a lease, a provider or the web.
"""
