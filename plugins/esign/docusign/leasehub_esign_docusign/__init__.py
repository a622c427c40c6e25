"""DocuSign's envelopes: `plugin` is the card and the operations, `client` asks, `mapping` translates, `grant` gets tokens."""
