"""Aliyun's checks of identity, phone, bank card and vehicle: `plugin` is the card and the operation, `mapping` translates."""
