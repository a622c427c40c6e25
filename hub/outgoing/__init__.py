"""What we tell others by ourselves: webhooks, signed by the open standard, from an outbox in the business transaction.

A subscription is active, paused (it collects and is not sent to), disabled (its receiver said 410) or closed. An event
becomes one dispatch for each subscription that wants it: waiting → delivered or dead; a dead one can be replayed.
Which facts are events is decided above (`hub.news`); what comes in from providers is not here but in the inbox.
"""
