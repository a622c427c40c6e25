"""What waits for a second person: every room's requests that whoever made them may not decide, in one list.

It keeps nothing of its own. A room that asks four eyes says what waits and whose hand was in it; it is decided there.
"""
