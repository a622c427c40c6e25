"""The HTTP door: one file a room, each route saying who may call it; no business in here.

A body is checked, a transaction is opened for the actor, one service is called, and its view goes out. Errors become
statuses in `errors`, and nowhere else.
"""
