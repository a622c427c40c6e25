"""Risk warnings (风险预警): what somebody should look at, raised by what has happened, worked by a person.

A warning runs open → acknowledged → closed. One that is open already is not raised again.
"""
