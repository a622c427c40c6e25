"""The credit-bureau stand-in: the plugin (`plugin`, `client`, `mapping`, `settings`) and the vendor behind it (`vendor`)."""
