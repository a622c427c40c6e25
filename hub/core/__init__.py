"""The ground: what a plugin author may rely on.

Hook specifications, request and result types, errors, money, dates, descriptor and settings base. Standard library,
pluggy and pydantic-settings only; no input or output of any kind. Nothing here knows a vendor, a database or the web.
"""
