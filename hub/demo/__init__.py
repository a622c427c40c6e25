"""Whole leases from a file of applications, on sandbox providers and a virtual clock.

`applicants` reads the file, `company` sets the stage, `story` takes one applicant a step further, `world` is what the
sandbox vendors are told, `play` moves the clock, `summary` shows what came of it. A step and the note that it is done
are one transaction, so a run that is killed goes on where it was and does nothing twice.
"""
