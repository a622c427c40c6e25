"""The story of a lease, a room a chapter: from the lead to the transfer of title.

Each room is `rules` (pure), `records` (private) and `service`; its docstring tells the chapter and its states. No room
knows the web; later rooms know earlier ones, news travels back as facts.
"""
