"""Twilio's text messages and voice calls: `plugin` is the card and the operations, `client` asks, `mapping` translates."""
