"""Acme as a provider of LeaseHub: `plugin` is the card and the operations, `client` speaks, `mapping` translates."""
