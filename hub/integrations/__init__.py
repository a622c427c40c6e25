"""The integration hub: the one way out to third parties and the one way in from them.

A plugin is found, allowed and checked (`configuration`, `credentials`, `plugins`), its instances are sealed into a
generation of the registry (`registry`, `observers`), a call is routed (`routing`, pure) and made by the executor,
and callbacks come in through the inbox. What an unknown outcome became is found out by reconcile. Nothing here knows
a lease, and no vendor has a name here.
"""
