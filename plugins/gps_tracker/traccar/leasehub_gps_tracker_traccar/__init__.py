"""A Traccar server: `plugin` is the card and the operations, `client` asks, `mapping` translates, `callbacks` are forwarded."""
