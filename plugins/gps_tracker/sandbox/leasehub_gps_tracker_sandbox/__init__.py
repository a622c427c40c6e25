"""The tracker stand-in: the plugin (`plugin`, `client`, `mapping`, `settings`), the vendor (`vendor`) and its roads (`route`)."""
