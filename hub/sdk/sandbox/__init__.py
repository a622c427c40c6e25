"""What all stand-in vendors are made of: a small HTTP server with books of its own, and the client side that speaks to it.

`vendor` says what one vendor must bring; `app` serves it, with `books` on a file, `faults` that are scripted or
chosen by a seed, and an `outbox` of signed callbacks; `serve` runs it as a process, `transport` inside one.
`client` and `provider` are the other end: what the five sandbox plugins have in common. No vendor's own logic here.
"""
