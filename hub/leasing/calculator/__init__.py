"""The calculator (测算): any schedule, rate or charge that somebody has published, computed exactly by its own convention.

`case` is the door: it reads a case (room `cases`), finds its kind, has it answered (room `answers`), and refuses what is
unknown, contradictory or said in vain. Pure; nothing is stored.
"""
