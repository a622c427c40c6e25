"""Creditsafe's company reports: `plugin` is the card and the operations, `client` asks, `mapping` translates."""
