"""Stripe's payments: `plugin` is the card and the operations, `client` asks, `mapping` translates, `callbacks` verifies."""
