"""One instalment of a lease, as pure rules: what is owed of it, what a day makes of it, and what money pays of it.

An instalment runs scheduled → due → overdue → paid, or is cancelled by an early settlement. Nothing is stored here and
nothing acts: servicing keeps the instalments and runs them, settlements reads them to quote an early end.
"""
