"""What helps to write a plugin: the HTTP client, error classification, signing, callbacks, and the sandbox kit.

Above `hub.core` only; a plugin imports these two packages and nothing else of the hub.
"""
