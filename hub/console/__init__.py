"""The console: the door for people. Pages and fragments in two languages, drawn from declarations; it decides nothing.

`visit` is one request of somebody who is logged in. A desk is one file: it declares its lists (`page`), its object pages
(`subject`) and what can be done there (`actions`, `forms`); one template draws each kind. Every rule stands in the rooms.
"""
