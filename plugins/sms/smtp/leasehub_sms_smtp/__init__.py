"""E-mail over any SMTP server: `plugin` is the card and the operations, `client` speaks, `mapping` translates."""
